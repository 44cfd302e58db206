//! Figures of the store, for those who look at the agent from outside: how much waits, since
//! when, and what became of the rest.
//!
//! Triggers count as rows change (see the fourth migration), so that asking costs the same
//! whatever there is.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::error::StoreError;
use super::{Store, pack};

/// The upper bounds of the calls' durations in seconds, as the tally names them.
pub const BOUNDS: [&str; 8] = ["1", "5", "15", "60", "300", "900", "3600", "+Inf"];

/// What is counted, as it was at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// By name; see the fourth migration.
    pub tally: BTreeMap<String, u64>,
    /// When the oldest delivery that is not settled arrived.
    pub oldest_delivery: Option<Timestamp>,
    /// When the oldest call that waits for its start was queued; those of held runs wait for
    /// somebody's word.
    pub oldest_call: Option<Timestamp>,
    /// Since when the oldest status is owed.
    pub oldest_report: Option<Timestamp>,
}

impl Figures {
    /// One count; what never happened is 0.
    pub fn count(&self, what: &str, word: &str) -> u64 {
        self.tally.get(&format!("{what}:{word}")).copied().unwrap_or_default()
    }

    /// All words of one thing that is counted, with their counts.
    pub fn all<'a>(&'a self, what: &'a str) -> impl Iterator<Item = (&'a str, u64)> {
        self.tally.iter().filter_map(move |(name, count)| {
            let word = name.strip_prefix(what)?.strip_prefix(':')?;
            Some((word, *count))
        })
    }
}

/// Each reads one entry of an index.
pub(super) const OLDEST: [&str; 3] = [
    "SELECT min(received_at) FROM delivery INDEXED BY delivery_by_wait WHERE state <> 'settled'",
    "SELECT min(queued_at) FROM call INDEXED BY call_by_wait WHERE state = 'queued' AND held = 0",
    "SELECT min(owed_since) FROM report INDEXED BY report_by_wait WHERE state = 'owed'",
];

impl Store {
    /// The figures as they are now.
    pub async fn figures(&self) -> Result<Figures, StoreError> {
        let mut tx = self.inner.readers.begin().await?;
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT name, value FROM tally").fetch_all(&mut *tx).await?;
        let mut oldest = [None; 3];
        for (sql, oldest) in OLDEST.into_iter().zip(&mut oldest) {
            let found: Option<i64> = sqlx::query_scalar(sql).fetch_one(&mut *tx).await?;
            *oldest = pack::time_if(found)?;
        }
        let [oldest_delivery, oldest_call, oldest_report] = oldest;
        let tally = rows.into_iter().map(|(name, value)| (name, value.max(0) as u64)).collect();
        Ok(Figures { tally, oldest_delivery, oldest_call, oldest_report })
    }

    /// Counts something that is no change of a row: `what:word`, out of few.
    pub async fn tally(&self, name: &'static str, more: u64) -> Result<(), StoreError> {
        if more == 0 {
            return Ok(());
        }
        let mut tx = self.inner.writer.begin().await?;
        let sql = "INSERT INTO tally VALUES ($1, $2)
                   ON CONFLICT (name) DO UPDATE SET value = value + excluded.value";
        sqlx::query(sql).bind(name).bind(more as i64).execute(tx.db()).await?;
        tx.commit().await
    }

    /// Writes to the disk and nothing that matters: whether the next delivery could be stored.
    pub async fn probe(&self, now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        let sql = "INSERT INTO tally VALUES ('probe:at', $1)
                   ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        sqlx::query(sql).bind(now.as_second()).execute(tx.db()).await?;
        tx.commit().await
    }
}

#[cfg(test)]
mod tests;
