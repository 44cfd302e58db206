//! The same thing told twice: a repository's hook and its organisation's both send every push.
//!
//! Decided in the transaction that settles a delivery, so that of two that are planned at the same
//! time one is the first.

use std::time::Duration;

use sqlx::Row;

use super::connection::Transaction;
use super::error::StoreError;
use crate::domain::ids::DeliveryId;

/// How far apart two hooks tell the same.
const TOGETHER: Duration = Duration::from_secs(10 * 60);

/// What a delivery means, and who told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meaning {
    /// See [`crate::domain::event::Event::meaning`].
    pub text: String,
    /// The forge's id of the webhook that sent it.
    pub hook: String,
}

/// The delivery that was planned for the same thing, if another hook told it before and this one
/// has not told it yet; else this one is written down as the first.
pub(super) async fn twin_of(
    tx: &mut Transaction<'_>,
    delivery: DeliveryId,
    meaning: &Meaning,
) -> Result<Option<DeliveryId>, StoreError> {
    // A push there and back and there again means the same as the first; what tells it from the
    // first's twin is that the first has its twin already.
    let sql = "SELECT first.delivery, own.received_at
               FROM delivery AS own JOIN meaning AS first INDEXED BY meaning_by_text
                 ON first.text = $1
                 AND first.received_at BETWEEN own.received_at - $2 AND own.received_at + $2
               WHERE own.id = $3 AND first.planned = first.delivery AND first.hook <> $4
                 AND NOT EXISTS (SELECT 1 FROM meaning AS other INDEXED BY meaning_by_planned
                                 WHERE other.planned = first.delivery AND other.hook = $4)
               ORDER BY first.delivery LIMIT 1";
    let first = sqlx::query(sql)
        .bind(&meaning.text)
        .bind(TOGETHER.as_micros() as i64)
        .bind(delivery.0)
        .bind(&meaning.hook)
        .fetch_optional(tx.db())
        .await?;
    let first: Option<i64> = first.map(|row| row.try_get("delivery")).transpose()?;
    let sql = "INSERT INTO meaning (delivery, text, hook, received_at, planned)
               SELECT id, $1, $2, received_at, $3 FROM delivery WHERE id = $4";
    sqlx::query(sql)
        .bind(&meaning.text)
        .bind(&meaning.hook)
        .bind(first.unwrap_or(delivery.0))
        .bind(delivery.0)
        .execute(tx.db())
        .await?;
    Ok(first.map(DeliveryId))
}

#[cfg(test)]
mod tests;
