//! Why what is queued has not begun yet.

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::connection::Transaction;
use super::error::StoreError;
use super::outcome::Run;
use super::pack;
use super::run::RunView;
use super::state::{CallState, RunState};
use crate::domain::ids::RunId;
use crate::domain::plan::Action;

/// What a queued call waits for, as far as the store knows: whether the engine answers, and how
/// many calls the operator lets run at once, others know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waits {
    /// Somebody's word: its run is held.
    Word,
    /// Another run of its group; in words.
    Group(String),
    /// This time, to be tried again.
    Until(Timestamp),
    /// One of so many calls of its spec, which are all under way.
    Spec(u32),
    /// Its turn.
    Turn { needs_engine: bool },
}

/// Of a run that waits for its group (`run` in the statement around it): the run that the group
/// is held by, and the one that is right before it.
pub(super) const AHEAD: &str = "\
    (SELECT min(first.id) FROM run AS first INDEXED BY run_in_group
     WHERE run.waits = 1 AND first.vendor = run.vendor AND first.repository = run.repository
       AND first.concurrency = run.concurrency AND first.concurrency IS NOT NULL
       AND first.state <> 'finished' AND first.state <> 'held' AND first.waits = 0) AS holder,
    (SELECT max(first.id) FROM run AS first INDEXED BY run_in_group
     WHERE run.waits = 1 AND first.vendor = run.vendor AND first.repository = run.repository
       AND first.concurrency = run.concurrency AND first.concurrency IS NOT NULL
       AND first.state <> 'finished' AND first.state <> 'held' AND first.waits = 1
       AND first.id < run.id) AS before";

/// Of a call: as many are under way as its spec wants; NULL: not so many.
pub(super) const LIMIT: &str = "\
    CASE WHEN call.state = 'queued' THEN
      (SELECT lane.max_parallel FROM lane
       WHERE lane.id = call.lane
         AND lane.max_parallel <= (SELECT count(*) FROM call AS other INDEXED BY call_running
                                   WHERE other.state = 'running' AND other.lane = lane.id))
    END AS spec_limit";

/// Why a run waits, from the columns of [`AHEAD`] and its group: of several ahead of it the one
/// right before it, which stays so until its own turn, and the one that they all wait for.
pub(super) fn of_run(row: &SqliteRow) -> Result<Option<String>, StoreError> {
    let group: Option<String> = row.try_get("concurrency")?;
    let holder = row.try_get::<Option<i64>, _>("holder")?.map(RunId);
    let before = row.try_get::<Option<i64>, _>("before")?.map(RunId);
    let Some(group) = group else { return Ok(None) };
    Ok(match (before, holder) {
        (Some(before), Some(holder)) => {
            Some(format!("{}; run {holder} holds it", behind(&group, before)))
        }
        (Some(first), None) | (None, Some(first)) => Some(behind(&group, first)),
        (None, None) => None,
    })
}

fn behind(group: &str, first: RunId) -> String {
    format!("waits for group `{group}` behind run {first}")
}

/// Why a call of a run waits, from the columns `not_before` and [`LIMIT`]; none: it does not.
pub(super) fn of_call(
    row: &SqliteRow,
    run: &RunView,
    (state, action): (&CallState, &Action),
) -> Result<Option<Waits>, StoreError> {
    if *state != CallState::Queued {
        return Ok(None);
    }
    let until = pack::time_if(row.try_get("not_before")?)?;
    let limit: Option<u32> = row.try_get("spec_limit")?;
    Ok(Some(match (&run.state, &run.waits, until, limit) {
        (RunState::Held(_), ..) => Waits::Word,
        (_, Some(words), ..) => Waits::Group(words.clone()),
        (.., Some(until), _) => Waits::Until(until),
        (.., Some(limit)) => Waits::Spec(limit),
        _ => Waits::Turn { needs_engine: matches!(action, Action::Dagger { .. }) },
    }))
}

/// Owes a status that says behind whom a run waits, where its calls post one.
pub(super) async fn tell(
    tx: &mut Transaction<'_>,
    waiting: RunId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = format!("SELECT concurrency, {AHEAD} FROM run WHERE id = $1");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(waiting.0).fetch_one(tx.db()).await?;
    let group: Option<String> = row.try_get("concurrency")?;
    let (holder, before): (Option<i64>, Option<i64>) =
        (row.try_get("holder")?, row.try_get("before")?);
    // Not who holds it now: nobody is told again with each of those before it.
    let (Some(group), Some(first)) = (group, before.or(holder)) else { return Ok(()) };
    let text = format!("Queued: {}", behind(&group, RunId(first)));
    tell_queued(tx, waiting, &text, now).await
}

/// Owes a pending status for each queued call of a run that posts one.
pub(super) async fn tell_queued(
    tx: &mut Transaction<'_>,
    run: RunId,
    text: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "SELECT context FROM call WHERE run = $1 AND state = 'queued' AND posts_status = 1
               ORDER BY position";
    let contexts: Vec<String> = sqlx::query_scalar(sql).bind(run.0).fetch_all(tx.db()).await?;
    if contexts.is_empty() {
        return Ok(());
    }
    let run = Run::read(tx, run).await?;
    for context in contexts {
        run.owe_pending(tx, context, text, now).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
