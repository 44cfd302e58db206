//! The JSON of the API: one place for its words, for those who write it and those who read it.
//!
//! Times are RFC 3339 in UTC with microseconds; durations are seconds. Fields are added, never
//! given another meaning.

mod acts;
mod attempts;
mod deliveries;
mod steps;
mod tokens;
mod trigger;

pub use acts::{Approval, Approved, Reran, Rerun, Waiting, WaitingRun, Which};
pub use attempts::EarlierAttempt;
pub use deliveries::{Deliveries, Delivery, DeliveryDetails, DeliveryPart, Header, Replayed};
pub use steps::{Step, Steps};
pub use tokens::{MadeToken, NewToken, Token, Tokens};
pub use trigger::{Trigger, Triggered};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::plan::{Decision, FunctionDecision};
use crate::domain::{event, headline};
use crate::store::{self, CallState};
use crate::web::waits;

/// A page of runs.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Runs {
    pub runs: Vec<RunSummary>,
    /// The `cursor` of the next page; null: this is the last.
    pub next: Option<String>,
}

/// A run in a list.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RunSummary {
    pub id: i64,
    pub delivery: i64,
    /// `github`, `gitea`, `gitea:work`, ….
    pub forge: String,
    /// `owner/name`.
    pub repository: String,
    pub sha: String,
    /// The path of its `pocketci.yaml`.
    pub spec: String,
    /// What the spec calls itself; empty at the root.
    pub name: String,
    /// `held`, `queued`, `running`, `finished`.
    pub state: String,
    /// Of a finished run: `passed`, `failed`, `cancelled`, `errored`.
    pub verdict: Option<String>,
    /// Why it is held.
    pub why: Option<String>,
    pub attempt: u32,
    /// What happened: `alice pushed to main`.
    pub headline: String,
    /// The pull request's title or the commit's first line.
    pub subject: Option<String>,
    pub event: String,
    pub branch: Option<String>,
    pub pull: Option<u64>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Timestamp>,
    pub calls: Vec<CallMark>,
}

/// A call in a list.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CallMark {
    pub id: i64,
    /// The function, as `dagger call` wants it.
    pub function: String,
    /// `queued`, `running`, `finished`.
    pub state: String,
    /// Of a finished call: `passed`, `failed`, `timed_out`, `cancelled`, `lost`, `errored`.
    pub outcome: Option<String>,
}

/// A run with its plan and its calls.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Run {
    #[serde(flatten)]
    pub run: RunSummary,
    /// Why nothing is called, or what is wrong with the spec; null when something is called.
    pub reason: Option<Reason>,
    /// Every function of the module, in the module's order.
    pub functions: Vec<Function>,
    /// Which group it waits for, and behind which run; null when it does not.
    pub waits: Option<String>,
    /// In the plan's order; the same as in `calls`, whole.
    pub call_details: Vec<Call>,
    /// Its page.
    pub url: String,
}

/// Why something is so.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Reason {
    /// A word that stays.
    pub code: String,
    /// A sentence for people.
    pub text: String,
}

/// What became of a function of the module.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Function {
    /// As listed by dagger.
    pub name: String,
    /// `call`, `skip`, `error`.
    pub decision: String,
    pub reason: Reason,
}

/// A call of a run.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Call {
    pub id: i64,
    pub run: i64,
    /// The function, as `dagger call` wants it.
    pub function: String,
    /// The matching level that admitted it, 1 to 6.
    pub level: u8,
    /// The status's context on the forge.
    pub context: String,
    /// `queued`, `running`, `finished`.
    pub state: String,
    /// Of a finished call: `passed`, `failed`, `timed_out`, `cancelled`, `lost`, `errored`.
    pub outcome: Option<String>,
    /// Of a failed call.
    pub exit: Option<i32>,
    /// What the outcome says in words.
    pub detail: Option<String>,
    /// What happened to it on the way.
    pub note: Option<String>,
    /// What a queued call waits for, in words.
    pub waits: Option<String>,
    /// From 1; what became of those before is among `earlier`.
    pub attempt: u32,
    #[serde(default)]
    pub earlier: Vec<EarlierAttempt>,
    #[schema(value_type = String, format = DateTime)]
    pub queued_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Timestamp>,
    /// Its page.
    pub url: String,
}

/// A line of a log, in a stream of JSON lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogLine {
    /// Where the line ends in all that was written: from there on goes what follows.
    pub end: u64,
    /// None in a line that was cut.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
    /// `stdout`, `stderr`, or `agent` for the agent's own words.
    pub stream: String,
    /// Without its newline; what is not UTF-8 is replaced by U+FFFD.
    pub text: String,
}

/// A repository that has runs.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Repository {
    pub forge: String,
    pub name: String,
}

/// The repositories, the one with the newest run first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Repositories {
    pub repositories: Vec<Repository>,
}

impl From<&store::RunSummary> for RunSummary {
    fn from(run: &store::RunSummary) -> Self {
        Self {
            id: run.id.0,
            delivery: run.delivery.0,
            forge: run.forge.to_string(),
            repository: run.repository.to_string(),
            sha: run.sha.to_string(),
            spec: run.spec_path.clone(),
            name: run.spec_name.clone(),
            state: run.state.as_str().to_owned(),
            verdict: run.state.verdict().map(|verdict| verdict.as_str().to_owned()),
            why: why(&run.state),
            attempt: run.attempt,
            headline: run.headline.clone(),
            subject: run.subject.clone(),
            event: run.event_type.clone(),
            branch: run.branch.clone(),
            pull: run.pull,
            created_at: run.created_at,
            started_at: run.started_at,
            finished_at: run.finished_at,
            calls: run.calls.iter().map(|call| mark(call.id.0, &call.kebab, &call.state)).collect(),
        }
    }
}

fn why(state: &store::RunState) -> Option<String> {
    match state {
        store::RunState::Held(why) => Some(why.clone()),
        _ => None,
    }
}

fn mark(id: i64, function: &str, state: &CallState) -> CallMark {
    CallMark {
        id,
        function: function.to_owned(),
        state: state.as_str().to_owned(),
        outcome: state.outcome().map(|outcome| outcome.code().to_owned()),
    }
}

impl Run {
    /// `attempts`: those at its calls that are over and were not the last; `root`: what the world
    /// calls the agent; `engine`: why calls that need it cannot start.
    pub fn new(
        run: &store::RunView,
        attempts: &[store::EarlierAttempt],
        root: &str,
        engine: Option<&str>,
    ) -> Self {
        let pull = run.event.pull_request.as_ref();
        let branch = run.event.branch.as_deref().or(pull.map(|it| it.head.reference.as_str()));
        let repository = run.event.repository.as_ref().map(|it| it.full_name.to_string());
        let calls = run.calls.iter();
        Self {
            run: RunSummary {
                id: run.id.0,
                delivery: run.delivery.0,
                forge: run.event.forge().to_string(),
                repository: repository.unwrap_or_default(),
                sha: run.sha.to_string(),
                spec: run.spec_path.clone(),
                name: run.spec_name.clone(),
                state: run.state.as_str().to_owned(),
                verdict: run.state.verdict().map(|verdict| verdict.as_str().to_owned()),
                why: why(&run.state),
                attempt: run.attempt,
                headline: headline::sentence(&run.event),
                subject: headline::subject(&run.event).map(str::to_owned),
                event: event_name(&run.event),
                branch: branch.map(str::to_owned),
                pull: pull.map(|pull| pull.number),
                created_at: run.created_at,
                started_at: run.started_at,
                finished_at: run.finished_at,
                calls: calls
                    .clone()
                    .map(|call| mark(call.id.0, &call.call.kebab, &call.state))
                    .collect(),
            },
            reason: run
                .plan
                .reason
                .as_ref()
                .map(|reason| Reason { code: reason.code.clone(), text: reason.text.clone() }),
            functions: run.plan.functions.iter().map(Function::from).collect(),
            waits: run.waits.clone(),
            call_details: calls
                .map(|call| Call::new(run.id.0, call, attempts, root, engine))
                .collect(),
            url: format!("{root}/runs/{}", run.id),
        }
    }
}

fn event_name(event: &event::Event) -> String {
    event.event_type.clone()
}

impl From<&FunctionDecision> for Function {
    fn from(function: &FunctionDecision) -> Self {
        let decision = match function.decision {
            Decision::Call => "call",
            Decision::Skip => "skip",
            Decision::Error => "error",
        };
        Self {
            name: function.name.clone(),
            decision: decision.to_owned(),
            reason: Reason { code: function.code.clone(), text: function.text.clone() },
        }
    }
}

impl Call {
    /// As with [`Run::new`]; `attempts` are those of all calls of its run.
    pub fn new(
        run: i64,
        call: &store::CallView,
        attempts: &[store::EarlierAttempt],
        root: &str,
        engine: Option<&str>,
    ) -> Self {
        let outcome = call.state.outcome();
        let (exit, detail) = outcome.map(attempts::said).unwrap_or_default();
        let earlier = attempts.iter().filter(|it| it.call == call.id);
        Self {
            id: call.id.0,
            run,
            function: call.call.kebab.clone(),
            level: call.call.level,
            context: call.call.context.clone(),
            state: call.state.as_str().to_owned(),
            outcome: outcome.map(|outcome| outcome.code().to_owned()),
            exit,
            detail,
            note: call.note.clone(),
            waits: waits::words(call, engine),
            attempt: call.attempt,
            earlier: earlier.map(EarlierAttempt::from).collect(),
            queued_at: call.queued_at,
            started_at: call.started_at,
            finished_at: call.finished_at,
            url: format!("{root}/runs/{run}/calls/{}", call.id),
        }
    }
}
