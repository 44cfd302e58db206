//! Deliveries: claimed for planning, postponed, and settled into runs, once.

mod view;

use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::cancel::{Arrival, cancel, clear_group, supersede};
use super::connection::Transaction;
use super::error::StoreError;
use super::meaning::{Meaning, twin_of};
use super::report::{Link, owe};
use super::run::{NewRun, insert_run};
use super::state::{Settled, Whose};
use super::{Store, found, pack};
use crate::domain::ids::{DeliveryId, ForgeId, RepoName, RunId, Sha};
use crate::domain::plan::{Reason, ReasonCode};
use crate::domain::run::Status;
use crate::domain::succession::Succession;

pub use view::{DeliveryView, Part};
pub(super) use view::{VIEW, view};

/// A delivery that is to be planned by whoever claimed it.
#[derive(Debug, Clone)]
pub struct ClaimedDelivery {
    pub id: DeliveryId,
    pub forge: ForgeId,
    pub forge_id: String,
    pub event_name: String,
    /// `owner/name`, as far as it is about one.
    pub repository: Option<String>,
    pub headers: Vec<(String, String)>,
    /// The JSON text, byte by byte as it was recorded.
    pub body: Vec<u8>,
    pub received_at: Timestamp,
    /// How often it has been claimed, this time included.
    pub tries: u32,
}

/// What planning a delivery came to.
#[derive(Debug, Clone)]
pub enum Settlement {
    /// One run for each spec; and what came of each event, where the delivery tells of several.
    Planned { runs: Vec<NewRun>, parts: Vec<Part> },
    /// Nothing is to be done.
    Skipped(Reason),
    /// It could not be planned; the statuses tell it on the forge.
    Faulty { whose: Whose, text: String, forge: ForgeId, statuses: Vec<(RepoName, Sha, Status)> },
}

/// What a delivery says about other deliveries and their runs.
#[derive(Debug, Clone, Default)]
pub struct Bearing {
    /// What it has in common with a twin by another hook; none: nothing is like it.
    pub meaning: Option<Meaning>,
    /// What it makes superfluous, in which repository: a step for each of its events.
    pub succession: Vec<(ForgeId, RepoName, Succession)>,
}

/// What came of a delivery among others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettledAmong {
    /// In the order of the settlement.
    pub runs: Vec<RunId>,
    /// The delivery that was planned for the same thing; then there are no runs.
    pub twin_of: Option<DeliveryId>,
}

/// Bytes of the bodies that are claimed together, about: what is claimed lies in memory.
const CLAIM_BYTES: usize = 4 << 20;

/// The oldest of those that wait for nothing and the one that has been due for the longest; each
/// arm reads one row of its partial index, whatever waits. States are literals here and wherever
/// such an index is to be used: with a bound value SQLite could not know that it may.
pub(super) const CLAIM: &str = "\
    UPDATE delivery SET state = 'claimed', claimed_at = $1, tries = tries + 1, retry_at = NULL
    WHERE id = (SELECT min(id) FROM (
        SELECT id FROM (SELECT id FROM delivery INDEXED BY delivery_fresh
                        WHERE state = 'received' AND retry_at IS NULL ORDER BY id LIMIT 1)
        UNION ALL
        SELECT id FROM (SELECT id FROM delivery INDEXED BY delivery_postponed
                        WHERE state = 'received' AND retry_at IS NOT NULL AND retry_at <= $1
                        ORDER BY retry_at, id LIMIT 1)))
    RETURNING id, vendor, forge_id, event_name, repository, received_at, tries";

impl Store {
    /// Claims the oldest delivery that is to be planned.
    pub async fn claim_delivery(
        &self,
        now: Timestamp,
    ) -> Result<Option<ClaimedDelivery>, StoreError> {
        Ok(self.claim_deliveries(1, now).await?.pop())
    }

    /// Claims the oldest deliveries that are to be planned, in one transaction: up to `limit`, and
    /// fewer when they are large.
    pub async fn claim_deliveries(
        &self,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<ClaimedDelivery>, StoreError> {
        let (mut deliveries, mut bytes, mut wrote) = (Vec::new(), 0, false);
        let mut tx = self.inner.writer.begin().await?;
        while deliveries.len() < limit && bytes < CLAIM_BYTES {
            let claim = sqlx::query(CLAIM).bind(now.as_microsecond());
            let Some(row) = claim.fetch_optional(tx.db()).await? else { break };
            wrote = true;
            let id = DeliveryId(row.try_get("id")?);
            match claimed(&mut tx, id, &row).await {
                Ok(delivery) => {
                    bytes += delivery.body.len();
                    deliveries.push(delivery);
                }
                // It would be claimed again for ever, and those behind it never.
                Err(StoreError::Unreadable { what, why }) => {
                    let text = format!("Cannot read {what} from the database: {why}");
                    tracing::error!(delivery = id.0, "{text}; the delivery is given up");
                    settle_row(&mut tx, id, &Settled::Faulty { whose: Whose::Agent, text }, now)
                        .await?;
                }
                Err(error) => return Err(error),
            }
        }
        if wrote {
            crate::crash::point("delivery.before-claim");
        }
        tx.commit().await?;
        if wrote {
            crate::crash::point("delivery.claimed");
        }
        Ok(deliveries)
    }

    /// Settles a claimed delivery as one that we cannot plan.
    pub async fn give_up_delivery(
        &self,
        id: DeliveryId,
        text: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        let settled = Settled::Faulty { whose: Whose::Agent, text: text.to_owned() };
        settle_row(&mut tx, id, &settled, now).await?;
        tx.commit().await
    }

    /// The deliveries that somebody claimed and did not settle so far, with how often they were
    /// claimed.
    pub async fn claimed_deliveries(&self) -> Result<Vec<(DeliveryId, u32)>, StoreError> {
        let sql = "SELECT id, tries FROM delivery INDEXED BY delivery_claimed
                   WHERE state = 'claimed' ORDER BY id";
        let rows: Vec<(i64, u32)> = sqlx::query_as(sql).fetch_all(&self.inner.readers).await?;
        Ok(rows.into_iter().map(|(id, tries)| (DeliveryId(id), tries)).collect())
    }

    /// Puts a claimed delivery back, to be claimed not before `until`.
    pub async fn postpone_delivery(
        &self,
        id: DeliveryId,
        until: Timestamp,
        why: &str,
    ) -> Result<(), StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        let sql = "UPDATE delivery SET state = 'received', claimed_at = NULL, retry_at = $1,
                     note = $2
                   WHERE id = $3 AND state = 'claimed'";
        let postpone = sqlx::query(sql).bind(until.as_microsecond()).bind(why).bind(id.0);
        let done = postpone.execute(tx.db()).await?;
        found(done.rows_affected(), || format!("claimed delivery {id}"))?;
        crate::crash::point("delivery.before-postpone");
        tx.commit().await
    }

    /// Settles a claimed delivery that has no bearing on others; see [`Store::settle_among`].
    pub async fn settle(
        &self,
        id: DeliveryId,
        settlement: Settlement,
        now: Timestamp,
    ) -> Result<Vec<RunId>, StoreError> {
        Ok(self.settle_among(id, settlement, &Bearing::default(), now).await?.runs)
    }

    /// Settles a claimed delivery: with it, in one transaction, its runs and calls come to be and
    /// their statuses are owed.
    ///
    /// What the delivery supersedes is cancelled with it, and what supersedes it cancels its runs.
    /// Where it turns out to be the twin of one that was planned, it is skipped.
    pub async fn settle_among(
        &self,
        id: DeliveryId,
        settlement: Settlement,
        bearing: &Bearing,
        now: Timestamp,
    ) -> Result<SettledAmong, StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        let mut ids = Vec::new();
        if let (Settlement::Planned { .. }, Some(meaning)) = (&settlement, &bearing.meaning)
            && let Some(first) = twin_of(&mut tx, id, meaning).await?
        {
            let text = format!("the same came by another hook, as delivery {first}");
            let reason = ReasonCode::Twin.because(text);
            settle_row(&mut tx, id, &Settled::Skipped(reason), now).await?;
            crate::crash::point("twin.before-commit");
            tx.commit().await?;
            crate::crash::point("twin.after-commit");
            return Ok(SettledAmong { runs: ids, twin_of: Some(first) });
        }
        let mut late = HashMap::new();
        for (forge, repository, succession) in &bearing.succession {
            let (delivery, forge) = (id, *forge);
            let arrival = Arrival { delivery, forge, repository, succession };
            if let Some(why) = supersede(&mut tx, &arrival, now).await? {
                late.insert(succession.place.as_str(), why);
            }
        }
        match settlement {
            Settlement::Planned { runs, parts } => {
                settle_row(&mut tx, id, &Settled::Planned, now).await?;
                if !parts.is_empty() {
                    let parts = pack::to_json("the parts", &parts)?;
                    let sql = "UPDATE delivery SET parts = $1 WHERE id = $2";
                    sqlx::query(sql).bind(parts).bind(id.0).execute(tx.db()).await?;
                }
                for run in &runs {
                    clear_group(&mut tx, id, run, now).await?;
                    let run_id = insert_run(&mut tx, id, run, now).await?;
                    ids.push(run_id);
                    let place = run.settings.place.as_deref();
                    if let Some(why) = place.and_then(|place| late.get(place)) {
                        cancel(&mut tx, run_id, why, now).await?;
                    }
                }
            }
            Settlement::Skipped(reason) => {
                settle_row(&mut tx, id, &Settled::Skipped(reason), now).await?;
            }
            Settlement::Faulty { whose, text, forge, statuses } => {
                settle_row(&mut tx, id, &Settled::Faulty { whose, text }, now).await?;
                for (repository, sha, status) in &statuses {
                    let link = Link { run: None, delivery: Some(id) };
                    owe(&mut tx, forge, repository, sha, link, status, now).await?;
                }
            }
        }
        crate::crash::point("settle.before-commit");
        tx.commit().await?;
        crate::crash::point("settle.after-commit");
        Ok(SettledAmong { runs: ids, twin_of: None })
    }

    /// The JSON text of a delivery, byte by byte as it was recorded.
    pub async fn delivery_body(&self, id: DeliveryId) -> Result<Vec<u8>, StoreError> {
        let sql = "SELECT body, raw_length FROM delivery_body WHERE delivery = $1";
        let row = sqlx::query(sql).bind(id.0).fetch_optional(&self.inner.readers).await?;
        let row = row.ok_or_else(|| StoreError::Missing(format!("body of delivery {id}")))?;
        body(&row)
    }

    pub async fn delivery(&self, id: DeliveryId) -> Result<Option<DeliveryView>, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!("{VIEW} WHERE id = $1"));
        let row = sqlx::query(sql).bind(id.0).fetch_optional(&self.inner.readers).await?;
        row.as_ref().map(view).transpose()
    }

    /// The newest first.
    pub async fn deliveries(&self, limit: usize) -> Result<Vec<DeliveryView>, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!("{VIEW} ORDER BY id DESC LIMIT $1"));
        let rows = sqlx::query(sql).bind(limit as i64).fetch_all(&self.inner.readers).await?;
        rows.iter().map(view).collect()
    }
}

async fn claimed(
    tx: &mut Transaction<'_>,
    id: DeliveryId,
    row: &SqliteRow,
) -> Result<ClaimedDelivery, StoreError> {
    let sql = "SELECT headers, body, raw_length FROM delivery_body WHERE delivery = $1";
    let content = sqlx::query(sql).bind(id.0).fetch_optional(tx.db()).await?;
    let content = content.ok_or_else(|| StoreError::unreadable("the body", "it is not there"))?;
    let headers: &str = content.try_get("headers")?;
    Ok(ClaimedDelivery {
        id,
        forge: forge(row)?,
        forge_id: row.try_get("forge_id")?,
        event_name: row.try_get("event_name")?,
        repository: row.try_get("repository")?,
        headers: pack::from_json("the headers", headers.as_bytes())?,
        body: body(&content)?,
        received_at: pack::time(row.try_get("received_at")?)?,
        tries: row.try_get("tries")?,
    })
}

pub(super) async fn settle_row(
    tx: &mut Transaction<'_>,
    id: DeliveryId,
    settled: &Settled,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (whose, code, text) = match settled {
        Settled::Planned => (None, None, None),
        Settled::Skipped(reason) => (None, Some(&*reason.code), Some(&*reason.text)),
        Settled::Faulty { whose, text } => (Some(whose.as_str()), None, Some(&**text)),
    };
    let sql = "UPDATE delivery SET state = 'settled', settled_at = $1, settlement = $2, whose = $3,
                 reason_code = $4, reason_text = $5
               WHERE id = $6 AND state = 'claimed'";
    let done = sqlx::query(sql)
        .bind(now.as_microsecond())
        .bind(settled.as_str())
        .bind(whose)
        .bind(code)
        .bind(text)
        .bind(id.0)
        .execute(tx.db())
        .await?;
    found(done.rows_affected(), || format!("claimed delivery {id}"))
}

fn body(row: &SqliteRow) -> Result<Vec<u8>, StoreError> {
    let body = pack::decompress("the body", row.try_get("body")?)?;
    let raw_length: i64 = row.try_get("raw_length")?;
    if body.len() as i64 == raw_length {
        Ok(body)
    } else {
        let why = format!("it has {} bytes and should have {raw_length}", body.len());
        Err(StoreError::unreadable("the body", why))
    }
}

pub(super) fn forge(row: &SqliteRow) -> Result<ForgeId, StoreError> {
    let name: &str = row.try_get("vendor")?;
    name.parse().map_err(|error| StoreError::unreadable("a forge's name", error))
}

#[cfg(test)]
mod tests;
