//! Held runs are let go: by an approval of their commit, now or before they came.

use jiff::Timestamp;
use sqlx::Row;

use super::super::cancel::cancel_group;
use super::super::connection::Transaction;
use super::super::error::StoreError;
use super::super::outcome::{Run, conclude};
use super::super::{pack, queue, waits};
use super::{Approved, Place, history};
use crate::domain::actor::Actor;
use crate::domain::ids::RunId;
use crate::store::RunSettings;

/// Keeps an approval, and lets go what waits for it.
pub(super) async fn approve(
    tx: &mut Transaction<'_>,
    place: &Place,
    actor: &Actor,
    now: Timestamp,
) -> Result<Approved, StoreError> {
    let Place { forge, repository, place, sha } = place;
    let sql = "INSERT INTO approval (vendor, repository, place, sha, actor, at)
               VALUES ($1, $2, $3, $4, $5, $6)
               ON CONFLICT (vendor, repository, place, sha)
               DO UPDATE SET actor = excluded.actor, at = excluded.at";
    sqlx::query(sql)
        .bind(forge.to_string())
        .bind(repository.as_str())
        .bind(place)
        .bind(sha.as_str())
        .bind(actor.to_string())
        .bind(now.as_microsecond())
        .execute(tx.db())
        .await?;
    let sql = "SELECT id FROM run INDEXED BY run_held
               WHERE state = 'held' AND vendor = $1 AND repository = $2 AND held_at = $3
                 AND sha = $4 ORDER BY id";
    let held: Vec<i64> = sqlx::query_scalar(sql)
        .bind(forge.to_string())
        .bind(repository.as_str())
        .bind(place)
        .bind(sha.as_str())
        .fetch_all(tx.db())
        .await?;
    let mut approved = Approved::default();
    for run in held.into_iter().map(RunId) {
        release(tx, run, actor, now).await?;
        approved.released.push(run);
    }
    Ok(approved)
}

/// Whether a run had to wait for an approval of its commit and there is none, or none any more.
pub(super) async fn lacks_approval(
    tx: &mut Transaction<'_>,
    run: RunId,
) -> Result<bool, StoreError> {
    let sql = "SELECT run.held_at IS NOT NULL AND NOT EXISTS (
                 SELECT 1 FROM approval
                 WHERE approval.vendor = run.vendor AND approval.repository = run.repository
                   AND approval.place = run.held_at AND approval.sha = run.sha)
               FROM run WHERE run.id = $1";
    Ok(sqlx::query_scalar(sql).bind(run.0).fetch_one(tx.db()).await?)
}

/// Lets a run go that was held when it came, if its commit was approved before.
pub(in crate::store) async fn release_if_approved(
    tx: &mut Transaction<'_>,
    run: RunId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "SELECT approval.actor FROM run
               JOIN approval ON approval.vendor = run.vendor
                AND approval.repository = run.repository AND approval.place = run.held_at
                AND approval.sha = run.sha
               WHERE run.id = $1 AND run.state = 'held'";
    let actor: Option<String> = sqlx::query_scalar(sql).bind(run.0).fetch_optional(tx.db()).await?;
    let Some(actor) = actor else { return Ok(()) };
    let actor = actor.parse().map_err(|why| StoreError::unreadable("an approval", why))?;
    release(tx, run, &actor, now).await
}

/// Lets a held run go: as a new one of its group would, it cancels or waits for the others.
async fn release(
    tx: &mut Transaction<'_>,
    id: RunId,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), StoreError> {
    let run = Run::read(tx, id).await?;
    let sql = "SELECT run.delivery, run.concurrency, run_plan.settings FROM run
               LEFT JOIN run_plan ON run_plan.run = run.id WHERE run.id = $1";
    let row = sqlx::query(sql).bind(id.0).fetch_one(tx.db()).await?;
    let group: Option<String> = row.try_get("concurrency")?;
    let mut waits = false;
    if let Some(group) = &group {
        let settings: &str = row.try_get("settings")?;
        let settings: RunSettings = pack::from_json("a run's settings", settings.as_bytes())?;
        if settings.concurrency.is_some_and(|it| it.cancel) {
            cancel_group(tx, row.try_get("delivery")?, (&run, group), now).await?;
        }
        waits = queue::group_is_taken(tx, run.forge, &run.repository, group).await?;
    }
    let sql = "UPDATE run SET state = 'queued', why = NULL, waits = $1
               WHERE id = $2 AND state = 'held'";
    sqlx::query(sql).bind(i64::from(waits)).bind(id.0).execute(tx.db()).await?;
    let sql = "UPDATE call SET held = $1, queued_at = $2 WHERE run = $3 AND state = 'queued'
               RETURNING context, posts_status";
    let calls = sqlx::query(sql)
        .bind(i64::from(waits))
        .bind(now.as_microsecond())
        .bind(id.0)
        .fetch_all(tx.db())
        .await?;
    let text = format!("Queued, let go by {}", actor.name());
    for call in &calls {
        if call.try_get("posts_status")? {
            run.owe_pending(tx, call.try_get("context")?, &text, now).await?;
        }
    }
    if waits {
        waits::tell(tx, id, now).await?;
    }
    conclude(tx, &run, now).await?;
    history::note(tx, id, actor, "approved", None, now).await
}
