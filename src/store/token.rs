//! Tokens, and the sessions that were begun with them.

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::error::StoreError;
use super::{Store, pack};
use crate::domain::actor::Actor;
use crate::domain::rights::Scope;
use crate::domain::token::Fingerprint;

/// A token, without what it opens anything with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenView {
    pub id: i64,
    pub name: String,
    pub scope: Scope,
    pub created_at: Timestamp,
    /// Who made it, in words.
    pub created_by: String,
    /// To the minute; none: never.
    pub used_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

const VIEW: &str = "SELECT token.id, name, scope, token.created_at, created_by, used_at, revoked_at
                    FROM token ";

/// How far a token's last use may lie back until it is written down anew.
const USE_MICROS: i64 = 60_000_000;

impl Store {
    /// Keeps a new token; none: one with that name is in use.
    pub async fn make_token(
        &self,
        name: &str,
        scope: Scope,
        fingerprint: Fingerprint,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Option<TokenView>, StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        let sql = "INSERT INTO token (hash, name, scope, created_at, created_by)
                   VALUES ($1, $2, $3, $4, $5)
                   ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING
                   RETURNING id, name, scope, created_at, created_by, used_at, revoked_at";
        let row = sqlx::query(sql)
            .bind(&fingerprint.0[..])
            .bind(name)
            .bind(scope.as_str())
            .bind(now.as_microsecond())
            .bind(by.to_string())
            .fetch_optional(tx.db())
            .await?;
        let token = row.as_ref().map(view).transpose()?;
        tx.commit().await?;
        Ok(token)
    }

    /// All tokens, the newest first; those that are revoked too.
    pub async fn tokens(&self) -> Result<Vec<TokenView>, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!("{VIEW} ORDER BY id DESC"));
        let rows = sqlx::query(sql).fetch_all(&self.inner.readers).await?;
        rows.iter().map(view).collect()
    }

    /// Ends a token and the sessions that were begun with it; false: there is no such token.
    pub async fn revoke_token(&self, id: i64, now: Timestamp) -> Result<bool, StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        let sql = "UPDATE token SET revoked_at = coalesce(revoked_at, $1) WHERE id = $2";
        let revoked = sqlx::query(sql).bind(now.as_microsecond()).bind(id).execute(tx.db()).await?;
        sqlx::query("DELETE FROM session WHERE token = $1").bind(id).execute(tx.db()).await?;
        tx.commit().await?;
        Ok(revoked.rows_affected() > 0)
    }

    /// The token of this text, unless it is revoked.
    pub async fn token(&self, of: Fingerprint) -> Result<Option<TokenView>, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!("{VIEW} WHERE hash = $1 AND revoked_at IS NULL"));
        let query = sqlx::query(sql).bind(&of.0[..]);
        let row = query.fetch_optional(&self.inner.readers).await?;
        row.as_ref().map(view).transpose()
    }

    /// Writes down that a token is used, once a minute.
    pub async fn note_token(&self, token: &TokenView, now: Timestamp) -> Result<(), StoreError> {
        let now = now.as_microsecond();
        let minute = now - now.rem_euclid(USE_MICROS);
        if token.used_at.is_some_and(|at| at.as_microsecond() >= minute) {
            return Ok(());
        }
        let mut tx = self.inner.writer.begin().await?;
        let sql = "UPDATE token SET used_at = $1 WHERE id = $2 AND coalesce(used_at, 0) < $1";
        sqlx::query(sql).bind(minute).bind(token.id).execute(tx.db()).await?;
        tx.commit().await
    }

    /// Keeps a session that was begun with a token; those that are over go.
    pub async fn begin_session(
        &self,
        fingerprint: Fingerprint,
        token: i64,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        let sql = "DELETE FROM session WHERE expires_at <= $1";
        sqlx::query(sql).bind(now.as_microsecond()).execute(tx.db()).await?;
        let sql = "INSERT INTO session (hash, token, created_at, expires_at)
                   VALUES ($1, $2, $3, $4)";
        sqlx::query(sql)
            .bind(&fingerprint.0[..])
            .bind(token)
            .bind(now.as_microsecond())
            .bind(until.as_microsecond())
            .execute(tx.db())
            .await?;
        tx.commit().await
    }

    /// The token that a session was begun with, unless either is over.
    pub async fn session(
        &self,
        of: Fingerprint,
        now: Timestamp,
    ) -> Result<Option<TokenView>, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!(
            "{VIEW} JOIN session ON session.token = token.id
             WHERE session.hash = $1 AND expires_at > $2 AND revoked_at IS NULL"
        ));
        let query = sqlx::query(sql).bind(&of.0[..]).bind(now.as_microsecond());
        let row = query.fetch_optional(&self.inner.readers).await?;
        row.as_ref().map(view).transpose()
    }

    /// Ends a session, of whichever kind it is.
    pub async fn end_session(&self, of: Fingerprint) -> Result<(), StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        for sql in
            ["DELETE FROM session WHERE hash = $1", "DELETE FROM person_session WHERE hash = $1"]
        {
            sqlx::query(sql).bind(&of.0[..]).execute(tx.db()).await?;
        }
        tx.commit().await
    }
}

fn view(row: &SqliteRow) -> Result<TokenView, StoreError> {
    let scope: &str = row.try_get("scope")?;
    let by: &str = row.try_get("created_by")?;
    let by: Actor =
        by.parse().map_err(|error| StoreError::unreadable("who made a token", error))?;
    Ok(TokenView {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        scope: scope.parse().map_err(|error| StoreError::unreadable("a token's scope", error))?,
        created_at: pack::time(row.try_get("created_at")?)?,
        created_by: by.name(),
        used_at: pack::time_if(row.try_get("used_at")?)?,
        revoked_at: pack::time_if(row.try_get("revoked_at")?)?,
    })
}

#[cfg(test)]
mod tests;
