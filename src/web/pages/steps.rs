//! The steps of a call, as a tree of folds: on the call's page, and on pages of their own for what
//! is too deep or too much for it.

mod trace;

use std::io;
use std::sync::Arc;

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use tracing::error;

use super::super::log::Line;
use super::super::steps::{self, Attempt, Steps};
use super::words::Badge;
use trace::{badge, brief};

use super::{Site, Trouble, guards, page};
use crate::domain::rights::Deed;
use crate::domain::trace::SpanId;
use crate::store::CallState;
use crate::web::who::Asker;
pub(super) use trace::Trace;

/// Lines of a step that are shown on a page.
const ALL_LINES: usize = 5000;

/// What the page of a step, or of all, may be asked for.
#[derive(Debug, Default, Deserialize)]
pub(in crate::web) struct Wish {
    attempt: Option<u32>,
    /// Without the page around it.
    fragment: Option<u8>,
    /// Also what dagger does not show.
    all: Option<u8>,
    /// How many of its steps come before those that are wanted.
    from: Option<usize>,
}

fn unreadable(error: io::Error) -> Option<Steps> {
    error!(%error, "Cannot read the steps of a call");
    None
}

async fn output(site: &Site, attempt: Attempt, step: SpanId, lines: usize) -> (Vec<Line>, bool) {
    let (lines, cut) = steps::output(site, attempt, step, lines).await.unwrap_or_else(|error| {
        error!(%error, "Cannot read what a step has printed");
        (Vec::new(), true)
    });
    let line = |it: crate::store::trace::RecordLine| Line::new(Some(it.at), it.stream, &it.text);
    (lines.into_iter().map(line).collect(), cut)
}

#[derive(Template)]
#[template(path = "steps.html")]
struct StepsPage {
    run: i64,
    call: i64,
    attempt: u32,
    /// The call's name.
    function: String,
    /// The step that it is about; none: all of them.
    step: Option<Head>,
    trace: String,
}

/// A step on a page of its own.
struct Head {
    name: String,
    detail: String,
    badge: Badge,
    took: String,
    message: String,
    /// The page of what it is part of.
    above: String,
    lines: Option<(Vec<Line>, bool)>,
    log: String,
}

/// What a step has printed, without a page around it.
#[derive(Template)]
#[template(path = "step_log.html")]
struct StepLog {
    lines: Vec<Line>,
    cut: bool,
    whole: String,
}

/// What a page of steps is about.
struct Subject {
    attempt: Attempt,
    function: String,
    over: bool,
}

async fn subject(
    site: &Site,
    asker: &Asker,
    (id, call): (&str, &str),
    wish: &Wish,
) -> Result<Subject, Trouble> {
    let run = super::run_of(site, asker, id, Deed::See).await?;
    let wanted = call.parse().ok();
    let found = run.calls.iter().find(|it| Some(it.id) == wanted);
    let view = found.ok_or_else(|| Trouble::NoSuchCall(run.id))?;
    let number = wish.attempt.filter(|it| (1..view.attempt).contains(it)).unwrap_or(view.attempt);
    let over = number < view.attempt || matches!(view.state, CallState::Finished(_));
    let function = super::super::text::inert(&view.call.kebab);
    Ok(Subject { attempt: (run.id, view.id, number), function, over })
}

/// `GET /runs/{id}/calls/{call}/steps`: all of them.
pub(in crate::web) async fn all(
    State(site): State<Arc<Site>>,
    asker: Asker,
    Path((id, call)): Path<(String, String)>,
    wish: Result<Query<Wish>, QueryRejection>,
) -> Result<Response, Trouble> {
    let wish = wish.map(|Query(wish)| wish).unwrap_or_default();
    let about = subject(&site, &asker, (&id, &call), &wish).await?;
    let found = steps::steps(&site, about.attempt).await.unwrap_or_else(unreadable);
    let mut trace = match &found {
        Some(steps) => Trace::new(&site, about.attempt, steps, about.over, &wish).await,
        None => Trace::empty(about.attempt),
    };
    trace.moving = !about.over;
    if wish.fragment.is_some() {
        return fragment(&trace);
    }
    // Only the call's page looks for more.
    trace.moving = false;
    let trace = trace.render().map_err(Trouble::Template)?;
    show(&asker, &about, None, trace)
}

/// `GET /runs/{id}/calls/{call}/steps/{span}`: one, and what is part of it.
pub(in crate::web) async fn one(
    State(site): State<Arc<Site>>,
    asker: Asker,
    Path((id, call, span)): Path<(String, String, String)>,
    wish: Result<Query<Wish>, QueryRejection>,
) -> Result<Response, Trouble> {
    let wish = wish.map(|Query(wish)| wish).unwrap_or_default();
    let about = subject(&site, &asker, (&id, &call), &wish).await?;
    let found = steps::steps(&site, about.attempt).await.unwrap_or_else(unreadable);
    let found = found.ok_or(Trouble::NoSuchPage)?;
    let place = span.parse().ok().and_then(|span| found.tree.find(span));
    let place = place.ok_or(Trouble::NoSuchPage)?;
    let all = wish.all.is_some_and(|all| all != 0);
    let from = (place, wish.from.unwrap_or(0));
    let trace = Trace::of_step(&site, about.attempt, &found, from, about.over, all).await;
    if wish.fragment.is_some() {
        return fragment(&trace);
    }
    let step = &found.tree.steps[place];
    let lines = match step.logged {
        true => Some(output(&site, about.attempt, step.id, ALL_LINES).await),
        false => None,
    };
    let above = match step.parent {
        Some(parent) => trace.address(&found.tree.steps[parent], 0),
        None => format!("{}?{}", trace.base, trace.attempt),
    };
    let head = Head {
        name: step.name.clone(),
        detail: step.detail.clone(),
        badge: badge(step.progress, about.over),
        took: step.took().map_or_else(String::new, brief),
        message: step.message.clone(),
        above,
        lines,
        log: api_log(about.attempt, step.id),
    };
    let trace = trace.render().map_err(Trouble::Template)?;
    show(&asker, &about, Some(head), trace)
}

/// `GET /runs/{id}/calls/{call}/steps/{span}/log`: what it has printed, as a piece of a page.
pub(in crate::web) async fn log(
    State(site): State<Arc<Site>>,
    asker: Asker,
    Path((id, call, span)): Path<(String, String, String)>,
    wish: Result<Query<Wish>, QueryRejection>,
) -> Result<Response, Trouble> {
    let wish = wish.map(|Query(wish)| wish).unwrap_or_default();
    let about = subject(&site, &asker, (&id, &call), &wish).await?;
    let span = span.parse().map_err(|()| Trouble::NoSuchPage)?;
    let whole = api_log(about.attempt, span);
    if wish.fragment.is_none() {
        return Ok(axum::response::Redirect::to(&whole).into_response());
    }
    let (lines, cut) = output(&site, about.attempt, span, ALL_LINES).await;
    fragment(&StepLog { lines, cut, whole })
}

fn api_log((run, call, number): Attempt, span: SpanId) -> String {
    format!("/api/v1/runs/{run}/calls/{call}/spans/{span}/log?attempt={number}")
}

fn fragment(template: &impl Template) -> Result<Response, Trouble> {
    let html = template.render().map_err(Trouble::Template)?;
    Ok((guards(), Html(html)).into_response())
}

fn show(
    asker: &Asker,
    about: &Subject,
    step: Option<Head>,
    trace: String,
) -> Result<Response, Trouble> {
    let (run, call, attempt) = about.attempt;
    let function = about.function.clone();
    page(asker, &StepsPage { run: run.0, call: call.0, attempt, function, step, trace })
}

#[cfg(test)]
mod tests;
