//! How calls end, and what follows: their statuses, their run's end, its summary, and the next
//! run of its group.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::connection::Transaction;
use super::delivery::forge;
use super::error::StoreError;
use super::report::{Link, owe};
use super::run::sha;
use super::state::{CallState, outcome_columns};
use super::{pack, queue};
use crate::domain::ids::{CallId, DeliveryId, ForgeId, RepoName, RunId, Sha};
use crate::domain::report::{self, Part};
use crate::domain::run::{CommitState, Outcome, Status, Verdict, description};

/// Finishes a call that is queued or running.
pub(super) async fn finish(
    tx: &mut Transaction<'_>,
    id: CallId,
    outcome: &Outcome,
    now: Timestamp,
) -> Result<Option<Verdict>, StoreError> {
    let (exit, detail) = outcome_columns(outcome);
    let sql = "UPDATE call SET state = 'finished', finished_at = $1, outcome = $2,
                 exit_status = $3, detail = $4,
                 not_before = NULL, pid = NULL, pid_started = NULL, cancel = NULL
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
        run.owe(tx, &status, now).await?;
    }
    conclude(tx, &run, now).await
}

/// Owes the summary of a run whose calls have changed, and finishes it when none is left.
pub(super) async fn conclude(
    tx: &mut Transaction<'_>,
    run: &Run,
    now: Timestamp,
) -> Result<Option<Verdict>, StoreError> {
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
        run.owe(tx, &status, now).await?;
    }
    let Some(outcomes) = outcomes else { return Ok(None) };
    let verdict = report::verdict(&outcomes, run.errored.len());
    let sql = "UPDATE run SET state = 'finished', why = NULL, waits = 0, verdict = $1,
                 finished_at = $2
               WHERE id = $3";
    sqlx::query(sql)
        .bind(verdict.as_str())
        .bind(now.as_microsecond())
        .bind(run.id.0)
        .execute(tx.db())
        .await?;
    queue::next_of_group(tx, run.id, now).await?;
    Ok(Some(verdict))
}

/// How long ago something started; nothing when it did not, or when the clock was set back.
fn since(started_at: Option<Timestamp>, now: Timestamp) -> Duration {
    let took = started_at.map(|started_at| now.duration_since(started_at));
    took.and_then(|took| Duration::try_from(took).ok()).unwrap_or_default()
}

/// What of a run its statuses are made of.
pub(super) struct Run {
    pub(super) id: RunId,
    link: Link,
    pub(super) forge: ForgeId,
    pub(super) repository: RepoName,
    pub(super) sha: Sha,
    spec_name: String,
    summary: bool,
    errored: Vec<String>,
    started_at: Option<Timestamp>,
}

impl Run {
    pub(super) async fn read(tx: &mut Transaction<'_>, id: RunId) -> Result<Self, StoreError> {
        let sql = "SELECT delivery, vendor, repository, sha, spec_name, summary, errored,
                          started_at
                   FROM run WHERE id = $1";
        let row = sqlx::query(sql).bind(id.0).fetch_one(tx.db()).await?;
        let delivery = DeliveryId(row.try_get("delivery")?);
        let errored: &str = row.try_get("errored")?;
        Ok(Self {
            id,
            link: Link { run: Some(id), delivery: Some(delivery) },
            forge: forge(&row)?,
            repository: repository(&row)?,
            sha: sha(&row)?,
            spec_name: row.try_get("spec_name")?,
            summary: row.try_get("summary")?,
            errored: pack::from_json("a run's errors", errored.as_bytes())?,
            started_at: pack::time_if(row.try_get("started_at")?)?,
        })
    }

    /// Owes a status on its commit.
    pub(super) async fn owe(
        &self,
        tx: &mut Transaction<'_>,
        status: &Status,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        owe(tx, self.forge, &self.repository, &self.sha, self.link, status, now).await
    }

    /// Owes a pending status with these words.
    pub(super) async fn owe_pending(
        &self,
        tx: &mut Transaction<'_>,
        context: String,
        text: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let status =
            Status { context, state: CommitState::Pending, description: description(text) };
        self.owe(tx, &status, now).await
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
            let state = CallState::from_row(row)?;
            Ok((row.try_get("kebab")?, state.outcome().cloned()))
        })
        .collect()
}
