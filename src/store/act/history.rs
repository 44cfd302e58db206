//! What was done to a run by whom, and how its earlier attempts ended.

use jiff::Timestamp;
use sqlx::Row;

use super::super::connection::Transaction;
use super::super::error::StoreError;
use super::super::state::outcome_from_columns;
use super::super::{Store, pack};
use crate::domain::actor::Actor;
use crate::domain::ids::{CallId, RunId};
use crate::domain::run::Outcome;

/// Something that somebody did to a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    pub actor: Actor,
    /// `approved`, `rerun`, `cancelled`.
    pub what: String,
    /// Which calls, or why, in words.
    pub detail: Option<String>,
    pub at: Timestamp,
}

/// An attempt of a call before its newest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierAttempt {
    pub call: CallId,
    /// From 1; its log lies under this number.
    pub number: u32,
    /// The attempt of the run that it was part of.
    pub run_attempt: u32,
    pub outcome: Outcome,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub note: Option<String>,
}

impl Store {
    /// What was done to a run, the oldest first.
    pub async fn acts(&self, run: RunId) -> Result<Vec<Act>, StoreError> {
        let sql = "SELECT at, actor, what, detail FROM act WHERE run = $1 ORDER BY id";
        let rows = sqlx::query(sql).bind(run.0).fetch_all(&self.inner.readers).await?;
        rows.iter()
            .map(|row| {
                let actor: &str = row.try_get("actor")?;
                let actor = actor.parse().map_err(|why| StoreError::unreadable("an act", why))?;
                Ok(Act {
                    actor,
                    what: row.try_get("what")?,
                    detail: row.try_get("detail")?,
                    at: pack::time(row.try_get("at")?)?,
                })
            })
            .collect()
    }

    /// The earlier attempts of a run's calls, by call and number.
    pub async fn attempts(&self, run: RunId) -> Result<Vec<EarlierAttempt>, StoreError> {
        let sql = "SELECT attempt.call, number, run_attempt, attempt.started_at,
                          attempt.finished_at, attempt.outcome, attempt.exit_status,
                          attempt.detail, attempt.note
                   FROM call JOIN attempt ON attempt.call = call.id
                   WHERE call.run = $1 ORDER BY call.position, number";
        let rows = sqlx::query(sql).bind(run.0).fetch_all(&self.inner.readers).await?;
        rows.iter()
            .map(|row| {
                Ok(EarlierAttempt {
                    call: CallId(row.try_get("call")?),
                    number: row.try_get("number")?,
                    run_attempt: row.try_get("run_attempt")?,
                    outcome: outcome_from_columns(
                        row.try_get("outcome")?,
                        row.try_get("exit_status")?,
                        row.try_get("detail")?,
                    )?,
                    started_at: pack::time_if(row.try_get("started_at")?)?,
                    finished_at: pack::time_if(row.try_get("finished_at")?)?,
                    note: row.try_get("note")?,
                })
            })
            .collect()
    }
}

/// Keeps that somebody did something to a run.
pub(super) async fn note(
    tx: &mut Transaction<'_>,
    run: RunId,
    actor: &Actor,
    what: &str,
    detail: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO act (run, at, actor, what, detail) VALUES ($1, $2, $3, $4, $5)";
    sqlx::query(sql)
        .bind(run.0)
        .bind(now.as_microsecond())
        .bind(actor.to_string())
        .bind(what)
        .bind(detail)
        .execute(tx.db())
        .await?;
    Ok(())
}
