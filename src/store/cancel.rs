//! Work that has become superfluous: queued calls end at once, running ones are marked, and ended
//! by whoever carries them out.

use jiff::Timestamp;
use sqlx::Row;

use super::Store;
use super::connection::Transaction;
use super::error::StoreError;
use super::outcome::{Run, conclude};
use super::run::{NewRun, NewRunState};
use crate::domain::ids::{CallId, DeliveryId, ForgeId, RepoName, RunId, Sha};
use crate::domain::report;
use crate::domain::run::Outcome;
use crate::domain::succession::{Step, Succession};

/// A running call that is to be ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToEnd {
    pub call: CallId,
    pub why: String,
}

impl Store {
    /// Cancels what of a run is not finished; its running calls are among
    /// [`Store::calls_to_end`] then.
    pub async fn cancel_run(
        &self,
        run: RunId,
        why: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        cancel(&mut tx, run, why, now).await?;
        tx.commit().await
    }

    /// The commit that a place was at before a delivery came; none where nobody remembers, or it
    /// was closed.
    pub async fn commit_at(
        &self,
        forge: ForgeId,
        repository: &RepoName,
        place: &str,
        before: DeliveryId,
    ) -> Result<Option<Sha>, StoreError> {
        let sql = "SELECT sha FROM place
                   WHERE vendor = $1 AND repository = $2 AND name = $3 AND delivery < $4";
        let sha: Option<Option<String>> = sqlx::query_scalar(sql)
            .bind(forge.to_string())
            .bind(repository.as_str())
            .bind(place)
            .bind(before.0)
            .fetch_optional(&self.inner.readers)
            .await?;
        let sha = sha.flatten().map(|sha| sha.parse());
        sha.transpose().map_err(|error| StoreError::unreadable("a commit", error))
    }

    /// The running calls that are to be ended.
    pub async fn calls_to_end(&self) -> Result<Vec<ToEnd>, StoreError> {
        let sql = "SELECT id, cancel FROM call INDEXED BY call_running
                   WHERE state = 'running' AND cancel IS NOT NULL ORDER BY id";
        let rows = sqlx::query(sql).fetch_all(&self.inner.readers).await?;
        rows.iter()
            .map(|row| Ok(ToEnd { call: CallId(row.try_get("id")?), why: row.try_get("cancel")? }))
            .collect()
    }
}

/// Cancels a run: its queued and held calls are finished with this, its running ones marked.
pub(super) async fn cancel(
    tx: &mut Transaction<'_>,
    run: RunId,
    why: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let run = Run::read(tx, run).await?;
    let outcome = Outcome::Cancelled(why.to_owned());
    let sql = "UPDATE call SET state = 'finished', finished_at = $1, outcome = $2, detail = $3,
                 not_before = NULL
               WHERE run = $4 AND state = 'queued' RETURNING context, posts_status";
    let ended = sqlx::query(sql)
        .bind(now.as_microsecond())
        .bind(outcome.code())
        .bind(why)
        .bind(run.id.0)
        .fetch_all(tx.db())
        .await?;
    for row in &ended {
        if row.try_get("posts_status")? {
            let context = row.try_get("context")?;
            let status = report::finished_call(context, &outcome, Default::default());
            run.owe(tx, &status, now).await?;
        }
    }
    // What was asked for first stays the reason.
    let sql = "UPDATE call SET cancel = coalesce(cancel, $1)
               WHERE run = $2 AND state = 'running'";
    sqlx::query(sql).bind(why).bind(run.id.0).execute(tx.db()).await?;
    if !ended.is_empty() {
        conclude(tx, &run, now).await?;
    }
    Ok(())
}

/// What an event about a place does there.
pub(super) struct Arrival<'a> {
    pub(super) delivery: DeliveryId,
    pub(super) forge: ForgeId,
    pub(super) repository: &'a RepoName,
    pub(super) succession: &'a Succession,
}

/// Supersedes what a delivery makes superfluous at its place. A delivery that comes after a newer
/// one supersedes nothing, and is superseded itself: why is returned then.
pub(super) async fn supersede(
    tx: &mut Transaction<'_>,
    arrival: &Arrival<'_>,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    let Arrival { delivery, forge, repository, succession } = arrival;
    let commit = match &succession.step {
        Step::Commit(sha) => Some(sha.as_str()),
        Step::Closed => None,
    };
    let sql = "SELECT delivery, sha FROM place
               WHERE vendor = $1 AND repository = $2 AND name = $3 AND delivery > $4";
    let newer = sqlx::query(sql)
        .bind(forge.to_string())
        .bind(repository.as_str())
        .bind(&succession.place)
        .bind(delivery.0)
        .fetch_optional(tx.db())
        .await?;
    if let Some(newer) = newer {
        let sha: Option<String> = newer.try_get("sha")?;
        let same = sha.as_deref() == commit;
        let step = match sha {
            Some(sha) => Step::Commit(
                sha.parse().map_err(|error| StoreError::unreadable("a commit", error))?,
            ),
            None => Step::Closed,
        };
        return Ok((!same).then(|| step.reason()));
    }
    let sql = "INSERT INTO place (vendor, repository, name, delivery, sha)
               VALUES ($1, $2, $3, $4, $5)
               ON CONFLICT (vendor, repository, name)
               DO UPDATE SET delivery = excluded.delivery, sha = excluded.sha";
    sqlx::query(sql)
        .bind(forge.to_string())
        .bind(repository.as_str())
        .bind(&succession.place)
        .bind(delivery.0)
        .bind(commit)
        .execute(tx.db())
        .await?;
    if let Some(commit) = commit {
        // Whoever approves after it came knows of it.
        let sql = "DELETE FROM approval
                   WHERE vendor = $1 AND repository = $2 AND place = $3 AND sha <> $4
                     AND at < (SELECT received_at FROM delivery WHERE id = $5)";
        sqlx::query(sql)
            .bind(forge.to_string())
            .bind(repository.as_str())
            .bind(&succession.place)
            .bind(commit)
            .bind(delivery.0)
            .execute(tx.db())
            .await?;
    }
    let sql = "SELECT id FROM run INDEXED BY run_at_place
               WHERE vendor = $1 AND repository = $2 AND place = $3 AND state <> 'finished'
                 AND sha IS NOT $4 AND delivery < $5 ORDER BY id";
    let runs: Vec<i64> = sqlx::query_scalar(sql)
        .bind(forge.to_string())
        .bind(repository.as_str())
        .bind(&succession.place)
        .bind(commit)
        .bind(delivery.0)
        .fetch_all(tx.db())
        .await?;
    let why = succession.step.reason();
    // The newest first: one that waits for its group is not let go only to be cancelled next.
    for run in runs.into_iter().rev() {
        cancel(tx, RunId(run), &why, now).await?;
    }
    Ok(None)
}

/// Cancels the unfinished runs of a group that a new run does not want to wait for; those of the
/// same delivery are its equals, and stay. One that is held cancels nobody before it is let go: a
/// stranger must not end the work of others.
pub(super) async fn clear_group(
    tx: &mut Transaction<'_>,
    delivery: DeliveryId,
    new: &NewRun,
    now: Timestamp,
) -> Result<(), StoreError> {
    let group = new.settings.concurrency.as_ref().filter(|group| group.cancel);
    let (Some(group), Some(repository)) = (group, &new.event.repository) else {
        return Ok(());
    };
    if matches!(new.state, NewRunState::Held(_)) {
        return Ok(());
    }
    let of = (new.event.forge(), &repository.full_name, group.group.as_str());
    end_group(tx, delivery.0, of, &new.sha, now).await
}

/// The same for a run that was held and is let go.
pub(super) async fn cancel_group(
    tx: &mut Transaction<'_>,
    delivery: i64,
    (run, group): (&Run, &str),
    now: Timestamp,
) -> Result<(), StoreError> {
    end_group(tx, delivery, (run.forge, &run.repository, group), &run.sha, now).await
}

async fn end_group(
    tx: &mut Transaction<'_>,
    delivery: i64,
    (forge, repository, group): (ForgeId, &RepoName, &str),
    by: &Sha,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "SELECT id FROM run INDEXED BY run_in_group
               WHERE vendor = $1 AND repository = $2 AND concurrency = $3 AND state <> 'finished'
                 AND delivery <> $4 ORDER BY id";
    let runs: Vec<i64> = sqlx::query_scalar(sql)
        .bind(forge.to_string())
        .bind(repository.as_str())
        .bind(group)
        .bind(delivery)
        .fetch_all(tx.db())
        .await?;
    let why = format!("superseded by {} in the group {group}", by.short());
    for run in runs.into_iter().rev() {
        cancel(tx, RunId(run), &why, now).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
