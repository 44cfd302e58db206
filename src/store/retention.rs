//! What is no longer kept: finished runs with their calls, sent reports and logs, and settled
//! deliveries, the oldest first; then approvals and comments whose runs are gone, revoked tokens, and
//! sessions that are over. Nothing that is unfinished or owed. What is said of a delivery (what it
//! meant, at which branch or pull request it is the newest) goes with its row.
//!
//! In small transactions with room for others between them: the intake waits for one of them at
//! most.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use jiff::Timestamp;
use sqlx::{QueryBuilder, Row, Sqlite};

use super::error::StoreError;
use super::{LOGS, Store, pack};
use crate::domain::ids::RunId;
use crate::domain::space::{Keep, deliveries_since};

/// Runs that go in one transaction.
const RUNS_AT_ONCE: i64 = 16;
/// Deliveries that go in one transaction; large bodies have pages of their own to be freed.
const DELIVERIES_AT_ONCE: i64 = 64;
/// Rows of what is small that go in one transaction.
const ROWS_AT_ONCE: i64 = 500;
/// Free pages given back to the disk in one transaction, of 4 KiB.
const PAGES_AT_ONCE: u32 = 1024;
/// Free pages that stay for what comes next.
const PAGES_KEPT: i64 = 4096;
/// Folders of logs that are looked up at once.
const FOLDERS_AT_ONCE: usize = 500;

/// What went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    pub runs: usize,
    pub deliveries: usize,
}

/// Finished runs that owe nothing, the oldest end first.
pub(super) const BY_AGE: &str = "\
    SELECT id FROM run INDEXED BY run_by_end
    WHERE state = 'finished' AND finished_at < $1
      AND NOT EXISTS (SELECT 1 FROM report WHERE report.run = run.id AND report.state = 'owed')
    ORDER BY finished_at LIMIT $2";

/// Finished runs that owe nothing, up to a number.
pub(super) const BY_NUMBER: &str = "\
    SELECT id FROM run
    WHERE id <= $1 AND state = 'finished'
      AND NOT EXISTS (SELECT 1 FROM report WHERE report.run = run.id AND report.state = 'owed')
    ORDER BY id LIMIT $2";

pub(super) const DELIVERIES: &str = "\
    SELECT id FROM delivery INDEXED BY delivery_by_end
    WHERE state = 'settled' AND settled_at < $1
      AND NOT EXISTS (SELECT 1 FROM run WHERE run.delivery = delivery.id)
      AND NOT EXISTS (SELECT 1 FROM report
                      WHERE report.delivery = delivery.id AND report.state = 'owed')
    ORDER BY settled_at LIMIT $2";

/// Approvals of commits of which there is no run any more: what comes of one then waits anew.
const APPROVALS: &str = "\
    DELETE FROM approval WHERE (vendor, repository, place, sha) IN (
      SELECT vendor, repository, place, sha FROM approval
      WHERE at < $1
        AND NOT EXISTS (SELECT 1 FROM run INDEXED BY run_of_commit
                        WHERE run.vendor = approval.vendor
                          AND run.repository = approval.repository AND run.sha = approval.sha)
      LIMIT $2)";

/// Reactions, and comments on pull requests of which there is no run that they would tell of.
const EFFECTS: &str = "\
    DELETE FROM effect WHERE id IN (
      SELECT id FROM effect
      WHERE state <> 'owed' AND coalesce(sent_at, owed_since) < $1
        AND (kind = 'reaction'
             OR NOT EXISTS (SELECT 1 FROM run INDEXED BY run_of_head
                            WHERE run.vendor = effect.vendor
                              AND run.repository = effect.repository
                              AND run.head_of = CAST(effect.target AS INTEGER)))
      LIMIT $2)";

const SESSIONS: &str = "\
    DELETE FROM session WHERE hash IN (
      SELECT hash FROM session INDEXED BY session_by_end WHERE expires_at <= $1 LIMIT $2)";

const PERSON_SESSIONS: &str = "\
    DELETE FROM person_session WHERE hash IN (
      SELECT hash FROM person_session INDEXED BY person_session_by_end
      WHERE expires_at <= $1 LIMIT $2)";

/// Until then it can be seen whose they were, and when they were used last.
const TOKENS: &str = "\
    DELETE FROM token WHERE id IN (SELECT id FROM token WHERE revoked_at < $1 LIMIT $2)";

impl Store {
    /// Deletes what the operator does not keep. What fails on the way leaves the rest for the
    /// next time.
    pub async fn prune(&self, keep: Keep, now: Timestamp) -> Result<Pruned, StoreError> {
        let since = keep.since(now);
        let (last, oldest_kept) = match keep.runs {
            Some(runs) => self.beyond(runs).await?,
            None => (None, None),
        };
        let mut pruned = Pruned::default();
        for (sql, bound) in [(BY_AGE, since.map(|at| at.as_microsecond())), (BY_NUMBER, last)] {
            let Some(bound) = bound else { continue };
            loop {
                let runs = self.prune_runs(sql, bound).await?;
                pruned.runs += runs;
                if runs == 0 {
                    break;
                }
            }
        }
        let before = deliveries_since(since, oldest_kept, now);
        if let Some(since) = before {
            loop {
                let deliveries = self.prune_deliveries(since).await?;
                pruned.deliveries += deliveries;
                if deliveries == 0 {
                    break;
                }
            }
        }
        if let Some(since) = since {
            while self.prune_stray_reports(since).await? > 0 {}
        }
        for (sql, bound) in [
            (APPROVALS, before),
            (EFFECTS, before),
            (SESSIONS, Some(now)),
            (PERSON_SESSIONS, Some(now)),
            (TOKENS, before),
        ] {
            let Some(bound) = bound else { continue };
            while self.prune_rows(sql, bound).await? > 0 {}
        }
        Ok(pruned)
    }

    /// Some of the rows that are over since a time.
    async fn prune_rows(&self, sql: &'static str, bound: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        let rows = sqlx::query(sql).bind(bound.as_microsecond()).bind(ROWS_AT_ONCE);
        let gone = rows.execute(tx.db()).await?.rows_affected();
        tx.commit().await?;
        Ok(gone)
    }

    /// Reports that belong to neither a run nor a delivery, and are not owed.
    async fn prune_stray_reports(&self, since: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        let sql = "DELETE FROM report WHERE id IN (
                     SELECT id FROM report INDEXED BY report_of_run
                     WHERE run IS NULL AND delivery IS NULL AND state <> 'owed'
                       AND coalesce(sent_at, owed_since) < $1 LIMIT $2)";
        let stray = sqlx::query(sql).bind(since.as_microsecond()).bind(DELIVERIES_AT_ONCE);
        let gone = stray.execute(tx.db()).await?.rows_affected();
        tx.commit().await?;
        Ok(gone)
    }

    /// The last run that is not among the newest so many, and when the one behind it came to be.
    async fn beyond(&self, runs: u32) -> Result<(Option<i64>, Option<Timestamp>), StoreError> {
        let sql = "SELECT id, created_at FROM run ORDER BY id DESC LIMIT 2 OFFSET $1";
        let offset = i64::from(runs) - 1;
        let rows = sqlx::query(sql).bind(offset).fetch_all(&self.inner.readers).await?;
        let [kept, beyond] = rows.as_slice() else { return Ok((None, None)) };
        let oldest_kept = pack::time(kept.try_get("created_at")?)?;
        Ok((Some(beyond.try_get("id")?), Some(oldest_kept)))
    }

    async fn prune_runs(&self, sql: &'static str, bound: i64) -> Result<usize, StoreError> {
        let find = sqlx::query_scalar(sql).bind(bound).bind(RUNS_AT_ONCE);
        let ids: Vec<i64> = find.fetch_all(&self.inner.readers).await?;
        if ids.is_empty() {
            return Ok(0);
        }
        // The logs before their runs: a kill in between leaves a run without a log, which the
        // next pass finds again, and on a full disk the rows can only go when there is room.
        self.remove_logs(ids.iter().copied().map(RunId).collect()).await?;
        crate::crash::point("retention.logs-gone");
        let mut tx = self.inner.writer.begin().await?;
        let mut gone = 0;
        for id in ids {
            // Somebody may have begun it anew since it was found.
            let sql = "DELETE FROM report WHERE run = $1 AND state <> 'owed'
                         AND EXISTS (SELECT 1 FROM run WHERE id = $1 AND state = 'finished')";
            sqlx::query(sql).bind(id).execute(tx.db()).await?;
            let sql = "DELETE FROM run WHERE id = $1 AND state = 'finished'
                         AND NOT EXISTS (SELECT 1 FROM report WHERE run = $1)";
            gone += sqlx::query(sql).bind(id).execute(tx.db()).await?.rows_affected() as usize;
        }
        crate::crash::point("retention.before-commit");
        tx.commit().await?;
        crate::crash::point("retention.after-commit");
        Ok(gone)
    }

    async fn prune_deliveries(&self, since: Timestamp) -> Result<usize, StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        let find = sqlx::query_scalar(DELIVERIES).bind(since.as_microsecond());
        let ids: Vec<i64> = find.bind(DELIVERIES_AT_ONCE).fetch_all(tx.db()).await?;
        for id in &ids {
            let sql = "DELETE FROM report WHERE delivery = $1";
            sqlx::query(sql).bind(id).execute(tx.db()).await?;
            sqlx::query("DELETE FROM delivery WHERE id = $1").bind(id).execute(tx.db()).await?;
        }
        tx.commit().await?;
        Ok(ids.len())
    }

    /// Gives free pages of the database back to the disk, some of them at a time. True: there
    /// are more. Until then, and where the database was made without this, they are used again.
    pub async fn give_back(&self) -> Result<bool, StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        let free: i64 = sqlx::query_scalar("PRAGMA freelist_count").fetch_one(tx.db()).await?;
        let given = free > PAGES_KEPT;
        if given {
            let sql = format!("PRAGMA incremental_vacuum({PAGES_AT_ONCE})");
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(tx.db()).await?;
        }
        let left: i64 = sqlx::query_scalar("PRAGMA freelist_count").fetch_one(tx.db()).await?;
        tx.commit().await?;
        Ok(given && left < free && left > PAGES_KEPT)
    }

    /// The finished runs with logs, the oldest first, but for the newest `last` of all runs.
    pub async fn runs_with_logs(&self, last: u32) -> Result<Vec<RunId>, StoreError> {
        let (Some(beyond), _) = self.beyond(last).await? else { return Ok(Vec::new()) };
        let folders = log_folders(&self.logs()).await?;
        let mut finished = Vec::new();
        let old: Vec<i64> = folders.into_iter().filter(|run| *run <= beyond).collect();
        for ids in old.chunks(FOLDERS_AT_ONCE) {
            let sql = "SELECT id FROM run WHERE state = 'finished' AND id IN (";
            finished.extend(self.of(sql, ids).await?.into_iter().map(RunId));
        }
        finished.sort_unstable();
        Ok(finished)
    }

    /// Removes the logs that have no run: of a kill, or of a database that was put back.
    pub async fn sweep_logs(&self) -> Result<usize, StoreError> {
        let mut strangers = Vec::new();
        for ids in log_folders(&self.logs()).await?.chunks(FOLDERS_AT_ONCE) {
            let known: HashSet<i64> =
                self.of("SELECT id FROM run WHERE id IN (", ids).await?.into_iter().collect();
            strangers.extend(ids.iter().copied().filter(|id| !known.contains(id)).map(RunId));
        }
        let found = strangers.len();
        self.remove_logs(strangers).await?;
        Ok(found)
    }

    /// Removes the logs of these runs.
    pub async fn remove_logs(&self, runs: Vec<RunId>) -> Result<(), StoreError> {
        let logs = self.logs();
        let work = move || {
            runs.iter().try_for_each(|run| {
                let folder = logs.join(run.to_string());
                match fs::remove_dir_all(&folder) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => Err((folder, error)),
                    _ => Ok(()),
                }
            })
        };
        let removed = tokio::task::spawn_blocking(work).await;
        removed.unwrap_or(Ok(())).map_err(|(path, source)| StoreError::File {
            doing: "remove the logs in",
            path,
            source: source.into(),
        })
    }

    /// How many bytes all logs have.
    pub async fn log_bytes(&self) -> Result<u64, StoreError> {
        let logs = self.logs();
        let sum = tokio::task::spawn_blocking(move || size_of(&logs)).await;
        Ok(sum.unwrap_or(0))
    }

    async fn of(&self, sql: &'static str, ids: &[i64]) -> Result<Vec<i64>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(sql);
        let mut list = query.separated(", ");
        for id in ids {
            list.push_bind(*id);
        }
        query.push(")");
        let query = query.build_query_scalar().persistent(false);
        Ok(query.fetch_all(&self.inner.readers).await?)
    }

    fn logs(&self) -> PathBuf {
        self.inner.folder.join(LOGS)
    }
}

/// The runs that have a folder of logs, the oldest first.
async fn log_folders(logs: &Path) -> Result<Vec<i64>, StoreError> {
    let folder = logs.to_owned();
    let read = move || -> io::Result<Vec<i64>> {
        let mut runs = Vec::new();
        for entry in fs::read_dir(&folder)? {
            let number: Option<i64> =
                entry?.file_name().to_str().and_then(|name| name.parse().ok());
            runs.extend(number);
        }
        runs.sort_unstable();
        Ok(runs)
    };
    let found = tokio::task::spawn_blocking(read).await;
    found.unwrap_or_else(|_| Ok(Vec::new())).map_err(|source| StoreError::File {
        doing: "read the folder",
        path: logs.to_owned(),
        source: source.into(),
    })
}

/// What goes away meanwhile is not counted.
fn size_of(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => size_of(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

#[cfg(test)]
mod tests;
