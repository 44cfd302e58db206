//! The log of a call's attempt: as text with byte ranges, as JSON lines, and as a stream that goes
//! on while the call runs.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt as _, stream};
use http::header::{
    ACCEPT, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    HeaderValue, IF_NONE_MATCH, IF_RANGE, RANGE, VARY,
};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;

use super::runs::find_call;
use super::{fresh, shape};
use crate::domain::ids::{CallId, RunId};
use crate::domain::rights::Deed;
use crate::domain::space::Size;
use crate::store::CallState;
use crate::store::log::{LogFollower, LogReader};
use crate::web::Site;
use crate::web::follow::{Attempt, Ended, News, Piece};
use crate::web::log::blocking;
use crate::web::log_json::LineWriter;
use crate::web::problem::Problem;
use crate::web::who::Asker;

/// What is read of a file at once.
const CHUNK: usize = 64 * 1024;

/// Which log, and from where.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wish {
    /// An earlier attempt, counted from 1.
    attempt: Option<u32>,
    /// For JSON lines and streams: where to begin, the `end` of a line; `Last-Event-ID` wins.
    from: Option<u64>,
}

/// The log of a call.
///
/// As `text/plain` (the default) one line for each, with the time and `1`, `2` or `-` for standard
/// output, standard error and the agent's own words in front; byte ranges are answered. As
/// `application/jsonl` a JSON object for each line. As `text/event-stream` events `lines`, whose
/// data is an array of such objects and whose id is where the last of them ends, and in the end an
/// event `end` with the outcome.
#[utoipa::path(
    get, path = "/runs/{id}/calls/{call}/log",
    params(("id" = i64, Path, description = "The run's number"),
           ("call" = i64, Path, description = "The call's number"), Wish),
    responses(
        (status = 200, description = "The log", content(
            (String = "text/plain"), (shape::LogLine = "application/jsonl"),
            (String = "text/event-stream"))),
        (status = 206, description = "The bytes asked for", content((String = "text/plain"))),
        (status = 304, description = "The asker has it already: `If-None-Match`"),
        (status = 400, description = "A wish that cannot be understood", body = Problem,
         content_type = "application/problem+json"),
        (status = 401, description = "Nobody has signed in", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "No such call, or no log of it", body = Problem,
         content_type = "application/problem+json"),
        (status = 416, description = "The log has no such bytes", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The database does not answer", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn read(
    State(site): State<Arc<Site>>,
    asker: Asker,
    Path((id, call)): Path<(String, String)>,
    wish: Result<Query<Wish>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Query(wish) = wish.map_err(|error| Problem::bad(error.body_text()))?;
    let run = site.run(&asker, &id, Deed::See).await?;
    let call = find_call(&run, &call)?;
    let number = wish.attempt.unwrap_or(call.attempt);
    if !(1..=call.attempt).contains(&number) {
        let newest = call.attempt;
        return Err(Problem::not_found(format!(
            "There is no such attempt: the newest is {newest}"
        )));
    }
    let attempt = Attempt { run: run.id, call: call.id, number };
    let accepts = |kind: &str| {
        let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
        accept.is_some_and(|accept| accept.contains(kind))
    };
    let mut response = if accepts("text/event-stream") {
        let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
        let from = last.and_then(|id| id.parse().ok()).or(wish.from).unwrap_or(0);
        let about =
            run.event.repository.as_ref().map(|it| (run.event.forge(), it.full_name.clone()));
        let ended = Arc::clone(&site).until_ended(asker, about);
        follow(&site, attempt, from, ended).await?
    } else if accepts("application/jsonl") {
        json_lines(&site, attempt, wish.from.unwrap_or(0))
    } else {
        let whole = number < call.attempt || matches!(call.state, CallState::Finished(_));
        text(&site, attempt, whole, &headers).await?
    };
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    let kept = response.headers_mut().entry(CACHE_CONTROL);
    kept.or_insert(HeaderValue::from_static("no-store"));
    Ok(response)
}

fn no_log(run: RunId, call: CallId) -> Problem {
    Problem::not_found(format!(
        "Call {call} of run {run} has no log: it has not started, or its log was removed"
    ))
}

fn unreadable(error: &io::Error) -> Problem {
    tracing::error!(%error, "Cannot read a log");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "The log cannot be read at the moment")
}

/// The file as it is now, or some of its bytes. `whole`: nothing more is written to it.
async fn text(
    site: &Site,
    attempt: Attempt,
    whole: bool,
    asker: &HeaderMap,
) -> Result<Response, Problem> {
    let path = site.app.store.log_path(attempt.run, attempt.call, attempt.number);
    let opened = blocking(move || LogReader::open(&path)).await.map_err(|e| unreadable(&e))?;
    let mut log = opened.ok_or_else(|| no_log(attempt.run, attempt.call))?;
    let length = log.length();
    // The bytes of a log that grows may change: of a long one the middle is left out.
    let tag = whole.then(|| format!("\"{}-{}-{length}\"", attempt.call, attempt.number));
    let tag = tag.and_then(|tag| HeaderValue::from_str(&tag).ok());
    let mut answered = HeaderMap::new();
    if let Some(tag) = &tag {
        answered.insert(ETAG, tag.clone());
        answered.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        if fresh::matches(asker.get_all(IF_NONE_MATCH), tag) {
            return Ok(fresh::not_modified(answered));
        }
    }
    let same = asker.get(IF_RANGE).is_none_or(|is| Some(is) == tag.as_ref());
    let range = asker.get(RANGE).filter(|_| same);
    let asked = range.and_then(|range| range.to_str().ok()).and_then(|text| span(text, length));
    let (from, end) = match asked {
        None => (0, length),
        Some(Some(span)) => span,
        Some(None) => {
            return Err(Problem::new(
                StatusCode::RANGE_NOT_SATISFIABLE,
                format!("The log has {length} bytes"),
            ));
        }
    };
    log.skip_to_last(length - from).map_err(|error| unreadable(&error))?;
    let pieces = stream::try_unfold((log, end - from), |(mut log, left)| {
        blocking(move || {
            let room = usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK);
            let mut piece = vec![0; room];
            let read = io::Read::read(&mut log, &mut piece)?;
            piece.truncate(read);
            Ok((read > 0).then(|| (Bytes::from(piece), (log, left - read as u64))))
        })
    });
    let status = if asked.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let mut response = (status, Body::from_stream(pieces)).into_response();
    let headers = response.headers_mut();
    headers.extend(answered);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(end - from));
    if asked.is_some()
        && let Ok(value) =
            HeaderValue::from_str(&format!("bytes {from}-{}/{length}", end.saturating_sub(1)))
    {
        headers.insert(CONTENT_RANGE, value);
    }
    Ok(response)
}

/// The bytes that a `Range` asks for, from one place up to before another. None: it asks for
/// something that may be left alone (several ranges, other units). Some(None): there are none.
fn span(range: &str, length: u64) -> Option<Option<(u64, u64)>> {
    let (first, last) = range.trim().strip_prefix("bytes=")?.split_once('-')?;
    let (first, last) = (first.trim(), last.trim());
    let (from, end) = if first.is_empty() {
        let tail: u64 = last.parse().ok()?;
        (length.saturating_sub(tail), length)
    } else {
        let last = if last.is_empty() { u64::MAX } else { last.parse().ok()? };
        (first.parse().ok()?, last.saturating_add(1).min(length))
    };
    Some((from < end).then_some((from, end)))
}

/// A JSON object for each line that is there by now.
fn json_lines(site: &Site, attempt: Attempt, from: u64) -> Response {
    let path = site.app.store.log_path(attempt.run, attempt.call, attempt.number);
    let pieces = stream::try_unfold(LogFollower::new(&path, from), |mut follower| {
        blocking(move || {
            let chunk = follower.read(CHUNK, true)?;
            let piece = Piece::from(chunk);
            let mut text = Vec::new();
            write(&mut text, &piece, b"\n", b"\n");
            Ok((!text.is_empty()).then(|| (Bytes::from(text), follower)))
        })
    });
    let kind = HeaderValue::from_static("application/jsonl");
    ([(CONTENT_TYPE, kind)], Body::from_stream(pieces)).into_response()
}

/// The lines of a piece as JSON, with words for what was left out before them; `between` each two
/// of them, and `behind` the last.
fn write(out: &mut Vec<u8>, piece: &Piece, between: &[u8], behind: &[u8]) {
    let (mut writer, mut end) = (LineWriter::default(), piece.from);
    if piece.bytes.is_empty() {
        return;
    }
    // Of usual lines this is what it comes to.
    out.reserve(piece.bytes.len() * 5 / 2);
    if piece.left_out > 0 {
        writer.note(out, end, &format!("… {} left out …", Size(piece.left_out)));
        out.extend_from_slice(between);
    }
    // A piece has whole lines.
    for raw in piece.bytes.split_inclusive(|byte| *byte == b'\n') {
        if end > piece.from {
            out.extend_from_slice(between);
        }
        end += raw.len() as u64;
        writer.line(out, end, raw.strip_suffix(b"\n").unwrap_or(raw));
    }
    out.extend_from_slice(behind);
}

/// The log as it comes, until the attempt has ended.
async fn follow(
    site: &Arc<Site>,
    attempt: Attempt,
    from: u64,
    over: impl Future<Output = ()> + Send + 'static,
) -> Result<Response, Problem> {
    let watcher = site.watched.watch(&site.app.store, attempt, from).await?;
    let events = stream::unfold(Some(watcher), |watcher| async {
        let mut watcher = watcher?;
        match watcher.next().await {
            Ok(Some(News::Lines(piece))) => Some((piece.told(lines_event), Some(watcher))),
            Ok(Some(News::End(ended))) => Some((end_event(&ended), None)),
            Ok(None) => None,
            Err(error) => {
                // The client asks again from where it was.
                tracing::warn!(%error, "A stream of a log is cut short");
                None
            }
        }
    });
    Ok(stream_of(events, over))
}

/// How long nothing may be said: no proxy ends such a stream.
const SILENCE: Duration = Duration::from_secs(10);

/// A stream of [`event`]s, until it is over for whoever asked.
pub(super) fn stream_of(
    events: impl Stream<Item = Bytes> + Send + 'static,
    over: impl Future<Output = ()> + Send + 'static,
) -> Response {
    let events = Box::pin(events.take_until(Box::pin(over)));
    let spoken = stream::unfold(events, |mut events| async {
        let next = tokio::time::timeout(SILENCE, events.next()).await;
        // A comment, which nobody is told.
        let said = next.unwrap_or(Some(Bytes::from_static(b":\n\n")))?;
        Some((Ok::<_, Infallible>(said), events))
    });
    let mut response = Body::from_stream(spoken).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // Buffering proxies keep their hands off.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

fn lines_event(piece: &Piece) -> Bytes {
    let end = piece.from + piece.bytes.len() as u64;
    let mut event = format!("event: lines\nid: {end}\ndata: [").into_bytes();
    write(&mut event, piece, b",", b"]\n\n");
    event.into()
}

fn end_event(ended: &Ended) -> Bytes {
    let (outcome, detail) = match ended {
        Ended::With(outcome) => (outcome.code(), None),
        Ended::Again => ("again", Some("there is a newer attempt")),
        Ended::Gone => ("gone", Some("the call is no longer kept")),
    };
    event("end", &json!({ "outcome": outcome, "detail": detail }))
}

/// An event with JSON in it, which has no line breaks.
pub(super) fn event(name: &str, data: &impl serde::Serialize) -> Bytes {
    let text = serde_json::to_string(data).unwrap_or_else(|_| "null".to_owned());
    format!("event: {name}\ndata: {text}\n\n").into()
}
