//! The schema's versions, oldest first; each is applied once.
//!
//! A migration that has been released is never changed: what follows is a new one.

use std::path::Path;

use sqlx::{Executor, SqliteConnection};

use super::error::StoreError;

/// The text of version 1, 2, ….
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_deliveries_runs_calls_reports.sql"),
    include_str!("migrations/0002_taking_up_and_fair_queues.sql"),
    include_str!("migrations/0003_posts.sql"),
    include_str!("migrations/0004_figures_and_retention.sql"),
    include_str!("migrations/0005_finding_runs.sql"),
    include_str!("migrations/0006_acts_and_effects.sql"),
    include_str!("migrations/0007_forges.sql"),
    include_str!("migrations/0008_check_runs.sql"),
    include_str!("migrations/0009_tokens_and_sessions.sql"),
    include_str!("migrations/0010_people.sql"),
    include_str!("migrations/0011_narrowing_runs.sql"),
    include_str!("migrations/0012_short_texts.sql"),
    include_str!("migrations/0013_parts_of_deliveries.sql"),
];

/// Pages of a database that is written anew at a start, of 4 KiB: what a disk takes in a second.
const CONVERTED_PAGES: i64 = 16 * 1024;

/// Brings the database at `path` to the newest version in one transaction, or refuses one that is
/// newer.
pub(super) async fn migrate(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<(), StoreError> {
    connection.execute("BEGIN IMMEDIATE").await?;
    let create = "CREATE TABLE IF NOT EXISTS schema_version (
                    version INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT";
    connection.execute(create).await?;
    let query = "SELECT coalesce(max(version), 0) FROM schema_version";
    let found: i64 = sqlx::query_scalar(query).fetch_one(&mut *connection).await?;
    let known = MIGRATIONS.len() as i64;
    if found > known {
        // The caller drops the connection, and the transaction with it.
        return Err(StoreError::Newer { path: path.to_owned(), found, known });
    }
    for (number, text) in (1_i64..).zip(MIGRATIONS) {
        if number > found {
            sqlx::raw_sql(*text).execute(&mut *connection).await?;
            let insert = "INSERT INTO schema_version VALUES ($1, unixepoch() * 1000000)";
            sqlx::query(insert).bind(number).execute(&mut *connection).await?;
        }
    }
    connection.execute("COMMIT").await?;
    Ok(())
}

/// Lets a database that was made before there was that setting give freed pages back: it is
/// written anew, which is done where that takes a moment and no more. True: it still cannot.
pub(super) async fn convert(connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    let setting: i64 = sqlx::query_scalar("PRAGMA auto_vacuum").fetch_one(&mut *connection).await?;
    if setting != 0 {
        return Ok(false);
    }
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut *connection).await?;
    if pages > CONVERTED_PAGES {
        return Ok(true);
    }
    // As one transaction: a kill leaves what was there before.
    connection.execute("PRAGMA auto_vacuum = 2").await?;
    connection.execute("VACUUM").await?;
    Ok(false)
}

#[cfg(test)]
mod tests;
