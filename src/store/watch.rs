//! What the watchdog asks: what is believed to be under way.

use jiff::Timestamp;
use sqlx::Row;

use super::error::StoreError;
use super::outcome::{Run, conclude};
use super::{Store, pack};
use crate::domain::ids::{CallId, RunId};
use crate::domain::run::Verdict;

/// A call that is running, as far as the store knows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RunningCall {
    pub id: CallId,
    pub run: RunId,
    pub attempt: u32,
    pub started_at: Option<Timestamp>,
}

/// Queued runs that are looked at in one go; the next go takes the next ones.
const QUEUED_AT_ONCE: i64 = 2000;

/// Runs without a call that could still do something.
pub(super) const STUCK: &str = "\
    SELECT id FROM run INDEXED BY run_unfinished
    WHERE state = $1 AND state <> 'finished' AND id > $2 AND id <= $3
      AND NOT EXISTS (SELECT 1 FROM call WHERE call.run = run.id AND call.state <> 'finished')
    ORDER BY id";

impl Store {
    /// The calls that are running.
    pub async fn running_calls(&self) -> Result<Vec<RunningCall>, StoreError> {
        let sql = "SELECT id, run, attempt, started_at FROM call INDEXED BY call_running
                   WHERE state = 'running' ORDER BY id";
        let rows = sqlx::query(sql).fetch_all(&self.inner.readers).await?;
        let call = |row: &sqlx::sqlite::SqliteRow| -> Result<RunningCall, StoreError> {
            Ok(RunningCall {
                id: CallId(row.try_get("id")?),
                run: RunId(row.try_get("run")?),
                attempt: row.try_get("attempt")?,
                started_at: pack::time_if(row.try_get("started_at")?)?,
            })
        };
        rows.iter().map(call).collect()
    }

    /// Runs that are not finished though all of their calls are: all that are running, and some
    /// of those queued, from behind `after` on. With where to go on the next time.
    pub async fn stuck_runs(&self, after: RunId) -> Result<(Vec<RunId>, RunId), StoreError> {
        let mut tx = self.inner.readers.begin().await?;
        let stuck = |state, after: i64, last: i64| {
            sqlx::query_scalar::<_, i64>(STUCK).bind(state).bind(after).bind(last)
        };
        let mut runs = stuck("running", 0, i64::MAX).fetch_all(&mut *tx).await?;
        let sql = "SELECT max(id) FROM (SELECT id FROM run INDEXED BY run_unfinished
                   WHERE state = 'queued' AND state <> 'finished' AND id > $1
                   ORDER BY id LIMIT $2)";
        let last: Option<i64> =
            sqlx::query_scalar(sql).bind(after.0).bind(QUEUED_AT_ONCE).fetch_one(&mut *tx).await?;
        if let Some(last) = last {
            runs.extend(stuck("queued", after.0, last).fetch_all(&mut *tx).await?);
        }
        Ok((runs.into_iter().map(RunId).collect(), RunId(last.unwrap_or(0))))
    }

    /// Finishes a run whose calls all are, by how they ended. None: it is finished, or a call is
    /// not.
    pub async fn finish_stuck_run(
        &self,
        id: RunId,
        now: Timestamp,
    ) -> Result<Option<Verdict>, StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        let sql = "SELECT EXISTS (SELECT 1 FROM run
                                  WHERE id = $1 AND state IN ('queued', 'running'))
                      AND NOT EXISTS (SELECT 1 FROM call
                                      WHERE run = $1 AND state <> 'finished')";
        let stuck: bool = sqlx::query_scalar(sql).bind(id.0).fetch_one(tx.db()).await?;
        if !stuck {
            return Ok(None);
        }
        let run = Run::read(&mut tx, id).await?;
        // With all that a run's end brings with it: its summary, the next of its group.
        let verdict = conclude(&mut tx, &run, now).await?;
        tx.commit().await?;
        Ok(verdict)
    }
}

#[cfg(test)]
mod tests;
