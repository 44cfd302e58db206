//! A call: its line on the run's page, and its own page with the log.

use std::sync::Arc;

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use tracing::error;

use super::super::log::{Tail, blocking};
use super::super::text::{duration, inert, moment, moment_beside, sentence, shell_word};
use super::steps::Trace;
use super::words::{Badge, Took, call_badge, outcome_badge, outcome_words};
use super::{Site, Trouble, event, page};
use crate::domain::plan::{Action, Places, PlannedCall};
use crate::domain::rights::Deed;
use crate::store::{CallState, CallView, EarlierAttempt, RunState, RunView, Waits};
use crate::web::waits;
use crate::web::who::Asker;

/// Lines of a log that its page shows without a script.
const LINES_SHOWN: usize = 2000;
/// Bytes of a log that are looked at for them.
const TAIL_BYTES: u64 = 1024 * 1024;
/// Units that a timeline is wide.
const WIDTH: i64 = 1000;
/// What is too short is still to be seen.
const NARROWEST: i64 = 4;

/// A call of a run.
pub(super) struct CallLine {
    pub id: i64,
    pub name: String,
    pub badge: Badge,
    pub level: u8,
    pub context: String,
    pub waited: Option<Took>,
    pub queued: String,
    pub started: Option<String>,
    pub ended: Option<String>,
    pub took: Option<Took>,
    pub attempt: u32,
    pub earlier: Vec<AttemptLine>,
    pub words: Vec<String>,
    pub command: Vec<String>,
    /// The command reads the event's file.
    pub reads_event: bool,
    pub bar: Bar,
    /// There is a log.
    pub has_log: bool,
    pub tail: Option<Tail>,
}

/// An attempt before the newest.
pub(super) struct AttemptLine {
    pub number: u32,
    pub badge: Badge,
}

/// Where the call lies along the run's time, in thousandths.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Bar {
    pub queued_at: i64,
    pub queued: i64,
    pub ran_at: i64,
    pub ran: i64,
    /// The same in words.
    pub words: String,
}

/// From when to when the calls of a run are drawn: its newest attempt.
pub(super) fn span(run: &RunView, now: Timestamp) -> (Timestamp, Timestamp) {
    let from = run.calls.iter().map(|call| call.queued_at).max();
    let from = from.unwrap_or(run.created_at);
    let began = run.calls.iter().filter_map(|call| call.started_at).min();
    let to = run.calls.iter().map(|call| call.finished_at.unwrap_or(now)).max().unwrap_or(now);
    (if run.attempt == 1 { from.min(began.unwrap_or(from)) } else { from }, to.max(from))
}

impl Bar {
    fn new(call: &CallView, (from, to): (Timestamp, Timestamp), now: Timestamp) -> Self {
        let whole = to.duration_since(from).as_millis().max(1);
        let at = |moment: Timestamp| {
            let part = moment.duration_since(from).as_millis() * i128::from(WIDTH) / whole;
            i64::try_from(part).unwrap_or(0).clamp(0, WIDTH)
        };
        let queued_at = at(call.queued_at);
        let Some(started) = call.started_at else {
            let end = at(call.finished_at.unwrap_or(now));
            let words = "has not started".to_owned();
            return Self { queued_at, queued: end - queued_at, words, ..Self::default() };
        };
        let ended = call.finished_at.unwrap_or(now);
        let ran_at = at(started).min(WIDTH - NARROWEST);
        let words = format!(
            "waited {}, ran {}",
            duration(started.duration_since(call.queued_at)),
            duration(ended.duration_since(started)),
        );
        let queued = (ran_at - queued_at).max(0);
        Self { queued_at, queued, ran_at, ran: (at(ended) - ran_at).max(NARROWEST), words }
    }
}

impl CallLine {
    pub(super) fn new(
        run: &RunView,
        call: &CallView,
        earlier: &[EarlierAttempt],
        tail: Option<Tail>,
        span: (Timestamp, Timestamp),
        engine: Option<&str>,
        now: Timestamp,
    ) -> Self {
        let mut words: Vec<String> = call.note.iter().map(|note| sentence(note)).collect();
        // What the whole run waits for is said of the run.
        if !matches!(call.waits, Some(Waits::Word | Waits::Group(_))) {
            words.extend(waits::words(call, engine).map(|why| sentence(&format!("It {why}"))));
        }
        words.extend(call.state.outcome().and_then(outcome_words));
        let planned = &call.call;
        let command = command(planned);
        let held = matches!(run.state, RunState::Held(_));
        let waits = call.started_at.or(call.finished_at);
        Self {
            id: call.id.0,
            name: inert(&planned.kebab),
            badge: call_badge(&run.state, &call.state),
            level: planned.level,
            context: inert(&planned.context),
            waited: Took::new((!held).then_some(call.queued_at), waits, now),
            queued: moment(call.queued_at),
            started: call.started_at.map(|at| moment_beside(at, call.queued_at)),
            ended: call.finished_at.map(|at| moment_beside(at, call.queued_at)),
            took: Took::new(call.started_at, call.finished_at, now),
            attempt: call.attempt,
            earlier: earlier
                .iter()
                .map(|it| AttemptLine { number: it.number, badge: outcome_badge(&it.outcome) })
                .collect(),
            words,
            reads_event: command.iter().any(|word| word.contains("event.json")),
            command,
            bar: Bar::new(call, span, now),
            has_log: call.started_at.is_some(),
            tail,
        }
    }
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

#[derive(Template)]
#[template(path = "call.html")]
pub(super) struct CallPage {
    run: i64,
    title: String,
    call: CallLine,
    /// Which attempt's log it is.
    number: u32,
    /// That one's state.
    badge: Badge,
    finished: bool,
    /// It may be begun again, by whoever asks.
    rerun: bool,
    /// The tree of its steps, if it has any.
    steps: Option<String>,
}

/// Which attempt of the call.
#[derive(Debug, Default, Deserialize)]
pub(in crate::web) struct Wish {
    attempt: Option<u32>,
}

/// `GET /runs/{id}/calls/{call}`: the log as it comes.
pub(in crate::web) async fn call(
    State(site): State<Arc<Site>>,
    asker: Asker,
    Path((id, call)): Path<(String, String)>,
    wish: Result<Query<Wish>, QueryRejection>,
) -> Result<Response, Trouble> {
    let run = super::run_of(&site, &asker, &id, Deed::See).await?;
    let wanted = call.parse().ok();
    let found = run.calls.iter().find(|it| Some(it.id) == wanted);
    let view = found.ok_or_else(|| Trouble::NoSuchCall(run.id))?;
    let earlier = site.app.store.attempts(run.id).await?;
    let earlier: Vec<_> = earlier.into_iter().filter(|it| it.call == view.id).collect();
    let wish = wish.ok().and_then(|Query(wish)| wish.attempt);
    let before = earlier.iter().find(|it| Some(it.number) == wish);
    let number = before.map_or(view.attempt, |it| it.number);
    let path = site.app.store.log_path(run.id, view.id, number);
    let tail = blocking(move || Tail::read(&path, LINES_SHOWN, TAIL_BYTES)).await;
    let tail = tail.unwrap_or_else(|error| {
        error!(%error, run = run.id.0, "Cannot read a log");
        None
    });
    let now = Timestamp::now();
    let may = super::may(&site, &asker, &run, Deed::Act).await;
    let engine = site.engine_trouble();
    let engine = engine.as_deref();
    let mut line = CallLine::new(&run, view, &earlier, tail, span(&run, now), engine, now);
    line.words.extend(run.waits.as_ref().map(|why| sentence(&format!("Its run {why}"))));
    let finished = before.is_some() || matches!(view.state, CallState::Finished(_));
    let steps = match view.started_at {
        Some(_) => Trace::of(&site, (run.id, view.id, number), finished).await,
        None => None,
    };
    let page_of_it = CallPage {
        steps,
        run: run.id.0,
        title: event::sentence(&run.event),
        badge: before.map_or(line.badge, |it| outcome_badge(&it.outcome)),
        finished,
        rerun: may && matches!(run.state, RunState::Finished(_)),
        call: line,
        number,
    };
    page(&asker, &page_of_it)
}
