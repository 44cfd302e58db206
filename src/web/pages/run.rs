//! One run: what happened, its calls along time, and why the rest was not called.

use std::path::PathBuf;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use jiff::Timestamp;
use tracing::error;

use super::super::log::Tail;
use super::super::text::{inert, lines, sentence};
use super::call::CallLine;
use super::words::{Badge, Link, Took, When, is_moving, run_badge};
use super::{NOSNIFF, Site, Trouble, event, page};
use crate::domain::plan::{Decision, FunctionDecision};
use crate::domain::rights::Deed;
use crate::domain::run::Outcome;
use crate::domain::trigger::{self, TriggerExtra};
use crate::store::{Act, CallState, EarlierAttempt, RunState, RunView};
use crate::web::who::Asker;

/// Logs whose ends one page shows; a run with more calls that failed links to the others.
const LOGS_SHOWN: usize = 24;
/// Lines of each.
const LINES_SHOWN: usize = 12;
/// Bytes of a log that are looked at for them.
const TAIL_BYTES: u64 = 16 * 1024;

#[derive(Template)]
#[template(path = "run.html")]
pub(super) struct RunPage {
    refresh: bool,
    id: i64,
    delivery: i64,
    badge: Badge,
    title: String,
    subject: Option<String>,
    repository: Option<(String, String)>,
    places: Vec<Link>,
    commit: Link,
    direction: Option<String>,
    spec: String,
    created: When,
    took: Option<Took>,
    attempt: u32,
    /// What the state or the plan has to say.
    words: Vec<String>,
    /// What is drawn in several lines: diagnostics of a spec, what `dagger` printed.
    drawn: Option<String>,
    offers: Offers,
    calls: Vec<CallLine>,
    functions: Functions,
    acts: Vec<ActLine>,
    event_url: String,
}

/// What the page offers to do with the run; nothing to those who may not.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Offers {
    pub rerun: bool,
    pub calls: usize,
    /// Calls that did not pass.
    pub failed: usize,
    pub cancel: bool,
    /// The commit that would be let go.
    pub approve: Option<String>,
}

impl Offers {
    fn new(run: &RunView, may: bool) -> Self {
        if !may {
            return Self::default();
        }
        let passed = |state: &CallState| matches!(state, CallState::Finished(Outcome::Passed));
        let finished = matches!(run.state, RunState::Finished(_));
        let failed = run.calls.iter().filter(|call| !passed(&call.state)).count();
        Self {
            rerun: finished && !run.calls.is_empty(),
            calls: run.calls.len(),
            failed: if finished { failed } else { 0 },
            cancel: !finished,
            approve: matches!(run.state, RunState::Held(_)).then(|| run.sha.to_string()),
        }
    }

    pub(super) fn any(&self) -> bool {
        self.rerun || self.cancel || self.approve.is_some()
    }
}

/// Every function of the module, with why it was called or not.
struct Functions {
    not_called: Vec<FunctionLine>,
    called: Vec<FunctionLine>,
}

struct FunctionLine {
    name: String,
    badge: Badge,
    error: bool,
    text: String,
}

/// What somebody did.
struct ActLine {
    words: String,
    when: When,
}

/// What the store knows of a run beside itself.
#[derive(Default)]
pub(super) struct Around {
    /// Of the calls in their order; there may be fewer.
    pub tails: Vec<Option<Tail>>,
    pub acts: Vec<Act>,
    pub attempts: Vec<EarlierAttempt>,
    /// The asker may act on it.
    pub may: bool,
    /// What the world calls the agent.
    pub root: String,
    /// Why calls that need the engine cannot start.
    pub engine: Option<String>,
}

impl RunPage {
    pub(super) fn new(run: &RunView, around: Around, now: Timestamp) -> Self {
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
        let span = super::call::span(run, now);
        let mut tails = around.tails.into_iter().chain(std::iter::repeat_with(|| None));
        let calls = run.calls.iter().map(|call| {
            let earlier: Vec<_> =
                around.attempts.iter().filter(|it| it.call == call.id).cloned().collect();
            let tail = tails.next().flatten();
            CallLine::new(run, call, &earlier, tail, span, around.engine.as_deref(), now)
        });
        let calls = calls.collect();
        Self {
            refresh: is_moving(&run.state),
            id: run.id.0,
            delivery: run.delivery.0,
            badge: run_badge(&run.state),
            title: event::sentence(&run.event),
            subject: event::subject(&run.event),
            repository: run.event.repository.as_ref().map(|it| {
                (it.full_name.to_string(), super::list::home(run.event.forge(), &it.full_name))
            }),
            places: event::places(&run.event),
            commit: event::commit(&run.event, &run.sha),
            direction: event::direction(&run.event),
            spec: inert(&run.spec_path),
            created: When::new(run.created_at, now),
            took: Took::new(run.started_at, run.finished_at, now),
            attempt: run.attempt,
            words,
            drawn: drawn.first().map(|reason| lines(&reason.text)),
            offers: Offers::new(run, around.may),
            calls,
            functions: Functions::new(&run.plan.functions),
            acts: around.acts.iter().map(|act| ActLine::new(act, now)).collect(),
            event_url: format!("{}/runs/{}/event.json", around.root, run.id),
        }
    }
}

impl Functions {
    fn new(functions: &[FunctionDecision]) -> Self {
        let line = |function: &FunctionDecision| {
            let badge = match function.decision {
                Decision::Call => Badge::new("called", "good"),
                Decision::Skip => Badge::new("not called", "idle"),
                Decision::Error => Badge::new("error", "bad"),
            };
            FunctionLine {
                name: inert(&function.name),
                badge,
                error: function.decision == Decision::Error,
                text: inert(&function.text),
            }
        };
        let of = |decision| {
            functions.iter().filter(move |it| it.decision == decision).map(line).collect::<Vec<_>>()
        };
        let mut not_called = of(Decision::Error);
        not_called.extend(of(Decision::Skip));
        Self { not_called, called: of(Decision::Call) }
    }
}

impl ActLine {
    fn new(act: &Act, now: Timestamp) -> Self {
        let did = match act.what.as_str() {
            "approved" => "approved it",
            "rerun" => "began it again",
            "cancelled" => "cancelled it",
            other => other,
        };
        let detail = act.detail.as_deref().map(|it| format!(" ({it})")).unwrap_or_default();
        let words = inert(&format!("{} {did}{detail}", act.actor.name()));
        Self { words, when: When::new(act.at, now) }
    }
}

/// `GET /runs/{id}`: everything about one run.
pub(in crate::web) async fn run(
    State(site): State<Arc<Site>>,
    asker: Asker,
    Path(id): Path<String>,
) -> Result<Response, Trouble> {
    let run = super::run_of(&site, &asker, &id, Deed::See).await?;
    let around = Around {
        tails: tails(&site, &run).await,
        acts: site.app.store.acts(run.id).await?,
        attempts: site.app.store.attempts(run.id).await?,
        may: super::may(&site, &asker, &run, Deed::Act).await,
        root: site.app.public_url.trim_end_matches('/').to_owned(),
        engine: site.engine_trouble(),
    };
    page(&asker, &RunPage::new(&run, around, Timestamp::now()))
}

/// `GET /runs/{id}/event.json`: the event as functions are given it; with the forge's own JSON for
/// those who may see the delivery. Of the changed files it says nothing: they are the worker's to
/// find out.
pub(in crate::web) async fn event_json(
    State(site): State<Arc<Site>>,
    asker: Asker,
    Path(id): Path<String>,
) -> Result<Response, Trouble> {
    let run = super::run_of(&site, &asker, &id, Deed::See).await?;
    let extra = TriggerExtra { run_id: Some(run.id), attempt: run.attempt, ..Default::default() };
    let body = if super::may(&site, &asker, &run, Deed::SeeDelivery).await {
        site.app.store.delivery_body(run.delivery).await.ok()
    } else {
        None
    };
    let payload = body.as_deref().and_then(|body| trigger::payload(body).ok());
    let json = trigger::json(&run.event, extra, payload);
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        NOSNIFF,
    ];
    Ok((headers, json).into_response())
}

/// The end of each log of a call that did not pass, in the order of the calls.
async fn tails(site: &Site, run: &RunView) -> Vec<Option<Tail>> {
    let mut left = LOGS_SHOWN;
    let paths: Vec<Option<PathBuf>> = run
        .calls
        .iter()
        .map(|call| {
            let failed = matches!(&call.state, CallState::Finished(it) if *it != Outcome::Passed);
            if !failed || left == 0 {
                return None;
            }
            left -= 1;
            Some(site.app.store.log_path(run.id, call.id, call.attempt))
        })
        .collect();
    let read = move || {
        let tail = |path: PathBuf| {
            Tail::read(&path, LINES_SHOWN, TAIL_BYTES).unwrap_or_else(|error| {
                error!(%error, path = %path.display(), "Cannot read a log");
                None
            })
        };
        paths.into_iter().map(|path| path.and_then(tail)).collect()
    };
    tokio::task::spawn_blocking(read).await.unwrap_or_default()
}
