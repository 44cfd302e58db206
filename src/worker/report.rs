//! Statuses owed become statuses sent, whatever the forge is doing meanwhile.
//!
//! The store keeps the order within a context; here is decided when, how many at once, and what
//! an answer means for everything else that is owed.

mod check;
mod gate;
mod pause;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::forges::Forge;
use super::kept::OnPanic;
use super::{NET, Worker};
use crate::domain::forge::{self, Answer, Headers};
use crate::domain::ids::{DeliveryId, ForgeId, RepoName, RunId};
use crate::domain::run::Status;
use crate::store::OwedReport;

pub(super) use gate::Gate;
use gate::{News, Pass, Why};
use pause::spread;
pub(super) use pause::{dice, pause};

/// Its name among the conditions: whether the forge takes statuses, as far as is known.
const FORGE: &str = "forge";

/// Statuses sent at once: GitHub asks for few concurrent writes.
const AT_ONCE: usize = 8;

/// A status that a forge would not take for this long is given up.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest pause between two tries.
const LONGEST: Duration = Duration::from_secs(300);

/// How often what has waited for too long is given up while nothing is sent.
const SWEEP: Duration = Duration::from_secs(3600);

/// Sends until told to stop, to each forge on its own.
pub(super) async fn run(worker: Arc<Worker>, quiet: CancellationToken) {
    let tasks = TaskTracker::new();
    for forge in worker.forges.iter() {
        let forge = Arc::clone(forge);
        let turns = move |worker, quiet| send_to(worker, Arc::clone(&forge), quiet);
        tasks.spawn(Arc::clone(&worker).keep_going("a forge's statuses", quiet.clone(), turns));
    }
    let mut sweep = tokio::time::interval(SWEEP);
    while !quiet.is_cancelled() {
        tokio::select! {
            () = worker.reports.notified() => {
                worker.forges.iter().for_each(|forge| forge.reports.notify_one());
            }
            _ = sweep.tick() => worker.give_up_homeless().await,
            () = quiet.cancelled() => {}
        }
    }
    tasks.close();
    tasks.wait().await;
}

async fn send_to(worker: Arc<Worker>, forge: Arc<Forge>, quiet: CancellationToken) {
    if !forge.client.has_token() {
        return wait_for_a_token(&worker, &forge, quiet).await;
    }
    // Whatever an earlier agent waited for (a token above all) may be mended by now.
    worker.hasten(&forge).await;
    let (tasks, slots) = (TaskTracker::new(), Arc::new(Semaphore::new(AT_ONCE)));
    while !quiet.is_cancelled() {
        let mut wake = std::pin::pin!(forge.reports.notified());
        wake.as_mut().enable();
        let slot = tokio::select! {
            slot = Arc::clone(&slots).acquire_owned() => slot,
            () = quiet.cancelled() => break,
        };
        let Ok(slot) = slot else { break };
        let again = match forge.gate.pass(Timestamp::now()) {
            Pass::Wait(until) => super::until(until),
            pass => match worker.store.claim_reports(forge.id, Timestamp::now(), 1).await {
                Ok(owed) if !owed.is_empty() => {
                    let (worker, forge) = (Arc::clone(&worker), Arc::clone(&forge));
                    tasks.spawn(async move {
                        let ids: Vec<_> = owed.iter().map(|report| report.id).collect();
                        let _given_back = OnPanic(|| {
                            worker.store.give_back_reports(&ids);
                            forge.gate.unused(pass);
                        });
                        for report in owed {
                            worker.send(&forge, report, pass).await;
                        }
                        drop(slot);
                        // The context may have moved on meanwhile.
                        forge.reports.notify_one();
                    });
                    continue;
                }
                claimed => {
                    if let Err(error) = &claimed {
                        tracing::error!(%error, "Failed to take the next status");
                    }
                    let due = worker.store.next_report_due(forge.id).await;
                    if pass == Pass::Probe && matches!((claimed, &due), (Ok(_), Ok(None))) {
                        // No status is owed that could find out whether it is over.
                        tokio::select! {
                            () = worker.find_out(&forge) => {}
                            () = quiet.cancelled() => forge.gate.unused(pass),
                        }
                        continue;
                    }
                    forge.gate.unused(pass);
                    super::until(due.ok().flatten())
                }
            },
        };
        drop(slot);
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

/// Without a token no forge takes a status: they are kept for a day, for a start with one.
async fn wait_for_a_token(worker: &Worker, forge: &Forge, quiet: CancellationToken) {
    worker.tell(forge.condition(FORGE), true, &no_token(forge));
    let why = format!("{} was not set for a day", forge.token_name);
    while !quiet.is_cancelled() {
        worker.give_up_stale(forge.id, &why).await;
        tokio::select! {
            () = tokio::time::sleep(SWEEP) => {}
            () = quiet.cancelled() => {}
        }
    }
}

/// What there is to say of a forge that is asked for nothing but public things.
fn no_token(forge: &Forge) -> String {
    format!("{} is not set: statuses are kept for a day, not sent", forge.token_name)
}

impl Worker {
    async fn send(&self, forge: &Forge, report: OwedReport, pass: Pass) {
        crate::crash::point("status.claimed");
        let now = Timestamp::now();
        if let Some(next) = forge.gate.holds_up(&report.repository, now, dice()) {
            forge.gate.unused(pass);
            let why = "The repository refuses statuses for the moment";
            let done = self.store.report_failed(report.id, report.seq, next, why).await;
            return complain(done);
        }
        let answer = self.post(forge, &report).await;
        crate::crash::point("status.answered");
        let now = Timestamp::now();
        let news = forge.gate.learn(&report.repository, &answer, pass, now, dice());
        let waited = now.duration_since(report.owed_since).unsigned_abs();
        let context = &report.status.context;
        let done = match &answer {
            Answer::Done { post } => {
                self.store.report_taken(report.id, report.seq, *post, now).await.map(|_| ())
            }
            Answer::Never { why } if !forge::has_statuses(forge.id.vendor()) => {
                tracing::debug!(%context, %why, "A status is told nobody");
                self.store.report_dropped(report.id, report.seq, why).await
            }
            Answer::Never { why } => {
                tracing::warn!(%context, %why, "The forge will never take a status");
                self.store.report_dropped(report.id, report.seq, why).await
            }
            Answer::NotYet { why }
            | Answer::Retry { why }
            | Answer::Limited { why, .. }
            | Answer::Refused { why, .. }
                if waited > PATIENCE =>
            {
                tracing::error!(%context, %why, "A status is given up after a day");
                self.store.report_dropped(report.id, report.seq, why).await
            }
            Answer::NotYet { why } | Answer::Retry { why } => {
                tracing::info!(%context, %why, "A status is sent again later");
                let next = now + pause(report.tries, dice());
                self.store.report_failed(report.id, report.seq, next, why).await
            }
            // The gate knows when the next one may go; this one is as good as any other.
            Answer::Limited { after, why } => {
                self.store.report_failed(report.id, report.seq, now + *after, why).await
            }
            Answer::Refused { why, .. } => {
                let next = now + spread(LONGEST, dice());
                self.store.report_failed(report.id, report.seq, next, why).await
            }
        };
        crate::crash::point("status.answer-kept");
        complain(done);
        self.spread_the_word(forge, Some(&report.repository), &answer, news).await;
    }

    /// Takes in what the forge answered to something else than a status.
    pub(super) async fn heard(&self, forge: &Forge, repository: &RepoName, answer: &Answer) {
        let news = forge.gate.learn(repository, answer, Pass::Open, Timestamp::now(), dice());
        self.spread_the_word(forge, Some(repository), answer, news).await;
        if matches!(news, News::Shut { .. }) {
            // Who sends sleeps for longer than that, when nothing is owed.
            forge.reports.notify_one();
        }
    }

    /// Finds out by a question that costs nothing whether what held statuses up is over.
    async fn find_out(&self, forge: &Forge) {
        let asked = self.probe_forge(forge).await;
        let answer = asked.unwrap_or_else(|why| Answer::Retry { why });
        let news = forge.gate.found_out(&answer, Timestamp::now(), dice());
        self.spread_the_word(forge, None, &answer, news).await;
    }

    /// Tells people, and everything that waits, what an answer has changed.
    async fn spread_the_word(
        &self,
        forge: &Forge,
        repository: Option<&RepoName>,
        answer: &Answer,
        news: News,
    ) {
        let (id, name) = (forge.id, forge.condition(FORGE));
        let why = match answer {
            Answer::Done { .. } => "takes statuses",
            Answer::NotYet { why }
            | Answer::Retry { why }
            | Answer::Limited { why, .. }
            | Answer::Refused { why, .. }
            | Answer::Never { why } => why,
        };
        let about = repository.map(RepoName::as_str);
        match news {
            News::Nothing => {}
            News::Shut { until, why: Why::Limited } => {
                // Before the log: who reads there that it waits finds it so.
                self.tell_about(
                    repository,
                    name,
                    false,
                    &format!("{why}; statuses wait until {until:.0}"),
                );
                tracing::warn!(forge = %id, %until, why, "Statuses wait for the forge's rate limit");
            }
            News::Shut { why: Why::Refused, .. } => {
                self.tell_about(repository, name, false, why);
                tracing::error!(
                    forge = %id,
                    why,
                    "The forge refuses our token; statuses wait until it is mended"
                );
            }
            News::Shut { why: Why::Down, .. } => {
                self.tell_about(repository, name, false, why);
                tracing::warn!(forge = %id, why, "The forge is down; statuses wait until it is back");
            }
            News::Opened => {
                tracing::info!(forge = %id, "The forge answers again; statuses are sent");
                self.hasten(forge).await;
                self.tell(name, true, "answers again");
                self.reconcile.notify_one();
            }
            News::RepositoryRefuses { alone } => {
                tracing::error!(forge = %id, repository = about, why, "The forge refuses statuses of a repository");
                if alone {
                    self.tell_about(
                        repository,
                        name,
                        false,
                        &format!("`{}`: {why}", about.unwrap_or_default()),
                    );
                }
            }
            News::RepositoryTakes => {
                tracing::info!(forge = %id, repository = about, "The forge takes statuses of the repository again");
            }
        }
        match answer {
            Answer::Done { .. } if about.is_some() => {
                self.tell_about(repository, forge.condition(FORGE), true, why);
            }
            // A token that is refused for long holds up more than its own probes.
            Answer::Refused { .. } => self.give_up_stale(id, why).await,
            _ => {}
        }
    }

    /// Tells people how the forge answered a question that is not about statuses, where nothing
    /// better is known: `wrong` is why it did not. As long as statuses are held up, why they are
    /// is what people need to know; and what was said of a forge that is well, stays said.
    pub(super) fn tell_forge(&self, forge: &Forge, wrong: Option<&str>) {
        if forge.gate.holds() {
            return;
        }
        let name = forge.condition(FORGE);
        let well = self.health.condition(&name).is_some_and(|it| it.ok);
        match wrong {
            Some(why) => self.tell(name, false, why),
            None if well => {}
            None if forge.client.has_token() => self.tell(name, true, "answers"),
            None => self.tell(name, true, &no_token(forge)),
        }
    }

    async fn hasten(&self, forge: &Forge) {
        if let Err(error) = self.store.hasten_reports(forge.id).await {
            tracing::error!(%error, "Failed to hasten the statuses that wait");
        }
    }

    async fn give_up_stale(&self, forge: ForgeId, why: &str) {
        match self.store.drop_reports(forge, Timestamp::now() - PATIENCE, why).await {
            Ok(0) => {}
            Ok(dropped) => tracing::error!(dropped, why, "Statuses are given up after a day"),
            Err(error) => tracing::error!(%error, "Failed to give up old statuses"),
        }
    }

    /// Gives up what is owed to forges that nobody has set up any more.
    async fn give_up_homeless(&self) {
        match self.store.owed_forges().await {
            Ok(owed) => {
                for forge in owed {
                    if let Err(gone) = self.forges.of(forge) {
                        self.give_up_stale(forge, &gone.to_string()).await;
                    }
                }
            }
            Err(error) => tracing::error!(%error, "Failed to tell which forges are owed statuses"),
        }
    }

    async fn post(&self, forge: &Forge, report: &OwedReport) -> Answer {
        crate::crash::point("status.before-send");
        if let Some(app) = forge.client.app() {
            return self.post_check(forge, report, app.id()).await;
        }
        let vendor = forge.id.vendor();
        let description = self.settings.masks.text(&report.status.description);
        let status = Status { description, ..report.status.clone() };
        let branch = match report.run {
            Some(run) if forge::wants_branch(vendor) => match self.store.run(run).await {
                Ok(run) => run.and_then(|run| run.event.pull_request),
                Err(error) => return Answer::Retry { why: error.to_string() },
            },
            _ => None,
        };
        let branch = branch.map(|pull| pull.head.reference).filter(|branch| !branch.is_empty());
        let request = forge::status_request(
            vendor,
            &forge.api,
            &report.repository,
            (&report.sha, branch.as_deref()),
            &status,
            &self.link(report.run, report.delivery),
        );
        let Some(request) = request else {
            return Answer::Never { why: format!("{vendor} has no statuses") };
        };
        match forge.client.send(request).await {
            Ok(response) => {
                let headers = Headers::from_http(response.headers());
                let status = response.status().as_u16();
                forge.read(status, &headers, response.body())
            }
            Err(error) => error.into_answer(),
        }
    }

    /// Where a status leads.
    pub(super) fn link(&self, run: Option<RunId>, delivery: Option<DeliveryId>) -> String {
        let root = &self.settings.public_url;
        match (run, delivery) {
            (Some(run), _) => format!("{root}/runs/{run}"),
            (None, Some(delivery)) => format!("{root}/deliveries/{delivery}"),
            (None, None) => root.clone(),
        }
    }
}

fn complain<T>(done: Result<T, crate::store::StoreError>) {
    if let Err(error) = done {
        tracing::error!(%error, "Failed to write down what became of a status; it is sent again");
    }
}

#[cfg(test)]
mod tests;
