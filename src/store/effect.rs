//! What is owed to a conversation on a forge: reactions to comments, and comments of the agent's
//! own that are kept up to date, one row each.
//!
//! Like a status, the newest state alone is sent. A comment that may have been written without
//! our having heard of it is looked for by its mark before another is written.

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::connection::Transaction;
use super::delivery::forge;
use super::error::StoreError;
use super::outcome::repository;
use super::{Store, pack};
use crate::domain::ids::{ForgeId, RepoName, Sha};

/// Our number of an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EffectId(pub i64);

/// What kind of thing it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EffectKind {
    /// To a comment.
    Reaction,
    /// A comment on a pull request: why a command was refused.
    Answer,
    /// A comment on a pull request: why its functions run or do not.
    Explain,
}

impl EffectKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reaction => "reaction",
            Self::Answer => "answer",
            Self::Explain => "explain",
        }
    }

    pub(super) fn from_column(name: &str) -> Result<Self, StoreError> {
        let all = [Self::Reaction, Self::Answer, Self::Explain];
        let found = all.into_iter().find(|kind| kind.as_str() == name);
        found.ok_or_else(|| StoreError::unreadable("an effect", format!("`{name}` is no kind")))
    }
}

/// An effect that is to be sent by whoever asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwedEffect {
    pub id: EffectId,
    /// Goes back with the answer.
    pub seq: i64,
    pub forge: ForgeId,
    pub repository: RepoName,
    pub kind: EffectKind,
    /// Of a reaction the comment's id, with the pull request's number in front where the forge has
    /// comments below that; else the pull request's number.
    pub target: String,
    pub content: String,
    /// What nobody can foresee, by which our own comment is found again.
    pub mark: String,
    /// Our comment, as far as it is known.
    pub comment: Option<String>,
    /// Since when it may have been written without our having heard of it.
    pub begun_at: Option<Timestamp>,
    pub tries: u32,
    pub owed_since: Timestamp,
}

impl OwedEffect {
    /// The pull request (0: it is not kept, nor needed) and the comment that a reaction is to.
    pub fn comment_reacted_to(&self) -> (u64, &str) {
        let both = self.target.split_once('/');
        let both = both.and_then(|(pull, comment)| Some((pull.parse().ok()?, comment)));
        both.unwrap_or((0, &self.target))
    }
}

impl Store {
    /// The next effect that is owed and due. One at a time is sent, by one sender.
    pub async fn next_effect(&self, now: Timestamp) -> Result<Option<OwedEffect>, StoreError> {
        let sql = "SELECT id, seq, vendor, repository, kind, target, content, mark, comment,
                          begun_at, tries, owed_since
                   FROM effect INDEXED BY effect_owed
                   WHERE state = 'owed' AND next_try <= $1 ORDER BY next_try, id LIMIT 1";
        let row = sqlx::query(sql).bind(now.as_microsecond());
        let row = row.fetch_optional(&self.inner.readers).await?;
        row.as_ref().map(owed).transpose()
    }

    /// When the next postponed effect is due.
    pub async fn next_effect_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT min(next_try) FROM effect INDEXED BY effect_owed WHERE state = 'owed'";
        let due: Option<i64> = sqlx::query_scalar(sql).fetch_one(&self.inner.readers).await?;
        pack::time_if(due)
    }

    /// From now on it may be there without our having heard of it.
    pub async fn effect_begun(&self, id: EffectId, now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        let sql = "UPDATE effect SET begun_at = coalesce(begun_at, $1) WHERE id = $2";
        sqlx::query(sql).bind(now.as_microsecond()).bind(id.0).execute(tx.db()).await?;
        tx.commit().await
    }

    /// The forge has it; as this comment, where it is one.
    pub async fn effect_sent(
        &self,
        id: EffectId,
        seq: i64,
        comment: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        let sql = "UPDATE effect SET state = iif(seq = $1, 'sent', state), sent_at = $2, tries = 0,
                     next_try = 0, note = NULL, comment = coalesce($3, comment)
                   WHERE id = $4";
        sqlx::query(sql)
            .bind(seq)
            .bind(now.as_microsecond())
            .bind(comment)
            .bind(id.0)
            .execute(tx.db())
            .await?;
        tx.commit().await
    }

    /// It could not be sent, and is not to be tried before `next_try`; none: never again.
    pub async fn effect_failed(
        &self,
        id: EffectId,
        next_try: Option<Timestamp>,
        why: &str,
    ) -> Result<(), StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        let sql = "UPDATE effect SET state = iif($1 IS NULL, 'dropped', state), tries = tries + 1,
                     next_try = coalesce($1, 0), note = $2
                   WHERE id = $3 AND state = 'owed'";
        sqlx::query(sql)
            .bind(next_try.map(Timestamp::as_microsecond))
            .bind(why)
            .bind(id.0)
            .execute(tx.db())
            .await?;
        tx.commit().await
    }

    /// Somebody has deleted our comment: the next send writes a new one.
    pub async fn effect_lost(&self, id: EffectId) -> Result<(), StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        let sql = "UPDATE effect SET comment = NULL, begun_at = NULL WHERE id = $1";
        sqlx::query(sql).bind(id.0).execute(tx.db()).await?;
        tx.commit().await
    }

    /// Whether a comment is one that the agent wrote.
    pub async fn is_own_comment(
        &self,
        forge: ForgeId,
        repository: &RepoName,
        comment: &str,
    ) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM effect INDEXED BY effect_comment
                                  WHERE vendor = $1 AND repository = $2 AND comment = $3)";
        let own = sqlx::query_scalar(sql)
            .bind(forge.to_string())
            .bind(repository.as_str())
            .bind(comment)
            .fetch_one(&self.inner.readers);
        Ok(own.await?)
    }

    /// The pull request's head that the agent knows of, and the runs of it; the newest first.
    pub async fn runs_of_pull(
        &self,
        forge: ForgeId,
        repository: &RepoName,
        pull: u64,
        limit: usize,
    ) -> Result<Vec<super::RunView>, StoreError> {
        let sql = "SELECT id FROM run INDEXED BY run_of_head
                   WHERE vendor = $1 AND repository = $2 AND head_of = $3
                   ORDER BY id DESC LIMIT $4";
        let ids: Vec<i64> = sqlx::query_scalar(sql)
            .bind(forge.to_string())
            .bind(repository.as_str())
            .bind(pull as i64)
            .bind(limit as i64)
            .fetch_all(&self.inner.readers)
            .await?;
        let mut runs: Vec<super::RunView> = Vec::new();
        let mut head: Option<Sha> = None;
        for id in ids {
            let Some(run) = self.run(crate::domain::ids::RunId(id)).await? else { continue };
            if *head.get_or_insert_with(|| run.sha.clone()) == run.sha {
                runs.push(run);
            }
        }
        Ok(runs)
    }
}

/// Whether there is such an effect, sent or not.
pub(super) async fn is_owed(
    tx: &mut Transaction<'_>,
    (forge, repository): (ForgeId, &RepoName),
    kind: EffectKind,
    target: &str,
) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM effect WHERE vendor = $1 AND repository = $2
                                AND kind = $3 AND target = $4)";
    let owed = sqlx::query_scalar(sql)
        .bind(forge.to_string())
        .bind(repository.as_str())
        .bind(kind.as_str())
        .bind(target)
        .fetch_one(tx.db());
    Ok(owed.await?)
}

/// Owes an effect within a transaction, in place of what was owed or sent before.
pub(super) async fn owe(
    tx: &mut Transaction<'_>,
    (forge, repository): (ForgeId, &RepoName),
    kind: EffectKind,
    target: &str,
    content: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO effect (vendor, repository, kind, target, content, mark, state,
                                   owed_since)
               VALUES ($1, $2, $3, $4, $5, lower(hex(randomblob(16))), 'owed', $6)
               ON CONFLICT (vendor, repository, kind, target) DO UPDATE SET
                 content = excluded.content, seq = effect.seq + 1, state = 'owed', tries = 0,
                 owed_since = excluded.owed_since";
    sqlx::query(sql)
        .bind(forge.to_string())
        .bind(repository.as_str())
        .bind(kind.as_str())
        .bind(target)
        .bind(content)
        .bind(now.as_microsecond())
        .execute(tx.db())
        .await?;
    Ok(())
}

/// An explanation that somebody asked for is written anew: there is another run to explain.
pub(super) async fn explain_again(
    tx: &mut Transaction<'_>,
    forge: ForgeId,
    repository: &RepoName,
    pull: u64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let target = pull.to_string();
    if is_owed(tx, (forge, repository), EffectKind::Explain, &target).await? {
        owe(tx, (forge, repository), EffectKind::Explain, &target, "", now).await?;
    }
    Ok(())
}

fn owed(row: &SqliteRow) -> Result<OwedEffect, StoreError> {
    Ok(OwedEffect {
        id: EffectId(row.try_get("id")?),
        seq: row.try_get("seq")?,
        forge: forge(row)?,
        repository: repository(row)?,
        kind: EffectKind::from_column(row.try_get("kind")?)?,
        target: row.try_get("target")?,
        content: row.try_get("content")?,
        mark: row.try_get("mark")?,
        comment: row.try_get("comment")?,
        begun_at: pack::time_if(row.try_get("begun_at")?)?,
        tries: row.try_get("tries")?,
        owed_since: pack::time(row.try_get("owed_since")?)?,
    })
}

#[cfg(test)]
mod tests;
