//! Why the store could not do what it was asked, told apart by what a caller does about it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// A failed read or write; nothing of it is in the database.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Worth another try in a moment.
    #[error("The database is busy ({0}); try again")]
    Busy(String),
    /// There is no room on the disk.
    #[error("The disk of the database is full; make room in the data folder")]
    Full,
    /// The files or their file system cannot be written or opened.
    #[error(
        "The database cannot be written ({0}); check the rights and the mount of the data folder"
    )]
    ReadOnly(String),
    /// What was named is not there, or not in the state that the change starts from.
    #[error("There is no {0}")]
    Missing(String),
    /// What was given cannot be stored as it is: a mistake of the caller.
    #[error("Cannot store {what}: {why}")]
    Invalid { what: String, why: String },
    /// A row that this program cannot read.
    #[error("Cannot read {what} from the database: {why}")]
    Unreadable { what: String, why: String },
    /// The database was written by a newer program.
    #[error(
        "The database `{}` has schema {found}, and this program knows schemas up to {known}; start \
         the newer program again, or set `POCKETCI_DATA_DIR` to another folder",
        path.display()
    )]
    Newer { path: PathBuf, found: i64, known: i64 },
    /// A file or folder beside the database.
    #[error("Cannot {doing} `{}`: {source}", path.display())]
    File { doing: &'static str, path: PathBuf, source: Arc<io::Error> },
    /// The store has been closed.
    #[error("The store is closed")]
    Closed,
    /// Anything else that the database says.
    #[error("The database failed: {0}")]
    Sql(Arc<sqlx::Error>),
}

// Primary result codes, https://www.sqlite.org/rescode.html; the low byte of what SQLite answers.
const SQLITE_PERM: i32 = 3;
const SQLITE_BUSY: i32 = 5;
const SQLITE_LOCKED: i32 = 6;
const SQLITE_READONLY: i32 = 8;
const SQLITE_FULL: i32 = 13;
const SQLITE_CANTOPEN: i32 = 14;
const SQLITE_TOOBIG: i32 = 18;
const SQLITE_CONSTRAINT: i32 = 19;
const SQLITE_MISMATCH: i32 = 20;

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let code = error
            .as_database_error()
            .and_then(|error| error.code())
            .and_then(|code| code.parse::<i32>().ok())
            .map(|code| code & 0xff);
        match code {
            Some(SQLITE_BUSY | SQLITE_LOCKED) => {
                Self::Busy("another program has it locked".to_owned())
            }
            Some(SQLITE_FULL) => Self::Full,
            Some(SQLITE_READONLY | SQLITE_PERM | SQLITE_CANTOPEN) => {
                Self::ReadOnly(error.to_string())
            }
            _ => match error {
                sqlx::Error::PoolTimedOut => Self::Busy("all readers are in use".to_owned()),
                sqlx::Error::PoolClosed => Self::Closed,
                error => Self::Sql(Arc::new(error)),
            },
        }
    }
}

impl StoreError {
    /// Whether the rows are to blame, so that other rows could be written.
    pub(super) fn is_about_rows(&self) -> bool {
        match self {
            Self::Sql(error) => {
                let code = error.as_database_error().and_then(|error| error.code());
                let code = code.and_then(|code| code.parse::<i32>().ok()).map(|code| code & 0xff);
                matches!(code, Some(SQLITE_TOOBIG | SQLITE_CONSTRAINT | SQLITE_MISMATCH))
            }
            _ => false,
        }
    }

    pub(super) fn unreadable(what: impl ToString, why: impl ToString) -> Self {
        Self::Unreadable { what: what.to_string(), why: why.to_string() }
    }
}
