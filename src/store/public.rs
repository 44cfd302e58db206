//! Which repositories everybody may read, as far as their forges have said so.

use sqlx::Row;

use super::delivery::forge;
use super::error::StoreError;
use super::{Store, pack};
use crate::domain::event::Event;
use crate::domain::ids::{ForgeId, RepoName};

impl Store {
    /// The repositories whose newest run was of an event that calls them public.
    pub async fn public_repositories(&self) -> Result<Vec<(ForgeId, RepoName)>, StoreError> {
        let sql = "SELECT newest.vendor, newest.repository, run_plan.event
                   FROM (SELECT vendor, repository, max(id) AS id FROM run
                         GROUP BY vendor, repository) AS newest
                   JOIN run_plan ON run_plan.run = newest.id";
        let rows = sqlx::query(sql).fetch_all(&self.inner.readers).await?;
        let mut public = Vec::new();
        for row in &rows {
            let event: Event = pack::unpack("an event", row.try_get("event")?)?;
            if let Some(repository) = event.repository
                && !repository.private
            {
                public.push((forge(row)?, repository.full_name));
            }
        }
        Ok(public)
    }
}
