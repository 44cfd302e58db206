//! What people do to runs by the pages, the API or the command line: written down by whoever took
//! it, carried out here.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::Worker;

/// Looks after every act until told to stop.
pub(super) async fn run(worker: Arc<Worker>, shutdown: CancellationToken) {
    loop {
        tokio::select! {
            () = worker.acts.notified() => {}
            () = shutdown.cancelled() => return,
        }
        worker.end_cancelled().await;
        worker.calls.notify_one();
        worker.reports.notify_one();
        worker.effects.notify_one();
    }
}
