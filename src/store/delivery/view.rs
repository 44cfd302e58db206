//! Deliveries as people look at them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::super::error::StoreError;
use super::super::pack;
use super::super::state::{DeliveryState, Settled};
use super::forge;
use crate::domain::ids::{DeliveryId, ForgeId};
use crate::domain::plan::Reason;

/// A delivery, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryView {
    pub id: DeliveryId,
    pub forge: ForgeId,
    pub forge_id: String,
    pub event_name: String,
    pub repository: Option<String>,
    pub title: String,
    pub received_at: Timestamp,
    pub state: DeliveryState,
    pub tries: u32,
    /// Why it was postponed the last time.
    pub note: Option<String>,
    /// How many runs came of it.
    pub runs: usize,
    /// Each of several things that it tells of; empty where it tells of one.
    pub parts: Vec<Part>,
}

/// One of several things that a delivery tells of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// `push main`.
    pub title: String,
    /// How many runs came of it.
    pub runs: usize,
    /// Why there are none.
    pub reason: Option<Reason>,
}

pub(in crate::store) const VIEW: &str = "\
    SELECT id, vendor, forge_id, event_name, repository, title, received_at, state, tries,
           claimed_at, retry_at, note, settled_at, settlement, whose, reason_code, reason_text, parts,
           (SELECT count(*) FROM run WHERE run.delivery = delivery.id) AS runs
    FROM delivery ";

pub(in crate::store) fn view(row: &SqliteRow) -> Result<DeliveryView, StoreError> {
    let state = match row.try_get("state")? {
        "received" => {
            DeliveryState::Received { retry_at: pack::time_if(row.try_get("retry_at")?)? }
        }
        "claimed" => DeliveryState::Claimed { since: pack::time(row.try_get("claimed_at")?)? },
        "settled" => DeliveryState::Settled {
            at: pack::time(row.try_get("settled_at")?)?,
            settled: Settled::from_columns(
                row.try_get("settlement")?,
                row.try_get("whose")?,
                row.try_get("reason_code")?,
                row.try_get("reason_text")?,
            )?,
        },
        other => return Err(StoreError::unreadable("a delivery", format!("it is `{other}`"))),
    };
    Ok(DeliveryView {
        id: DeliveryId(row.try_get("id")?),
        forge: forge(row)?,
        forge_id: row.try_get("forge_id")?,
        event_name: row.try_get("event_name")?,
        repository: row.try_get("repository")?,
        title: row.try_get("title")?,
        received_at: pack::time(row.try_get("received_at")?)?,
        state,
        tries: row.try_get("tries")?,
        note: row.try_get("note")?,
        runs: row.try_get::<i64, _>("runs")? as usize,
        parts: match row.try_get::<Option<&str>, _>("parts")? {
            Some(parts) => pack::from_json("the parts", parts.as_bytes())?,
            None => Vec::new(),
        },
    })
}
