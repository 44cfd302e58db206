//! Reading a request's body while its sender has proven nothing: a small buffer each, and beyond
//! it a file without a name, of which there are few. What goes by is checked as it goes by.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::time::Duration;

use axum::body::Body;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use super::refusal::Refusal;
use super::server::{Seat, Seats, Stage};
use crate::domain::signature::Check;

/// The largest body: GitHub sends no larger ones.
pub(super) const LIMIT: usize = 25 * 1024 * 1024;
/// What is kept in memory of a body that is not yet checked.
const SMALL: usize = 64 * 1024;
/// Bodies beyond [`SMALL`] that are read at once: so many files of at most [`LIMIT`].
pub(super) const FILES: usize = 16;
/// A body above this is large: it needs a permit to come back into memory, signed as it is.
const LARGE: usize = 256 * 1024;
/// Large bodies in memory at once; the others wait.
pub(super) const LARGE_AT_ONCE: usize = 4;
/// Bytes a second below which a body is too slow, once it has had [`HEAD_START`] of its time.
const SLOWEST: u32 = 16 * 1024;
/// The part of a body's time in which it may be as slow as it likes.
const HEAD_START: f64 = 0.3;

/// A body that has come to its end.
#[derive(Debug)]
pub(super) enum Raw {
    Small(Vec<u8>),
    /// In a file, rewound; with its length.
    Spooled(File, usize),
}

/// Whether the request says itself that it is too large.
pub(super) fn declares_too_much(headers: &HeaderMap) -> bool {
    declared(headers).is_some_and(|length| length > LIMIT as u64)
}

fn declared(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads a body to its end, and refuses it when `check` says that nobody we know has signed it.
/// All of it arrives within `limit`, and none of it too slowly. `folder` is where files go.
///
/// # Errors
/// [`Refusal::TooLarge`], [`Refusal::TooSlow`], [`Refusal::Cut`], [`Refusal::Unsigned`], and
/// [`Refusal::Busy`] when a file cannot be had.
pub(super) async fn read(
    headers: &HeaderMap,
    mut body: Body,
    mut check: Check,
    (seats, seat): (&Seats, &Seat),
    folder: &Path,
    limit: Duration,
) -> Result<Raw, Refusal> {
    seat.enter(Stage::Body);
    let began = Instant::now();
    let expected = declared(headers).map_or(0, |length| length.min(8 * 1024) as usize);
    let mut buffer = Vec::with_capacity(expected);
    let mut file: Option<File> = None;
    let mut length = 0;
    loop {
        let until = began + patience(limit, length);
        let frame = timeout_at(until, body.frame()).await.map_err(|_| Refusal::TooSlow)?;
        let Some(frame) = frame else { break };
        let Ok(data) = frame.map_err(|_| Refusal::Cut)?.into_data() else { continue };
        length += data.len();
        if length > LIMIT {
            return Err(Refusal::TooLarge);
        }
        check.update(&data);
        if buffer.len() + data.len() > SMALL {
            if file.is_none() {
                seats.spool(seat);
            }
            buffer.extend_from_slice(&data);
            let folder = file.is_none().then(|| folder.to_owned());
            let writing = write(file.take(), folder, buffer);
            let written = timeout_at(began + limit, writing).await;
            let (written, emptied) = written.map_err(|_| Refusal::TooSlow)??;
            (file, buffer) = (Some(written), emptied);
        } else {
            buffer.extend_from_slice(&data);
        }
    }
    check.finish()?;
    seat.enter(Stage::Answering);
    let Some(file) = file else { return Ok(Raw::Small(buffer)) };
    let (file, _) = write(Some(file), None, buffer).await?;
    Ok(Raw::Spooled(file, length))
}

/// How long after its begin more of a body is waited for when so much of it has come.
fn patience(limit: Duration, length: usize) -> Duration {
    let earned = Duration::from_secs(length as u64) / SLOWEST;
    limit.min(limit.mul_f64(HEAD_START) + earned)
}

/// Writes the buffer behind what the file holds, and gives both back, the buffer empty.
async fn write(
    file: Option<File>,
    folder: Option<std::path::PathBuf>,
    mut buffer: Vec<u8>,
) -> Result<(File, Vec<u8>), Refusal> {
    let write = move || {
        let mut file = match (file, folder) {
            (Some(file), _) => file,
            (None, Some(folder)) => tempfile::tempfile_in(folder)?,
            (None, None) => tempfile::tempfile()?,
        };
        file.write_all(&buffer)?;
        buffer.clear();
        Ok((file, buffer))
    };
    let written: std::io::Result<_> = blocking(write).await?;
    written.map_err(|error| {
        warn!(%error, "Cannot keep a body while it is read, its sender is told to come again");
        Refusal::Busy
    })
}

impl Raw {
    /// Whether it takes so much memory that it needs a permit.
    pub(super) fn is_large(&self) -> bool {
        matches!(self, Self::Spooled(_, length) if *length > LARGE)
    }

    /// All bytes, in memory.
    ///
    /// # Errors
    /// [`Refusal::Busy`] when the file cannot be read.
    pub(super) async fn bytes(self) -> Result<Vec<u8>, Refusal> {
        let (mut file, length) = match self {
            Self::Small(bytes) => return Ok(bytes),
            Self::Spooled(file, length) => (file, length),
        };
        let read = move || {
            let mut bytes = Vec::with_capacity(length);
            file.rewind()?;
            file.read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes: std::io::Result<Vec<u8>> = blocking(read).await?;
        bytes.map_err(|error| {
            warn!(%error, "Cannot read a body back, its sender is told to come again");
            Refusal::Busy
        })
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Refusal::Busy)
}

#[cfg(test)]
mod tests;
