//! The event trigger: the JSON that a function is given as its argument `eventTrigger`.
//!
//! People write functions against these names, so they change for nobody; `repository_name`,
//! `repo_name`, `vendor`, `event_type`, `filter`, `changes` and `payload` are those of the
//! original agent. What does not apply to an event is null, never absent.

use serde::Serialize;
use serde_json::value::RawValue;

use super::event::{Comment, Commit, Event, PullRequest, RefType, Release, Repository, Sender};
use super::forge::PayloadError;
use super::ids::{RunId, Sha, Vendor};

/// What the agent knows of an event beside the event itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct TriggerExtra<'a> {
    /// The forge's id of the delivery; empty where there was none (null in the JSON).
    pub delivery_id: &'a str,
    /// None where nothing is run (null in the JSON).
    pub run_id: Option<RunId>,
    /// Counted from one.
    pub attempt: u32,
    /// The changed files, all of them.
    pub changes: &'a [String],
}

/// The fields in the order in which they are written.
#[derive(Serialize)]
struct Trigger<'a> {
    repository_name: Option<&'a str>,
    repo_name: Option<&'a str>,
    vendor: Vendor,
    event_type: &'a str,
    filter: &'a str,
    changes: &'a [String],
    delivery_id: Option<&'a str>,
    run_id: Option<String>,
    attempt: u32,
    repository: Option<&'a Repository>,
    #[serde(rename = "ref")]
    reference: Option<&'a str>,
    ref_type: Option<RefType>,
    branch: Option<&'a str>,
    tag: Option<&'a str>,
    sha: Option<&'a Sha>,
    before: Option<&'a Sha>,
    created: bool,
    deleted: bool,
    forced: bool,
    commit: Option<&'a Commit>,
    pull_request: Option<&'a PullRequest>,
    release: Option<&'a Release>,
    comment: Option<&'a Comment>,
    sender: Option<&'a Sender>,
}

#[derive(Serialize)]
struct WithPayload<'a> {
    #[serde(flatten)]
    trigger: Trigger<'a>,
    payload: Option<&'a RawValue>,
}

impl<'a> Trigger<'a> {
    fn new(event: &'a Event, extra: TriggerExtra<'a>) -> Self {
        let name = event.repository.as_ref().map(|repository| repository.name.as_str());
        Self {
            repository_name: name,
            repo_name: name,
            vendor: event.vendor,
            event_type: &event.event_type,
            filter: &event.filter,
            changes: extra.changes,
            delivery_id: Some(extra.delivery_id).filter(|id| !id.is_empty()),
            run_id: extra.run_id.map(|id| id.to_string()),
            attempt: extra.attempt,
            repository: event.repository.as_ref(),
            reference: event.reference.as_deref(),
            ref_type: event.ref_type,
            branch: event.branch.as_deref(),
            tag: event.tag.as_deref(),
            sha: event.sha.as_ref(),
            before: event.before.as_ref(),
            created: event.created,
            deleted: event.deleted,
            forced: event.forced,
            commit: event.commit.as_ref(),
            pull_request: event.pull_request.as_ref(),
            release: event.release.as_ref(),
            comment: event.comment.as_ref(),
            sender: event.sender.as_ref(),
        }
    }
}

/// The event trigger file; `payload` is the forge's JSON, passed on byte for byte.
///
/// An event that no forge sent (one made from a working copy) has none: it is null.
pub fn json(event: &Event, extra: TriggerExtra<'_>, payload: Option<&RawValue>) -> Vec<u8> {
    let trigger = WithPayload { trigger: Trigger::new(event, extra), payload };
    serde_json::to_vec(&trigger).expect("a struct of texts and JSON is always JSON")
}

/// The same without the key `payload`, for showing.
pub fn value(event: &Event, extra: TriggerExtra<'_>) -> serde_json::Value {
    serde_json::to_value(Trigger::new(event, extra)).expect("a struct of texts is always JSON")
}

/// A delivery's JSON as [`json`] takes it.
///
/// # Errors
///
/// When it is not JSON; a body that an event was read from always is.
pub fn payload(json: &[u8]) -> Result<&RawValue, PayloadError> {
    serde_json::from_slice(json).map_err(|error| PayloadError::NotJson { why: error.to_string() })
}

#[cfg(test)]
mod tests;
