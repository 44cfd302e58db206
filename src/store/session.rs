//! Sessions of people who signed in through a provider.

use jiff::Timestamp;
use sqlx::Row;

use super::Store;
use super::error::StoreError;
use crate::domain::sign_in::Person;
use crate::domain::token::Fingerprint;

/// A session, as it was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonSession {
    /// The provider's word.
    pub way: String,
    /// Of what was set up for it then.
    pub basis: Fingerprint,
    pub person: Person,
}

impl Store {
    /// Keeps a session; those that are over go.
    pub async fn begin_person_session(
        &self,
        of: Fingerprint,
        session: &PersonSession,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        let sql = "DELETE FROM person_session WHERE expires_at <= $1";
        sqlx::query(sql).bind(now.as_microsecond()).execute(tx.db()).await?;
        let sql = "INSERT INTO person_session
                       (hash, way, basis, forge, person, login, scope, created_at, expires_at)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let person = &session.person;
        sqlx::query(sql)
            .bind(&of.0[..])
            .bind(session.way.as_str())
            .bind(&session.basis.0[..])
            .bind(person.forge.map(|forge| forge.to_string()))
            .bind(person.id.as_str())
            .bind(person.login.as_str())
            .bind(person.scope.map(|scope| scope.as_str()))
            .bind(now.as_microsecond())
            .bind(until.as_microsecond())
            .execute(tx.db())
            .await?;
        tx.commit().await
    }

    /// Whose session it is, unless it is over.
    pub async fn person_session(
        &self,
        of: Fingerprint,
        now: Timestamp,
    ) -> Result<Option<PersonSession>, StoreError> {
        let sql = "SELECT way, basis, forge, person, login, scope FROM person_session
                   WHERE hash = $1 AND expires_at > $2";
        let query = sqlx::query(sql).bind(&of.0[..]).bind(now.as_microsecond());
        let Some(row) = query.fetch_optional(&self.inner.readers).await? else { return Ok(None) };
        let unreadable = |error| StoreError::unreadable("whose session it is", error);
        let forge: Option<&str> = row.try_get("forge")?;
        let scope: Option<&str> = row.try_get("scope")?;
        let basis: &[u8] = row.try_get("basis")?;
        let person = Person {
            forge: forge.map(str::parse).transpose().map_err(unreadable)?,
            id: row.try_get("person")?,
            login: row.try_get("login")?,
            scope: scope.map(str::parse).transpose().map_err(unreadable)?,
        };
        // One of another length is none that was set up.
        let basis = Fingerprint(basis.try_into().unwrap_or_default());
        Ok(Some(PersonSession { way: row.try_get("way")?, basis, person }))
    }
}

#[cfg(test)]
mod tests;
