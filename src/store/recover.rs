//! Taking up what an earlier process left: at the start, when nobody else works in the folder.

use jiff::Timestamp;
use sqlx::Row;

use super::connection::Transaction;
use super::error::StoreError;
use super::outcome::{Run, conclude};
use super::run::RunSettings;
use super::{Store, lock, pack};
use crate::domain::ids::{CallId, RunId};
use crate::domain::report;
use crate::domain::retry::{self, Interrupted};
use crate::domain::run::Outcome;

/// What a status says of a call that an agent's death interrupted.
const RUNS_AGAIN: &str = "Interrupted by a restart of the agent; runs again";

/// What a start found unfinished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Deliveries that were being planned, and are to be planned again.
    pub deliveries: usize,
    /// Calls that were running, and are queued again.
    pub calls: usize,
    /// Calls that were running, and are over.
    pub ended: usize,
    /// Reports that are owed.
    pub reports: usize,
}

/// A process group that carried a call out when the agent died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leftover {
    pub call: CallId,
    pub pid: i32,
    /// In clock ticks since the machine started; without it nobody can tell whose process it is.
    pub start_time: Option<u64>,
}

impl Store {
    /// The processes of calls that were running; to be ended before [`Store::recover`] forgets
    /// them.
    pub async fn leftovers(&self) -> Result<Vec<Leftover>, StoreError> {
        let sql = "SELECT id, pid, pid_started FROM call INDEXED BY call_running
                   WHERE state = 'running' AND pid IS NOT NULL ORDER BY id";
        let rows = sqlx::query(sql).fetch_all(&self.inner.readers).await?;
        rows.iter()
            .map(|row| {
                let start_time: Option<i64> = row.try_get("pid_started")?;
                Ok(Leftover {
                    call: CallId(row.try_get("id")?),
                    pid: row.try_get("pid")?,
                    start_time: start_time.map(i64::cast_unsigned),
                })
            })
            .collect()
    }

    /// Takes up what an earlier process left: to be called at the start, when nobody else works
    /// in this folder. Claimed deliveries are received again; running calls are queued again as
    /// another attempt, or finished, as their specs want it.
    pub async fn recover(&self, now: Timestamp) -> Result<Recovered, StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        lock(&self.inner.in_flight).clear();
        let sql = "UPDATE delivery SET state = 'received', claimed_at = NULL, retry_at = NULL,
                     note = $1
                   WHERE state = 'claimed'";
        let note = format!("The agent stopped while planning it; taken up again at {now:.0}");
        let deliveries = sqlx::query(sql).bind(note).execute(tx.db()).await?.rows_affected();
        let (calls, ended) = take_up_calls(&mut tx, now).await?;
        let sql = "SELECT (SELECT count(*) FROM report
                           WHERE state = 'owed' AND next_try IS NULL)
                        + (SELECT count(*) FROM report
                           WHERE state = 'owed' AND next_try IS NOT NULL)";
        let reports: i64 = sqlx::query_scalar(sql).fetch_one(tx.db()).await?;
        crate::crash::point("start.before-recover");
        tx.commit().await?;
        Ok(Recovered { deliveries: deliveries as usize, calls, ended, reports: reports as usize })
    }
}

/// Queues interrupted calls again or ends them; how many of each.
async fn take_up_calls(
    tx: &mut Transaction<'_>,
    now: Timestamp,
) -> Result<(usize, usize), StoreError> {
    let sql = "SELECT call.id, call.run, call.context, call.posts_status, call.interruptions,
                      call.cancel, run_plan.settings
               FROM call INDEXED BY call_running
               LEFT JOIN run_plan ON run_plan.run = call.run
               WHERE call.state = 'running' ORDER BY call.run, call.position";
    let rows = sqlx::query(sql).fetch_all(tx.db()).await?;
    let (mut again, mut ended) = (0, 0);
    // The run of the rows at hand, and whether any of its calls has ended.
    let mut run: Option<(Run, bool)> = None;
    for row in &rows {
        let of = RunId(row.try_get("run")?);
        if run.as_ref().is_none_or(|(run, _)| run.id != of) {
            conclude_if_ended(tx, run.take(), now).await?;
            run = Some((Run::read(tx, of).await?, false));
        }
        let Some((run, any_ended)) = &mut run else { continue };
        let id: i64 = row.try_get("id")?;
        let cancel: Option<String> = row.try_get("cancel")?;
        let settings: Option<&str> = row.try_get("settings")?;
        let over = match cancel {
            Some(why) => Some(Outcome::Cancelled(why)),
            // What cannot be read is found by whoever claims it, and given up there.
            None => match settings
                .map(|text| pack::from_json::<RunSettings>("a run's settings", text.as_bytes()))
            {
                Some(Ok(settings)) => {
                    match retry::interrupted(settings.on_interrupt, row.try_get("interruptions")?) {
                        Interrupted::Again => None,
                        Interrupted::Lost(why) => Some(Outcome::Lost(why.to_owned())),
                    }
                }
                _ => None,
            },
        };
        let posts: bool = row.try_get("posts_status")?;
        let context: String = row.try_get("context")?;
        match over {
            None => {
                again += 1;
                let sql = "UPDATE call SET state = 'queued', started_at = NULL, pid = NULL,
                             pid_started = NULL, attempt = attempt + 1,
                             interruptions = interruptions + 1, note = $1
                           WHERE id = $2";
                let note =
                    format!("The agent stopped while it was running; taken up again at {now:.0}");
                sqlx::query(sql).bind(note).bind(id).execute(tx.db()).await?;
                if posts {
                    run.owe_pending(tx, context, RUNS_AGAIN, now).await?;
                }
            }
            Some(outcome) => {
                (ended, *any_ended) = (ended + 1, true);
                let (Outcome::Cancelled(why) | Outcome::Lost(why)) = &outcome else { continue };
                let sql = "UPDATE call SET state = 'finished', finished_at = $1, outcome = $2,
                             detail = $3, pid = NULL, pid_started = NULL, cancel = NULL
                           WHERE id = $4";
                sqlx::query(sql)
                    .bind(now.as_microsecond())
                    .bind(outcome.code())
                    .bind(why)
                    .bind(id)
                    .execute(tx.db())
                    .await?;
                if posts {
                    let status = report::finished_call(&context, &outcome, Default::default());
                    run.owe(tx, &status, now).await?;
                }
            }
        }
    }
    conclude_if_ended(tx, run, now).await?;
    Ok((again, ended))
}

async fn conclude_if_ended(
    tx: &mut Transaction<'_>,
    run: Option<(Run, bool)>,
    now: Timestamp,
) -> Result<(), StoreError> {
    if let Some((run, true)) = run {
        conclude(tx, &run, now).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
