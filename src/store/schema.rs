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
];

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

#[cfg(test)]
mod tests;
