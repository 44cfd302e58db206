//! Calls: claimed when there is room for one, and finished with what follows from that.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::connection::Transaction;
use super::delivery::vendor;
use super::error::StoreError;
use super::report::{Link, owe};
use super::run::{RunSettings, changes, planned, sha};
use super::state::{CallState, outcome_columns, verdict_name};
use super::{Store, found, pack};
use crate::domain::event::Event;
use crate::domain::ids::{CallId, DeliveryId, RepoName, RunId, Sha, Vendor};
use crate::domain::plan::{Changes, Plan, PlannedCall};
use crate::domain::report::{self, Part};
use crate::domain::run::{CommitState, Outcome, Status, Verdict, description};

/// A call that is to be carried out by whoever claimed it.
#[derive(Debug, Clone)]
pub struct ClaimedCall {
    pub id: CallId,
    pub run: RunId,
    pub call: PlannedCall,
    /// From 1.
    pub attempt: u32,
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

/// Which calls can be started at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Startable {
    /// All of them.
    Any,
    /// Only commands without a module: the engine does not answer.
    Commands,
}

/// Reads at most two rows of its partial index, whatever waits.
pub(super) const CLAIM: &str = "\
    UPDATE call SET state = 'running', started_at = $1
    WHERE id = (SELECT min(id) FROM (
        SELECT min(id) AS id FROM call INDEXED BY call_queued
        WHERE state = 'queued' AND held = 0 AND shell = 1
        UNION ALL
        SELECT min(id) FROM call INDEXED BY call_queued
        WHERE state = 'queued' AND held = 0 AND shell = 0 AND $2))
    RETURNING id, run, position, attempt";

impl Store {
    /// Claims the oldest queued call whose run is not held; it and its run are running then.
    pub async fn claim_call(
        &self,
        startable: Startable,
        now: Timestamp,
    ) -> Result<Option<ClaimedCall>, StoreError> {
        loop {
            let mut tx = self.inner.writer.begin().await?;
            let any = startable == Startable::Any;
            let claim = sqlx::query(CLAIM).bind(now.as_microsecond()).bind(any);
            let Some(row) = claim.fetch_optional(tx.db()).await? else {
                tx.commit().await?;
                return Ok(None);
            };
            let id = CallId(row.try_get("id")?);
            let sql = "UPDATE run SET state = 'running', started_at = coalesce(started_at, $1)
                       WHERE id = $2 AND state = 'queued'";
            let run: i64 = row.try_get("run")?;
            sqlx::query(sql).bind(now.as_microsecond()).bind(run).execute(tx.db()).await?;
            match claimed(&mut tx, &row).await {
                Ok(call) => {
                    tx.commit().await?;
                    return Ok(Some(call));
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

    /// Whether a call waits that needs the engine.
    pub async fn waits_for_engine(&self) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM call INDEXED BY call_queued
                                  WHERE state = 'queued' AND held = 0 AND shell = 0)";
        Ok(sqlx::query_scalar::<_, bool>(sql).fetch_one(&self.inner.readers).await?)
    }

    /// Owes a pending status with this text for every queued call behind `after` that needs the
    /// engine, so that nobody waits in the dark. Returns the last call told, if there is any.
    pub async fn tell_waiting(
        &self,
        text: &str,
        after: CallId,
        now: Timestamp,
    ) -> Result<Option<CallId>, StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        let sql = "SELECT id, run, context, posts_status FROM call INDEXED BY call_queued
                   WHERE state = 'queued' AND held = 0 AND shell = 0 AND id > $1 ORDER BY id";
        let rows = sqlx::query(sql).bind(after.0).fetch_all(tx.db()).await?;
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
            let (context, state) = (row.try_get("context")?, CommitState::Pending);
            let status = Status { context, state, description: description(text) };
            owe(&mut tx, run.vendor, &run.repository, &run.sha, run.link, &status, now).await?;
        }
        tx.commit().await?;
        Ok(last)
    }

    /// Puts a running call back into the queue, with a note for people.
    pub async fn release_call(&self, id: CallId, why: &str) -> Result<(), StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        let sql = "UPDATE call SET state = 'queued', started_at = NULL, note = $1
                   WHERE id = $2 AND state = 'running'";
        let done = sqlx::query(sql).bind(why).bind(id.0).execute(tx.db()).await?;
        found(done.rows_affected(), || format!("running call {id}"))?;
        tx.commit().await
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
        tx.commit().await?;
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

async fn finish(
    tx: &mut Transaction<'_>,
    id: CallId,
    outcome: &Outcome,
    now: Timestamp,
) -> Result<Option<Verdict>, StoreError> {
    let (exit, detail) = outcome_columns(outcome);
    let sql = "UPDATE call SET state = 'finished', finished_at = $1, outcome = $2,
                 exit_status = $3, detail = $4
               WHERE id = $5 AND state IN ('queued', 'running')
               RETURNING run, context, posts_status, started_at";
    let row = sqlx::query(sql)
        .bind(now.as_microsecond())
        .bind(outcome.code())
        .bind(exit)
        .bind(detail)
        .bind(id.0)
        .fetch_optional(tx.db())
        .await?;
    let row = row.ok_or_else(|| StoreError::Missing(format!("unfinished call {id}")))?;
    let run = Run::read(tx, RunId(row.try_get("run")?)).await?;
    if row.try_get("posts_status")? {
        let took = since(pack::time_if(row.try_get("started_at")?)?, now);
        let status = report::finished_call(row.try_get("context")?, outcome, took);
        owe(tx, run.vendor, &run.repository, &run.sha, run.link, &status, now).await?;
    }
    let calls = calls(tx, run.id).await?;
    let outcomes: Option<Vec<Outcome>> = calls.iter().map(|call| call.1.clone()).collect();
    if run.summary {
        let parts: Vec<Part<'_>> = calls
            .iter()
            .map(|(kebab, outcome)| Part { name: kebab, outcome: outcome.as_ref() })
            .collect();
        let errored: Vec<&str> = run.errored.iter().map(String::as_str).collect();
        let took = outcomes.is_some().then(|| since(run.started_at, now));
        let status = report::summary_of(&run.spec_name, &parts, &errored, took);
        owe(tx, run.vendor, &run.repository, &run.sha, run.link, &status, now).await?;
    }
    let Some(outcomes) = outcomes else { return Ok(None) };
    let verdict = report::verdict(&outcomes, run.errored.len());
    let sql = "UPDATE run SET state = 'finished', why = NULL, verdict = $1, finished_at = $2
               WHERE id = $3";
    sqlx::query(sql)
        .bind(verdict_name(verdict))
        .bind(now.as_microsecond())
        .bind(run.id.0)
        .execute(tx.db())
        .await?;
    Ok(Some(verdict))
}

/// How long ago something started; nothing when it did not, or when the clock was set back.
fn since(started_at: Option<Timestamp>, now: Timestamp) -> Duration {
    let took = started_at.map(|started_at| now.duration_since(started_at));
    took.and_then(|took| Duration::try_from(took).ok()).unwrap_or_default()
}

/// What of a run its statuses are made of.
struct Run {
    id: RunId,
    link: Link,
    vendor: Vendor,
    repository: RepoName,
    sha: Sha,
    spec_name: String,
    summary: bool,
    errored: Vec<String>,
    started_at: Option<Timestamp>,
}

impl Run {
    async fn read(tx: &mut Transaction<'_>, id: RunId) -> Result<Self, StoreError> {
        let sql = "SELECT delivery, vendor, repository, sha, spec_name, summary, errored,
                          started_at
                   FROM run WHERE id = $1";
        let row = sqlx::query(sql).bind(id.0).fetch_one(tx.db()).await?;
        let delivery = DeliveryId(row.try_get("delivery")?);
        let errored: &str = row.try_get("errored")?;
        Ok(Self {
            id,
            link: Link { run: Some(id), delivery: Some(delivery) },
            vendor: vendor(&row)?,
            repository: repository(&row)?,
            sha: sha(&row)?,
            spec_name: row.try_get("spec_name")?,
            summary: row.try_get("summary")?,
            errored: pack::from_json("a run's errors", errored.as_bytes())?,
            started_at: pack::time_if(row.try_get("started_at")?)?,
        })
    }
}

pub(super) fn repository(row: &SqliteRow) -> Result<RepoName, StoreError> {
    let name: &str = row.try_get("repository")?;
    name.parse().map_err(|error| StoreError::unreadable("a repository's name", error))
}

/// The calls of a run in the plan's order: the function's kebab name, and how it ended if it has.
async fn calls(
    tx: &mut Transaction<'_>,
    run: RunId,
) -> Result<Vec<(String, Option<Outcome>)>, StoreError> {
    let sql = "SELECT kebab, state, outcome, exit_status, detail FROM call
               WHERE run = $1 ORDER BY position";
    let rows = sqlx::query(sql).bind(run.0).fetch_all(tx.db()).await?;
    rows.iter()
        .map(|row| {
            let state = CallState::from_columns(
                row.try_get("state")?,
                row.try_get("outcome")?,
                row.try_get("exit_status")?,
                row.try_get("detail")?,
            )?;
            Ok((row.try_get("kebab")?, state.outcome().cloned()))
        })
        .collect()
}

#[cfg(test)]
mod tests;
