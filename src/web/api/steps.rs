//! The steps of a call, and what each has printed.

use std::io;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use serde::Deserialize;
use utoipa::IntoParams;

use super::runs::find_call;
use super::shape;
use crate::domain::rights::Deed;
use crate::domain::trace::SpanId;
use crate::store::{CallState, CallView};
use crate::web::Site;
use crate::web::problem::Problem;
use crate::web::steps::{self, Attempt};
use crate::web::who::Asker;

/// Lines of a step that are answered.
const LINES: usize = 100_000;

/// Of which attempt.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wish {
    /// An earlier attempt, counted from 1.
    attempt: Option<u32>,
}

/// The steps of a call, as `dagger` told of them.
///
/// Each comes before those that are part of it, in the order of their starts: `parent` and `depth`
/// make a tree of the list. Those with `hidden` are the engine's own affairs, which `dagger` does
/// not show either.
#[utoipa::path(
    get, path = "/runs/{id}/calls/{call}/spans",
    params(("id" = i64, Path, description = "The run's number"),
           ("call" = i64, Path, description = "The call's number"), Wish),
    responses(
        (status = 200, description = "The steps", body = shape::Steps),
        (status = 400, description = "A wish that cannot be understood", body = Problem,
         content_type = "application/problem+json"),
        (status = 401, description = "Nobody has signed in", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "No such call, or no steps of it: it has its log", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The database does not answer", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(
    State(site): State<Arc<Site>>,
    asker: Asker,
    Path((id, call)): Path<(String, String)>,
    wish: Result<Query<Wish>, QueryRejection>,
) -> Result<Json<shape::Steps>, Problem> {
    let (attempt, over) = attempt_of(&site, &asker, (&id, &call), wish).await?;
    let found = steps::steps(&site, attempt).await.map_err(|error| unreadable(&error))?;
    let found = found.ok_or_else(|| {
        let (run, call, _) = attempt;
        Problem::not_found(format!("Call {call} of run {run} has sent no steps: see its log"))
    })?;
    Ok(Json(shape::Steps::new(&found.tree, found.cut, over)))
}

/// What a step of a call has printed.
///
/// A line for each, with the time and `1`, `2` or `-` for standard output, standard error and
/// dagger's own words in front; the last 100,000 at most. Empty where it has printed nothing.
#[utoipa::path(
    get, path = "/runs/{id}/calls/{call}/spans/{span}/log",
    params(("id" = i64, Path, description = "The run's number"),
           ("call" = i64, Path, description = "The call's number"),
           ("span" = String, Path, description = "The step's id"), Wish),
    responses(
        (status = 200, description = "Its lines", body = String, content_type = "text/plain"),
        (status = 400, description = "A wish that cannot be understood", body = Problem,
         content_type = "application/problem+json"),
        (status = 401, description = "Nobody has signed in", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "No such call, or no such step", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The database does not answer", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn log(
    State(site): State<Arc<Site>>,
    asker: Asker,
    Path((id, call, span)): Path<(String, String, String)>,
    wish: Result<Query<Wish>, QueryRejection>,
) -> Result<Response, Problem> {
    let (attempt, _) = attempt_of(&site, &asker, (&id, &call), wish).await?;
    let Ok(span) = span.parse::<SpanId>() else {
        return Err(Problem::not_found("A step's id has 16 hexadecimal digits"));
    };
    let output = steps::output(&site, attempt, span, LINES).await;
    let (lines, _) = output.map_err(|error| unreadable(&error))?;
    let mut text = Vec::new();
    for line in lines {
        text.extend_from_slice(format!("{:.3} {} ", line.at, line.stream.mark()).as_bytes());
        text.extend_from_slice(&line.text);
        text.push(b'\n');
    }
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    let kept = HeaderValue::from_static("no-store");
    Ok(([(CONTENT_TYPE, kind), (CACHE_CONTROL, kept)], text).into_response())
}

/// The attempt that is asked for, and whether it is over.
async fn attempt_of(
    site: &Site,
    asker: &Asker,
    (id, call): (&str, &str),
    wish: Result<Query<Wish>, QueryRejection>,
) -> Result<(Attempt, bool), Problem> {
    let Query(wish) = wish.map_err(|error| Problem::bad(error.body_text()))?;
    let run = site.run(asker, id, Deed::See).await?;
    let call: &CallView = find_call(&run, call)?;
    let number = wish.attempt.unwrap_or(call.attempt);
    if !(1..=call.attempt).contains(&number) {
        let newest = call.attempt;
        let text = format!("There is no such attempt: the newest is {newest}");
        return Err(Problem::not_found(text));
    }
    let over = number < call.attempt || matches!(call.state, CallState::Finished(_));
    Ok(((run.id, call.id, number), over))
}

fn unreadable(error: &io::Error) -> Problem {
    tracing::error!(%error, "Cannot read the steps of a call");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "The steps cannot be read at the moment")
}
