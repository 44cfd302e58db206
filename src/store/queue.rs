//! The order in which calls start: fair over repositories, then oldest first, within limits.

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::connection::Transaction;
use super::error::StoreError;
use super::{Store, pack, waits};
use crate::domain::ids::{ForgeId, RepoName, RunId};

/// Which calls can be started at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Startable {
    /// All of them.
    Any,
    /// Only commands without a module: the engine does not answer.
    Commands,
    /// Whether the engine answers has not been asked: what is next, unless it needs the engine.
    Unasked,
}

/// What was found at the head of the queue.
#[derive(Debug)]
pub enum Next<T> {
    /// It was claimed.
    Claimed(T),
    /// It needs the engine, which is to be asked first.
    NeedsEngine,
    Nothing,
}

/// How many calls at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of one repository; none: no limit.
    pub per_repository: Option<u32>,
}

/// The repository with the fewest calls under way comes first, of those the one that was served
/// the longest ago, and of it the oldest call whose lane is not full.
///
/// `ready` hops from lane to lane of the index and never over the calls in one: what it costs is
/// the number of lanes in which calls wait, however many wait in each.
pub(super) const NEXT: &str = "\
    WITH RECURSIVE
      under_way (lane, repository) AS MATERIALIZED (
        SELECT lane.id, lane.repository
        FROM call INDEXED BY call_running JOIN lane ON lane.id = call.lane
        WHERE call.state = 'running'),
      ready (shell, lane) AS (
        SELECT 1, min(lane) FROM call INDEXED BY call_ready
        WHERE state = 'queued' AND held = 0 AND not_before IS NULL AND shell = 1
        UNION ALL
        SELECT 0, min(lane) FROM call INDEXED BY call_ready
        WHERE state = 'queued' AND held = 0 AND not_before IS NULL AND shell = 0 AND $1
        UNION ALL
        SELECT shell, (SELECT min(call.lane) FROM call INDEXED BY call_ready
                       WHERE state = 'queued' AND held = 0 AND not_before IS NULL
                         AND call.shell = ready.shell AND call.lane > ready.lane)
        FROM ready WHERE lane IS NOT NULL),
      lanes (shell, id, repository, max_parallel, busy) AS (
        SELECT ready.shell, lane.id, lane.repository, lane.max_parallel,
               (SELECT count(*) FROM under_way WHERE under_way.repository = lane.repository)
        FROM ready JOIN lane ON lane.id = ready.lane)
    SELECT (SELECT min(id) FROM call INDEXED BY call_ready
            WHERE state = 'queued' AND held = 0 AND not_before IS NULL
              AND call.shell = lanes.shell AND call.lane = lanes.id) AS next,
           repository.id AS repository, lanes.shell AS shell
    FROM lanes JOIN repository ON repository.id = lanes.repository
    WHERE busy < $2
      AND (max_parallel IS NULL
           OR max_parallel > (SELECT count(*) FROM under_way WHERE under_way.lane = lanes.id))
    ORDER BY busy, served, next LIMIT 1";

/// What waited for a time that has come waits for nothing any more.
pub(super) const WAKE: &str = "\
    UPDATE call INDEXED BY call_postponed SET not_before = NULL
    WHERE state = 'queued' AND not_before IS NOT NULL AND not_before <= $1";

const CLAIM: &str = "\
    UPDATE call SET state = 'running', started_at = $1, pid = NULL, pid_started = NULL
    WHERE id = $2 RETURNING id, run, position, attempt, engine_tries";

/// Claims the next call, if there is one that may start.
pub(super) async fn claim(
    tx: &mut Transaction<'_>,
    startable: Startable,
    limits: Limits,
    now: Timestamp,
) -> Result<Next<SqliteRow>, StoreError> {
    sqlx::query(WAKE).bind(now.as_microsecond()).execute(tx.db()).await?;
    let next = sqlx::query(NEXT)
        .bind(startable != Startable::Commands)
        .bind(limits.per_repository.map_or(i64::MAX, i64::from))
        .fetch_optional(tx.db())
        .await?;
    let Some(next) = next else { return Ok(Next::Nothing) };
    if startable == Startable::Unasked && !next.try_get::<bool, _>("shell")? {
        return Ok(Next::NeedsEngine);
    }
    let sql = "UPDATE repository SET served = (SELECT max(served) + 1 FROM repository)
               WHERE id = $1";
    let repository: i64 = next.try_get("repository")?;
    sqlx::query(sql).bind(repository).execute(tx.db()).await?;
    let call: i64 = next.try_get("next")?;
    let claim = sqlx::query(CLAIM).bind(now.as_microsecond()).bind(call);
    Ok(claim.fetch_optional(tx.db()).await?.map_or(Next::Nothing, Next::Claimed))
}

/// The lane of a spec, made when it is new.
pub(super) async fn lane(
    tx: &mut Transaction<'_>,
    forge: ForgeId,
    repository: &RepoName,
    (spec_path, spec_name): (&str, &str),
    max_parallel: Option<u32>,
) -> Result<i64, StoreError> {
    // One that has just come to be is served as if it had been in turn: first.
    let sql = "INSERT INTO repository (vendor, name) VALUES ($1, $2)
               ON CONFLICT (vendor, name) DO UPDATE SET name = name RETURNING id";
    let id: i64 = sqlx::query_scalar(sql)
        .bind(forge.to_string())
        .bind(repository.as_str())
        .fetch_one(tx.db())
        .await?;
    let sql = "INSERT INTO lane (repository, spec_path, spec_name, max_parallel)
               VALUES ($1, $2, $3, $4)
               ON CONFLICT (repository, spec_path, spec_name)
               DO UPDATE SET max_parallel = excluded.max_parallel RETURNING id";
    let lane = sqlx::query_scalar(sql)
        .bind(id)
        .bind(spec_path)
        .bind(spec_name)
        .bind(max_parallel)
        .fetch_one(tx.db());
    Ok(lane.await?)
}

/// Whether a run of this group goes on, or waits for its turn.
pub(super) async fn group_is_taken(
    tx: &mut Transaction<'_>,
    forge: ForgeId,
    repository: &RepoName,
    group: &str,
) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM run INDEXED BY run_in_group
                              WHERE vendor = $1 AND repository = $2 AND concurrency = $3
                                AND state <> 'finished' AND state <> 'held')";
    let taken = sqlx::query_scalar(sql)
        .bind(forge.to_string())
        .bind(repository.as_str())
        .bind(group)
        .fetch_one(tx.db());
    Ok(taken.await?)
}

/// Lets the next run of a finished run's group go on, if there is one and none goes on already.
pub(super) async fn next_of_group(
    tx: &mut Transaction<'_>,
    finished: RunId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "SELECT vendor, repository, concurrency FROM run
               WHERE id = $1 AND concurrency IS NOT NULL";
    let Some(row) = sqlx::query(sql).bind(finished.0).fetch_optional(tx.db()).await? else {
        return Ok(());
    };
    let (vendor, repository): (String, String) =
        (row.try_get("vendor")?, row.try_get("repository")?);
    let group: String = row.try_get("concurrency")?;
    let sql = "UPDATE run SET waits = 0 WHERE id = (
                 SELECT min(id) FROM run INDEXED BY run_in_group
                 WHERE vendor = $1 AND repository = $2 AND concurrency = $3
                   AND state <> 'finished' AND waits = 1)
               AND NOT EXISTS (
                 SELECT 1 FROM run INDEXED BY run_in_group
                 WHERE vendor = $1 AND repository = $2 AND concurrency = $3
                   AND state <> 'finished' AND state <> 'held' AND waits = 0)
               RETURNING id";
    let next: Option<i64> = sqlx::query_scalar(sql)
        .bind(vendor.as_str())
        .bind(repository.as_str())
        .bind(group.as_str())
        .fetch_optional(tx.db())
        .await?;
    let Some(next) = next else {
        // It waited itself, if anybody waits still: whoever was behind it is behind another.
        let sql = "SELECT min(id) FROM run INDEXED BY run_in_group
                   WHERE vendor = $1 AND repository = $2 AND concurrency = $3
                     AND state <> 'finished' AND state <> 'held' AND waits = 1 AND id > $4";
        let behind: Option<i64> = sqlx::query_scalar(sql)
            .bind(vendor)
            .bind(repository)
            .bind(group)
            .bind(finished.0)
            .fetch_one(tx.db())
            .await?;
        return match behind {
            Some(behind) => waits::tell(tx, RunId(behind), now).await,
            None => Ok(()),
        };
    };
    let sql = "UPDATE call SET held = 0 WHERE run = $1 AND state = 'queued'";
    sqlx::query(sql).bind(next).execute(tx.db()).await?;
    waits::tell_queued(tx, RunId(next), "Queued", now).await
}

impl Store {
    /// When the next call that waits for a time is due; none when none does.
    pub async fn next_call_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT min(not_before) FROM call INDEXED BY call_postponed
                   WHERE state = 'queued' AND not_before IS NOT NULL";
        let due: Option<i64> = sqlx::query_scalar(sql).fetch_one(&self.inner.readers).await?;
        pack::time_if(due)
    }
}

#[cfg(test)]
mod tests;
