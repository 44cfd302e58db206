//! Finding deliveries, the newest first, and one as it came.

use sqlx::{QueryBuilder, Row, Sqlite};

use super::delivery::{DeliveryView, VIEW, view};
use super::error::StoreError;
use super::found::among;
use super::{Store, pack};
use crate::domain::ids::{DeliveryId, ForgeId, RepoName};

/// How the ids begin of deliveries that were recorded before and are played again.
pub const REPLAY: &str = "replay:";

/// What a list of deliveries is narrowed to; nothing set means all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryQuery {
    pub repository: Option<(ForgeId, RepoName)>,
    /// Only these, whatever else is asked for: those that the asker may see.
    pub visible: Option<Vec<(ForgeId, RepoName)>>,
    /// The event as the forge names it.
    pub event: Option<String>,
    pub outcome: Option<OutcomeQuery>,
    /// Older than this one: where the page before ended.
    pub before: Option<DeliveryId>,
}

/// What became of a delivery, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutcomeQuery {
    /// Nothing yet.
    Waiting,
    Planned,
    Skipped,
    Faulty,
}

impl OutcomeQuery {
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Planned, Self::Skipped, Self::Faulty];

    /// The word in an address.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Planned => "planned",
            Self::Skipped => "skipped",
            Self::Faulty => "faulty",
        }
    }

    /// The outcome that a word means.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == word)
    }
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryPage {
    pub deliveries: Vec<DeliveryView>,
    /// Where the next page begins; none: this is the last.
    pub next: Option<DeliveryId>,
}

impl Store {
    /// The newest deliveries that the query leaves, up to `limit`.
    pub async fn find_deliveries(
        &self,
        query: &DeliveryQuery,
        limit: usize,
    ) -> Result<DeliveryPage, StoreError> {
        if query.visible.as_ref().is_some_and(Vec::is_empty) {
            return Ok(DeliveryPage { deliveries: Vec::new(), next: None });
        }
        let mut sql = QueryBuilder::<Sqlite>::new(VIEW);
        sql.push(" WHERE true");
        if let Some(visible) = &query.visible {
            among(&mut sql, "vendor, repository", visible);
        }
        if let Some((forge, name)) = &query.repository {
            sql.push(" AND vendor = ").push_bind(forge.to_string());
            sql.push(" AND repository = ").push_bind(name.as_str().to_owned());
        }
        if let Some(event) = &query.event {
            sql.push(" AND event_name = ").push_bind(event.clone());
        }
        match query.outcome {
            None => {}
            Some(OutcomeQuery::Waiting) => {
                sql.push(" AND state <> 'settled'");
            }
            Some(outcome) => {
                sql.push(" AND settlement = ").push_bind(outcome.as_str());
            }
        }
        if let Some(before) = query.before {
            sql.push(" AND id < ").push_bind(before.0);
        }
        // One more tells whether there is another page.
        sql.push(" ORDER BY id DESC LIMIT ").push_bind(limit as i64 + 1);
        let rows = sql.build().fetch_all(&self.inner.readers).await?;
        let mut deliveries: Vec<_> = rows.iter().map(view).collect::<Result<_, _>>()?;
        let more = deliveries.len() > limit;
        deliveries.truncate(limit);
        let next = deliveries.last().filter(|_| more).map(|last| last.id);
        Ok(DeliveryPage { deliveries, next })
    }

    /// The headers that a delivery came with, as far as they are kept.
    pub async fn delivery_headers(
        &self,
        id: DeliveryId,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let sql = "SELECT headers FROM delivery_body WHERE delivery = $1";
        let row = sqlx::query(sql).bind(id.0).fetch_optional(&self.inner.readers).await?;
        match row {
            Some(row) => {
                let headers: &str = row.try_get("headers")?;
                pack::from_json("the headers", headers.as_bytes())
            }
            None => Err(StoreError::Missing(format!("body of delivery {id}"))),
        }
    }

    /// How often a delivery was played again.
    pub async fn replays(&self, forge: ForgeId, of: DeliveryId) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM delivery
                   WHERE vendor = $1 AND forge_id >= $2 AND forge_id < $3";
        // A semicolon comes right behind a colon.
        let query = sqlx::query_scalar(sql).bind(forge.to_string());
        let query = query.bind(format!("{REPLAY}{of}:")).bind(format!("{REPLAY}{of};"));
        let count: i64 = query.fetch_one(&self.inner.readers).await?;
        Ok(count.unsigned_abs())
    }
}
