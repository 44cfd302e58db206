//! What state a delivery, a run, a call and a report is in, and the words for it in the database.
//!
//! The words are data that outlives the program: tests hold them, and the `CHECK`s of the schema,
//! to what was released.

use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::error::StoreError;
use crate::domain::plan::Reason;
use crate::domain::run::{CommitState, Outcome, Verdict};

/// A delivery's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryState {
    /// Stored, and to be planned; not before the time, where there is one.
    Received {
        retry_at: Option<Timestamp>,
    },
    /// Being planned.
    Claimed {
        since: Timestamp,
    },
    Settled {
        at: Timestamp,
        settled: Settled,
    },
}

/// How a delivery was settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// Into runs, of which there may be none.
    Planned,
    /// Nothing is to be done for it.
    Skipped(Reason),
    /// It could not be planned.
    Faulty { whose: Whose, text: String },
}

/// Who can mend what kept a delivery from being planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Its author reads it on the commit.
    Repository,
    /// Its operator reads it in the log.
    Agent,
}

/// A run's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunState {
    /// Waits for somebody; why.
    Held(String),
    Queued,
    Running,
    Finished(Verdict),
}

/// A call's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallState {
    Queued,
    Running,
    Finished(Outcome),
}

/// Whether the forge knows the newest state of a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportState {
    Owed,
    Sent,
    /// The forge will never take it.
    Dropped,
}

impl DeliveryState {
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Received { .. } => "received",
            Self::Claimed { .. } => "claimed",
            Self::Settled { .. } => "settled",
        }
    }
}

impl Settled {
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Skipped(_) => "skipped",
            Self::Faulty { .. } => "faulty",
        }
    }

    /// From its columns; `reason` is the pair of code and text.
    pub(super) fn from_columns(
        name: &str,
        whose: Option<&str>,
        code: Option<String>,
        text: Option<String>,
    ) -> Result<Self, StoreError> {
        let text = text.unwrap_or_default();
        match name {
            "planned" => Ok(Self::Planned),
            "skipped" => Ok(Self::Skipped(Reason { code: code.unwrap_or_default(), text })),
            "faulty" => Ok(Self::Faulty { whose: Whose::from_column(whose)?, text }),
            other => Err(unknown("settlement", other)),
        }
    }
}

impl Whose {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Repository => "repository",
            Self::Agent => "agent",
        }
    }

    fn from_column(name: Option<&str>) -> Result<Self, StoreError> {
        match name {
            Some("repository") => Ok(Self::Repository),
            Some("agent") => Ok(Self::Agent),
            other => Err(unknown("fault", other.unwrap_or_default())),
        }
    }
}

impl RunState {
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Held(_) => "held",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Finished(_) => "finished",
        }
    }

    /// How it ended, when it has.
    pub fn verdict(&self) -> Option<Verdict> {
        match self {
            Self::Finished(verdict) => Some(*verdict),
            _ => None,
        }
    }

    pub(super) fn from_columns(
        name: &str,
        why: Option<String>,
        verdict: Option<&str>,
    ) -> Result<Self, StoreError> {
        match name {
            "held" => Ok(Self::Held(why.unwrap_or_default())),
            "queued" => Ok(Self::Queued),
            "running" => Ok(Self::Running),
            "finished" => Ok(Self::Finished(verdict_named(verdict.unwrap_or_default())?)),
            other => Err(unknown("run state", other)),
        }
    }
}

impl CallState {
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Finished(_) => "finished",
        }
    }

    /// How it ended, when it has.
    pub fn outcome(&self) -> Option<&Outcome> {
        match self {
            Self::Finished(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// From the columns `state`, `outcome`, `exit_status` and `detail` of a call.
    pub(super) fn from_row(row: &SqliteRow) -> Result<Self, StoreError> {
        Self::from_columns(
            row.try_get("state")?,
            row.try_get("outcome")?,
            row.try_get("exit_status")?,
            row.try_get("detail")?,
        )
    }

    pub(super) fn from_columns(
        name: &str,
        outcome: Option<&str>,
        exit: Option<i32>,
        detail: Option<String>,
    ) -> Result<Self, StoreError> {
        match name {
            "queued" => Ok(Self::Queued),
            "running" => Ok(Self::Running),
            "finished" => {
                let outcome = outcome.unwrap_or_default();
                Ok(Self::Finished(outcome_from_columns(outcome, exit, detail)?))
            }
            other => Err(unknown("call state", other)),
        }
    }
}

impl ReportState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owed => "owed",
            Self::Sent => "sent",
            Self::Dropped => "dropped",
        }
    }

    pub(super) fn from_column(name: &str) -> Result<Self, StoreError> {
        let all = [Self::Owed, Self::Sent, Self::Dropped];
        all.into_iter()
            .find(|state| state.as_str() == name)
            .ok_or_else(|| unknown("report state", name))
    }
}

/// The verdict that a word means.
pub(super) fn verdict_named(name: &str) -> Result<Verdict, StoreError> {
    let all = [Verdict::Passed, Verdict::Failed, Verdict::Cancelled, Verdict::Errored];
    all.into_iter().find(|verdict| verdict.as_str() == name).ok_or_else(|| unknown("verdict", name))
}

/// An outcome's columns beside its code: exit status and words.
pub(super) fn outcome_columns(outcome: &Outcome) -> (Option<i32>, Option<&str>) {
    match outcome {
        Outcome::Passed | Outcome::TimedOut => (None, None),
        Outcome::Failed { exit } => (Some(*exit), None),
        Outcome::Cancelled(why) | Outcome::Lost(why) | Outcome::Errored(why) => {
            (None, Some(why.as_str()))
        }
    }
}

pub(super) fn outcome_from_columns(
    code: &str,
    exit: Option<i32>,
    detail: Option<String>,
) -> Result<Outcome, StoreError> {
    let detail = detail.unwrap_or_default();
    match (code, exit) {
        ("passed", _) => Ok(Outcome::Passed),
        ("failed", Some(exit)) => Ok(Outcome::Failed { exit }),
        ("timed_out", _) => Ok(Outcome::TimedOut),
        ("cancelled", _) => Ok(Outcome::Cancelled(detail)),
        ("lost", _) => Ok(Outcome::Lost(detail)),
        ("errored", _) => Ok(Outcome::Errored(detail)),
        (other, _) => Err(unknown("outcome", other)),
    }
}

pub(super) fn commit_state_named(name: &str) -> Result<CommitState, StoreError> {
    use CommitState::{Error, Failure, Pending, Success};
    [Pending, Success, Failure, Error]
        .into_iter()
        .find(|state| state.as_str() == name)
        .ok_or_else(|| unknown("commit state", name))
}

fn unknown(what: &str, name: &str) -> StoreError {
    StoreError::unreadable(what, format!("`{name}` is not one"))
}

#[cfg(test)]
mod tests;
