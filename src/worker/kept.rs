//! Loops that go on whatever happens in them: a fault of ours in one piece of work must not keep
//! the agent from all others.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Worker, watchdog};

/// Before a loop that has panicked begins again, so that one that always does is no hurry.
const PAUSE: Duration = Duration::from_secs(1);

impl Worker {
    /// Runs a loop until it ends, and begins it again when it panics, unless it was to end.
    pub(super) async fn keep_going<F>(
        self: Arc<Self>,
        name: &'static str,
        end: CancellationToken,
        turns: impl Fn(Arc<Self>, CancellationToken) -> F,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        // A task of its own: a panic ends that one.
        while let Err(error) = tokio::spawn(turns(Arc::clone(&self), end.clone())).await {
            if !error.is_panic() {
                return;
            }
            let text = format!("The loop of {name} has panicked and begins again");
            tracing::error!("{text}; please report this with the log before it");
            self.tell(watchdog::NAME, false, &text);
            if let Err(error) = self.store.tally("watchdog:loops", 1).await {
                tracing::error!(%error, "Failed to count a loop that has panicked");
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = end.cancelled() => return,
            }
        }
    }
}

/// Something to be done when the task that holds it panics, and then alone.
pub(super) struct OnPanic<F: FnMut()>(pub(super) F);

impl<F: FnMut()> Drop for OnPanic<F> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            (self.0)();
        }
    }
}
