//! What is done to runs, and what waits for it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::store;

/// Which calls are begun again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rerun {
    pub which: Which,
}

/// `all`, `failed` (those that did not pass), or the number of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Which {
    Call(i64),
    Word(String),
}

/// What is begun again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reran {
    pub run: i64,
    /// The attempt of the run that this is.
    pub attempt: u32,
    /// The numbers of its calls that are queued again.
    pub calls: Vec<i64>,
}

/// Lets a commit go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Approval {
    /// The commit that was looked at, whole: another one is not approved with it.
    pub sha: String,
}

/// What an approval let go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Approved {
    /// The numbers of the runs.
    pub released: Vec<i64>,
}

/// The runs that wait for an approval, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Waiting {
    pub waiting: Vec<WaitingRun>,
}

/// A run that waits for an approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WaitingRun {
    pub run: i64,
    pub forge: String,
    /// `owner/name`.
    pub repository: String,
    pub sha: String,
    /// Why it waits.
    pub why: String,
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Its page.
    pub url: String,
}

impl WaitingRun {
    /// `root`: what the world calls the agent.
    pub fn new(held: &store::Held, root: &str) -> Self {
        Self {
            run: held.run.0,
            forge: held.place.forge.to_string(),
            repository: held.place.repository.to_string(),
            sha: held.place.sha.to_string(),
            why: held.why.clone(),
            since: held.since,
            url: format!("{root}/runs/{}", held.run),
        }
    }
}
