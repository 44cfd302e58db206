//! Work that is said to be under way and that nobody does.
//!
//! It cannot be, and if it is, it is a mistake of ours: it is said loudly, counted, and mended
//! within a minute, so that nobody waits for it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::Worker;
use crate::domain::ids::{DeliveryId, RunId};
use crate::domain::run::Outcome;
use crate::store::{RunningCall, StoreError, TakenUp};

/// How often it looks. What is missed in two looks is mended: a call is in nobody's hands for a
/// moment after it was claimed.
const LOOK: Duration = Duration::from_secs(15);

/// How often planning a delivery may break off.
const PLANNINGS: u32 = 5;

/// Its name among the conditions.
pub(super) const NAME: &str = "watchdog";

/// Looks until told to stop.
pub(super) async fn run(worker: Arc<Worker>, shutdown: CancellationToken) {
    let mut watchdog = Watchdog::default();
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = shutdown.cancelled() => return,
        }
        if let Err(error) = watchdog.look(&worker).await {
            tracing::warn!(%error, "The watchdog cannot look");
        }
    }
}

/// What was seen in the look before.
#[derive(Debug)]
struct Watchdog {
    calls: HashSet<RunningCall>,
    /// With how often they were claimed.
    deliveries: HashSet<(DeliveryId, u32)>,
    runs: HashSet<RunId>,
    waiting: HashSet<RunId>,
    /// Where the queued runs are gone on with.
    after: RunId,
    /// How often something was mended.
    mended: usize,
}

impl Default for Watchdog {
    fn default() -> Self {
        Self {
            calls: HashSet::new(),
            deliveries: HashSet::new(),
            runs: HashSet::new(),
            waiting: HashSet::new(),
            after: RunId(0),
            mended: 0,
        }
    }
}

impl Watchdog {
    async fn look(&mut self, worker: &Worker) -> Result<(), StoreError> {
        let mended = self.mended;
        // The store before the register: what ends in between is no longer said to be running
        // in the next look.
        let running = worker.store.running_calls().await?;
        let seen = running.into_iter().filter(|call| !worker.under_way.contains(call.id)).collect();
        for call in missed_again(&mut self.calls, seen) {
            self.mend(worker, &call).await?;
        }
        let claimed = worker.store.claimed_deliveries().await?;
        let seen = claimed.into_iter().filter(|(id, _)| !worker.planning.contains(*id)).collect();
        for (id, tries) in missed_again(&mut self.deliveries, seen) {
            self.plan_again(worker, id, tries).await?;
        }
        let (stuck, after) = worker.store.stuck_runs(self.after).await?;
        // What is not looked at in this round stays under suspicion for the next.
        let seen = stuck.into_iter().collect();
        let stuck = missed_again(&mut self.runs, seen);
        if self.runs.is_empty() {
            self.after = after;
        }
        for run in stuck {
            self.finish(worker, run).await?;
        }
        let forgotten = worker.store.forgotten_runs().await?.into_iter().collect();
        for run in missed_again(&mut self.waiting, forgotten) {
            if worker.store.let_forgotten_go(run, Timestamp::now()).await? {
                self.say(worker, &format!("Run {run} waited for a group that nobody held"));
                worker.store.tally("watchdog:runs", 1).await?;
                worker.calls.notify_one();
                worker.reports.notify_one();
            }
        }
        let told = worker.health.condition(NAME).is_some_and(|it| !it.ok);
        if self.mended == mended && (told || self.mended == 0) {
            let detail = match self.mended {
                0 => "all work is in somebody's hands".to_owned(),
                n => format!("all work is in somebody's hands; mended {n} since the start"),
            };
            worker.tell(NAME, true, &detail);
        }
        Ok(())
    }

    /// By the rule of a restart: queued again once, where the spec wants it, else lost.
    async fn mend(&mut self, worker: &Worker, call: &RunningCall) -> Result<(), StoreError> {
        let what = match worker.store.take_up_call(call, Timestamp::now()).await? {
            // It has ended meanwhile, and all is well.
            None => return Ok(()),
            Some(TakenUp::Again) => "queued again",
            Some(TakenUp::Ended(Outcome::Cancelled(_))) => "cancelled, as it was to be",
            Some(TakenUp::Ended(_)) => "given up as lost",
        };
        let RunningCall { id, run, .. } = call;
        self.say(worker, &format!("Call {id} of run {run} was running in nobody's hands; {what}"));
        worker.store.tally("watchdog:calls", 1).await?;
        worker.calls.notify_one();
        worker.reports.notify_one();
        Ok(())
    }

    /// Whoever planned it has gone, by a panic most likely, which may well come again.
    async fn plan_again(
        &mut self,
        worker: &Worker,
        id: DeliveryId,
        tries: u32,
    ) -> Result<(), StoreError> {
        let now = Timestamp::now();
        let what = if tries < PLANNINGS {
            let (until, why) =
                (now + Duration::from_secs(1 << tries), "Planning it has broken off");
            worker.store.postpone_delivery(id, until, why).await?;
            "planned again"
        } else {
            let text = format!("Planning it has broken off {tries} times; see the agent's log");
            worker.store.give_up_delivery(id, &text, now).await?;
            "given up"
        };
        self.say(worker, &format!("Delivery {id} was claimed and in nobody's hands; {what}"));
        worker.store.tally("watchdog:deliveries", 1).await?;
        worker.deliveries.notify_one();
        Ok(())
    }

    async fn finish(&mut self, worker: &Worker, run: RunId) -> Result<(), StoreError> {
        let Some(verdict) = worker.store.finish_stuck_run(run, Timestamp::now()).await? else {
            return Ok(());
        };
        let text =
            format!("Run {run} had no call left and was not finished; it is {verdict:?} now");
        self.say(worker, &text);
        worker.store.tally("watchdog:runs", 1).await?;
        worker.reports.notify_one();
        Ok(())
    }

    fn say(&mut self, worker: &Worker, text: &str) {
        self.mended += 1;
        tracing::error!("{text}; please report this with the log before it");
        worker.tell(NAME, false, text);
    }
}

/// What was seen now and in the look before; what is new is remembered for the next.
fn missed_again<T: std::hash::Hash + Eq + Clone>(
    before: &mut HashSet<T>,
    now: HashSet<T>,
) -> Vec<T> {
    let again = now.intersection(before).cloned().collect();
    *before = now.difference(before).cloned().collect();
    again
}

#[cfg(test)]
mod tests;
