//! The steps of calls, kept beside their logs: what dagger sends of a call while it runs.
//!
//! Two files for each attempt, appended to as exports arrive, and gone with the log:
//!
//! ```text
//! <call>-<attempt>.spans      a span each line, as JSON; the newer says what has changed
//! <call>-<attempt>.records    `span time stream text`, a line each
//! ```
//!
//! Not in the database: a call sends thousands of them, nobody asks for them by anything but
//! their call, and each would wait for a sync of the one connection that deliveries are written
//! with. An export is answered when it is in the files: a kill of the agent loses nothing of it.

mod reader;
mod writer;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use openssl::memcmp;

pub use reader::{RecordLine, read, records};
pub use writer::{Forwarded, NotKept, TraceWriter};

use super::{Store, lock};
use crate::domain::ids::{CallId, RunId};
use crate::domain::redact::Masks;
use crate::domain::trace::TraceId;

/// What an attempt's files end in.
const SPANS: &str = "spans";
const RECORDS: &str = "records";

/// The calls under way that send their steps, by a number of ours.
#[derive(Debug, Default)]
pub(super) struct Open(Mutex<HashMap<u64, Arc<TraceWriter>>>);

/// A call that may send its steps for as long as this is kept.
#[derive(Debug)]
pub struct OpenTrace {
    store: Store,
    number: u64,
    token: String,
}

impl OpenTrace {
    /// What the call's exports are to be shown with: nobody else's are taken for its own.
    pub fn token(&self) -> &str {
        &self.token
    }
}

impl Drop for OpenTrace {
    fn drop(&mut self) {
        let writer = lock(&self.store.inner.traces.0).remove(&self.number);
        let Some(writer) = writer else { return };
        let close = move || writer.close();
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(close)),
            Err(_) => close(),
        }
    }
}

impl Store {
    /// Takes what is sent of a call's attempt from now on, up to `limit` bytes of output.
    /// `trace`: the one that it was told to be part of.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn open_trace(
        &self,
        (run, call, attempt): (RunId, CallId, u32),
        trace: TraceId,
        masks: Masks,
        limit: u64,
    ) -> std::io::Result<OpenTrace> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
        let token = hex::encode(bytes);
        let log = self.log_path(run, call, attempt);
        let writer = Arc::new(TraceWriter::new(log, &token, trace, masks, limit));
        let mut open = lock(&self.inner.traces.0);
        let number = open.keys().max().map_or(0, |last| last + 1);
        open.insert(number, writer);
        Ok(OpenTrace { store: self.clone(), number, token })
    }

    /// Whose token that is. How long it takes says nothing about the tokens there are.
    pub fn trace_of(&self, token: &str) -> Option<Arc<TraceWriter>> {
        let open = lock(&self.inner.traces.0);
        let own = |writer: &&Arc<TraceWriter>| {
            let (one, other) = (writer.token().as_bytes(), token.as_bytes());
            one.len() == other.len() && memcmp::eq(one, other)
        };
        open.values().filter(own).last().cloned()
    }

    /// Where the steps of a call's attempt lie; neither file may be there.
    pub fn trace_path(&self, run: RunId, call: CallId, attempt: u32) -> PathBuf {
        self.log_path(run, call, attempt).with_extension(SPANS)
    }
}

#[cfg(test)]
mod tests;
