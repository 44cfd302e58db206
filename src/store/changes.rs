//! What has just changed, for those who show it while it happens.
//!
//! SQLite itself names the rows that a transaction touches, so that no writer can forget to say
//! so; they are told once the transaction is on the disk, and never when it is not. Somebody who
//! is too slow loses the oldest and is told that he did: what is true stands in the tables.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use sqlx::SqliteConnection;
use tokio::sync::broadcast;

use super::error::StoreError;
use super::{Store, lock};
use crate::domain::ids::{CallId, DeliveryId, RunId};

/// Transactions that a listener may fall behind.
const BACKLOG: usize = 256;

/// Something whose row was written or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    Delivery(DeliveryId),
    Run(RunId),
    Call(CallId),
}

impl Change {
    fn of(table: &str, row: i64) -> Option<Self> {
        match table {
            "delivery" => Some(Self::Delivery(DeliveryId(row))),
            "run" => Some(Self::Run(RunId(row))),
            "call" => Some(Self::Call(CallId(row))),
            _ => None,
        }
    }
}

/// Collects what the transaction under way touches, and tells it when it is committed.
#[derive(Debug)]
pub(super) struct Changes {
    touched: Arc<Mutex<BTreeSet<Change>>>,
    listeners: broadcast::Sender<Arc<[Change]>>,
}

impl Default for Changes {
    fn default() -> Self {
        Self { touched: Arc::default(), listeners: broadcast::Sender::new(BACKLOG) }
    }
}

impl Changes {
    /// Listens to what a new writing connection touches.
    pub(super) async fn watch(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let (touched, listeners) = (Arc::clone(&self.touched), self.listeners.clone());
        connection.lock_handle().await?.set_update_hook(move |update| {
            // Nobody looks most of the time.
            if listeners.receiver_count() > 0
                && let Some(change) = Change::of(update.table, update.rowid)
            {
                lock(&touched).insert(change);
            }
        });
        Ok(())
    }

    /// A transaction begins: what an earlier one left was not committed.
    pub(super) fn forget(&self) {
        lock(&self.touched).clear();
    }

    /// The transaction is on the disk.
    pub(super) fn tell(&self) {
        let touched = std::mem::take(&mut *lock(&self.touched));
        if !touched.is_empty() {
            // Nobody listens any more: nothing is lost.
            let _ = self.listeners.send(touched.into_iter().collect());
        }
    }
}

impl Store {
    /// What changes from now on, the rows of one transaction at a time.
    pub fn changes(&self) -> broadcast::Receiver<Arc<[Change]>> {
        self.inner.writer.changes().listeners.subscribe()
    }
}

#[cfg(test)]
mod tests;
