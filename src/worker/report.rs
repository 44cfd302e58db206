//! Statuses owed become statuses sent, whatever the forge is doing meanwhile.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{NET, Worker};
use crate::domain::forge::{self, Answer, Headers};
use crate::store::OwedReport;

/// Statuses sent at once: GitHub asks for few concurrent writes.
const AT_ONCE: usize = 8;

/// A status that a forge would not take for this long is given up.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest pause between two tries.
const LONGEST: Duration = Duration::from_secs(300);

/// Sends until told to stop.
pub(super) async fn run(worker: Arc<Worker>, quiet: CancellationToken) {
    let (tasks, slots) = (TaskTracker::new(), Arc::new(Semaphore::new(AT_ONCE)));
    while !quiet.is_cancelled() {
        let mut wake = std::pin::pin!(worker.reports.notified());
        wake.as_mut().enable();
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { break };
        match worker.store.claim_reports(Timestamp::now(), 1).await {
            Ok(owed) if !owed.is_empty() => {
                let worker = Arc::clone(&worker);
                tasks.spawn(async move {
                    for report in owed {
                        worker.send(report).await;
                    }
                    drop(slot);
                });
                continue;
            }
            Ok(_) => drop(slot),
            Err(error) => tracing::error!(%error, "Failed to take the next status"),
        }
        let again = super::until(worker.store.next_report_due().await.ok().flatten());
        tokio::select! {
            () = wake => {}
            () = tokio::time::sleep(again.min(NET)) => {}
            () = quiet.cancelled() => {}
        }
    }
    tasks.close();
    // A request under way is short; what is not answered is sent again at the next start.
    let _ = tokio::time::timeout(Duration::from_secs(5), tasks.wait()).await;
}

impl Worker {
    async fn send(&self, report: OwedReport) {
        let answer = self.post(&report).await;
        let now = Timestamp::now();
        let waited = now.duration_since(report.owed_since).unsigned_abs();
        let done = match answer {
            Answer::Done => {
                self.tell("forge", true, "takes statuses");
                self.store.report_sent(report.id, report.seq, now).await.map(|_| ())
            }
            Answer::Never { why } => {
                tracing::warn!(context = %report.status.context, %why, "The forge will never take a status");
                self.store.report_dropped(report.id, report.seq, &why).await
            }
            Answer::Retry { why, .. } | Answer::Refused { why } if waited > PATIENCE => {
                tracing::error!(context = %report.status.context, %why, "A status is given up after a day");
                self.store.report_dropped(report.id, report.seq, &why).await
            }
            Answer::Retry { after, why } => {
                tracing::info!(context = %report.status.context, %why, "A status is sent again later");
                let next = now + after.unwrap_or_else(|| pause(report.tries, report.seq));
                self.store.report_failed(report.id, report.seq, next, &why).await
            }
            Answer::Refused { why } => {
                tracing::error!(repository = %report.repository, %why, "The forge refuses our token");
                self.tell("forge", false, &why);
                self.store.report_failed(report.id, report.seq, now + LONGEST, &why).await
            }
        };
        if let Err(error) = done {
            tracing::error!(%error, "Failed to write down what became of a status; it is sent again");
        }
        // The context may have moved on meanwhile.
        self.reports.notify_one();
    }

    async fn post(&self, report: &OwedReport) -> Answer {
        let target = match report.run {
            Some(run) => format!("{}/runs/{run}", self.settings.public_url),
            None => match report.delivery {
                Some(delivery) => format!("{}/deliveries/{delivery}", self.settings.public_url),
                None => self.settings.public_url.clone(),
            },
        };
        let request = forge::status_request(
            report.vendor,
            &self.settings.api,
            &report.repository,
            &report.sha,
            &report.status,
            &target,
        );
        match self.forge.send(request).await {
            Ok(response) => {
                let headers = Headers::from_http(response.headers());
                let status = response.status().as_u16();
                forge::answer(report.vendor, status, &headers, response.body(), Timestamp::now())
            }
            Err(error) => Answer::Retry { after: None, why: error.to_string() },
        }
    }
}

/// Doubling pauses from a second, spread by a quarter so that statuses owed together are not
/// sent again together.
fn pause(tries: u32, seed: i64) -> Duration {
    let base = Duration::from_secs(1 << tries.min(9)).min(LONGEST);
    base + base / 4 * (seed.unsigned_abs() % 8) as u32 / 8
}
