//! Taking up what an earlier process left: at the start, when nobody else works in the folder.

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::connection::Transaction;
use super::error::StoreError;
use super::outcome::{Run, conclude};
use super::run::RunSettings;
use super::state::outcome_columns;
use super::watch::RunningCall;
use super::{Store, lock, pack};
use crate::domain::ids::{CallId, RunId};
use crate::domain::report;
use crate::domain::retry::{self, Interrupted};
use crate::domain::run::Outcome;

/// What people are told of an interruption.
struct Words {
    /// The note on a call that is queued again, with the time behind it.
    note: &'static str,
    /// The status of one that is queued again.
    status: &'static str,
    /// Why one is lost; none: as the rule has it.
    lost: Option<&'static str>,
}

const RESTART: Words = Words {
    note: "The agent stopped while it was running",
    status: "Interrupted by a restart of the agent; runs again",
    lost: None,
};

const ADRIFT: Words = Words {
    note: "The agent lost hold of it, which is a mistake of ours",
    status: "Interrupted by a fault of the agent; runs again",
    lost: Some("the agent lost hold of it, which is a mistake of ours"),
};

/// What is read of an interrupted call.
const INTERRUPTED: &str = "\
    SELECT call.id, call.run, call.context, call.posts_status, call.interruptions, call.cancel,
           run_plan.settings
    FROM call INDEXED BY call_running
    LEFT JOIN run_plan ON run_plan.run = call.run
    WHERE call.state = 'running'";

/// What became of an interrupted call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TakenUp {
    /// It is queued again, as another attempt.
    Again,
    /// It is over.
    Ended(Outcome),
}

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

    /// Takes up one call that is in nobody's hands, by the rule of a start. None: it has moved on
    /// meanwhile.
    pub async fn take_up_call(
        &self,
        call: &RunningCall,
        now: Timestamp,
    ) -> Result<Option<TakenUp>, StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        let sql = format!(
            "{INTERRUPTED} AND call.id = $1 AND call.attempt = $2 AND call.started_at IS $3"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(call.id.0)
            .bind(call.attempt)
            .bind(call.started_at.map(Timestamp::as_microsecond))
            .fetch_optional(tx.db())
            .await?;
        let Some(row) = row else { return Ok(None) };
        let run = Run::read(&mut tx, call.run).await?;
        let taken_up = take_up(&mut tx, &run, &row, &ADRIFT, now).await?;
        conclude_if_ended(&mut tx, Some((run, taken_up != TakenUp::Again)), now).await?;
        tx.commit().await?;
        Ok(Some(taken_up))
    }
}

/// Queues interrupted calls again or ends them; how many of each.
async fn take_up_calls(
    tx: &mut Transaction<'_>,
    now: Timestamp,
) -> Result<(usize, usize), StoreError> {
    let sql = format!("{INTERRUPTED} ORDER BY call.run, call.position");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(tx.db()).await?;
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
        match take_up(tx, run, row, &RESTART, now).await? {
            TakenUp::Again => again += 1,
            TakenUp::Ended(_) => (ended, *any_ended) = (ended + 1, true),
        }
    }
    conclude_if_ended(tx, run, now).await?;
    Ok((again, ended))
}

/// Queues one of [`INTERRUPTED`] again, or ends it: by its spec, and by how often it was
/// interrupted before.
async fn take_up(
    tx: &mut Transaction<'_>,
    run: &Run,
    row: &SqliteRow,
    words: &Words,
    now: Timestamp,
) -> Result<TakenUp, StoreError> {
    let id: i64 = row.try_get("id")?;
    let cancel: Option<String> = row.try_get("cancel")?;
    let settings: Option<&str> = row.try_get("settings")?;
    let settings =
        settings.map(|text| pack::from_json::<RunSettings>("a run's settings", text.as_bytes()));
    let over = match (cancel, settings) {
        (Some(why), _) => Some(Outcome::Cancelled(why)),
        (None, Some(Ok(settings))) => {
            match retry::interrupted(settings.on_interrupt, row.try_get("interruptions")?) {
                Interrupted::Again => None,
                Interrupted::Lost(why) => Some(Outcome::Lost(words.lost.unwrap_or(why).to_owned())),
            }
        }
        // What cannot be read is found by whoever claims it, and given up there.
        (None, _) => None,
    };
    let Some(outcome) = over else {
        let sql = "UPDATE call SET state = 'queued', started_at = NULL, pid = NULL,
                     pid_started = NULL, attempt = attempt + 1,
                     interruptions = interruptions + 1, note = $1
                   WHERE id = $2";
        let note = format!("{}; taken up again at {now:.0}", words.note);
        sqlx::query(sql).bind(note).bind(id).execute(tx.db()).await?;
        if row.try_get("posts_status")? {
            run.owe_pending(tx, row.try_get("context")?, words.status, now).await?;
        }
        return Ok(TakenUp::Again);
    };
    let (exit, detail) = outcome_columns(&outcome);
    let sql = "UPDATE call SET state = 'finished', finished_at = $1, outcome = $2,
                 exit_status = $3, detail = $4, pid = NULL, pid_started = NULL, cancel = NULL
               WHERE id = $5";
    sqlx::query(sql)
        .bind(now.as_microsecond())
        .bind(outcome.code())
        .bind(exit)
        .bind(detail)
        .bind(id)
        .execute(tx.db())
        .await?;
    if row.try_get("posts_status")? {
        let status = report::finished_call(row.try_get("context")?, &outcome, Default::default());
        run.owe(tx, &status, now).await?;
    }
    Ok(TakenUp::Ended(outcome))
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
