//! Log lines that strangers cause: one now and then, with the number of those left out.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two lines.
const PAUSE: Duration = Duration::from_secs(10);

/// When something was said last, and how often it was not since.
#[derive(Debug, Default)]
pub(super) struct Said(Mutex<(Option<Instant>, u64)>);

impl Said {
    /// Says it, with how many were left out before, unless something was said just now.
    pub(super) fn now(&self, say: impl FnOnce(u64)) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.0.is_some_and(|at| at.elapsed() < PAUSE) {
            last.1 += 1;
            return;
        }
        let left_out = std::mem::take(&mut last.1);
        last.0 = Some(Instant::now());
        drop(last);
        say(left_out);
    }
}

#[cfg(test)]
mod tests;
