//! Runs that take longer than they may are ended.
//!
//! Only time counts in which a run could go on: after a restart, and when an engine that was away
//! is back, it begins anew.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{NET, Worker};
use crate::domain::report;

/// What is known about the time that counts.
pub(super) struct Limits {
    /// Nothing before this counts.
    from: Mutex<Timestamp>,
    /// A call of a run with a limit has begun.
    begun: Notify,
}

impl Default for Limits {
    fn default() -> Self {
        Self { from: Mutex::new(Timestamp::now()), begun: Notify::new() }
    }
}

impl Limits {
    /// What was waited for until now does not count.
    pub(super) fn begin_anew(&self) {
        *self.from.lock().unwrap_or_else(PoisonError::into_inner) = Timestamp::now();
    }

    /// A call of a run with a limit has begun.
    pub(super) fn has_begun(&self) {
        self.begun.notify_one();
    }

    fn from(&self) -> Timestamp {
        *self.from.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks until told to stop.
pub(super) async fn run(worker: Arc<Worker>, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        let mut wake = std::pin::pin!(worker.limits.begun.notified());
        wake.as_mut().enable();
        let again = worker.end_overdue().await;
        tokio::select! {
            () = wake => {}
            () = tokio::time::sleep(again.min(NET)) => {}
            () = shutdown.cancelled() => {}
        }
    }
}

impl Worker {
    /// Ends what is overdue; how long until there may be something again.
    async fn end_overdue(&self) -> Duration {
        let (from, engine) = (self.limits.from(), self.engine_is_there());
        let found = self.store.overdue_runs(from, engine, Timestamp::now()).await;
        let (overdue, next) = match found {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(%error, "Failed to tell which runs take too long");
                return NET;
            }
        };
        for (run, limit) in &overdue {
            let why = format!("the run took longer than {}", report::duration(*limit));
            tracing::warn!(%run, "The run is ended: {why}");
            if let Err(error) = self.store.cancel_run(*run, &why, Timestamp::now()).await {
                tracing::error!(%error, %run, "Failed to end a run that takes too long");
                return NET;
            }
        }
        if !overdue.is_empty() {
            self.end_cancelled().await;
            self.calls.notify_one();
            self.reports.notify_one();
            self.effects.notify_one();
        }
        super::until(next)
    }
}
