//! What people do to runs: let them go, begin them again, end them; each with who did it and when.
//!
//! An approval is for one commit at one place, and is kept: what comes of that commit there later
//! is not held again. Whether somebody may act is not decided here.

mod command;
mod history;
mod release;
mod rerun;

use jiff::Timestamp;
use sqlx::Row;

use super::cancel::cancel;
use super::connection::Transaction;
use super::delivery::forge;
use super::error::StoreError;
use super::outcome::repository;
use super::run::sha;
use super::{Store, pack};
use crate::domain::actor::Actor;
use crate::domain::ids::{CallId, ForgeId, RepoName, RunId, Sha};

pub use command::{Acted, Asked, CommandBy};
pub use history::{Act, EarlierAttempt};
pub(super) use release::release_if_approved;
pub use rerun::{Reran, Rerun};

/// A commit where an approval of it counts; see [`crate::domain::approval::place`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub forge: ForgeId,
    pub repository: RepoName,
    pub place: String,
    pub sha: Sha,
}

/// A run that waits for somebody's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub run: RunId,
    pub place: Place,
    /// Why, in words.
    pub why: String,
    pub since: Timestamp,
}

/// What an approval let go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Approved {
    pub released: Vec<RunId>,
}

/// Why nothing was done; the words are for whoever asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("there is no run {0}")]
    NoRun(RunId),
    #[error("run {run} is of the commit `{is}`, not of `{expected}`; look at it again")]
    OtherCommit { run: RunId, is: Sha, expected: Sha },
    #[error("run {0} does not wait for an approval")]
    NotHeld(RunId),
    #[error("run {0} waits for an approval; approve it first")]
    StillHeld(RunId),
    #[error("the commit `{sha}` of run {run} is not approved; approve it first", sha = .sha.short())]
    NotApproved { run: RunId, sha: Sha },
    #[error("run {0} is not finished; wait for its end, or cancel it first")]
    Unfinished(RunId),
    #[error("run {0} is finished already")]
    Finished(RunId),
    #[error("run {run} was overtaken by `{by}`; rerun that commit instead", by = .by.short())]
    Overtaken { run: RunId, by: Sha },
    #[error("nothing failed; `all` begins everything again")]
    NothingFailed,
    #[error("nothing was called that could be begun again")]
    NothingCalled,
    #[error("there is no call of that name")]
    NoSuchCall,
    #[error("nothing is under way")]
    NothingUnderWay,
    #[error(transparent)]
    Unclear(#[from] crate::domain::approval::Unclear),
}

/// Why an act did not happen.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ActError {
    #[error("{0}")]
    Refused(#[from] Refused),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for ActError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Store {
    /// Lets the commit of a held run go, at the run's place: with it every run of the commit that
    /// waits there. `expected` is the commit that the approver saw. A run that was ended while it
    /// waited can be begun again then.
    ///
    /// # Errors
    /// When the run is of another commit, or does not wait.
    pub async fn approve(
        &self,
        run: RunId,
        expected: &Sha,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<Approved, ActError> {
        let mut tx = self.inner.writer.begin().await?;
        let sql = "SELECT vendor, repository, sha, place, held_at, state FROM run WHERE id = $1";
        let row = sqlx::query(sql).bind(run.0).fetch_optional(tx.db()).await?;
        let row = row.ok_or(Refused::NoRun(run))?;
        let is = sha(&row)?;
        if is != *expected {
            return Err(Refused::OtherCommit { run, is, expected: expected.clone() }.into());
        }
        let place: Option<String> = row.try_get("held_at")?;
        let held = row.try_get::<&str, _>("state")? == "held";
        let waits = held
            || release::lacks_approval(&mut tx, run).await?
                && rerun::overtaken_by(&mut tx, &row).await?.is_none();
        let Some(place) = place.filter(|_| waits) else { return Err(Refused::NotHeld(run).into()) };
        let place = Place { forge: forge(&row)?, repository: repository(&row)?, place, sha: is };
        let approved = release::approve(&mut tx, &place, actor, now).await?;
        if !held {
            history::note(&mut tx, run, actor, "approved", None, now).await?;
        }
        commit(tx).await?;
        Ok(approved)
    }

    /// Lets a commit go at a place, whether or not anything of it waits there already.
    pub async fn approve_commit(
        &self,
        place: &Place,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<Approved, StoreError> {
        let mut tx = self.inner.writer.begin().await?;
        let approved = release::approve(&mut tx, place, actor, now).await?;
        commit(tx).await?;
        Ok(approved)
    }

    /// Begins calls of a finished run again, as another attempt of it; what is known of the
    /// attempt before is kept.
    ///
    /// # Errors
    /// When the run is not finished, waits for an approval, was overtaken by a newer commit, or
    /// has no such calls.
    pub async fn rerun(
        &self,
        run: RunId,
        wanted: &Rerun,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<Reran, ActError> {
        let mut tx = self.inner.writer.begin().await?;
        let reran = rerun::rerun(&mut tx, run, wanted, actor, now).await?;
        commit(tx).await?;
        Ok(reran)
    }

    /// Ends what of a run is not finished; its running calls are among [`Store::calls_to_end`]
    /// then.
    ///
    /// # Errors
    /// When there is no such run, or it is finished.
    pub async fn cancel_run_by(
        &self,
        run: RunId,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<(), ActError> {
        let mut tx = self.inner.writer.begin().await?;
        end(&mut tx, run, actor, now).await?;
        commit(tx).await?;
        Ok(())
    }

    /// The runs that wait for somebody's word, the newest first.
    pub async fn held(&self, limit: usize) -> Result<Vec<Held>, StoreError> {
        let sql = "SELECT id, vendor, repository, sha, coalesce(held_at, 'commit') AS held_at, why,
                          created_at
                   FROM run INDEXED BY run_held WHERE state = 'held' ORDER BY id DESC LIMIT $1";
        let rows = sqlx::query(sql).bind(limit as i64).fetch_all(&self.inner.readers).await?;
        rows.iter()
            .map(|row| {
                Ok(Held {
                    run: RunId(row.try_get("id")?),
                    place: Place {
                        forge: forge(row)?,
                        repository: repository(row)?,
                        place: row.try_get("held_at")?,
                        sha: sha(row)?,
                    },
                    why: row.try_get::<Option<String>, _>("why")?.unwrap_or_default(),
                    since: pack::time(row.try_get("created_at")?)?,
                })
            })
            .collect()
    }
}

async fn commit(tx: Transaction<'_>) -> Result<(), StoreError> {
    crate::crash::point("act.before-commit");
    tx.commit().await?;
    crate::crash::point("act.after-commit");
    Ok(())
}

/// Ends a run for somebody.
async fn end(
    tx: &mut Transaction<'_>,
    run: RunId,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), ActError> {
    let state = sqlx::query_scalar("SELECT state FROM run WHERE id = $1").bind(run.0);
    let state: Option<String> = state.fetch_optional(tx.db()).await?;
    match state.as_deref() {
        None => return Err(Refused::NoRun(run).into()),
        Some("finished") => return Err(Refused::Finished(run).into()),
        Some(_) => {}
    }
    cancel(tx, run, &format!("by {}", actor.name()), now).await?;
    history::note(tx, run, actor, "cancelled", None, now).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
