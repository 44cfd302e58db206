//! What the forge should be showing: the commits with statuses that were sent lately.

use jiff::Timestamp;
use sqlx::Row;

use super::super::Store;
use super::{OwedReport, ReportId, forge, owed};
use super::{repository, sha};
use crate::domain::ids::{ForgeId, RepoName, Sha};
use crate::store::StoreError;

/// How often a state is owed again because the forge shows another one: a forge that shows
/// something else for ever is not told for ever.
const MENDS: i64 = 3;

/// A commit with what was sent of it.
#[derive(Debug, Clone)]
pub struct SentCommit {
    pub forge: ForgeId,
    pub repository: RepoName,
    pub sha: Sha,
    pub contexts: Vec<SentReport>,
}

/// A context whose newest state the forge has taken.
#[derive(Debug, Clone)]
pub struct SentReport {
    pub report: OwedReport,
    /// The forge's number of our newest post of it.
    pub post: Option<i64>,
}

/// The commits of what was sent since `$1`, by way of the index of what was sent.
pub(in crate::store) const RECENT: &str = "\
    SELECT vendor, repository, sha FROM report INDEXED BY report_sent
    WHERE state = 'sent' AND sent_at >= $1
    GROUP BY vendor, repository, sha ORDER BY max(sent_at) DESC LIMIT $2";

impl Store {
    /// Up to `limit` commits with statuses that were sent since `since`, the newest first, each
    /// with those of its contexts of which nothing is owed and that were sent until `until`.
    pub async fn sent_commits(
        &self,
        since: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<SentCommit>, StoreError> {
        let recent = sqlx::query(RECENT).bind(since.as_microsecond()).bind(limit as i64);
        let mut commits = Vec::new();
        for row in &recent.fetch_all(&self.inner.readers).await? {
            let (forge, repository, sha) = (forge(row)?, repository(row)?, sha(row)?);
            let sql = "SELECT id, seq, vendor, repository, sha, context, commit_state, description,
                              run, delivery, tries, owed_since, post
                       FROM report
                       WHERE vendor = $1 AND repository = $2 AND sha = $3 AND state = 'sent'
                         AND sent_at <= $4
                       ORDER BY context";
            let rows = sqlx::query(sql)
                .bind(forge.to_string())
                .bind(repository.as_str())
                .bind(sha.as_str())
                .bind(until.as_microsecond())
                .fetch_all(&self.inner.readers)
                .await?;
            let sent = |row| Ok(SentReport { report: owed(row)?, post: row.try_get("post")? });
            let contexts = rows.iter().map(sent).collect::<Result<Vec<_>, StoreError>>()?;
            commits.push(SentCommit { forge, repository, sha, contexts });
        }
        Ok(commits)
    }

    /// Owes a state again that was sent and that the forge does not show. False: it has changed
    /// meanwhile, or was owed again often enough.
    pub async fn owe_again(
        &self,
        id: ReportId,
        seq: i64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        let sql = "UPDATE report SET state = 'owed', seq = seq + 1, tries = 0, next_try = NULL,
                     mended = mended + 1, owed_since = $1
                   WHERE id = $2 AND seq = $3 AND state = 'sent' AND mended < $4";
        let again = sqlx::query(sql).bind(now.as_microsecond()).bind(id.0).bind(seq).bind(MENDS);
        let done = again.execute(tx.db()).await?;
        crate::crash::point("mend.before-commit");
        tx.commit().await?;
        crate::crash::point("mend.after-commit");
        Ok(done.rows_affected() > 0)
    }
}

#[cfg(test)]
mod tests;
