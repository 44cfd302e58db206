//! Storing deliveries before they are answered, many in one transaction.
//!
//! A commit costs a sync of the disk whatever its size, so that what arrives while one is under
//! way shares the next.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use sqlx::{QueryBuilder, Row, Sqlite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::connection::{Transaction, Writer};
use super::error::StoreError;
use super::pack;
use crate::domain::ids::{DeliveryId, ForgeId};
use crate::domain::plan::Reason;

/// Deliveries in one transaction at most.
const BATCH: usize = 64;
/// Deliveries that wait for the writer at most.
const WAITING: usize = 1024;
/// Bytes of compressed bodies that wait for the writer at most, in KiB.
const WAITING_KIB: usize = 32 << 10;
/// How long a delivery waits for room among the waiting ones; a forge gives up after 10 s.
const ROOM_TIMEOUT: Duration = Duration::from_secs(5);
/// From this size on, compressing (some 2 ms for each MB) leaves the async threads alone.
const LARGE_BODY: usize = 256 << 10;

/// A checked delivery that has just arrived.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    pub forge: ForgeId,
    /// The forge's own id of it.
    pub forge_id: String,
    /// The event as the header names it.
    pub event_name: String,
    /// `owner/name`, as far as it is about one.
    pub repository: Option<String>,
    /// `pull_request opened`: the event in two words.
    pub title: String,
    /// Without signatures and tokens.
    pub headers: Vec<(String, String)>,
    /// The JSON text.
    pub body: Vec<u8>,
    pub received_at: Timestamp,
    /// Some: it is settled as skipped at once.
    pub skip: Option<Reason>,
}

/// What became of a delivery that was given to the store; in either case it is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    New(DeliveryId),
    /// It was there already.
    Replay {
        id: DeliveryId,
        /// The intake had skipped it.
        skipped: bool,
    },
}

/// A delivery as it is written.
struct Entry {
    delivery: NewDelivery,
    headers: String,
    /// Compressed.
    body: Vec<u8>,
    raw_length: i64,
}

struct Waiting {
    entry: Entry,
    done: oneshot::Sender<Result<Recorded, StoreError>>,
    _room: OwnedSemaphorePermit,
}

/// The way to the task that writes deliveries.
#[derive(Debug, Clone)]
pub(super) struct Intake {
    queue: mpsc::Sender<Waiting>,
    room: Arc<Semaphore>,
}

impl Intake {
    pub(super) async fn record(&self, mut delivery: NewDelivery) -> Result<Recorded, StoreError> {
        let headers = pack::to_json("the headers", &delivery.headers)?;
        let raw = std::mem::take(&mut delivery.body);
        let raw_length = raw.len() as i64;
        let body = if raw.len() < LARGE_BODY {
            pack::compress(&raw)?
        } else {
            let compress = tokio::task::spawn_blocking(move || pack::compress(&raw));
            compress.await.map_err(|_| StoreError::Closed)??
        };
        let kib = (body.len() / 1024 + 1).min(WAITING_KIB) as u32;
        let full = |_| StoreError::Busy("too many deliveries wait to be written".to_owned());
        let room = timeout(ROOM_TIMEOUT, self.room.clone().acquire_many_owned(kib)).await;
        let _room = room.map_err(full)?.map_err(|_| StoreError::Closed)?;
        let (done, answer) = oneshot::channel();
        let entry = Entry { delivery, headers, body, raw_length };
        let sent = timeout(ROOM_TIMEOUT, self.queue.send(Waiting { entry, done, _room })).await;
        sent.map_err(full)?.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

/// The way in, and the loop that writes until `closing` is cancelled or every way in is gone.
pub(super) fn intake(
    writer: Arc<Writer>,
    closing: CancellationToken,
) -> (Intake, impl Future<Output = ()> + Send) {
    let (queue, waiting) = mpsc::channel(WAITING);
    let intake = Intake { queue, room: Arc::new(Semaphore::new(WAITING_KIB)) };
    (intake, write_batches(writer, waiting, closing))
}

async fn write_batches(
    writer: Arc<Writer>,
    mut waiting: mpsc::Receiver<Waiting>,
    closing: CancellationToken,
) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        // Takes what is there and never waits for a batch to fill.
        let taken = tokio::select! {
            taken = waiting.recv_many(&mut batch, BATCH) => taken,
            () = closing.cancelled(), if !waiting.is_closed() => {
                waiting.close(); // What has been accepted is still written.
                continue;
            }
        };
        if taken == 0 {
            return;
        }
        let entries: Vec<&Entry> = batch.iter().map(|waiting| &waiting.entry).collect();
        // Nobody else writes deliveries: what comes after a fault of our own is still written.
        let answers = AssertUnwindSafe(write_all(&writer, &entries)).catch_unwind().await;
        let answers = answers.unwrap_or_else(|_| {
            tracing::error!(
                "Writing deliveries has panicked; please report this with the log before it"
            );
            let broken = || Err(StoreError::Busy("writing it broke off".to_owned()));
            entries.iter().map(|_| broken()).collect()
        });
        for (waiting, answer) in batch.drain(..).zip(answers) {
            // Nobody listens any more: the delivery is stored all the same.
            let _ = waiting.done.send(answer);
        }
    }
}

/// Writes a batch; one that fails alone does not fail its neighbours.
async fn write_all(writer: &Writer, entries: &[&Entry]) -> Vec<Result<Recorded, StoreError>> {
    match write(writer, entries).await {
        Ok(recorded) => recorded.into_iter().map(Ok).collect(),
        Err(error) if entries.len() == 1 || !error.is_about_rows() => {
            entries.iter().map(|_| Err(error.clone())).collect()
        }
        Err(_) => {
            let mut answers = Vec::with_capacity(entries.len());
            for entry in entries {
                let alone = write(writer, std::slice::from_ref(entry)).await;
                answers.push(alone.and_then(|one| {
                    one.into_iter().next().ok_or_else(|| StoreError::Missing("answer".to_owned()))
                }));
            }
            answers
        }
    }
}

type Key<'a> = (ForgeId, &'a str);

/// One transaction: one statement for each table.
async fn write(writer: &Writer, entries: &[&Entry]) -> Result<Vec<Recorded>, StoreError> {
    let mut tx = writer.begin().await?;
    let mut ids = insert_deliveries(&mut tx, entries).await?;
    insert_bodies(&mut tx, entries, &ids).await?;
    let mut recorded = Vec::with_capacity(entries.len());
    let mut known = known(&mut tx, entries, &ids).await?;
    crate::crash::point("intake.before-commit");
    tx.commit().await?;
    crate::crash::point("intake.after-commit");
    for entry in entries {
        let key = key(entry);
        // Of two with one id in a batch, the first is new and the second its replay.
        let answer = match ids.remove(&key) {
            Some(id) => {
                known.insert(key, (id, entry.delivery.skip.is_some()));
                Recorded::New(id)
            }
            None => {
                let (id, skipped) = known.get(&key).copied().ok_or_else(|| {
                    StoreError::Missing(format!("delivery `{}` after storing it", key.1))
                })?;
                Recorded::Replay { id, skipped }
            }
        };
        recorded.push(answer);
    }
    Ok(recorded)
}

fn key(entry: &Entry) -> Key<'_> {
    (entry.delivery.forge, entry.delivery.forge_id.as_str())
}

/// The ids of those that were not there yet.
async fn insert_deliveries<'a>(
    tx: &mut Transaction<'_>,
    entries: &[&'a Entry],
) -> Result<HashMap<Key<'a>, DeliveryId>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(
        "INSERT INTO delivery (vendor, forge_id, event_name, repository, title, received_at, \
         state, settlement, settled_at, reason_code, reason_text) ",
    );
    query.push_values(entries, |mut row, entry| {
        let delivery = &entry.delivery;
        row.push_bind(delivery.forge.to_string())
            .push_bind(delivery.forge_id.as_str())
            .push_bind(delivery.event_name.as_str())
            .push_bind(delivery.repository.as_deref())
            .push_bind(delivery.title.as_str())
            .push_bind(delivery.received_at.as_microsecond());
        match &delivery.skip {
            None => row.push("'received', NULL, NULL, NULL, NULL"),
            Some(reason) => row
                .push("'settled', 'skipped'")
                .push_bind(delivery.received_at.as_microsecond())
                .push_bind(reason.code.as_str())
                .push_bind(reason.text.as_str()),
        };
    });
    query.push(" ON CONFLICT (vendor, forge_id) DO NOTHING RETURNING id, vendor, forge_id");
    let rows = query.build().persistent(entries.len() == 1).fetch_all(tx.db()).await?;
    let mut inserted = HashMap::with_capacity(rows.len());
    for row in rows {
        let vendor: &str = row.try_get("vendor")?;
        let forge_id: &str = row.try_get("forge_id")?;
        inserted.insert((vendor.to_owned(), forge_id.to_owned()), row.try_get::<i64, _>("id")?);
    }
    Ok(entries
        .iter()
        .filter_map(|entry| {
            let (forge, forge_id) = key(entry);
            let id = inserted.get(&(forge.to_string().to_owned(), forge_id.to_owned()))?;
            Some(((forge, forge_id), DeliveryId(*id)))
        })
        .collect())
}

async fn insert_bodies(
    tx: &mut Transaction<'_>,
    entries: &[&Entry],
    ids: &HashMap<Key<'_>, DeliveryId>,
) -> Result<(), StoreError> {
    let mut missing = ids.clone();
    let new: Vec<(DeliveryId, &&Entry)> =
        entries.iter().filter_map(|entry| Some((missing.remove(&key(entry))?, entry))).collect();
    if new.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::<Sqlite>::new(
        "INSERT INTO delivery_body (delivery, headers, body, raw_length) ",
    );
    let rows = new.len();
    query.push_values(new, |mut row, (id, entry)| {
        row.push_bind(id.0)
            .push_bind(entry.headers.as_str())
            .push_bind(entry.body.as_slice())
            .push_bind(entry.raw_length);
    });
    query.build().persistent(rows == 1).execute(tx.db()).await?;
    Ok(())
}

/// Those that were there already: their ids, and whether the intake skipped them.
async fn known<'a>(
    tx: &mut Transaction<'_>,
    entries: &[&'a Entry],
    ids: &HashMap<Key<'a>, DeliveryId>,
) -> Result<HashMap<Key<'a>, (DeliveryId, bool)>, StoreError> {
    let mut known = HashMap::new();
    for entry in entries {
        let key = key(entry);
        if ids.contains_key(&key) || known.contains_key(&key) {
            continue;
        }
        let query = "SELECT id, settlement IS 'skipped' AND tries = 0 AS skipped FROM delivery
                     WHERE vendor = $1 AND forge_id = $2";
        let row = sqlx::query(query).bind(key.0.to_string()).bind(key.1).fetch_one(tx.db()).await?;
        known.insert(key, (DeliveryId(row.try_get("id")?), row.try_get("skipped")?));
    }
    Ok(known)
}

#[cfg(test)]
mod tests;
