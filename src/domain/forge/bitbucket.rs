//! Bitbucket Cloud: its webhooks, and build statuses on commits.
//!
//! A push may tell of several branches and tags at once. A pull request names its commits by
//! twelve digits, and one event tells of new commits and of a new title: `Event::lacks` says so,
//! and the requests that make it whole are here.

use super::wire::{Field, Object};
use super::{Headers, PayloadError, blank, identity};
use crate::domain::event::{Disposition, Event, Skip};
use crate::domain::ids::{RepoName, Vendor};
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
    answer_to_effect, comment, comment_request, comment_update_request, comments_page,
    comments_request, commit, commit_request, permission, permission_request,
    pull_request as pull_request_head, pull_request_request,
};
pub use status::{answer, shown, shown_request, status_request};

/// The header with the event's name.
pub const EVENT_HEADER: &str = "X-Event-Key";

/// The user that git names beside a token.
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

/// What a delivery is known by: the id that its tries share, or else the hash of its body.
pub fn delivery_id(headers: &Headers, body: &[u8]) -> String {
    identity(headers.get("x-request-uuid"), body)
}

/// Which webhook sent a delivery, where Bitbucket says so.
pub fn hook(headers: &Headers) -> Option<String> {
    headers.get("x-hook-uuid").filter(|id| !id.is_empty()).map(str::to_owned)
}

/// Where a pull request's head is fetched from, and by what reference: Bitbucket Cloud has none
/// for pull requests, so that it is a branch, of a fork if it comes from one. None for what is no
/// pull request, and for one whose fork is gone.
pub fn head_source(event: &Event) -> Option<(RepoName, String)> {
    let head = &event.pull_request.as_ref()?.head;
    Some((head.repository.as_ref()?.parse().ok()?, format!("refs/heads/{}", head.reference)))
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
        "repo:push" => return push::events(&body),
        "pullrequest:created" => pull_request::event("opened", &body),
        "pullrequest:updated" => pull_request::event(pull_request::UPDATED, &body),
        "pullrequest:fulfilled" => pull_request::merged(&body),
        "pullrequest:rejected" => pull_request::event("closed", &body),
        "pullrequest:approved" | "pullrequest:changes_request_created" => {
            pull_request::review("submitted", &body)
        }
        "pullrequest:unapproved" | "pullrequest:changes_request_removed" => {
            pull_request::review("dismissed", &body)
        }
        "pullrequest:comment_created" => comment::on_pull_request("created", &body),
        "pullrequest:comment_updated" => comment::on_pull_request("edited", &body),
        "pullrequest:comment_deleted" => comment::on_pull_request("deleted", &body),
        "repo:commit_comment_created" => comment::on_commit(&body),
        "issue:created" => comment::issue("issues", "opened", &body),
        "issue:updated" => comment::issue("issues", "edited", &body),
        "issue:comment_created" => comment::issue("issue_comment", "created", &body),
        "repo:commit_status_created" | "repo:commit_status_updated" => {
            let mut event = skipped(event_name, &body, Skip::Echo);
            let commit = body.commit_status.part().and_then(|status| status.commit.part());
            event.sha = commit.and_then(|commit| commit.hash.parsed());
            Ok(event)
        }
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
    let mut event = blank(Vendor::Bitbucket, event_type, Disposition::Skipped(why));
    event.repository = body.repository().ok();
    event.sender = body.sender();
    event
}

#[cfg(test)]
mod tests;
