//! What an agent has written down, read from its database as anybody can.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{ConnectOptions as _, Row as _};

/// Everything that an agent remembers of its work, at one moment.
#[derive(Debug)]
pub struct Ledger {
    pub deliveries: Vec<Kept>,
    pub calls: Vec<Call>,
    /// Contexts that the forge has not been told of.
    pub owed: Vec<String>,
    /// Runs that have not ended.
    pub unfinished_runs: i64,
}

/// A delivery as it was written down.
#[derive(Debug)]
pub struct Kept {
    /// `X-GitHub-Delivery`.
    pub id: String,
    pub state: String,
    pub settlement: Option<String>,
    /// Whether its body is there too.
    pub whole: bool,
    pub runs: i64,
}

#[derive(Debug)]
pub struct Call {
    pub delivery: String,
    pub function: String,
    pub state: String,
    pub outcome: Option<String>,
}

impl Ledger {
    /// Reads it; the agent may be running or not.
    #[track_caller]
    pub fn read(data: &Path) -> Self {
        reading(data, async |db| Self {
            deliveries: all(db, DELIVERIES, kept).await,
            calls: all(db, CALLS, call).await,
            owed: all(db, OWED, |row| row.get(0)).await,
            unfinished_runs: one(db, UNFINISHED_RUNS).await,
        })
    }

    /// How many deliveries are not settled yet.
    #[track_caller]
    pub fn unsettled(data: &Path) -> i64 {
        reading(data, async |db| one(db, UNSETTLED).await)
    }
}

/// Writes into an agent's database behind its back.
#[track_caller]
pub fn meddle(data: &Path, sql: &'static str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(data.join("pocketci.db"));
        let mut db = options.connect().await.unwrap();
        sqlx::raw_sql(sql).execute(&mut db).await.unwrap();
    });
}

const DELIVERIES: &str = "\
    SELECT forge_id, state, settlement,
           EXISTS (SELECT 1 FROM delivery_body WHERE delivery_body.delivery = delivery.id),
           (SELECT count(*) FROM run WHERE run.delivery = delivery.id)
    FROM delivery ORDER BY id";
const CALLS: &str = "\
    SELECT delivery.forge_id, call.kebab, call.state, call.outcome
    FROM call JOIN run ON run.id = call.run JOIN delivery ON delivery.id = run.delivery
    ORDER BY call.id";
const OWED: &str = "SELECT context FROM report WHERE state = 'owed' ORDER BY id";
const UNFINISHED_RUNS: &str = "SELECT count(*) FROM run WHERE state <> 'finished'";
const UNSETTLED: &str = "SELECT count(*) FROM delivery WHERE state <> 'settled'";

#[track_caller]
fn reading<T>(data: &Path, read: impl AsyncFnOnce(&mut SqliteConnection) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(data.join("pocketci.db"));
        let mut db = options.read_only(true).connect().await.unwrap();
        read(&mut db).await
    })
}

async fn all<T>(
    db: &mut SqliteConnection,
    sql: &'static str,
    row: impl Fn(&SqliteRow) -> T,
) -> Vec<T> {
    sqlx::query(sql).fetch_all(db).await.unwrap().iter().map(row).collect()
}

async fn one(db: &mut SqliteConnection, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(db).await.unwrap()
}

fn kept(row: &SqliteRow) -> Kept {
    Kept {
        id: row.get(0),
        state: row.get(1),
        settlement: row.get(2),
        whole: row.get(3),
        runs: row.get(4),
    }
}

fn call(row: &SqliteRow) -> Call {
    Call { delivery: row.get(0), function: row.get(1), state: row.get(2), outcome: row.get(3) }
}
