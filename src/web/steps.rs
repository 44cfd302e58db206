//! The steps of a call as they are kept, for the API and the pages.

use std::collections::VecDeque;
use std::io;

use super::Site;
use super::log::blocking;
use crate::domain::ids::{CallId, RunId};
use crate::domain::trace::{SpanId, Tree};
use crate::store::trace::{self, RecordLine};

/// Bytes of a step's output that are held at once.
const BYTES: usize = 8 << 20;

/// The steps of one attempt.
#[derive(Debug)]
pub(super) struct Steps {
    pub tree: Tree,
    /// More was sent than is kept.
    pub cut: bool,
}

/// Which attempt of which call.
pub(super) type Attempt = (RunId, CallId, u32);

/// The steps of an attempt; none where nothing was sent of it.
///
/// # Errors
/// What the file system says.
pub(super) async fn steps(site: &Site, (run, call, number): Attempt) -> io::Result<Option<Steps>> {
    let path = site.app.store.trace_path(run, call, number);
    let read = move || {
        let trace = trace::read(&path)?;
        Ok(trace.map(|trace| Steps { tree: trace.tree(), cut: trace.cut }))
    };
    blocking(read).await
}

/// The end of what a step has printed, and whether there is more before it.
///
/// # Errors
/// What the file system says.
pub(super) async fn output(
    site: &Site,
    (run, call, number): Attempt,
    step: SpanId,
    lines: usize,
) -> io::Result<(Vec<RecordLine>, bool)> {
    let path = site.app.store.trace_path(run, call, number);
    let read = move || {
        let (mut end, mut bytes, mut cut) = (VecDeque::new(), 0, false);
        trace::records(&path, step, |line: RecordLine| {
            bytes += line.text.len();
            end.push_back(line);
            while end.len() > lines || bytes > BYTES {
                bytes -= end.pop_front().map_or(bytes, |line| line.text.len());
                cut = true;
            }
            true
        })?;
        Ok((end.into(), cut))
    };
    blocking(read).await
}
