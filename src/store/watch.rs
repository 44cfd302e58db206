//! What the watchdog asks: what is believed to be under way.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::Row;

use super::error::StoreError;
use super::outcome::{Run, conclude};
use super::queue::next_of_group;
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

/// Runs that wait for a turn that nobody will give them.
pub(super) const FORGOTTEN: &str = "\
    SELECT min(id) FROM run INDEXED BY run_in_group
    WHERE concurrency IS NOT NULL AND state <> 'finished' AND state <> 'held'
    GROUP BY vendor, repository, concurrency HAVING min(waits) = 1";

/// Runs under way that have a limit and a call that could go on.
pub(super) const LIMITED: &str = "\
    SELECT run.id, run.started_at, json_extract(run_plan.settings, '$.run_timeout.secs') AS secs
    FROM run INDEXED BY run_unfinished JOIN run_plan ON run_plan.run = run.id
    WHERE run.state = 'running' AND run.state <> 'finished' AND secs IS NOT NULL
      AND EXISTS (SELECT 1 FROM call
                  WHERE call.run = run.id
                    AND (call.state = 'queued' OR call.state = 'running' AND call.cancel IS NULL))
      AND ($1 OR NOT EXISTS (SELECT 1 FROM call
                             WHERE call.run = run.id AND call.state = 'queued' AND call.shell = 0))";

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

    /// The first of the runs that wait for a group which nobody holds, of each such group.
    pub async fn forgotten_runs(&self) -> Result<Vec<RunId>, StoreError> {
        let runs: Vec<i64> = sqlx::query_scalar(FORGOTTEN).fetch_all(&self.inner.readers).await?;
        Ok(runs.into_iter().map(RunId).collect())
    }

    /// Lets the next run of this one's group go on. False: somebody holds the group by now.
    pub async fn let_forgotten_go(&self, run: RunId, now: Timestamp) -> Result<bool, StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        next_of_group(&mut tx, run, now).await?;
        let sql = "SELECT waits = 0 FROM run WHERE id = $1";
        let gone_on = sqlx::query_scalar(sql).bind(run.0).fetch_optional(tx.db()).await?;
        tx.commit().await?;
        Ok(gone_on.unwrap_or(false))
    }

    /// The runs whose first call began longer ago than their limit, with that limit, and when the
    /// next one will have; what lies before `from` does not count. Not those all of whose calls
    /// are over or being ended, nor, unless there is an `engine`, those that wait for one.
    pub async fn overdue_runs(
        &self,
        from: Timestamp,
        engine: bool,
        now: Timestamp,
    ) -> Result<(Vec<(RunId, Duration)>, Option<Timestamp>), StoreError> {
        let rows = sqlx::query(LIMITED).bind(engine).fetch_all(&self.inner.readers).await?;
        let (mut overdue, mut next) = (Vec::new(), None);
        for row in &rows {
            let began = pack::time_if(row.try_get("started_at")?)?.unwrap_or(from).max(from);
            let limit = Duration::from_secs(row.try_get::<i64, _>("secs")?.unsigned_abs());
            let end = began.checked_add(limit).unwrap_or(Timestamp::MAX);
            if end <= now {
                overdue.push((RunId(row.try_get("id")?), limit));
            } else {
                next = Some(next.map_or(end, |next: Timestamp| next.min(end)));
            }
        }
        Ok((overdue, next))
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
