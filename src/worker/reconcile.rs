//! Compares what the forge shows with what it was told, and owes again what is not there.
//!
//! At start, now and then, and when the forge was away. It decides nothing: `domain::mend` does.

mod checks;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::Worker;
use super::forges::Forge;
use super::report::dice;
use crate::domain::forge::{self, Answer, Headers, Refused};
use crate::domain::mend::{Posted, Told, is_lost};
use crate::domain::run::CommitState;
use crate::store::SentCommit;

/// How often it looks without being asked to.
const EVERY: Duration = Duration::from_secs(600);
/// Runs of before are left as they are.
const RECENT: Duration = Duration::from_secs(24 * 60 * 60);
/// Commits in one look, the newest first; each costs the forge a request for 100 contexts.
const COMMITS: usize = 50;
/// Pages of contexts for one commit.
const PAGES: usize = 10;
/// What was taken a moment ago need not be shown yet.
const FRESH: Duration = Duration::from_secs(10);

/// Looks until told to stop.
pub(super) async fn run(worker: Arc<Worker>, shutdown: CancellationToken) {
    if !worker.forges.iter().any(|forge| forge.client.has_token()) {
        return;
    }
    let every = worker.settings.compare_every.unwrap_or(EVERY);
    // Whatever an earlier agent sent had its time to show.
    let mut fresh = Duration::ZERO;
    while !shutdown.is_cancelled() {
        let mut wake = std::pin::pin!(worker.reconcile.notified());
        wake.as_mut().enable();
        tokio::select! {
            () = worker.compare(fresh) => {}
            () = shutdown.cancelled() => break,
        }
        fresh = FRESH.min(every);
        // Agents that were started together need not ask together.
        let again = every + every.mul_f64(dice() as f64 / u64::MAX as f64 / 10.0);
        tokio::select! {
            () = wake => {}
            () = tokio::time::sleep(again) => {}
            () = shutdown.cancelled() => {}
        }
    }
}

impl Worker {
    async fn compare(&self, fresh: Duration) {
        let now = Timestamp::now();
        let commits = match self.store.sent_commits(now - RECENT, now - fresh, COMMITS).await {
            Ok(commits) => commits,
            Err(error) => {
                tracing::error!(%error, "Failed to read what was told lately");
                return;
            }
        };
        let mut mended = 0;
        for commit in commits.iter().filter(|commit| !commit.contexts.is_empty()) {
            // What a forge does not answer now is compared when it is back.
            let asked = |forge: &&Arc<Forge>| forge.client.has_token() && forge.gate.is_open();
            let Some(forge) = self.forges.of(commit.forge).ok().filter(asked) else { continue };
            if let Some(shown) = self.shown(forge, commit).await {
                mended += self.mend(commit, &shown).await;
            }
        }
        if mended > 0 {
            tracing::warn!(mended, "The forge did not show some statuses; they are sent again");
            self.reports.notify_one();
        }
    }

    /// What the forge shows of a commit; none when it does not say.
    async fn shown(&self, forge: &Forge, commit: &SentCommit) -> Option<Vec<Posted>> {
        if let Some(app) = forge.client.app() {
            return self.shown_checks(forge, commit, app.id()).await;
        }
        let mut shown = Vec::new();
        for page in 1..=PAGES {
            let (vendor, repository) = (forge.id.vendor(), &commit.repository);
            let request = forge::shown_request(vendor, &forge.api, repository, &commit.sha, page)?;
            let (answer, body) = match forge.client.send(request).await {
                Ok(response) => {
                    let headers = Headers::from_http(response.headers());
                    let status = response.status().as_u16();
                    let body = response.into_body();
                    (forge.read(status, &headers, &body), body)
                }
                Err(error) => (error.into_answer(), Vec::new()),
            };
            match &answer {
                Answer::Done { .. } => {}
                Answer::Limited { .. }
                | Answer::Retry { .. }
                | Answer::Refused { whom: Refused::Everything, .. } => {
                    self.heard(forge, repository, &answer).await;
                    return None;
                }
                // A repository that does not let us read, or a commit that is gone.
                _ => return None,
            }
            let found = forge::shown(vendor, &body)?;
            let last = found.len() < forge::shown_page(vendor);
            shown.extend(found);
            if last {
                break;
            }
        }
        Some(shown)
    }

    async fn mend(&self, commit: &SentCommit, shown: &[Posted]) -> usize {
        let mut mended = 0;
        for sent in &commit.contexts {
            let report = &sent.report;
            let mut status = report.status.clone();
            let as_app = self.app_for(commit.forge).is_some();
            if as_app && status.state == CommitState::Error {
                // A check run that is over has no word for it.
                status.state = CommitState::Failure;
            }
            let told = Told {
                status: &status,
                target_url: &self.link(report.run, report.delivery),
                run: report.run,
                post: sent.post,
            };
            if !is_lost(&told, shown, &self.settings.public_url) {
                continue;
            }
            if as_app && let Err(error) = self.look_up_again(report.id).await {
                tracing::error!(%error, "Failed to forget a check run that is not shown");
                continue;
            }
            match self.store.owe_again(report.id, report.seq, Timestamp::now()).await {
                Ok(true) => {
                    let (repository, sha) = (&commit.repository, commit.sha.short());
                    let context = &report.status.context;
                    tracing::info!(%repository, sha, context, "The forge shows another status");
                    mended += 1;
                }
                Ok(false) => {}
                Err(error) => tracing::error!(%error, "Failed to owe a status again"),
            }
        }
        mended
    }
}
