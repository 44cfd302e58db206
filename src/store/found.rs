//! Finding runs: a page of a list, narrowed by what people look for, the newest first.
//!
//! A list shows a hundred runs of a hundred thousand: it reads columns of its own and one row for
//! each call, and never unpacks an event or a plan.

mod selection;

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite};

pub(super) use selection::among;
use selection::selection;

use super::connection::Transaction;
use super::delivery::forge;
use super::error::StoreError;
use super::run::sha;
use super::state::{CallState, RunState};
use super::{Change, Store, pack};
use crate::domain::event::Event;
use crate::domain::headline;
use crate::domain::ids::{CallId, DeliveryId, ForgeId, RepoName, RunId, Sha};
use crate::domain::run::Verdict;

/// Calls that are looked up in one statement.
const CALLS_AT_ONCE: usize = 500;
/// Runs that one transaction fills in after an upgrade.
const FILLED_AT_ONCE: i64 = 200;

/// What a list of runs is narrowed to; nothing set means all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunQuery {
    pub repository: Option<(ForgeId, RepoName)>,
    /// Only these, whatever else is asked for: those that the asker may see.
    pub visible: Option<Vec<(ForgeId, RepoName)>>,
    /// Only these.
    pub among: Option<Vec<RunId>>,
    pub delivery: Option<DeliveryId>,
    /// The spec's own name.
    pub spec: Option<String>,
    pub branch: Option<String>,
    pub pull: Option<u64>,
    /// `push`, `pull_request`, ….
    pub event: Option<String>,
    pub state: Option<RunStateQuery>,
    /// A part of the headline, the subject, the commit, the repository or the spec's name.
    pub text: Option<String>,
    /// Older than this one: where the page before ended.
    pub before: Option<RunId>,
}

/// The states that a list can be narrowed to, each by its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStateQuery {
    Held,
    Queued,
    Running,
    /// Whatever the verdict.
    Finished,
    Ended(Verdict),
}

impl RunStateQuery {
    pub const ALL: [Self; 8] = [
        Self::Held,
        Self::Queued,
        Self::Running,
        Self::Finished,
        Self::Ended(Verdict::Passed),
        Self::Ended(Verdict::Failed),
        Self::Ended(Verdict::Cancelled),
        Self::Ended(Verdict::Errored),
    ];

    /// The word in an address.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Ended(verdict) => verdict.as_str(),
        }
    }

    /// The state that a word means.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// A run in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSummary {
    pub id: RunId,
    pub delivery: DeliveryId,
    pub forge: ForgeId,
    pub repository: RepoName,
    pub sha: Sha,
    pub spec_path: String,
    pub spec_name: String,
    pub state: RunState,
    pub attempt: u32,
    /// See [`headline::sentence`]; as strangers wrote it.
    pub headline: String,
    /// See [`headline::subject`].
    pub subject: Option<String>,
    pub event_type: String,
    pub branch: Option<String>,
    pub pull: Option<u64>,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    /// In the plan's order.
    pub calls: Vec<CallMark>,
}

/// A call in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallMark {
    pub id: CallId,
    /// The function's name.
    pub kebab: String,
    pub state: CallState,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunPage {
    pub runs: Vec<RunSummary>,
    /// Where the next page begins; none: this is the last.
    pub next: Option<RunId>,
}

impl Store {
    /// The newest runs that the query leaves, up to `limit`.
    pub async fn find_runs(&self, query: &RunQuery, limit: usize) -> Result<RunPage, StoreError> {
        if query.visible.as_ref().is_some_and(Vec::is_empty) {
            return Ok(RunPage { runs: Vec::new(), next: None });
        }
        let mut sql = selection(query);
        sql.push(" LIMIT ").push_bind(limit as i64 + 1);
        let rows = sql.build().persistent(false).fetch_all(&self.inner.readers).await?;
        let more = rows.len() > limit;
        let mut runs =
            rows.iter().take(limit).map(summary).collect::<Result<Vec<RunSummary>, _>>()?;
        self.mark_calls(&mut runs).await?;
        let next = runs.last().map(|run| run.id).filter(|_| more);
        Ok(RunPage { runs, next })
    }

    async fn mark_calls(&self, runs: &mut [RunSummary]) -> Result<(), StoreError> {
        if runs.is_empty() {
            return Ok(());
        }
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT id, run, kebab, state, outcome, exit_status, detail FROM call WHERE run IN (",
        );
        let mut ids = query.separated(", ");
        for run in runs.iter() {
            ids.push_bind(run.id.0);
        }
        query.push(") ORDER BY run, position");
        let rows = query.build().persistent(false).fetch_all(&self.inner.readers).await?;
        let places: HashMap<i64, usize> =
            runs.iter().enumerate().map(|(place, run)| (run.id.0, place)).collect();
        for row in &rows {
            let mark = CallMark {
                id: CallId(row.try_get("id")?),
                kebab: row.try_get("kebab")?,
                state: CallState::from_row(row)?,
            };
            let place = places.get(&row.try_get("run")?);
            if let Some(run) = place.and_then(|place| runs.get_mut(*place)) {
                run.calls.push(mark);
            }
        }
        Ok(())
    }

    /// The runs that changes are about, in order.
    pub async fn runs_of(&self, changes: &[Change]) -> Result<Vec<RunId>, StoreError> {
        let mut runs = BTreeSet::new();
        let mut calls = Vec::new();
        for change in changes {
            match change {
                Change::Run(id) => drop(runs.insert(*id)),
                Change::Call(id) => calls.push(id.0),
                Change::Delivery(_) => {}
            }
        }
        for some in calls.chunks(CALLS_AT_ONCE) {
            let mut query =
                QueryBuilder::<Sqlite>::new("SELECT DISTINCT run FROM call WHERE id IN (");
            let mut ids = query.separated(", ");
            for id in some {
                ids.push_bind(*id);
            }
            query.push(")");
            let found = query.build_query_scalar::<i64>().persistent(false);
            let found = found.fetch_all(&self.inner.readers).await?;
            runs.extend(found.into_iter().map(RunId));
        }
        Ok(runs.into_iter().collect())
    }

    /// The repositories that have runs, the one with the newest run first.
    pub async fn repositories(&self) -> Result<Vec<(ForgeId, RepoName)>, StoreError> {
        let sql = "SELECT repository.vendor, repository.name AS repository,
                          (SELECT max(run.id) FROM run
                           WHERE run.vendor = repository.vendor
                             AND run.repository = repository.name) AS newest
                   FROM repository WHERE newest IS NOT NULL ORDER BY newest DESC";
        let rows = sqlx::query(sql).fetch_all(&self.inner.readers).await?;
        rows.iter().map(|row| Ok((forge(row)?, repository(row)?))).collect()
    }

    /// Names the runs that an earlier version made, from their events.
    pub(super) async fn name_runs(&self) -> Result<(), StoreError> {
        loop {
            let mut tx = self.inner.writer.begin().await?;
            let sql = "SELECT run.id, run.repository, run.sha, run.spec_name, run_plan.event
                       FROM run INDEXED BY run_unnamed JOIN run_plan ON run_plan.run = run.id
                       WHERE run.headline IS NULL LIMIT $1";
            let rows = sqlx::query(sql).bind(FILLED_AT_ONCE).fetch_all(tx.db()).await?;
            for row in &rows {
                let event: Event = pack::unpack("a run's event", row.try_get("event")?)?;
                let (id, spec) = (RunId(row.try_get("id")?), row.try_get("spec_name")?);
                name(&mut tx, id, &event, &sha(row)?, spec).await?;
            }
            tx.commit().await?;
            if (rows.len() as i64) < FILLED_AT_ONCE {
                return Ok(());
            }
        }
    }
}

/// Writes what a list shows of a run and finds it by.
pub(super) async fn name(
    tx: &mut Transaction<'_>,
    run: RunId,
    event: &Event,
    sha: &Sha,
    spec: &str,
) -> Result<(), StoreError> {
    let (headline, subject) = (headline::sentence(event), headline::subject(event));
    let pull = event.pull_request.as_ref();
    let branch = event.branch.as_deref().or(pull.map(|pull| pull.head.reference.as_str()));
    let repository = event.repository.as_ref().map_or("", |it| it.full_name.as_str());
    sqlx::query(
        "UPDATE run SET headline = $1, subject = $2, event_type = $3, branch = $4, pull = $5
         WHERE id = $6",
    )
    .bind(headline.as_str())
    .bind(subject)
    .bind(event.event_type.as_str())
    .bind(branch)
    .bind(pull.map(|pull| pull.number as i64))
    .bind(run.0)
    .execute(tx.db())
    .await?;
    let subject = subject.unwrap_or_default();
    let words = format!("{headline}\n{subject}\n{repository}\n{sha}\n{spec}");
    sqlx::query("INSERT INTO run_text (rowid, words) VALUES ($1, $2)")
        .bind(run.0)
        .bind(words)
        .execute(tx.db())
        .await?;
    Ok(())
}

fn summary(row: &SqliteRow) -> Result<RunSummary, StoreError> {
    Ok(RunSummary {
        id: RunId(row.try_get("id")?),
        delivery: DeliveryId(row.try_get("delivery")?),
        forge: forge(row)?,
        repository: repository(row)?,
        sha: sha(row)?,
        spec_path: row.try_get("spec_path")?,
        spec_name: row.try_get("spec_name")?,
        state: RunState::from_columns(
            row.try_get("state")?,
            row.try_get("why")?,
            row.try_get("verdict")?,
        )?,
        attempt: row.try_get("attempt")?,
        headline: row.try_get::<Option<String>, _>("headline")?.unwrap_or_default(),
        subject: row.try_get("subject")?,
        event_type: row.try_get::<Option<String>, _>("event_type")?.unwrap_or_default(),
        branch: row.try_get("branch")?,
        pull: row.try_get::<Option<i64>, _>("pull")?.map(i64::cast_unsigned),
        created_at: pack::time(row.try_get("created_at")?)?,
        started_at: pack::time_if(row.try_get("started_at")?)?,
        finished_at: pack::time_if(row.try_get("finished_at")?)?,
        calls: Vec::new(),
    })
}

fn repository(row: &SqliteRow) -> Result<RepoName, StoreError> {
    let name: &str = row.try_get("repository")?;
    name.parse().map_err(|error| StoreError::unreadable("a repository's name", error))
}

#[cfg(test)]
mod tests;
