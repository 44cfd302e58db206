//! Calls: claimed when there is room for one, and finished with what follows from that.

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::connection::Transaction;
use super::error::StoreError;
use super::outcome::{Run, finish};
use super::queue::{self, Limits, Next, Startable};
use super::run::{RunSettings, changes, planned, sha};
use super::state::CallState;
use super::{Store, found, pack};
use crate::domain::event::Event;
use crate::domain::ids::{CallId, DeliveryId, RunId, Sha};
use crate::domain::plan::{Changes, Plan, PlannedCall};
use crate::domain::run::{Outcome, Verdict};

/// Waiting calls that are told why in one transaction, which holds up whoever else writes.
const TOLD_AT_ONCE: i64 = 100;

/// A call that is to be carried out by whoever claimed it.
#[derive(Debug, Clone)]
pub struct ClaimedCall {
    pub id: CallId,
    pub run: RunId,
    pub call: PlannedCall,
    /// From 1.
    pub attempt: u32,
    /// How often it was begun again for the engine's sake.
    pub engine_tries: u32,
    pub event: Event,
    pub sha: Sha,
    pub spec_path: String,
    pub spec_name: String,
    pub settings: RunSettings,
    pub changes: Changes,
    /// Its body is read by [`Store::delivery_body`].
    pub delivery: DeliveryId,
    pub delivery_forge_id: String,
}

impl Store {
    /// What a call is doing, at its newest attempt; none where there is no such call.
    pub async fn call_state(&self, id: CallId) -> Result<Option<(CallState, u32)>, StoreError> {
        let sql = "SELECT state, outcome, exit_status, detail, attempt FROM call WHERE id = $1";
        let row = sqlx::query(sql).bind(id.0).fetch_optional(&self.inner.readers).await?;
        let state = |row: &SqliteRow| {
            let state = CallState::from_row(row)?;
            Ok((state, row.try_get("attempt")?))
        };
        row.as_ref().map(state).transpose()
    }

    /// Claims the next call, whatever else its repository has under way.
    pub async fn claim_call(
        &self,
        startable: Startable,
        now: Timestamp,
    ) -> Result<Option<ClaimedCall>, StoreError> {
        let limits = Limits { per_repository: None };
        Ok(match self.claim_next(startable, limits, now, |call| call).await? {
            Next::Claimed(call) => Some(call),
            Next::NeedsEngine | Next::Nothing => None,
        })
    }

    /// Claims the next call; it and its run are running then. The repositories take turns; of
    /// one, the oldest call goes first that is not held, does not wait for a time, and whose spec
    /// has not as many calls under way as it wants.
    ///
    /// `take` is given the call before anybody else can write: who asks for its end later finds
    /// it taken.
    pub async fn claim_next<T>(
        &self,
        startable: Startable,
        limits: Limits,
        now: Timestamp,
        take: impl FnOnce(ClaimedCall) -> T,
    ) -> Result<Next<T>, StoreError> {
        loop {
            let mut tx = self.inner.writer.begin().await?;
            let row = match queue::claim(&mut tx, startable, limits, now).await? {
                Next::Claimed(row) => row,
                // What waited for a time may have been woken.
                Next::NeedsEngine => {
                    tx.commit().await?;
                    return Ok(Next::NeedsEngine);
                }
                Next::Nothing => {
                    tx.commit().await?;
                    return Ok(Next::Nothing);
                }
            };
            let id = CallId(row.try_get("id")?);
            let sql = "UPDATE run SET state = 'running', started_at = coalesce(started_at, $1)
                       WHERE id = $2 AND state = 'queued'";
            let run: i64 = row.try_get("run")?;
            sqlx::query(sql).bind(now.as_microsecond()).bind(run).execute(tx.db()).await?;
            match claimed(&mut tx, &row).await {
                Ok(call) => {
                    crate::crash::point("call.before-claim");
                    let taken = tx.commit_then(|| take(call)).await?;
                    crate::crash::point("call.claimed");
                    return Ok(Next::Claimed(taken));
                }
                // It would be claimed again for ever, and those behind it never.
                Err(StoreError::Unreadable { what, why }) => {
                    let text = format!("Cannot read {what} from the database: {why}");
                    tracing::error!(run, call = id.0, "{text}; the call is given up");
                    finish(&mut tx, id, &Outcome::Errored(text), now).await?;
                    tx.commit().await?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Owes a pending status with this text for the next queued calls behind `after` that need the
    /// engine, so that nobody waits in the dark: for a few hundred at a time, so that hooks get
    /// their turn at the writer between them. Returns the last call told; none: nobody is left.
    pub async fn tell_waiting(
        &self,
        text: &str,
        after: CallId,
        now: Timestamp,
    ) -> Result<Option<CallId>, StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        let sql = "SELECT id, run, context, posts_status FROM call INDEXED BY call_queued
                   WHERE state = 'queued' AND held = 0 AND shell = 0 AND id > $1
                   ORDER BY id LIMIT $2";
        let rows = sqlx::query(sql).bind(after.0).bind(TOLD_AT_ONCE).fetch_all(tx.db()).await?;
        let (mut last, mut run) = (None, None::<Run>);
        for row in &rows {
            last = Some(CallId(row.try_get("id")?));
            if !row.try_get::<bool, _>("posts_status")? {
                continue;
            }
            let of = RunId(row.try_get("run")?);
            if run.as_ref().is_none_or(|run| run.id != of) {
                run = Some(Run::read(&mut tx, of).await?);
            }
            let Some(run) = &run else { continue };
            run.owe_pending(&mut tx, row.try_get("context")?, text, now).await?;
        }
        crate::crash::point("waiting.before-commit");
        tx.commit().await?;
        crate::crash::point("waiting.told");
        Ok(last)
    }

    /// Writes down which process carries a running call out, so that a later start of the agent
    /// can end what is left of it.
    pub async fn call_started(
        &self,
        id: CallId,
        pid: i32,
        start_time: Option<u64>,
    ) -> Result<(), StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        let sql = "UPDATE call SET pid = $1, pid_started = $2 WHERE id = $3 AND state = 'running'";
        let started = sqlx::query(sql).bind(pid).bind(start_time.map(u64::cast_signed)).bind(id.0);
        let done = started.execute(tx.db()).await?;
        found(done.rows_affected(), || format!("running call {id}"))?;
        crate::crash::point("call.before-recorded");
        tx.commit().await?;
        crate::crash::point("call.recorded");
        Ok(())
    }

    /// Puts a running call back into the queue, as the same attempt, with a note for people. One
    /// that was to be cancelled is finished so.
    pub async fn release_call(
        &self,
        id: CallId,
        why: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        if !end_if_cancelled(&mut tx, id, now).await? {
            let sql = "UPDATE call SET state = 'queued', started_at = NULL, pid = NULL,
                         pid_started = NULL, note = $1
                       WHERE id = $2 AND state = 'running'";
            let done = sqlx::query(sql).bind(why).bind(id.0).execute(tx.db()).await?;
            found(done.rows_affected(), || format!("running call {id}"))?;
        }
        crate::crash::point("release.before-commit");
        tx.commit().await
    }

    /// Puts a running call that the engine lost back into the queue as another attempt, to be
    /// claimed not before `not_before`, and owes a status that says so. One that was to be
    /// cancelled is finished so.
    pub async fn retry_call(
        &self,
        id: CallId,
        why: &str,
        not_before: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        if !end_if_cancelled(&mut tx, id, now).await? {
            let sql = "SELECT attempt + 1 FROM call WHERE id = $1 AND state = 'running'";
            let next = sqlx::query_scalar(sql).bind(id.0).fetch_optional(tx.db()).await?;
            let next: u32 =
                next.ok_or_else(|| StoreError::Missing(format!("running call {id}")))?;
            let note = format!("Trying again (attempt {next}): {why}");
            let sql = "UPDATE call SET state = 'queued', started_at = NULL, pid = NULL,
                         pid_started = NULL, attempt = attempt + 1,
                         engine_tries = engine_tries + 1, not_before = $1, note = $2
                       WHERE id = $3 AND state = 'running'
                       RETURNING run, context, posts_status";
            let row = sqlx::query(sql)
                .bind(not_before.as_microsecond())
                .bind(&note)
                .bind(id.0)
                .fetch_optional(tx.db())
                .await?;
            let row = row.ok_or_else(|| StoreError::Missing(format!("running call {id}")))?;
            if row.try_get("posts_status")? {
                let run = Run::read(&mut tx, RunId(row.try_get("run")?)).await?;
                run.owe_pending(&mut tx, row.try_get("context")?, &note, now).await?;
            }
        }
        crate::crash::point("retry.before-commit");
        tx.commit().await?;
        crate::crash::point("retry.after-commit");
        Ok(())
    }

    /// Finishes a call that is queued or running. In the same transaction its status is owed,
    /// the run is finished when it was the last, and the run's summary is owed where it posts
    /// one. Returns how the run ended, when it did.
    pub async fn finish_call(
        &self,
        id: CallId,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<Option<Verdict>, StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        let verdict = finish(&mut tx, id, outcome, now).await?;
        crate::crash::point("finish.before-commit");
        tx.commit().await?;
        crate::crash::point("finish.after-commit");
        Ok(verdict)
    }
}

async fn claimed(tx: &mut Transaction<'_>, row: &SqliteRow) -> Result<ClaimedCall, StoreError> {
    let run: i64 = row.try_get("run")?;
    let sql = "SELECT run.sha, run.spec_path, run.spec_name, run.delivery, delivery.forge_id,
                      run_plan.event, run_plan.plan, run_plan.settings, run_plan.changes
               FROM run
               JOIN run_plan ON run_plan.run = run.id
               JOIN delivery ON delivery.id = run.delivery
               WHERE run.id = $1";
    let about = sqlx::query(sql).bind(run).fetch_optional(tx.db()).await?;
    let about = about.ok_or_else(|| StoreError::unreadable("a plan", "it is not there"))?;
    let plan: Plan = pack::unpack("a plan", about.try_get("plan")?)?;
    let settings: &str = about.try_get("settings")?;
    Ok(ClaimedCall {
        id: CallId(row.try_get("id")?),
        run: RunId(run),
        call: planned(&plan, row.try_get("position")?)?,
        attempt: row.try_get("attempt")?,
        engine_tries: row.try_get("engine_tries")?,
        event: pack::unpack("an event", about.try_get("event")?)?,
        sha: sha(&about)?,
        spec_path: about.try_get("spec_path")?,
        spec_name: about.try_get("spec_name")?,
        settings: pack::from_json("a run's settings", settings.as_bytes())?,
        changes: changes(about.try_get("changes")?)?,
        delivery: DeliveryId(about.try_get("delivery")?),
        delivery_forge_id: about.try_get("forge_id")?,
    })
}

/// Finishes a running call that was to be cancelled; false when it was not.
async fn end_if_cancelled(
    tx: &mut Transaction<'_>,
    id: CallId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "SELECT cancel FROM call WHERE id = $1 AND state = 'running' AND cancel IS NOT NULL";
    let why: Option<String> = sqlx::query_scalar(sql).bind(id.0).fetch_optional(tx.db()).await?;
    match why {
        Some(why) => finish(tx, id, &Outcome::Cancelled(why), now).await.map(|_| true),
        None => Ok(false),
    }
}

#[cfg(test)]
mod tests;
