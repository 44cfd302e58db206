//! What the deliveries of the past tell: which repositories there are, and what came of each.

use jiff::Timestamp;
use sqlx::Row;

use super::outcome::repository;
use super::{Store, StoreError, pack};
use crate::domain::ids::{DeliveryId, ForgeId, RepoName};

/// A delivery as it came.
#[derive(Debug, Clone)]
pub struct KeptDelivery {
    pub id: DeliveryId,
    pub forge_id: String,
    pub event_name: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub received_at: Timestamp,
}

/// Reads the index alone.
pub(super) const REPOSITORIES: &str = "\
    SELECT repository FROM delivery INDEXED BY delivery_of_repository
    WHERE vendor = $1 AND repository IS NOT NULL
    GROUP BY repository ORDER BY max(id) DESC LIMIT $2";

impl Store {
    /// Up to `limit` repositories that anything was heard of, the most recent first.
    pub async fn known_repositories(
        &self,
        forge: ForgeId,
        limit: usize,
    ) -> Result<Vec<RepoName>, StoreError> {
        let query = sqlx::query(REPOSITORIES).bind(forge.to_string()).bind(limit as i64);
        let rows = query.fetch_all(&self.inner.readers).await?;
        // What is no repository's name was never planned either.
        Ok(rows.iter().filter_map(|row| repository(row).ok()).collect())
    }

    /// The `limit` newest pushes and pull requests of a repository before a delivery.
    pub async fn kept_deliveries(
        &self,
        forge: ForgeId,
        repository: &RepoName,
        before: DeliveryId,
        limit: usize,
    ) -> Result<Vec<KeptDelivery>, StoreError> {
        let sql = "SELECT id, forge_id, event_name, received_at, headers, body
                   FROM delivery INDEXED BY delivery_of_repository
                   JOIN delivery_body ON delivery_body.delivery = delivery.id
                   WHERE vendor = $1 AND repository = $2 AND id < $3
                     AND event_name IN ('push', 'pull_request')
                   ORDER BY id DESC LIMIT $4";
        let rows = sqlx::query(sql)
            .bind(forge.to_string())
            .bind(repository.as_str())
            .bind(before.0)
            .bind(limit as i64)
            .fetch_all(&self.inner.readers)
            .await?;
        let kept = |row: &sqlx::sqlite::SqliteRow| {
            let headers: &str = row.try_get("headers")?;
            Ok(KeptDelivery {
                id: DeliveryId(row.try_get("id")?),
                forge_id: row.try_get("forge_id")?,
                event_name: row.try_get("event_name")?,
                headers: pack::from_json("the headers", headers.as_bytes())?,
                body: pack::decompress("the body", row.try_get("body")?)?,
                received_at: pack::time(row.try_get("received_at")?)?,
            })
        };
        rows.iter().map(kept).collect()
    }

    /// The newest delivery whose id of the forge's begins so and continues with a colon.
    pub async fn delivery_under(
        &self,
        forge: ForgeId,
        prefix: &str,
    ) -> Result<Option<DeliveryId>, StoreError> {
        let sql = "SELECT max(id) FROM delivery
                   WHERE vendor = $1 AND forge_id >= $2 AND forge_id < $3";
        // A semicolon comes right behind a colon.
        let query = sqlx::query_scalar(sql).bind(forge.to_string());
        let query = query.bind(format!("{prefix}:")).bind(format!("{prefix};"));
        let id: Option<i64> = query.fetch_one(&self.inner.readers).await?;
        Ok(id.map(DeliveryId))
    }

    /// Whether a delivery is there by the forge's id of it.
    pub async fn has_delivery(&self, forge: ForgeId, forge_id: &str) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM delivery WHERE vendor = $1 AND forge_id = $2)";
        let query = sqlx::query_scalar::<_, bool>(sql).bind(forge.to_string()).bind(forge_id);
        Ok(query.fetch_one(&self.inner.readers).await?)
    }
}
