//! What became of a call before it began again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::run::Outcome;
use crate::store;

/// An attempt at a call that is over, and was not the last. Its log and its steps are had with
/// `?attempt=`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EarlierAttempt {
    /// From 1.
    pub attempt: u32,
    /// The attempt of the run that it was part of.
    pub run_attempt: u32,
    /// `passed`, `failed`, `timed_out`, `cancelled`, `lost`, `errored`.
    pub outcome: String,
    /// Where it has failed.
    pub exit: Option<i32>,
    /// What the outcome says in words.
    pub detail: Option<String>,
    /// What happened to it on the way.
    pub note: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Timestamp>,
}

impl From<&store::EarlierAttempt> for EarlierAttempt {
    fn from(attempt: &store::EarlierAttempt) -> Self {
        let (exit, detail) = said(&attempt.outcome);
        Self {
            attempt: attempt.number,
            run_attempt: attempt.run_attempt,
            outcome: attempt.outcome.code().to_owned(),
            exit,
            detail,
            note: attempt.note.clone(),
            started_at: attempt.started_at,
            finished_at: attempt.finished_at,
        }
    }
}

/// What an outcome says beside its word: a status, or words.
pub(super) fn said(outcome: &Outcome) -> (Option<i32>, Option<String>) {
    match outcome {
        Outcome::Failed { exit } => (Some(*exit), None),
        Outcome::Cancelled(why) | Outcome::Lost(why) | Outcome::Errored(why) => {
            (None, Some(why.clone()))
        }
        Outcome::Passed | Outcome::TimedOut => (None, None),
    }
}
