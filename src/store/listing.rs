//! The cache of module listings, by the identity of what was listed.

use jiff::Timestamp;

use super::error::StoreError;
use super::{Store, pack};

/// How many listings are kept; the oldest go first.
const KEPT: i64 = 1000;

impl Store {
    /// The listing kept under a key.
    pub async fn listing(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let query = sqlx::query_scalar("SELECT json FROM listing WHERE key = $1").bind(key);
        let frame: Option<Vec<u8>> = query.fetch_optional(&self.inner.readers).await?;
        frame.map(|frame| pack::decompress("a listing", &frame)).transpose()
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
