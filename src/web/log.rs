//! Logs of calls: whole as text, their ends for the pages.

use std::io::{self, Read};
use std::path::Path as FilePath;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use jiff::Timestamp;
use serde::Deserialize;
use tracing::error;

use super::problem::Problem;
use super::who::Asker;
use super::{Site, text};
use crate::domain::ids::{CallId, RunId};
use crate::domain::rights::Deed;
use crate::store::log::{LogLine, LogReader, LogStream};

/// What is read of a file at once.
const CHUNK: usize = 32 * 1024;

/// What a log's address may ask for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Wish {
    /// Anything but `0`: without time and mark before each line.
    plain: Option<String>,
    /// The log of an earlier attempt, counted from 1.
    attempt: Option<u32>,
}

/// `GET /runs/{id}/calls/{call}/log`: as much of it as there is at the moment.
pub(super) async fn text(
    State(site): State<Arc<Site>>,
    asker: Asker,
    Path((run, call)): Path<(String, String)>,
    wish: Result<Query<Wish>, QueryRejection>,
) -> Response {
    let (Ok(id), Ok(call)) = (run.parse::<RunId>(), call.parse::<CallId>()) else {
        return note(
            StatusCode::NOT_FOUND,
            "Runs and calls have numbers: look for this one at /runs",
        );
    };
    let wish = wish.map(|Query(wish)| wish).unwrap_or_default();
    let store = &site.app.store;
    let view = match site.run(&asker, &run, Deed::See).await {
        Ok(view) => view,
        Err(Problem { status: 404, .. }) => {
            return note(StatusCode::NOT_FOUND, "No such run: the newest are at /runs");
        }
        Err(problem) => {
            let status = StatusCode::from_u16(problem.status);
            return note(status.unwrap_or(StatusCode::FORBIDDEN), &problem.detail);
        }
    };
    let run = id;
    let Some(call) = view.calls.iter().find(|candidate| candidate.id == call) else {
        return note(StatusCode::NOT_FOUND, &format!("No such call in run {run}: see /runs/{run}"));
    };
    let attempt = wish.attempt.filter(|attempt| (1..call.attempt).contains(attempt));
    let path = store.log_path(run, call.id, attempt.unwrap_or(call.attempt));
    let plain = wish.plain.is_some_and(|value| value != "0");
    match stream_file(&path, plain).await {
        Ok(response) => response,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            note(StatusCode::NOT_FOUND, "No log: the call has not started, or its log was removed")
        }
        Err(error) => {
            error!(%error, path = %path.display(), "Cannot read a log");
            note(StatusCode::INTERNAL_SERVER_ERROR, "The log cannot be read")
        }
    }
}

/// A text answer that no browser takes for anything else.
fn note(status: StatusCode, words: &str) -> Response {
    as_text(status, Body::from(format!("{words}\n")))
}

fn as_text(status: StatusCode, body: Body) -> Response {
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The file as it is now, piece by piece: a log may be larger than the memory.
async fn stream_file(path: &FilePath, plain: bool) -> io::Result<Response> {
    let path = path.to_owned();
    let opened = blocking(move || LogReader::open(&path)).await?;
    let log = opened.ok_or(io::ErrorKind::NotFound)?;
    let length = log.length();
    let strip = plain.then(PrefixStripper::default);
    let pieces = stream::try_unfold((log, strip), |(mut log, mut strip)| {
        blocking(move || {
            let mut piece = vec![0; CHUNK];
            let read = log.read(&mut piece)?;
            piece.truncate(read);
            if let Some(strip) = &mut strip {
                strip.strip(&mut piece);
            }
            Ok((read > 0).then_some((Bytes::from(piece), (log, strip))))
        })
    });
    let mut response = as_text(StatusCode::OK, Body::from_stream(pieces));
    if !plain {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(response)
}

/// Reads away from the threads that answer others.
pub(super) async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(read).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// Takes time and mark off each line, however the lines are cut into pieces.
struct PrefixStripper {
    /// Spaces still to come before the line's own text.
    spaces: u8,
}

impl Default for PrefixStripper {
    fn default() -> Self {
        Self { spaces: 2 }
    }
}

impl PrefixStripper {
    fn strip(&mut self, piece: &mut Vec<u8>) {
        piece.retain(|&byte| {
            let kept = self.spaces == 0 || byte == b'\n';
            match byte {
                b'\n' => self.spaces = 2,
                b' ' => self.spaces = self.spaces.saturating_sub(1),
                _ => {}
            }
            kept
        });
    }
}

/// The end of a log, ready for a page.
#[derive(Debug, Default)]
pub(super) struct Tail {
    pub lines: Vec<Line>,
    /// Something stands before the first of them.
    pub cut: bool,
}

/// One line of a log.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// `07:34:28`.
    pub time: String,
    /// A word for the stylesheet: `out`, `err`, `note`.
    pub kind: &'static str,
    pub text: String,
}

impl Tail {
    /// Reads the end of a file, at most so many lines and about so many bytes; none where there
    /// is no file yet.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn read(path: &FilePath, count: usize, bytes: u64) -> io::Result<Option<Self>> {
        let Some(mut log) = LogReader::open(path)? else { return Ok(None) };
        let cut = log.skip_to_last(bytes)?;
        let mut end = Vec::new();
        log.read_to_end(&mut end)?;
        Ok(Some(Self::of(&end, cut, count)))
    }

    /// `partial`: the bytes begin somewhere in a line.
    fn of(bytes: &[u8], partial: bool, count: usize) -> Self {
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
        if partial && lines.len() > 1 {
            lines.remove(0);
        }
        if lines == [b""] {
            lines.clear();
        }
        let first = lines.len().saturating_sub(count);
        let shown = lines.split_off(first);
        Self { lines: shown.into_iter().map(Line::of).collect(), cut: partial || first > 0 }
    }
}

impl Line {
    fn of(line: &[u8]) -> Self {
        let line = LogLine::parse(line);
        Self::new(line.at, line.stream, line.text)
    }

    pub(super) fn new(at: Option<Timestamp>, stream: LogStream, text: &[u8]) -> Self {
        let kind = match stream {
            LogStream::Stdout => "out",
            LogStream::Stderr => "err",
            LogStream::Agent => "note",
        };
        let time = at.map_or_else(String::new, |at| at.strftime("%H:%M:%S").to_string());
        Self { time, kind, text: text::inert(&String::from_utf8_lossy(text)) }
    }
}

#[cfg(test)]
mod tests;
