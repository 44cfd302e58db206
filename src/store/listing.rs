//! The cache of module listings, by the identity of what was listed.

use std::time::Duration;

use jiff::Timestamp;

use super::error::StoreError;
use super::{Store, pack};

/// How many listings are kept; the oldest go first.
const KEPT: i64 = 1000;

/// How old the last use of a listing may be before another one is written down.
const FRESH: Duration = Duration::from_secs(24 * 60 * 60);

impl Store {
    /// The listing kept under a key.
    pub async fn listing(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let query = sqlx::query_scalar("SELECT json FROM listing WHERE key = $1").bind(key);
        let frame: Option<Vec<u8>> = query.fetch_optional(&self.inner.readers).await?;
        frame.map(|frame| pack::decompress("a listing", &frame)).transpose()
    }

    /// Says that a kept listing is of use: the ones that are not go first. Written down once a
    /// day, since a burst of events asks for the same one again and again.
    pub async fn use_listing(&self, key: &str, now: Timestamp) -> Result<(), StoreError> {
        let old = (now - FRESH).as_microsecond();
        let sql = "SELECT EXISTS (SELECT 1 FROM listing WHERE key = $1 AND kept_at < $2)";
        let is_old = sqlx::query_scalar(sql).bind(key).bind(old);
        if !is_old.fetch_one(&self.inner.readers).await? {
            return Ok(());
        }
        let mut tx = self.inner.writer.begin().await?;
        let sql = "UPDATE listing SET kept_at = $1 WHERE key = $2";
        sqlx::query(sql).bind(now.as_microsecond()).bind(key).execute(tx.db()).await?;
        tx.commit().await
    }

    /// Keeps a listing, in place of what was there.
    pub async fn keep_listing(
        &self,
        key: &str,
        json: &[u8],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let frame = pack::compress(json)?;
        let mut tx = self.inner.writer.begin().await?;
        let sql = "INSERT INTO listing (key, json, kept_at) VALUES ($1, $2, $3)
                   ON CONFLICT (key) DO UPDATE
                   SET json = excluded.json, kept_at = excluded.kept_at";
        let keep = sqlx::query(sql).bind(key).bind(frame).bind(now.as_microsecond());
        keep.execute(tx.db()).await?;
        let sql = "DELETE FROM listing WHERE key IN
                     (SELECT key FROM listing ORDER BY kept_at DESC LIMIT -1 OFFSET $1)";
        sqlx::query(sql).bind(KEPT).execute(tx.db()).await?;
        tx.commit().await
    }
}

#[cfg(test)]
mod tests;
