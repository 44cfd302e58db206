//! What the templates show: everything already in words, so that they only lay it out.

use askama::Template;
use jiff::Timestamp;

use super::super::log::Tail;
use super::super::text::{
    ago, count, duration, inert, lines, moment, sentence, shell_word, web_link,
};
use super::event;
use crate::domain::plan::{Action, Decision, FunctionDecision, Places, PlannedCall};
use crate::domain::run::{Outcome, Verdict};
use crate::store::{CallState, CallView, DeliveryState, DeliveryView, RunState, RunView, Settled};

/// A word with a colour; the word alone says it too.
#[derive(Debug, Clone, Copy)]
pub(super) struct Badge {
    pub word: &'static str,
    /// A class of the stylesheet: `good`, `bad`, `warn`, `busy`, `idle`.
    pub class: &'static str,
}

/// A text that leads somewhere if the address is fit for it.
#[derive(Debug)]
pub(super) struct Link {
    pub text: String,
    pub href: Option<String>,
}

impl Link {
    pub(super) fn new(text: &str, address: &str) -> Self {
        Self { text: inert(text), href: web_link(address) }
    }
}

/// A moment, in two precisions.
pub(super) struct When {
    pub exact: String,
    pub ago: String,
}

impl When {
    fn new(at: Timestamp, now: Timestamp) -> Self {
        Self { exact: moment(at), ago: ago(now, at) }
    }
}

/// A run in a list.
pub(super) struct RunLine {
    pub id: i64,
    pub badge: Badge,
    pub title: String,
    pub subject: Option<String>,
    pub repository: String,
    pub spec: String,
    pub sha: String,
    pub calls: String,
    pub when: When,
}

impl RunLine {
    fn new(run: &RunView, now: Timestamp) -> Self {
        let repository = run.event.repository.as_ref();
        Self {
            id: run.id.0,
            badge: run_badge(&run.state),
            title: event::sentence(&run.event),
            subject: event::subject(&run.event),
            repository: repository
                .map_or("", |repository| repository.full_name.as_str())
                .to_owned(),
            spec: inert(&run.spec_name),
            sha: run.sha.short().to_owned(),
            calls: tally(run),
            when: When::new(run.created_at, now),
        }
    }
}

#[derive(Template)]
#[template(path = "runs.html")]
pub(super) struct RunsPage {
    refresh: bool,
    delivery: Option<DeliveryLine>,
    runs: Vec<RunLine>,
}

impl RunsPage {
    pub(super) fn new(of: Option<&DeliveryView>, runs: &[RunView], now: Timestamp) -> Self {
        let delivery = of.map(|delivery| DeliveryLine::new(delivery, now));
        let waiting = delivery.as_ref().is_some_and(|delivery| delivery.waiting);
        Self {
            refresh: waiting || runs.iter().any(|run| is_moving(&run.state)),
            delivery,
            runs: runs.iter().map(|run| RunLine::new(run, now)).collect(),
        }
    }
}

/// A delivery and what became of it.
pub(super) struct DeliveryLine {
    pub id: i64,
    pub forge_id: String,
    pub forge: String,
    pub title: String,
    pub repository: String,
    pub when: When,
    pub badge: Badge,
    pub fate: String,
    waiting: bool,
}

impl DeliveryLine {
    fn new(delivery: &DeliveryView, now: Timestamp) -> Self {
        let (badge, fate) = fate(delivery, now);
        Self {
            id: delivery.id.0,
            forge_id: inert(&delivery.forge_id),
            forge: delivery.forge.to_string(),
            title: inert(&delivery.title),
            repository: inert(delivery.repository.as_deref().unwrap_or_default()),
            when: When::new(delivery.received_at, now),
            badge,
            fate,
            waiting: !matches!(delivery.state, DeliveryState::Settled { .. }),
        }
    }
}

fn fate(delivery: &DeliveryView, now: Timestamp) -> (Badge, String) {
    match &delivery.state {
        DeliveryState::Received { retry_at: Some(at) } if *at > now => {
            let why = delivery.note.as_deref().map(|note| format!(": {}", inert(note)));
            let why = why.unwrap_or_default();
            let words =
                format!("It could not be planned yet{why}. The next try is at {}.", moment(*at));
            (Badge { word: "waiting", class: "warn" }, words)
        }
        DeliveryState::Received { .. } => {
            (Badge { word: "received", class: "idle" }, "It waits to be planned.".to_owned())
        }
        DeliveryState::Claimed { .. } => {
            (Badge { word: "planning", class: "busy" }, "It is being planned.".to_owned())
        }
        DeliveryState::Settled { settled, .. } => match settled {
            Settled::Planned => {
                let words = format!("It became {}.", count(delivery.runs, "run"));
                (Badge { word: "planned", class: "good" }, words)
            }
            Settled::Skipped(reason) => {
                (Badge { word: "skipped", class: "idle" }, sentence(&reason.text))
            }
            Settled::Faulty { text, .. } => (Badge { word: "error", class: "bad" }, sentence(text)),
        },
    }
}

#[derive(Template)]
#[template(path = "delivery.html")]
pub(super) struct DeliveryPage {
    refresh: bool,
    delivery: DeliveryLine,
    runs: Vec<RunLine>,
}

impl DeliveryPage {
    pub(super) fn new(delivery: &DeliveryView, runs: &[RunView], now: Timestamp) -> Self {
        let delivery = DeliveryLine::new(delivery, now);
        Self {
            refresh: delivery.waiting || runs.iter().any(|run| is_moving(&run.state)),
            delivery,
            runs: runs.iter().map(|run| RunLine::new(run, now)).collect(),
        }
    }
}

#[derive(Template)]
#[template(path = "run.html")]
pub(super) struct RunPage {
    refresh: bool,
    id: i64,
    delivery: i64,
    badge: Badge,
    title: String,
    subject: Option<String>,
    places: Vec<Link>,
    commit: Link,
    direction: Option<String>,
    spec: String,
    created: When,
    took: Option<String>,
    /// What the state or the plan has to say.
    words: Vec<String>,
    /// What is drawn in several lines: diagnostics of a spec, what `dagger` printed.
    drawn: Option<String>,
    calls: Vec<CallBox>,
    functions: Vec<FunctionLine>,
}

/// One call with the end of its log.
struct CallBox {
    id: i64,
    name: String,
    badge: Badge,
    level: u8,
    context: String,
    started: Option<String>,
    took: Option<String>,
    words: Vec<String>,
    command: Vec<String>,
    /// There is a log to link to.
    has_log: bool,
    open: bool,
    tail: Option<Tail>,
}

struct FunctionLine {
    name: String,
    badge: Badge,
    text: String,
}

impl RunPage {
    /// `tails` belong to the run's calls in their order; there may be fewer.
    pub(super) fn new(run: &RunView, tails: Vec<Option<Tail>>, now: Timestamp) -> Self {
        let mut words = Vec::new();
        if let RunState::Held(why) = &run.state {
            words.push(sentence(why));
        }
        words.extend(run.waits.as_ref().map(|why| sentence(&format!("It {why}"))));
        let reason = run.plan.reason.as_ref();
        // Lines below one another are drawn: diagnostics with their carets, what `dagger` printed.
        let (drawn, said): (Vec<_>, Vec<_>) =
            reason.into_iter().partition(|reason| reason.text.trim().contains('\n'));
        words.extend(said.iter().map(|reason| sentence(&reason.text)));
        let tails = tails.into_iter().chain(std::iter::repeat_with(|| None));
        Self {
            refresh: is_moving(&run.state),
            id: run.id.0,
            delivery: run.delivery.0,
            badge: run_badge(&run.state),
            title: event::sentence(&run.event),
            subject: event::subject(&run.event),
            places: event::places(&run.event),
            commit: event::commit(&run.event, &run.sha),
            direction: event::direction(&run.event),
            spec: inert(&run.spec_path),
            created: When::new(run.created_at, now),
            took: took(run.started_at, run.finished_at, now),
            words,
            drawn: drawn.first().map(|reason| lines(&reason.text)),
            calls: run
                .calls
                .iter()
                .zip(tails)
                .map(|(call, tail)| CallBox::new(run, call, tail, now))
                .collect(),
            functions: run.plan.functions.iter().map(FunctionLine::new).collect(),
        }
    }
}

impl CallBox {
    fn new(run: &RunView, call: &CallView, tail: Option<Tail>, now: Timestamp) -> Self {
        let mut words: Vec<String> = call.note.iter().map(|note| sentence(note)).collect();
        if call.attempt > 1 {
            words.push(format!("This is attempt {}.", call.attempt));
        }
        let outcome = match &call.state {
            CallState::Finished(outcome) => Some(outcome),
            CallState::Queued | CallState::Running => None,
        };
        match outcome {
            Some(Outcome::Failed { exit }) => words.push(format!("Exit status {exit}.")),
            Some(Outcome::TimedOut) => words.push("It took longer than its time limit.".to_owned()),
            Some(Outcome::Cancelled(why) | Outcome::Lost(why) | Outcome::Errored(why)) => {
                words.push(sentence(why));
            }
            Some(Outcome::Passed) | None => {}
        }
        let planned = &call.call;
        Self {
            id: call.id.0,
            name: inert(&planned.function),
            badge: call_badge(run, call),
            level: planned.level,
            context: inert(&planned.context),
            started: call.started_at.map(moment),
            took: took(call.started_at, call.finished_at, now),
            words,
            command: command(planned),
            has_log: call.started_at.is_some(),
            open: !matches!(call.state, CallState::Finished(Outcome::Passed)),
            tail,
        }
    }
}

impl FunctionLine {
    fn new(function: &FunctionDecision) -> Self {
        let badge = match function.decision {
            Decision::Call => Badge { word: "called", class: "good" },
            Decision::Skip => Badge { word: "not called", class: "idle" },
            Decision::Error => Badge { word: "error", class: "bad" },
        };
        Self { name: inert(&function.name), badge, text: inert(&function.text) }
    }
}

/// Whether the page will say something else soon.
fn is_moving(state: &RunState) -> bool {
    matches!(state, RunState::Queued | RunState::Running)
}

fn run_badge(state: &RunState) -> Badge {
    match state {
        RunState::Held(_) => Badge { word: "held", class: "warn" },
        RunState::Queued => Badge { word: "queued", class: "idle" },
        RunState::Running => Badge { word: "running", class: "busy" },
        RunState::Finished(Verdict::Passed) => Badge { word: "passed", class: "good" },
        RunState::Finished(Verdict::Failed) => Badge { word: "failed", class: "bad" },
        RunState::Finished(Verdict::Cancelled) => Badge { word: "cancelled", class: "idle" },
        RunState::Finished(Verdict::Errored) => Badge { word: "error", class: "bad" },
    }
}

fn call_badge(run: &RunView, call: &CallView) -> Badge {
    match &call.state {
        CallState::Queued if matches!(run.state, RunState::Held(_)) => run_badge(&run.state),
        CallState::Queued => Badge { word: "queued", class: "idle" },
        CallState::Running => Badge { word: "running", class: "busy" },
        CallState::Finished(outcome) => match outcome {
            Outcome::Passed => Badge { word: "passed", class: "good" },
            Outcome::Failed { .. } => Badge { word: "failed", class: "bad" },
            Outcome::TimedOut => Badge { word: "timed out", class: "bad" },
            Outcome::Cancelled(_) => Badge { word: "cancelled", class: "idle" },
            Outcome::Lost(_) => Badge { word: "lost", class: "warn" },
            Outcome::Errored(_) => Badge { word: "error", class: "bad" },
        },
    }
}

/// `2 passed, 1 failed`; in the order in which the words first come.
fn tally(run: &RunView) -> String {
    let mut tally: Vec<(&str, usize)> = Vec::new();
    for call in &run.calls {
        let word = call_badge(run, call).word;
        match tally.iter_mut().find(|(known, _)| *known == word) {
            Some((_, number)) => *number += 1,
            None => tally.push((word, 1)),
        }
    }
    if tally.is_empty() {
        return "nothing called".to_owned();
    }
    tally.iter().map(|(word, number)| format!("{number} {word}")).collect::<Vec<_>>().join(", ")
}

fn took(started: Option<Timestamp>, ended: Option<Timestamp>, now: Timestamp) -> Option<String> {
    started.map(|started| duration(ended.unwrap_or(now).duration_since(started)))
}

/// The call as one would type it at the top of a checkout; each word stays on one line.
fn command(call: &PlannedCall) -> Vec<String> {
    if let Action::Shell { run, .. } = &call.action {
        return vec![run.lines().map(inert).collect::<Vec<_>>().join("\n")];
    }
    let places = Places { module_tree: ".", source: ".", event_trigger: "event.json" };
    let words = call.argv(places);
    let words = words.iter().map(|word| inert(&shell_word(word)));
    std::iter::once("dagger".to_owned()).chain(words).collect()
}
