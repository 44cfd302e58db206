//! Everything that must survive: deliveries, runs, calls, reports, listings and logs.
//!
//! The only place with SQL. One connection writes, and what belongs together is written in one
//! transaction; a change that has been answered is on the disk. The store knows neither forges nor
//! dagger nor HTTP, and takes the time from its callers.

use std::collections::HashSet;
use std::fs::{DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use sqlx::ConnectOptions;
use sqlx::sqlite::SqlitePool;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::domain::ids::{CallId, ForgeId, RunId};

mod act;
mod arrived;
mod call;
mod cancel;
mod changes;
mod check;
mod connection;
mod delivery;
mod effect;
mod error;
mod figures;
mod found;
mod intake;
mod kept;
mod listing;
pub mod log;
mod meaning;
mod outcome;
mod pack;
mod public;
mod queue;
mod recover;
mod report;
mod retention;
mod run;
mod schema;
mod state;
mod session;
mod token;
pub mod trace;
mod waits;
mod watch;

pub use act::{
    Act, ActError, Acted, Approved, Asked, CommandBy, EarlierAttempt, Held, Place, Refused, Reran,
    Rerun,
};
pub use arrived::{DeliveryPage, DeliveryQuery, OutcomeQuery, REPLAY};
pub use call::ClaimedCall;
pub use cancel::ToEnd;
pub use changes::Change;
pub use check::CheckRun;
pub use delivery::{Bearing, ClaimedDelivery, DeliveryView, Part, SettledAmong, Settlement};
pub use effect::{EffectId, EffectKind, OwedEffect};
pub use error::StoreError;
pub use figures::{BOUNDS, Figures};
pub use found::{CallMark, RunPage, RunQuery, RunStateQuery, RunSummary};
pub use intake::{NewDelivery, Recorded};
pub use kept::KeptDelivery;
pub use meaning::Meaning;
pub use queue::{Limits, Next, Startable};
pub use recover::{Leftover, Recovered, TakenUp};
pub use report::{OwedReport, ReportId, ReportView, SentCommit, SentReport};
pub use retention::Pruned;
pub use run::{CallView, NewRun, NewRunState, RunSettings, RunView};
pub use session::PersonSession;
pub use state::{CallState, DeliveryState, ReportState, RunState, Settled, Whose};
pub use token::TokenView;
pub use waits::Waits;
pub use watch::RunningCall;

/// The database's name in the data folder.
const DATABASE: &str = "pocketci.db";
/// The folder of the calls' logs in the data folder.
const LOGS: &str = "logs";

/// The database and the logs of one data folder; cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    writer: Arc<connection::Writer>,
    readers: SqlitePool,
    intake: intake::Intake,
    /// Reports that were handed out and not answered yet. It only changes while the writer is
    /// held, so that what a claim reads and what it marks are one step.
    in_flight: Mutex<HashSet<ReportId>>,
    traces: trace::Open,
    closing: CancellationToken,
    intake_task: Mutex<Option<JoinHandle<()>>>,
}

impl Store {
    /// Opens the database of a data folder, making what is missing and migrating what is old.
    pub async fn open(data_dir: &Path) -> Result<Self, StoreError> {
        make_folder(data_dir)?;
        make_folder(&data_dir.join(LOGS))?;
        let path = data_dir.join(DATABASE);
        make_file(&path)?;
        let options = connection::writer_options(&path);
        let mut connection = options.connect().await?;
        schema::migrate(&mut connection, &path).await?;
        match schema::convert(&mut connection).await {
            Ok(false) => {}
            Ok(true) => tracing::info!(
                "The database does not shrink when old runs go: it was made by an older agent and \
                 is too large to be written anew at a start. With the agent stopped, `sqlite3 {} \
                 'PRAGMA auto_vacuum = 2; VACUUM'` lets it",
                path.display()
            ),
            Err(error) => tracing::warn!(%error, "Cannot let the database shrink"),
        }
        let writer = Arc::new(connection::Writer::new(options, connection).await?);
        let closing = CancellationToken::new();
        let (intake, loop_) = intake::intake(writer.clone(), closing.clone());
        let inner = Inner {
            folder: data_dir.to_owned(),
            writer,
            readers: connection::readers(&path),
            intake,
            in_flight: Mutex::default(),
            traces: trace::Open::default(),
            closing,
            intake_task: Mutex::new(Some(tokio::spawn(loop_))),
        };
        let store = Self { inner: Arc::new(inner) };
        store.name_runs().await?;
        Ok(store)
    }

    /// Writes what has been accepted and closes the database, also for every clone.
    pub async fn close(self) {
        self.inner.closing.cancel();
        let task = lock(&self.inner.intake_task).take();
        if let Some(task) = task {
            // It neither panics nor is aborted; if it were, there is nothing more to write.
            let _ = task.await;
        }
        self.inner.readers.close().await;
        if let Err(error) = self.inner.writer.close().await {
            tracing::warn!(%error, "The database was not closed cleanly; the next start mends it");
        }
    }

    /// Stores a delivery; returns when it is on the disk.
    pub async fn record(&self, delivery: NewDelivery) -> Result<Recorded, StoreError> {
        self.inner.intake.record(delivery).await
    }

    /// When the next postponed delivery is due; none when none is. What is not postponed can be
    /// claimed at once and is not looked at here.
    pub async fn next_delivery_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT min(retry_at) FROM delivery INDEXED BY delivery_postponed
                   WHERE state = 'received' AND retry_at IS NOT NULL";
        let due: Option<i64> = sqlx::query_scalar(sql).fetch_one(&self.inner.readers).await?;
        pack::time_if(due)
    }

    /// When the next postponed report of a forge is due, likewise; one that is being sent is answered soon,
    /// and due again then if at all.
    pub async fn next_report_due(&self, forge: ForgeId) -> Result<Option<Timestamp>, StoreError> {
        let in_flight = lock(&self.inner.in_flight).clone();
        let sql = "SELECT id, next_try FROM report INDEXED BY report_postponed_of_forge
                   WHERE vendor = $2 AND state = 'owed' AND next_try IS NOT NULL
                   ORDER BY next_try, id LIMIT $1";
        let reports: Vec<(i64, i64)> = sqlx::query_as(sql)
            .bind(in_flight.len() as i64 + 1)
            .bind(forge.to_string())
            .fetch_all(&self.inner.readers)
            .await?;
        let due = reports.into_iter().find(|(id, _)| !in_flight.contains(&ReportId(*id)));
        pack::time_if(due.map(|(_, next_try)| next_try))
    }

    /// Where the log of a call's attempt lies; the file may not be there yet, or no longer.
    pub fn log_path(&self, run: RunId, call: CallId, attempt: u32) -> PathBuf {
        self.inner.folder.join(LOGS).join(run.to_string()).join(format!("{call}-{attempt}.log"))
    }
}

/// Makes a folder that is the agent's user's alone: it holds private code's events and logs.
fn make_folder(path: &Path) -> Result<(), StoreError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source: io::Error| StoreError::File {
        doing: "make the folder",
        path: path.to_owned(),
        source: Arc::new(source),
    })
}

/// Makes the database's file the agent's user's alone; SQLite gives its mode to those beside it.
fn make_file(path: &Path) -> Result<(), StoreError> {
    let failed = |source: io::Error| StoreError::File {
        doing: "make the file",
        path: path.to_owned(),
        source: Arc::new(source),
    };
    let options = File::options().create(true).truncate(false).write(true).mode(0o600).open(path);
    let file = options.map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0
        && let Err(error) = file.set_permissions(Permissions::from_mode(0o600))
    {
        tracing::warn!(%error, "Others may read the database `{}`", path.display());
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Nothing that holds one of these can panic half-way through a change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A change that must have found its row.
fn found(rows: u64, what: impl FnOnce() -> String) -> Result<(), StoreError> {
    if rows == 0 { Err(StoreError::Missing(what())) } else { Ok(()) }
}

#[cfg(test)]
pub(crate) mod tests;
