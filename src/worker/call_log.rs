//! The log of a call while it is being written.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;

use crate::domain::inert::inert;
use crate::store::log::{LogStream, LogWriter};

/// How late a line may be for those who read along.
const VISIBLE: Duration = Duration::from_millis(100);

/// How much of what a child wrote last to stderr is kept, to tell an engine's failure from a
/// function's.
const TAIL: usize = 8 * 1024;

/// Lines go in from the child's reader; [`CallLog::keep_visible`] runs beside it.
pub(super) struct CallLog(Mutex<Inner>);

struct Inner {
    /// Until the log is closed.
    writer: Option<LogWriter>,
    /// The first failure to write was told; the call goes on without its log.
    failed: bool,
    tail: Vec<u8>,
}

impl CallLog {
    /// `limit`: bytes that the log is to have at most.
    pub(super) fn create(path: &Path, limit: u64) -> anyhow::Result<Self> {
        let writer = LogWriter::create(path, limit)
            .with_context(|| format!("Cannot write the log `{}`", path.display()))?;
        Ok(Self(Mutex::new(Inner { writer: Some(writer), failed: false, tail: Vec::new() })))
    }

    /// A line of the child's.
    pub(super) fn line(&self, stream: LogStream, line: &[u8]) {
        let mut inner = self.inner();
        if stream == LogStream::Stderr {
            inner.remember(line);
        }
        let Some(writer) = &mut inner.writer else { return };
        let written = writer.line(Timestamp::now(), stream, line);
        inner.written(written);
    }

    /// A line of the agent's own, seen at once.
    pub(super) fn note(&self, text: &str) {
        // It may name what strangers wrote; what a function prints is its own.
        let text: Vec<String> = text.lines().map(inert).collect();
        self.line(LogStream::Agent, text.join("\n").as_bytes());
        self.flush();
    }

    /// What the child said last on stderr.
    pub(super) fn tail(&self) -> String {
        String::from_utf8_lossy(&self.inner().tail).into_owned()
    }

    /// Shows what was written, again and again; never ends by itself.
    pub(super) async fn keep_visible(&self) {
        loop {
            tokio::time::sleep(VISIBLE).await;
            self.flush();
        }
    }

    fn flush(&self) {
        let mut inner = self.inner();
        let Some(writer) = &mut inner.writer else { return };
        let written = writer.flush();
        inner.written(written);
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for CallLog {
    /// A log in pieces becomes one file, beside everything else: it reads the same before, and
    /// what a stop cuts short the next writer goes on with.
    fn drop(&mut self) {
        let Some(writer) = self.inner().writer.take() else { return };
        let close = move || {
            if let Err(error) = writer.close() {
                tracing::warn!(%error, "Cannot put a long log together; it stays in pieces");
            }
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(close)),
            Err(_) => close(),
        }
    }
}

impl Inner {
    fn remember(&mut self, line: &[u8]) {
        self.tail.extend_from_slice(line);
        self.tail.push(b'\n');
        if self.tail.len() > 2 * TAIL {
            let cut = self.tail.len() - TAIL;
            self.tail.drain(..cut);
        }
    }

    fn written(&mut self, written: std::io::Result<()>) {
        if let Err(error) = written
            && !self.failed
        {
            self.failed = true;
            tracing::error!(%error, "Cannot write the call's log; the call goes on without it");
        }
    }
}

#[cfg(test)]
mod tests;
