//! Deliveries become runs: fetch, read the specs, list the modules, plan, settle.
//!
//! Planning is repeatable until the one transaction that settles the delivery, so whatever fails
//! on the way (the forge, the engine, this process) only makes it later.

mod bearing;
mod command;
mod complete;
mod line;
mod listing;
mod manual;
mod runs;
mod several;
mod specs;
mod trust;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::forges::NotConfigured;
use super::{NET, Worker};
use crate::domain::event::{Disposition, Event, Repository};
use crate::domain::ids::Sha;
use crate::domain::plan::ReasonCode;
use crate::domain::trust::Forks;
use crate::domain::{forge, skip_ci};
use crate::git::{GitError, Mirror, Want};
use crate::store::{Bearing, ClaimedDelivery, NewRunState, Settlement, Whose};
use command::Open;
use line::Line;

/// The longest that a delivery waits for something outside before it is given up.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// A hook can be faster than the forge's own replicas; after this long, a commit that is not
/// there was replaced by another push, whose own event follows.
const COMMIT_PATIENCE: Duration = Duration::from_secs(90);

/// Why a delivery cannot be settled now.
#[derive(Debug)]
pub(super) enum Later {
    /// The commit is not on the forge, so far.
    Commit(String),
    /// The forge or the engine does not answer; what it said.
    Outside(String),
    /// The engine does not answer or is not there: found out by asking it.
    Engine(String),
    /// We are at fault; the operator reads this.
    Agent(anyhow::Error),
}

/// Plans whatever comes until told to stop.
pub(super) async fn run(worker: Arc<Worker>, shutdown: CancellationToken) {
    let (tasks, mut line) = (TaskTracker::new(), Line::default());
    while !shutdown.is_cancelled() {
        let mut wake = std::pin::pin!(worker.deliveries.notified());
        wake.as_mut().enable();
        while let Some((delivery, turn)) = line.next() {
            let (worker, shutdown) = (Arc::clone(&worker), shutdown.clone());
            let (id, named) = (&delivery.id, &delivery.forge_id);
            let event = &delivery.event_name;
            let span = tracing::info_span!("delivery", delivery = %named, %event, %id);
            let work = async move {
                // Whatever becomes of it, a panic too: another one may be planned.
                let _turn = turn.on_end(|| worker.deliveries.notify_one());
                tokio::select! {
                    () = worker.settle(&delivery) => {}
                    // Claimed deliveries are taken up at the next start.
                    () = shutdown.cancelled() => {}
                }
            };
            tasks.spawn(work.instrument(span));
        }
        if line.has_room() {
            match worker.store.claim_deliveries(line::CLAIMED, Timestamp::now()).await {
                Ok(claimed) if !claimed.is_empty() => {
                    // At once: what is claimed and in nobody's hands is taken to be forgotten.
                    for delivery in claimed {
                        let held = worker.planning.register(delivery.id, &shutdown);
                        line.push(delivery, held);
                    }
                    continue;
                }
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "Failed to take the next deliveries"),
            }
        }
        let again = super::until(worker.store.next_delivery_due().await.ok().flatten());
        tokio::select! {
            () = wake => {}
            () = tokio::time::sleep(again.min(NET)) => {}
            () = shutdown.cancelled() => {}
        }
    }
    tasks.close();
    tasks.wait().await;
}

impl Worker {
    /// Plans one delivery and writes down what became of it.
    async fn settle(&self, delivery: &ClaimedDelivery) {
        let (settlement, bearing) = match self.plan_delivery(delivery).await {
            Ok(Some(planned)) => planned,
            Ok(None) => return,
            Err(later) => match self.give_up(delivery, &later) {
                Some(settlement) => (settlement, bearing::of(delivery, None)),
                None => return self.postpone(delivery, &later).await,
            },
        };
        let (outcome, now) = (describe(&settlement), Timestamp::now());
        match self.store.settle_among(delivery.id, settlement, &bearing, now).await {
            Ok(settled) => {
                let twin = settled.twin_of.map(|id| id.0);
                tracing::info!(outcome, twin, "Delivery settled");
                // What may start comes first: every moment counts there.
                self.calls.notify_one();
                self.reports.notify_one();
                self.effects.notify_one();
                self.end_cancelled().await;
            }
            Err(error) => {
                tracing::error!(%error, "Failed to settle the delivery; it is planned again");
                self.postpone(delivery, &Later::Agent(error.into())).await;
            }
        }
    }

    async fn postpone(&self, delivery: &ClaimedDelivery, later: &Later) {
        let wait = Duration::from_secs(1 << delivery.tries.min(8)).min(match later {
            Later::Engine(_) => super::engine::ASK_AGAIN,
            _ => Duration::from_secs(300),
        });
        tracing::warn!(why = %later, wait = ?wait, "Delivery cannot be planned yet");
        let (until, why) = (Timestamp::now() + wait, self.settings.masks.text(&later.to_string()));
        // Still claimed, it would wait for the next start.
        while let Err(error) = self.store.postpone_delivery(delivery.id, until, &why).await {
            tracing::error!(%error, "Failed to postpone the delivery; it is tried again");
            tokio::time::sleep(wait).await;
        }
        crate::crash::point("delivery.postponed");
        // The loop may sleep by now, and does not know of this one's time.
        self.deliveries.notify_one();
    }

    /// What is settled once waiting has no point any more.
    fn give_up(&self, delivery: &ClaimedDelivery, later: &Later) -> Option<Settlement> {
        let waited = Timestamp::now().duration_since(delivery.received_at).unsigned_abs();
        match later {
            Later::Commit(text) if waited > COMMIT_PATIENCE => {
                Some(Settlement::Skipped(ReasonCode::CommitGone.because(text.clone())))
            }
            _ if waited > PATIENCE => Some(Settlement::Faulty {
                whose: Whose::Agent,
                text: format!("Given up after a day: {later}"),
                forge: delivery.forge,
                statuses: Vec::new(),
            }),
            _ => None,
        }
    }

    /// What comes of a delivery, and what it means for others. None: it was a command to the agent,
    /// done and settled already.
    async fn plan_delivery(
        &self,
        delivery: &ClaimedDelivery,
    ) -> Result<Option<(Settlement, Bearing)>, Later> {
        let events = forge::events(delivery.forge, &delivery.event_name, &delivery.body)
            .map_err(|error| Later::Agent(error.into()))?;
        if let Some(settlement) = self.for_app(delivery).await? {
            return Ok(Some((settlement, bearing::of(delivery, None))));
        }
        // What anybody can cause is told alone.
        if let [event] = events.as_slice()
            && let (Disposition::Planned, Some(repository)) = (event.disposition, &event.repository)
        {
            match self.heed(delivery, event, repository).await? {
                Open::Planned => {}
                Open::Skipped(reason) => {
                    let bearing = bearing::of(delivery, None);
                    return Ok(Some((Settlement::Skipped(reason), bearing)));
                }
                Open::Done => return Ok(None),
            }
        }
        let several = events.len() > 1;
        let (mut whole, mut planned) = (Vec::new(), Vec::new());
        for event in events {
            let event = self.whole_event(delivery, event).await?;
            let title = event.title();
            let settlement = match self.plan_event(delivery, event.clone()).await {
                // One branch of many that is gone by now is no reason to wait for ever.
                Err(later @ Later::Commit(_)) if several => {
                    self.give_up(delivery, &later).ok_or(later)?
                }
                settlement => settlement?,
            };
            whole.push(event);
            planned.push((title, settlement));
        }
        Ok(Some((several::together(planned), bearing::of(delivery, Some(whole)))))
    }

    /// The event with what its delivery leaves open.
    async fn whole_event(&self, delivery: &ClaimedDelivery, event: Event) -> Result<Event, Later> {
        let (Disposition::Planned, Some(repository)) = (event.disposition, &event.repository)
        else {
            return Ok(event);
        };
        let repository = repository.clone();
        if event.is_fork() && self.forks(&event, &repository) == Forks::Never {
            return Ok(event);
        }
        self.complete(delivery, event, &repository).await
    }

    async fn plan_event(
        &self,
        delivery: &ClaimedDelivery,
        event: Event,
    ) -> Result<Settlement, Later> {
        if let Disposition::Skipped(skip) = event.disposition {
            return Ok(Settlement::Skipped(skip.into()));
        }
        let Some(repository) = event.repository.clone() else {
            return Ok(Settlement::Skipped(
                ReasonCode::NoRepository.because("the event is about no repository"),
            ));
        };
        if event.is_fork() && self.forks(&event, &repository) == Forks::Never {
            return Ok(Settlement::Skipped(trust::forks_never()));
        }
        let told = event.commit.as_ref();
        if let Some(reason) = told.and_then(|commit| skip_ci::asked(&event, &commit.message)) {
            return Ok(Settlement::Skipped(reason));
        }
        if let Some(reason) = self.caught_up(delivery, &event).await.map_err(Later::Agent)? {
            return Ok(Settlement::Skipped(reason));
        }
        let as_of = Some(delivery.received_at);
        let event = match self.asked_by_hand(event, &repository, as_of).await? {
            Ok(event) => event,
            Err(reason) => return Ok(Settlement::Skipped(reason)),
        };
        let repository = event.repository.clone().unwrap_or(repository);
        let (mirror, sha) = self.fetch(&event, &repository, as_of).await?;
        let trust = self.trust(&event, &repository, &sha, as_of).await?;
        if trust.outside && self.forks(&event, &repository) == Forks::Never {
            return Ok(Settlement::Skipped(trust::forks_never()));
        }
        let ready = blocking({
            let (mirror, event, sha) = (mirror.clone(), event.clone(), sha.clone());
            move || specs::read(&mirror, &event, &sha, trust.specs_of.as_ref())
        })
        .await?;
        let Some(ready) = ready else {
            let text = "the commit has neither a pocketci.yaml nor a folder ./ci";
            return Ok(Settlement::Skipped(ReasonCode::NoSpec.because(text)));
        };
        if let Some(reason) = skip_ci::asked(&event, &ready.commit.message) {
            return Ok(Settlement::Skipped(reason));
        }
        // Functions see the commit, and who made it, also where the payload does not say.
        let commit = event.commit.or(Some(ready.commit));
        let event = Event { sha: Some(sha.clone()), commit, ..event };
        let mut runs = Vec::new();
        for found in ready.specs {
            runs.push(match found {
                Ok(spec) => {
                    let outside = trust.outside;
                    self.plan_spec(&event, &sha, &mirror, spec, &ready.changes, outside).await?
                }
                Err(errors) => self.broken_spec(&event, &sha, &errors, &ready.changes),
            });
        }
        if runs.iter().any(|run| matches!(run.state, NewRunState::Held(_))) {
            self.vouch(&event, &repository, &sha).await?;
        }
        Ok(Settlement::Planned { runs, parts: Vec::new() })
    }

    /// Brings what the event needs into the mirror, and tells its commit.
    async fn fetch(
        &self,
        event: &Event,
        repository: &Repository,
        as_of: Option<Timestamp>,
    ) -> Result<(Mirror, Sha), Later> {
        crate::crash::point("fetch.before");
        let mut wants = Want::of_event(event);
        let mut mirror = match self.bring_fork(event, repository).await {
            Ok(()) => self.bring(event.forge(), repository, &wants, as_of).await,
            Err(error) => Err(error),
        };
        if event.sha.is_none() && matches!(mirror, Err(GitError::NoSuchCommit { .. })) {
            // A draft release names a tag that is not there yet.
            wants = vec![Want::reference("")];
            mirror = self.bring(event.forge(), repository, &wants, as_of).await;
        }
        let detail = mirror.as_ref().err().map(ToString::to_string);
        let answers = !matches!(
            mirror,
            Err(GitError::Unreachable { .. }
                | GitError::Deadline { .. }
                | GitError::Refused { .. })
        );
        let condition = self.forges.of(event.forge())?.condition("git");
        let fork = forge::head_repository(event);
        let about = fork.iter().chain([&repository.full_name]);
        self.tell_about(about, condition, answers, detail.as_deref().unwrap_or("fetches"));
        let mirror = mirror?;
        crate::crash::point("fetch.done");
        if let Some(sha) = event.sha.clone() {
            // Some forges name an annotated tag by its own object.
            let sha = blocking({
                let mirror = mirror.clone();
                move || mirror.peeled(&sha)
            })
            .await?;
            return Ok((mirror, sha));
        }
        let reference = wants.first().map(|want| want.reference.clone()).unwrap_or_default();
        let sha = blocking({
            let (mirror, reference) = (mirror.clone(), reference.clone());
            move || mirror.resolve(&reference)
        })
        .await?;
        let sha = sha.ok_or_else(|| Later::Commit(format!("`{reference}` points at no commit")))?;
        Ok((mirror, sha))
    }
}

/// What became of a delivery, for the log.
fn describe(settlement: &Settlement) -> String {
    match settlement {
        Settlement::Planned { runs, .. } => {
            let calls: usize = runs.iter().map(|run| run.plan.calls.len()).sum();
            format!("planned: {} runs, {calls} calls", runs.len())
        }
        Settlement::Skipped(reason) => format!("skipped: {}", reason.text),
        Settlement::Faulty { text, .. } => format!("faulty: {text}"),
    }
}

/// Runs what blocks (disk, libgit2) where it may.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, GitError> + Send + 'static,
) -> Result<T, Later> {
    let span = tracing::Span::current();
    match tokio::task::spawn_blocking(move || span.in_scope(work)).await {
        Ok(done) => Ok(done?),
        Err(error) => Err(Later::Agent(anyhow::Error::new(error).context("A task has panicked"))),
    }
}

impl From<NotConfigured> for Later {
    fn from(error: NotConfigured) -> Self {
        Self::Outside(error.to_string())
    }
}

impl From<GitError> for Later {
    fn from(error: GitError) -> Self {
        match error {
            GitError::NoSuchCommit { .. } => Self::Commit(error.to_string()),
            GitError::Unreachable { .. }
            | GitError::Deadline { .. }
            | GitError::Refused { .. }
            | GitError::Broken { .. } => Self::Outside(error.to_string()),
            _ => Self::Agent(error.into()),
        }
    }
}

impl std::fmt::Display for Later {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Commit(text) | Self::Outside(text) | Self::Engine(text) => f.write_str(text),
            Self::Agent(error) => write!(f, "{error:#}"),
        }
    }
}
