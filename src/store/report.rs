//! Reports: what a forge is to be told of a commit, one row for each context, the newest state
//! alone.
//!
//! A state that was overtaken before it was sent is never sent. One row, handed out once at a
//! time, is what keeps the states of a context in order.

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::connection::Transaction;
use super::delivery::forge;
use super::error::StoreError;
use super::outcome::repository;
use super::run::sha;
use super::state::{ReportState, commit_state_named};
use super::{Store, lock, pack};
use crate::domain::ids::{DeliveryId, ForgeId, RepoName, RunId, Sha};
use crate::domain::run::Status;

mod recent;

pub use recent::{SentCommit, SentReport};

/// Our number of a context on a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReportId(pub i64);

/// A status that its claimer is to send, and to answer for with one of `report_sent`,
/// `report_failed`, `report_dropped`: until then the context is handed out to nobody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwedReport {
    pub id: ReportId,
    /// Which state of the context this is; goes back with the answer.
    pub seq: i64,
    pub forge: ForgeId,
    pub repository: RepoName,
    pub sha: Sha,
    pub status: Status,
    /// What it links to; else the delivery.
    pub run: Option<RunId>,
    pub delivery: Option<DeliveryId>,
    /// How often sending this state has failed.
    pub tries: u32,
    pub owed_since: Timestamp,
}

/// A context on a commit, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportView {
    pub report: OwedReport,
    pub state: ReportState,
    pub next_try: Option<Timestamp>,
    /// Why the last send failed.
    pub note: Option<String>,
}

/// What a status links to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    pub(super) run: Option<RunId>,
    pub(super) delivery: Option<DeliveryId>,
}

/// Each arm reads at most `$2` rows of its partial index, whatever waits.
pub(super) const CLAIM: &str = "\
    SELECT id, seq, vendor, repository, sha, context, commit_state, description, run, delivery,
           tries, owed_since
    FROM report WHERE id IN (
        SELECT id FROM (SELECT id FROM report INDEXED BY report_fresh_of_forge
                        WHERE vendor = $3 AND state = 'owed' AND next_try IS NULL
                        ORDER BY owed_since, id LIMIT $2)
        UNION ALL
        SELECT id FROM (SELECT id FROM report INDEXED BY report_postponed_of_forge
                        WHERE vendor = $3 AND state = 'owed' AND next_try IS NOT NULL
                          AND next_try <= $1
                        ORDER BY next_try, id LIMIT $2))
    ORDER BY owed_since, id";

/// A context that is owed again keeps the time before which the forge is not to be asked.
const OWE: &str = "\
    INSERT INTO report (vendor, repository, sha, context, run, delivery, commit_state, description,
                        seq, state, owed_since)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, 'owed', $9)
    ON CONFLICT (vendor, repository, sha, context) DO UPDATE SET
        run = excluded.run, delivery = excluded.delivery, commit_state = excluded.commit_state,
        description = excluded.description, seq = report.seq + 1, state = 'owed', tries = 0,
        mended = 0, owed_since = excluded.owed_since
    WHERE report.commit_state IS NOT excluded.commit_state
       OR report.description IS NOT excluded.description
       OR report.run IS NOT excluded.run
       OR report.delivery IS NOT excluded.delivery";

impl Store {
    /// Owes statuses of a commit; those whose state, text and link are the newest already change
    /// nothing.
    pub async fn owe(
        &self,
        forge: ForgeId,
        repository: &RepoName,
        sha: &Sha,
        run: Option<RunId>,
        statuses: &[Status],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        let delivery = match run {
            None => None,
            Some(run) => {
                let query = sqlx::query_scalar("SELECT delivery FROM run WHERE id = $1");
                let delivery: Option<i64> = query.bind(run.0).fetch_optional(tx.db()).await?;
                Some(delivery.ok_or_else(|| StoreError::Missing(format!("run {run}")))?)
            }
        };
        let link = Link { run, delivery: delivery.map(DeliveryId) };
        for status in statuses {
            owe(&mut tx, forge, repository, sha, link, status, now).await?;
        }
        tx.commit().await
    }

    /// Claims up to `limit` reports that are owed to a forge and due, the oldest change first.
    pub async fn claim_reports(
        &self,
        forge: ForgeId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<OwedReport>, StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        let in_flight = lock(&self.inner.in_flight).clone();
        let rows = sqlx::query(CLAIM)
            .bind(now.as_microsecond())
            .bind((limit + in_flight.len()) as i64)
            .bind(forge.to_string())
            .fetch_all(tx.db())
            .await?;
        let mut claimed = Vec::new();
        for row in &rows {
            let id = ReportId(row.try_get("id")?);
            if claimed.len() == limit || in_flight.contains(&id) {
                continue;
            }
            match owed(row) {
                Ok(report) => {
                    crate::crash::point("status.before-claim");
                    claimed.push(report);
                }
                // It would come up for ever, and those behind it never.
                Err(error @ StoreError::Unreadable { .. }) => {
                    tracing::error!(report = id.0, "{error}; the report is given up");
                    let sql = "UPDATE report SET state = 'dropped', next_try = NULL, note = $1
                               WHERE id = $2";
                    let drop = sqlx::query(sql).bind(error.to_string()).bind(id.0);
                    drop.execute(tx.db()).await?;
                }
                Err(error) => return Err(error),
            }
        }
        tx.commit_then(|| {
            lock(&self.inner.in_flight).extend(claimed.iter().map(|report| report.id));
            claimed
        })
        .await
    }

    /// Lets go of claimed reports of which nothing was heard; they can be claimed again.
    pub fn give_back_reports(&self, ids: &[ReportId]) {
        lock(&self.inner.in_flight).retain(|id| !ids.contains(id));
    }

    /// The forge has taken it. True: a newer state came up meanwhile, and is owed.
    pub async fn report_sent(
        &self,
        id: ReportId,
        seq: i64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.report_taken(id, seq, None, now).await
    }

    /// The same, with the number that the forge gave to the post.
    pub async fn report_taken(
        &self,
        id: ReportId,
        seq: i64,
        post: Option<i64>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.answered(id).await?;
        // What was taken shows that the forge takes things: a newer state need not wait.
        let sql = "UPDATE report SET
                     state = iif(seq = $1, 'sent', state), sent_at = $2, next_try = NULL,
                     tries = 0, note = NULL, post = $4
                   WHERE id = $3 AND state = 'owed' RETURNING seq > $1";
        let newer = sqlx::query_scalar(sql)
            .bind(seq)
            .bind(now.as_microsecond())
            .bind(id.0)
            .bind(post)
            .fetch_optional(tx.db())
            .await?;
        crate::crash::point("status.before-mark");
        tx.commit().await?;
        crate::crash::point("status.marked");
        Ok(newer.unwrap_or(false))
    }

    /// It could not be sent; it, or what is newer by now, is owed until `next_try`.
    pub async fn report_failed(
        &self,
        id: ReportId,
        seq: i64,
        next_try: Timestamp,
        why: &str,
    ) -> Result<(), StoreError> {
        let mut tx = self.answered(id).await?;
        let sql = "UPDATE report SET tries = tries + (seq = $1), next_try = $2, note = $3
                   WHERE id = $4 AND state = 'owed'";
        sqlx::query(sql)
            .bind(seq)
            .bind(next_try.as_microsecond())
            .bind(why)
            .bind(id.0)
            .execute(tx.db())
            .await?;
        crate::crash::point("status.before-postpone");
        tx.commit().await
    }

    /// The forge will never take it; a state that came up meanwhile is still tried.
    pub async fn report_dropped(
        &self,
        id: ReportId,
        seq: i64,
        why: &str,
    ) -> Result<(), StoreError> {
        let mut tx = self.answered(id).await?;
        let sql = "UPDATE report SET state = 'dropped', next_try = NULL, note = $1
                   WHERE id = $2 AND state = 'owed' AND seq = $3";
        sqlx::query(sql).bind(why).bind(id.0).bind(seq).execute(tx.db()).await?;
        crate::crash::point("status.before-drop");
        tx.commit().await
    }

    /// The forge is back: what was postponed need not wait any longer.
    pub async fn hasten_reports(&self, forge: ForgeId) -> Result<(), StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        let sql = "UPDATE report SET next_try = NULL
                   WHERE vendor = $1 AND state = 'owed' AND next_try IS NOT NULL";
        let done = sqlx::query(sql).bind(forge.to_string()).execute(tx.db()).await?;
        if done.rows_affected() > 0 {
            crate::crash::point("hasten.before-commit");
        }
        tx.commit().await
    }

    /// The forges that anything is owed to.
    pub async fn owed_forges(&self) -> Result<Vec<ForgeId>, StoreError> {
        let sql = "SELECT DISTINCT vendor FROM report WHERE state = 'owed'";
        let rows = sqlx::query(sql).fetch_all(&self.inner.readers).await?;
        rows.iter().map(forge).collect()
    }

    /// Gives up what a forge has been owed since before `before` and is in nobody's hands; how
    /// many.
    pub async fn drop_reports(
        &self,
        forge: ForgeId,
        before: Timestamp,
        why: &str,
    ) -> Result<u64, StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        let in_flight: Vec<i64> = lock(&self.inner.in_flight).iter().map(|id| id.0).collect();
        let sql = "UPDATE report SET state = 'dropped', next_try = NULL, note = $1
                   WHERE vendor = $4 AND state = 'owed' AND owed_since < $2
                     AND id NOT IN (SELECT value FROM json_each($3))";
        let drop = sqlx::query(sql).bind(why).bind(before.as_microsecond());
        let drop = drop.bind(pack::to_json("the reports in flight", &in_flight)?);
        let drop = drop.bind(forge.to_string());
        let dropped = drop.execute(tx.db()).await?.rows_affected();
        tx.commit().await?;
        Ok(dropped)
    }

    /// The contexts of a run, by name.
    pub async fn reports(&self, run: RunId) -> Result<Vec<ReportView>, StoreError> {
        let sql = "SELECT id, seq, vendor, repository, sha, context, commit_state, description,
                          run, delivery, tries, owed_since, state, next_try, note
                   FROM report WHERE run = $1 ORDER BY context";
        let rows = sqlx::query(sql).bind(run.0).fetch_all(&self.inner.readers).await?;
        rows.iter().map(view).collect()
    }

    /// The transaction of an answer. Whether or not it can be written, the report is no longer
    /// in anybody's hands: one that is sent twice does no harm, one that is never sent does.
    async fn answered(&self, id: ReportId) -> Result<Transaction<'_>, StoreError> {
        let tx = self.inner.writer.begin().await;
        lock(&self.inner.in_flight).remove(&id);
        tx
    }
}

/// Owes one status within a transaction.
pub(super) async fn owe(
    tx: &mut Transaction<'_>,
    forge: ForgeId,
    repository: &RepoName,
    sha: &Sha,
    link: Link,
    status: &Status,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(OWE)
        .bind(forge.to_string())
        .bind(repository.as_str())
        .bind(sha.as_str())
        .bind(status.context.as_str())
        .bind(link.run.map(|run| run.0))
        .bind(link.delivery.map(|delivery| delivery.0))
        .bind(status.state.as_str())
        .bind(status.description.as_str())
        .bind(now.as_microsecond())
        .execute(tx.db())
        .await?;
    Ok(())
}

fn owed(row: &SqliteRow) -> Result<OwedReport, StoreError> {
    let status = Status {
        context: row.try_get("context")?,
        state: commit_state_named(row.try_get("commit_state")?)?,
        description: row.try_get("description")?,
    };
    Ok(OwedReport {
        id: ReportId(row.try_get("id")?),
        seq: row.try_get("seq")?,
        forge: forge(row)?,
        repository: repository(row)?,
        sha: sha(row)?,
        status,
        run: row.try_get::<Option<i64>, _>("run")?.map(RunId),
        delivery: row.try_get::<Option<i64>, _>("delivery")?.map(DeliveryId),
        tries: row.try_get("tries")?,
        owed_since: pack::time(row.try_get("owed_since")?)?,
    })
}

fn view(row: &SqliteRow) -> Result<ReportView, StoreError> {
    Ok(ReportView {
        report: owed(row)?,
        state: ReportState::from_column(row.try_get("state")?)?,
        next_try: pack::time_if(row.try_get("next_try")?)?,
        note: row.try_get("note")?,
    })
}

#[cfg(test)]
mod tests;
