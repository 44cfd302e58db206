//! States of deliveries, runs and calls, and the statuses they become on a forge.

use serde::{Deserialize, Serialize};

use super::inert;

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Passed,
    /// The function's own failure, with the exit status of its process.
    Failed {
        exit: i32,
    },
    TimedOut,
    /// Somebody asked for it; why.
    Cancelled(String),
    /// The agent or the engine went away under it; what is known.
    Lost(String),
    /// It could not be started at all: what is wrong and what to do.
    Errored(String),
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Passed,
    Failed,
    Cancelled,
    Errored,
}

/// A status on a commit, in GitHub's four words; other forges translate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommitState {
    Pending,
    Success,
    Failure,
    Error,
}

impl Verdict {
    /// The word in the database, in addresses and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Errored => "errored",
        }
    }
}

impl CommitState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Error => "error",
        }
    }
}

impl Outcome {
    /// The word in the database and in `--json`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed { .. } => "failed",
            Self::TimedOut => "timed_out",
            Self::Cancelled(_) => "cancelled",
            Self::Lost(_) => "lost",
            Self::Errored(_) => "errored",
        }
    }

    /// The colour on the commit.
    pub fn commit_state(&self) -> CommitState {
        match self {
            Self::Passed => CommitState::Success,
            Self::Failed { .. } | Self::TimedOut => CommitState::Failure,
            Self::Cancelled(_) | Self::Lost(_) | Self::Errored(_) => CommitState::Error,
        }
    }
}

/// A status that we owe a forge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub context: String,
    pub state: CommitState,
    /// At most 140 characters; see [`description`].
    pub description: String,
}

/// The longest description that GitHub takes; more is answered with 422.
pub const DESCRIPTION_LIMIT: usize = 140;

/// Cuts a text to what fits a status: one line, no control characters, at most
/// [`DESCRIPTION_LIMIT`] characters.
pub fn description(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|c| if inert::is_active(c) { ' ' } else { c })
        .collect::<String>()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    if clean.chars().count() <= DESCRIPTION_LIMIT {
        return clean;
    }
    let mut cut: String = clean.chars().take(DESCRIPTION_LIMIT - 1).collect();
    cut.push('…');
    cut
}
