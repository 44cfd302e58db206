//! The one writing connection, and how every connection is set up.
//!
//! SQLite has one writer at a time in any case: one connection behind a fair lock makes the queue
//! ours, and nobody waits in SQLite's own busy loop.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Executor, SqliteConnection};
use tokio::sync::{Mutex, MutexGuard};

use super::changes::Changes;
use super::error::StoreError;

/// How long a statement waits for a lock of another process (a backup, a `sqlite3` shell).
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a page waits for a reader.
const READER_TIMEOUT: Duration = Duration::from_secs(10);
/// Readers at once; each costs a thread and 0.1 MB while it lives.
const READERS: u32 = 2;
/// A reader that nobody needs is closed after this time.
const READER_IDLE: Duration = Duration::from_secs(30);
/// SQLite's page cache for each connection, in KiB: the working set is the indices of what waits.
const CACHE_KIB: u32 = 512;
/// What the write-ahead log is cut to after a burst, in bytes.
const WAL_LIMIT: u32 = 16 << 20;
/// The multi-row statements of the intake come in up to 64 sizes; they are not kept.
const STATEMENTS: usize = 64;

/// How the writer connects to the database at `path`.
pub(super) fn writer_options(path: &Path) -> SqliteConnectOptions {
    shared_options(path)
        .create_if_missing(true)
        // What retention frees can be given back to the disk. Counts when the database is made,
        // and when it is written anew.
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .journal_mode(SqliteJournalMode::Wal)
        // A commit is on the disk before anybody is told of it.
        .synchronous(SqliteSynchronous::Full)
        .pragma("journal_size_limit", WAL_LIMIT.to_string())
}

/// Connections that only read; they are made when needed.
pub(super) fn readers(path: &Path) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(READERS)
        .min_connections(0)
        .acquire_timeout(READER_TIMEOUT)
        .idle_timeout(READER_IDLE)
        .test_before_acquire(false)
        .connect_lazy_with(shared_options(path).read_only(true))
}

fn shared_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
        .statement_cache_capacity(STATEMENTS)
        .pragma("cache_size", format!("-{CACHE_KIB}"))
        .disable_statement_logging()
}

/// The writing connection, taken by one transaction after the other, in the order of asking.
#[derive(Debug)]
pub(super) struct Writer {
    options: SqliteConnectOptions,
    slot: Mutex<Slot>,
    changes: Changes,
}

#[derive(Debug)]
enum Slot {
    Open(Box<SqliteConnection>),
    /// The last transaction did not end in a COMMIT: the next one connects anew.
    Vacant,
    Closed,
}

impl Writer {
    pub(super) async fn new(
        options: SqliteConnectOptions,
        mut connection: SqliteConnection,
    ) -> Result<Self, StoreError> {
        let changes = Changes::default();
        changes.watch(&mut connection).await?;
        Ok(Self { options, slot: Mutex::new(Slot::Open(Box::new(connection))), changes })
    }

    /// Who hears of what is committed.
    pub(super) fn changes(&self) -> &Changes {
        &self.changes
    }

    /// Begins the next writing transaction.
    pub(super) async fn begin(&self) -> Result<Transaction<'_>, StoreError> {
        let mut slot = self.slot.lock().await;
        let mut connection = match std::mem::replace(&mut *slot, Slot::Vacant) {
            Slot::Open(connection) => connection,
            Slot::Vacant => {
                let mut connection = Box::new(self.options.connect().await?);
                self.changes.watch(&mut connection).await?;
                connection
            }
            Slot::Closed => {
                *slot = Slot::Closed;
                return Err(StoreError::Closed);
            }
        };
        connection.execute("BEGIN IMMEDIATE").await?;
        self.changes.forget();
        Ok(Transaction { slot, connection, changes: &self.changes })
    }

    /// Closes the connection once the transactions before it have ended.
    pub(super) async fn close(&self) -> Result<(), StoreError> {
        let slot = std::mem::replace(&mut *self.slot.lock().await, Slot::Closed);
        match slot {
            Slot::Open(connection) => Ok((*connection).close().await?),
            Slot::Vacant | Slot::Closed => Ok(()),
        }
    }
}

/// A writing transaction; unless it is committed, nothing of it happens.
///
/// A transaction that does not end in a COMMIT (an error, a caller that went away) takes its
/// connection with it. SQLite itself rolls back on a full disk and others, after which sqlx no
/// longer agrees with it on whether there is a transaction, and every later one would fail.
pub(super) struct Transaction<'a> {
    slot: MutexGuard<'a, Slot>,
    connection: Box<SqliteConnection>,
    changes: &'a Changes,
}

impl Transaction<'_> {
    /// For the queries inside.
    pub(super) fn db(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }

    /// Returns when everything is on the disk.
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        self.commit_then(|| ()).await
    }

    /// Commits, and does something small before the next transaction can begin.
    pub(super) async fn commit_then<T>(
        mut self,
        then: impl FnOnce() -> T,
    ) -> Result<T, StoreError> {
        crate::crash::point("commit.before");
        self.connection.execute("COMMIT").await?;
        crate::crash::point("commit.after");
        let value = then();
        self.changes.tell();
        *self.slot = Slot::Open(self.connection);
        Ok(value)
    }
}
