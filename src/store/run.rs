//! Runs: one spec's plan for one delivery, with a call for each function that is called.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, QueryBuilder, Row, Sqlite};

use super::act::release_if_approved;
use super::connection::Transaction;
use super::effect::explain_again;
use super::error::StoreError;
use super::report::{Link, owe};
use super::state::{CallState, RunState};
use super::waits::{self, Waits};
use super::{Store, found, pack, queue};
use crate::domain::event::Event;
use crate::domain::ids::{CallId, DeliveryId, RunId, Sha};
use crate::domain::plan::{Action, Changes, Decision, Plan, PlannedCall};
use crate::domain::run::{Status, Verdict};
use crate::domain::spec::{Concurrency, GitDepth, OnInterrupt};
use crate::domain::{approval, report, strcase};

/// Calls in one statement; with 9 values each at most, far below SQLite's limit of 32,766.
const CALLS_AT_ONCE: usize = 256;

/// A run that comes to be when its delivery is settled.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// About a repository.
    pub event: Event,
    /// The commit that is built and gets the statuses.
    pub sha: Sha,
    pub spec_path: String,
    pub spec_name: String,
    pub plan: Plan,
    pub settings: RunSettings,
    pub state: NewRunState,
    /// What the forge is told of it at once.
    pub statuses: Vec<Status>,
    pub changes: Changes,
}

/// What of a spec and of the configuration a run is carried out with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSettings {
    /// For each call.
    pub timeout: Duration,
    /// For the run, from the start of its first call on; none: no limit.
    #[serde(default)]
    pub run_timeout: Option<Duration>,
    pub on_interrupt: OnInterrupt,
    pub git_depth: GitDepth,
    /// Whether the spec wants the summary status; see [`report::has_summary`].
    pub summary: bool,
    /// Calls at once, over all runs of the spec; none: as many as the agent has room for.
    #[serde(default)]
    pub max_parallel: Option<u32>,
    #[serde(default)]
    pub concurrency: Option<Concurrency>,
    /// Where newer commits supersede it; see [`crate::domain::succession::place`].
    #[serde(default)]
    pub place: Option<String>,
}

/// How a run begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewRunState {
    /// Its plan has calls.
    Queued,
    /// Its calls wait until somebody lets them go; why.
    Held(String),
    /// There is nothing to call; it has no call rows, whatever its plan says.
    Finished(Verdict),
}

/// A run, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunView {
    pub id: RunId,
    pub delivery: DeliveryId,
    pub event: Event,
    pub sha: Sha,
    pub spec_path: String,
    pub spec_name: String,
    pub plan: Plan,
    pub settings: RunSettings,
    pub state: RunState,
    /// Why its calls do not start, in words, where another run of its group goes first.
    pub waits: Option<String>,
    pub attempt: u32,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    /// In the plan's order.
    pub calls: Vec<CallView>,
}

/// A call, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallView {
    pub id: CallId,
    pub call: PlannedCall,
    pub state: CallState,
    /// Why it has not begun, of a queued one.
    pub waits: Option<Waits>,
    pub attempt: u32,
    pub queued_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    /// What happened to it on the way: interrupted by a stop.
    pub note: Option<String>,
}

/// What is read of runs; what follows says of which.
fn select(of: &str) -> AssertSqlSafe<String> {
    let ahead = waits::AHEAD;
    AssertSqlSafe(format!(
        "SELECT id, delivery, sha, spec_path, spec_name, state, why, verdict, attempt, created_at,
                started_at, finished_at, event, plan, settings, concurrency, {ahead}
         FROM run JOIN run_plan ON run_plan.run = run.id {of}"
    ))
}

impl Store {
    pub async fn run(&self, id: RunId) -> Result<Option<RunView>, StoreError> {
        let rows =
            sqlx::query(select("WHERE id = $1")).bind(id.0).fetch_all(&self.inner.readers).await?;
        Ok(self.with_calls(rows).await?.pop())
    }

    /// The newest first; of one delivery, where it is given.
    pub async fn runs(
        &self,
        limit: usize,
        delivery: Option<DeliveryId>,
    ) -> Result<Vec<RunView>, StoreError> {
        let limit = limit as i64;
        let rows = match delivery {
            None => {
                let sql = select("ORDER BY id DESC LIMIT $1");
                sqlx::query(sql).bind(limit).fetch_all(&self.inner.readers).await?
            }
            Some(delivery) => {
                let sql = select("WHERE delivery = $1 ORDER BY id DESC LIMIT $2");
                let query = sqlx::query(sql).bind(delivery.0).bind(limit);
                query.fetch_all(&self.inner.readers).await?
            }
        };
        self.with_calls(rows).await
    }

    async fn with_calls(&self, rows: Vec<SqliteRow>) -> Result<Vec<RunView>, StoreError> {
        let mut runs = rows.iter().map(view).collect::<Result<Vec<_>, _>>()?;
        if runs.is_empty() {
            return Ok(runs);
        }
        let limit = waits::LIMIT;
        let mut query = QueryBuilder::<Sqlite>::new(format!(
            "SELECT id, run, position, state, attempt, queued_at, started_at, finished_at, \
             outcome, exit_status, detail, note, not_before, {limit} FROM call WHERE run IN ("
        ));
        let mut ids = query.separated(", ");
        for run in &runs {
            ids.push_bind(run.id.0);
        }
        query.push(") ORDER BY run, position");
        let rows = query.build().persistent(false).fetch_all(&self.inner.readers).await?;
        let places: HashMap<RunId, usize> =
            runs.iter().enumerate().map(|(place, run)| (run.id, place)).collect();
        for row in &rows {
            let run = RunId(row.try_get("run")?);
            if let Some(run) = places.get(&run).and_then(|place| runs.get_mut(*place)) {
                let call = call_view(row, run)?;
                run.calls.push(call);
            }
        }
        Ok(runs)
    }
}

/// Writes a run, its calls and the statuses that it owes at once.
pub(super) async fn insert_run(
    tx: &mut Transaction<'_>,
    delivery: DeliveryId,
    new: &NewRun,
    now: Timestamp,
) -> Result<RunId, StoreError> {
    let invalid = |why: &str| StoreError::Invalid {
        what: format!("a run of `{}`", new.spec_path),
        why: why.to_owned(),
    };
    let repository = new.event.repository.as_ref();
    let repository =
        &repository.ok_or_else(|| invalid("its event is about no repository"))?.full_name;
    let (state, why, verdict) = match &new.state {
        NewRunState::Queued if new.plan.calls.is_empty() => {
            return Err(invalid("it is queued and has nothing to call"));
        }
        NewRunState::Queued => ("queued", None, None),
        NewRunState::Held(why) => ("held", Some(why.as_str()), None),
        NewRunState::Finished(verdict) => ("finished", None, Some(verdict.as_str())),
    };
    let errored = new.plan.functions.iter().filter(|it| it.decision == Decision::Error);
    let errored: Vec<String> = errored.map(|it| strcase::to_kebab(&it.name)).collect();
    // Some events bring nothing new to judge, whatever the spec says.
    let summary = report::has_summary(&new.event, &new.plan, new.settings.summary);
    let forge = new.event.forge();
    let group = new.settings.concurrency.as_ref().map(|group| group.group.as_str());
    let waits = match (group, &new.state) {
        (Some(group), NewRunState::Queued) => {
            queue::group_is_taken(tx, forge, repository, group).await?
        }
        _ => false,
    };
    let pull = new.event.pull_request.as_ref().filter(|pull| pull.head.sha.is_some());
    let pull = pull.map(|pull| pull.number);
    let sql = "INSERT INTO run (delivery, vendor, repository, sha, spec_path, spec_name, state,
                 why, verdict, summary, errored, created_at, finished_at, place, concurrency, waits,
                 held_at, head_of)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                       $18)
               RETURNING id";
    let id: i64 = sqlx::query_scalar(sql)
        .bind(delivery.0)
        .bind(forge.to_string())
        .bind(repository.as_str())
        .bind(new.sha.as_str())
        .bind(new.spec_path.as_str())
        .bind(new.spec_name.as_str())
        .bind(state)
        .bind(why)
        .bind(verdict)
        .bind(i64::from(summary))
        .bind(pack::to_json("the functions that errored", &errored)?)
        .bind(now.as_microsecond())
        .bind(verdict.map(|_| now.as_microsecond()))
        .bind(new.settings.place.as_deref())
        .bind(group)
        .bind(i64::from(waits))
        .bind(why.is_some().then(|| approval::place(&new.event)))
        .bind(pull.map(|number| number as i64))
        .fetch_one(tx.db())
        .await?;
    let id = RunId(id);
    found::name(tx, id, &new.event, &new.sha, &new.spec_name).await?;
    let changes = match &new.changes {
        Changes::NoDiff => None,
        Changes::Files(files) => Some(pack::pack("the changed files", files)?),
    };
    sqlx::query(
        "INSERT INTO run_plan (run, event, plan, settings, changes) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(id.0)
    .bind(pack::pack("the event", &new.event)?)
    .bind(pack::pack("the plan", &new.plan)?)
    .bind(pack::to_json("the settings", &new.settings)?)
    .bind(changes)
    .execute(tx.db())
    .await?;
    if verdict.is_none() {
        let spec = (new.spec_path.as_str(), new.spec_name.as_str());
        let limit = new.settings.max_parallel;
        let lane = queue::lane(tx, forge, repository, spec, limit).await?;
        insert_calls(tx, id, lane, &new.plan, why.is_some() || waits, now).await?;
    }
    for status in &new.statuses {
        let link = Link { run: Some(id), delivery: Some(delivery) };
        owe(tx, forge, repository, &new.sha, link, status, now).await?;
    }
    if why.is_some() {
        release_if_approved(tx, id, now).await?;
    }
    if waits {
        waits::tell(tx, id, now).await?;
    }
    if let Some(number) = pull {
        explain_again(tx, forge, repository, number, now).await?;
    }
    Ok(id)
}

async fn insert_calls(
    tx: &mut Transaction<'_>,
    run: RunId,
    lane: i64,
    plan: &Plan,
    held: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    let numbered: Vec<(i64, &PlannedCall)> = (0..).zip(&plan.calls).collect();
    for some in numbered.chunks(CALLS_AT_ONCE) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "INSERT INTO call (run, position, kebab, context, posts_status, shell, state, held, \
             queued_at, lane) ",
        );
        query.push_values(some, |mut row, (position, call)| {
            row.push_bind(run.0)
                .push_bind(*position)
                .push_bind(call.kebab.as_str())
                .push_bind(call.context.as_str())
                .push_bind(i64::from(call.posts_status))
                .push_bind(i64::from(matches!(call.action, Action::Shell { .. })))
                .push("'queued'")
                .push_bind(i64::from(held))
                .push_bind(now.as_microsecond())
                .push_bind(lane);
        });
        query.build().persistent(some.len() == 1).execute(tx.db()).await?;
    }
    Ok(())
}

/// A run's changed files, from their column.
pub(super) fn changes(frame: Option<&[u8]>) -> Result<Changes, StoreError> {
    Ok(match frame {
        None => Changes::NoDiff,
        Some(frame) => Changes::Files(pack::unpack("the changed files", frame)?),
    })
}

pub(super) fn sha(row: &SqliteRow) -> Result<Sha, StoreError> {
    let text: &str = row.try_get("sha")?;
    text.parse().map_err(|error| StoreError::unreadable("a commit", error))
}

fn view(row: &SqliteRow) -> Result<RunView, StoreError> {
    let settings: &str = row.try_get("settings")?;
    Ok(RunView {
        id: RunId(row.try_get("id")?),
        delivery: DeliveryId(row.try_get("delivery")?),
        event: pack::unpack("a run's event", row.try_get("event")?)?,
        sha: sha(row)?,
        spec_path: row.try_get("spec_path")?,
        spec_name: row.try_get("spec_name")?,
        plan: pack::unpack("a run's plan", row.try_get("plan")?)?,
        settings: pack::from_json("a run's settings", settings.as_bytes())?,
        state: RunState::from_columns(
            row.try_get("state")?,
            row.try_get("why")?,
            row.try_get("verdict")?,
        )?,
        waits: waits::of_run(row)?,
        attempt: row.try_get("attempt")?,
        created_at: pack::time(row.try_get("created_at")?)?,
        started_at: pack::time_if(row.try_get("started_at")?)?,
        finished_at: pack::time_if(row.try_get("finished_at")?)?,
        calls: Vec::new(),
    })
}

fn call_view(row: &SqliteRow, run: &RunView) -> Result<CallView, StoreError> {
    let call = planned(&run.plan, row.try_get("position")?)?;
    let state = CallState::from_row(row)?;
    Ok(CallView {
        id: CallId(row.try_get("id")?),
        waits: waits::of_call(row, run, (&state, &call.action))?,
        call,
        state,
        attempt: row.try_get("attempt")?,
        queued_at: pack::time(row.try_get("queued_at")?)?,
        started_at: pack::time_if(row.try_get("started_at")?)?,
        finished_at: pack::time_if(row.try_get("finished_at")?)?,
        note: row.try_get("note")?,
    })
}

/// The call at a place of a plan.
pub(super) fn planned(plan: &Plan, position: i64) -> Result<PlannedCall, StoreError> {
    let call = usize::try_from(position).ok().and_then(|position| plan.calls.get(position));
    call.cloned()
        .ok_or_else(|| StoreError::unreadable("a call", format!("its plan has no call {position}")))
}

#[cfg(test)]
mod tests;
