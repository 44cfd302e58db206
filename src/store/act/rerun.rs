//! Another attempt of a finished run.

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::super::connection::Transaction;
use super::super::error::StoreError;
use super::super::outcome::{Run, conclude};
use super::super::run::sha;
use super::super::{queue, waits};
use super::{ActError, CallId, Refused, history, release};
use crate::domain::actor::Actor;
use crate::domain::ids::{RunId, Sha};

/// Which calls of a run are begun again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rerun {
    All,
    /// Those that did not pass.
    Failed,
    Call(CallId),
    /// These, as far as they are its own.
    Calls(Vec<CallId>),
}

/// What is begun again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reran {
    pub run: RunId,
    /// The attempt of the run that this is.
    pub attempt: u32,
    pub calls: Vec<CallId>,
}

pub(super) async fn rerun(
    tx: &mut Transaction<'_>,
    id: RunId,
    wanted: &Rerun,
    actor: &Actor,
    now: Timestamp,
) -> Result<Reran, ActError> {
    let sql = "SELECT vendor, repository, sha, state, place, concurrency FROM run WHERE id = $1";
    let row = sqlx::query(sql).bind(id.0).fetch_optional(tx.db()).await?;
    let row = row.ok_or(Refused::NoRun(id))?;
    match row.try_get::<&str, _>("state")? {
        "held" => return Err(Refused::StillHeld(id).into()),
        "finished" => {}
        _ => return Err(Refused::Unfinished(id).into()),
    }
    if let Some(by) = overtaken_by(tx, &row).await? {
        return Err(Refused::Overtaken { run: id, by }.into());
    }
    // It was ended while it waited, or a push took the approval back: its end lets nothing go.
    if release::lacks_approval(tx, id).await? {
        return Err(Refused::NotApproved { run: id, sha: sha(&row)? }.into());
    }
    let calls = chosen(tx, id, wanted).await?;
    let run = Run::read(tx, id).await?;
    let group: Option<String> = row.try_get("concurrency")?;
    let waits = match &group {
        Some(group) => queue::group_is_taken(tx, run.forge, &run.repository, group).await?,
        None => false,
    };
    let sql = "UPDATE run SET state = 'queued', verdict = NULL, started_at = NULL,
                 finished_at = NULL, attempt = attempt + 1, waits = $1
               WHERE id = $2 RETURNING attempt";
    let attempt: u32 =
        sqlx::query_scalar(sql).bind(i64::from(waits)).bind(id.0).fetch_one(tx.db()).await?;
    let text = format!("Queued again by {} (attempt {attempt})", actor.name());
    for call in &calls {
        again(tx, &run, *call, (attempt, waits), &text, now).await?;
    }
    if waits {
        waits::tell(tx, id, now).await?;
    }
    // The summary is pending again, from a start that is still to come.
    let run = Run::read(tx, id).await?;
    conclude(tx, &run, now).await?;
    let detail = match wanted {
        Rerun::All => "all".to_owned(),
        Rerun::Failed => "what did not pass".to_owned(),
        Rerun::Call(_) | Rerun::Calls(_) => format!("{} of its calls", calls.len()),
    };
    history::note(tx, id, actor, "rerun", Some(&detail), now).await?;
    Ok(Reran { run: id, attempt, calls })
}

/// The newest commit of the run's place, where it is another: its statuses are what people look
/// at, and the run would be cancelled by it if it began now.
pub(super) async fn overtaken_by(
    tx: &mut Transaction<'_>,
    row: &SqliteRow,
) -> Result<Option<Sha>, StoreError> {
    let sql = "SELECT sha FROM place
               WHERE vendor = $1 AND repository = $2 AND name = $3 AND sha IS NOT NULL
                 AND sha <> $4";
    let newer: Option<String> = sqlx::query_scalar(sql)
        .bind(row.try_get::<String, _>("vendor")?)
        .bind(row.try_get::<String, _>("repository")?)
        .bind(row.try_get::<Option<String>, _>("place")?)
        .bind(row.try_get::<String, _>("sha")?)
        .fetch_optional(tx.db())
        .await?;
    let newer = newer.map(|sha| sha.parse());
    newer.transpose().map_err(|why| StoreError::unreadable("a commit", why))
}

async fn chosen(
    tx: &mut Transaction<'_>,
    run: RunId,
    wanted: &Rerun,
) -> Result<Vec<CallId>, ActError> {
    let sql = "SELECT id, outcome FROM call WHERE run = $1 ORDER BY position";
    let rows = sqlx::query(sql).bind(run.0).fetch_all(tx.db()).await?;
    if rows.is_empty() {
        return Err(Refused::NothingCalled.into());
    }
    let mut chosen = Vec::new();
    for row in &rows {
        let id = CallId(row.try_get("id")?);
        let outcome: Option<&str> = row.try_get("outcome")?;
        let is_wanted = match wanted {
            Rerun::All => true,
            Rerun::Failed => outcome != Some("passed"),
            Rerun::Call(call) => id == *call,
            Rerun::Calls(calls) => calls.contains(&id),
        };
        if is_wanted {
            chosen.push(id);
        }
    }
    match (chosen.is_empty(), wanted) {
        (false, _) => Ok(chosen),
        (true, Rerun::Failed) => Err(Refused::NothingFailed.into()),
        (true, _) => Err(Refused::NoSuchCall.into()),
    }
}

/// Queues a finished call again, and keeps how it had ended.
async fn again(
    tx: &mut Transaction<'_>,
    run: &Run,
    call: CallId,
    (attempt, waits): (u32, bool),
    text: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO attempt (call, number, run_attempt, queued_at, started_at, finished_at,
                                    outcome, exit_status, detail, note)
               SELECT id, attempt, $2, queued_at, started_at, finished_at, outcome, exit_status,
                      detail, note
               FROM call WHERE id = $1 AND state = 'finished'";
    let before = i64::from(attempt) - 1;
    sqlx::query(sql).bind(call.0).bind(before).execute(tx.db()).await?;
    let sql = "UPDATE call SET state = 'queued', held = $1, attempt = attempt + 1, queued_at = $2,
                 started_at = NULL, finished_at = NULL, outcome = NULL, exit_status = NULL,
                 detail = NULL, note = NULL, interruptions = 0, engine_tries = 0,
                 not_before = NULL, pid = NULL, pid_started = NULL, cancel = NULL
               WHERE id = $3 AND state = 'finished' RETURNING context, posts_status";
    let row = sqlx::query(sql)
        .bind(i64::from(waits))
        .bind(now.as_microsecond())
        .bind(call.0)
        .fetch_one(tx.db())
        .await?;
    if row.try_get("posts_status")? {
        run.owe_pending(tx, row.try_get("context")?, text, now).await?;
    }
    Ok(())
}
