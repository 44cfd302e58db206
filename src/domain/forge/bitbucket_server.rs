//! Bitbucket Data Center (and Server): its webhooks, and build statuses on commits.
//!
//! A push may tell of several branches and tags at once. Repositories are named by their
//! project's key: `PRJ/name`, or `~user/name` of a user.

use super::wire::{Field, Object};
use super::{Headers, PayloadError, blank, identity};
use crate::domain::event::{Disposition, Event, Skip};
use crate::domain::ids::Vendor;
use crate::domain::signature::{Authentic, BadSignature, Claim, Digest, WebhookSecret};
use body::Body;

mod body;
pub mod hooks;
mod comment;
mod pull_request;
mod push;
mod rest;
mod status;

pub use rest::{
    answer_to_effect, comment, comment_request, comment_update_request, comment_version_request,
    comments_page, comments_request, permission, permission_request,
    pull_request as pull_request_head, pull_request_request,
};
pub use status::{answer, shown, shown_request, status_request};

/// The header with the event's name.
pub const EVENT_HEADER: &str = "X-Event-Key";

/// The user that git names beside an access token.
pub const GIT_USERNAME: &str = "x-token-auth";

/// Checks who signed a delivery, over its raw bytes: SHA-256, under the name that GitHub has for
/// SHA-1.
///
/// # Errors
///
/// When there is no signature that one of the secrets made for exactly this body.
pub fn authenticate<'a>(
    secrets: &[WebhookSecret],
    headers: &Headers,
    body: &'a [u8],
) -> Result<Authentic<'a>, BadSignature> {
    Authentic::check(secrets, Digest::Sha256, signature(headers)?, body)
}

/// What the head of a delivery says about who signed it.
///
/// # Errors
///
/// When there is no signature, or none that could ever be right.
pub fn claim(headers: &Headers) -> Result<Claim, BadSignature> {
    Claim::hmac(Digest::Sha256, signature(headers)?)
}

fn signature(headers: &Headers) -> Result<&str, BadSignature> {
    let header = headers.get("x-hub-signature").filter(|it| !it.is_empty());
    header.ok_or(BadSignature::Absent)?.strip_prefix("sha256=").ok_or(BadSignature::Malformed)
}

/// What a delivery is known by: the id of its request, or else the hash of its body.
pub fn delivery_id(headers: &Headers, body: &[u8]) -> String {
    identity(headers.get("x-request-id"), body)
}

/// The reference under which a pull request's head is fetched, whichever repository it lies in.
pub fn pull_request_reference(number: u64) -> String {
    format!("refs/pull-requests/{number}/from")
}

/// Reads all that a delivery tells of, at least one event; an event that we do not know is
/// skipped, not refused.
///
/// # Errors
///
/// When the body is not JSON, and when an event lacks a field without which it cannot be
/// planned; the error names the field.
pub fn events(event_name: &str, json: &[u8]) -> Result<Vec<Event>, PayloadError> {
    let not_json = |why: String| PayloadError::NotJson { why };
    let text = std::str::from_utf8(json).map_err(|error| not_json(error.to_string()))?;
    let root: Field<_> = serde_json::from_str(text).map_err(|error| not_json(error.to_string()))?;
    let Object(body): Object<Body> = root.take().unwrap_or_default();
    let one = match event_name {
        "repo:refs_changed" => return push::events(&body),
        "pr:opened" => pull_request::event("opened", &body),
        "pr:from_ref_updated" => pull_request::event("synchronize", &body),
        "pr:modified" => pull_request::modified(&body),
        "pr:reopened" => pull_request::event("reopened", &body),
        "pr:declined" | "pr:deleted" => pull_request::event("closed", &body),
        "pr:merged" => pull_request::merged(&body),
        "pr:reviewer:updated" => pull_request::event("review_requested", &body),
        "pr:reviewer:approved" | "pr:reviewer:needs_work" | "pr:reviewer:changes_requested" => {
            pull_request::review("submitted", &body)
        }
        "pr:reviewer:unapproved" => pull_request::review("dismissed", &body),
        "pr:comment:added" => comment::on_pull_request("created", &body),
        "pr:comment:edited" => comment::on_pull_request("edited", &body),
        "pr:comment:deleted" => comment::on_pull_request("deleted", &body),
        "repo:comment:added" => comment::on_commit("created", &body),
        "repo:comment:edited" => comment::on_commit("edited", &body),
        "repo:comment:deleted" => comment::on_commit("deleted", &body),
        "diagnostics:ping" => Ok(skipped(event_name, &body, Skip::Ping)),
        _ => Ok(skipped(event_name, &body, Skip::Other)),
    };
    one.map(|event| vec![event])
}

/// What every event has: the repository and who did it.
fn planned(event_type: &str, action: &str, body: &Body) -> Result<Event, PayloadError> {
    let repository = body.repository()?;
    let mut event = skipped(event_type, body, Skip::Other);
    event.disposition = Disposition::Planned;
    action.clone_into(&mut event.filter);
    event.repository = Some(repository);
    Ok(event)
}

/// The same of an event that is not planned, where nothing is required.
fn skipped(event_type: &str, body: &Body, why: Skip) -> Event {
    let mut event = blank(Vendor::BitbucketServer, event_type, Disposition::Skipped(why));
    event.repository = body.repository().ok();
    event.sender = body.sender();
    event
}

#[cfg(test)]
mod tests;
