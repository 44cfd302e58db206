//! Which check run of the forge's shows a report, and calls that have begun.

use jiff::Timestamp;
use sqlx::Row;

use super::error::StoreError;
use super::outcome::Run;
use super::report::ReportId;
use super::{Store, pack};
use crate::domain::ids::{CallId, RunId};

/// The forge's check run that shows a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRun {
    /// What we call it there.
    pub external_id: String,
    /// The forge's number; none: it was asked for, and the answer was lost.
    pub number: Option<i64>,
    /// The forge was told that it is over.
    pub completed: bool,
    /// Its annotations are there.
    pub annotated: bool,
}

impl Store {
    /// The check run that shows a report, if one was ever asked for.
    pub async fn check_run(&self, report: ReportId) -> Result<Option<CheckRun>, StoreError> {
        let sql = "SELECT external_id, number, completed, annotated FROM check_run
                   WHERE report = $1";
        let row = sqlx::query(sql).bind(report.0).fetch_optional(&self.inner.readers).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(CheckRun {
            external_id: row.try_get("external_id")?,
            number: row.try_get("number")?,
            completed: row.try_get("completed")?,
            annotated: row.try_get("annotated")?,
        }))
    }

    /// Keeps which check run shows a report; one of before is forgotten.
    pub async fn keep_check_run(
        &self,
        report: ReportId,
        check: &CheckRun,
    ) -> Result<(), StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        let sql = "INSERT INTO check_run (report, external_id, number, completed, annotated)
                   VALUES ($1, $2, $3, $4, $5)
                   ON CONFLICT (report) DO UPDATE SET external_id = excluded.external_id,
                     number = excluded.number, completed = excluded.completed,
                     annotated = excluded.annotated";
        sqlx::query(sql)
            .bind(report.0)
            .bind(check.external_id.as_str())
            .bind(check.number)
            .bind(check.completed)
            .bind(check.annotated)
            .execute(tx.db())
            .await?;
        crate::crash::point("check.before-kept");
        tx.commit().await?;
        crate::crash::point("check.kept");
        Ok(())
    }

    /// Whether the newest status of a call says what it waits for.
    pub async fn said_to_wait(&self, call: CallId) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (
                     SELECT 1 FROM call JOIN run ON run.id = call.run
                     JOIN report ON report.vendor = run.vendor
                       AND report.repository = run.repository AND report.sha = run.sha
                       AND report.context = call.context
                     WHERE call.id = $1 AND report.run = run.id
                       AND report.description LIKE 'Queued: %')";
        Ok(sqlx::query_scalar(sql).bind(call.0).fetch_one(&self.inner.readers).await?)
    }

    /// Owes a status that says that a call has begun, unless it is over already. Only where the
    /// forge tells what waits from what runs, or was told what it waits for.
    pub async fn owe_begun(&self, call: CallId, now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        let sql = "SELECT run, context, started_at FROM call
                   WHERE id = $1 AND state = 'running' AND posts_status = 1";
        let row = sqlx::query(sql).bind(call.0).fetch_optional(tx.db()).await?;
        let Some(row) = row else { return Ok(()) };
        let run = Run::read(&mut tx, RunId(row.try_get("run")?)).await?;
        let since = pack::time_if(row.try_get("started_at")?)?.unwrap_or(now);
        let text = format!("Running since {}", since.strftime("%H:%M UTC"));
        run.owe_pending(&mut tx, row.try_get("context")?, &text, now).await?;
        tx.commit().await
    }
}

#[cfg(test)]
mod tests;
