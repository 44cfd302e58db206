//! GitLab, on gitlab.com and self-managed: its webhooks, and statuses on commits.
//!
//! What happened is read from the body (`object_kind`), because system hooks put one name into
//! the header for everything.

use jiff::Timestamp;

use super::wire::{Field, Object};
use super::{Headers, PayloadError, blank, identity};
use crate::domain::event::{Disposition, Event, Skip};
use crate::domain::ids::{Sha, Vendor};
use crate::domain::signature::{Authentic, BadSignature, Claim, Signed, WebhookSecret};
use body::Body;

mod body;
pub mod hooks;
mod merge_request;
mod note;
mod push;
mod rest;
mod status;

pub use rest::{
    answer_to_effect, comment, comment_request, comment_update_request, comments, comments_request,
    merge_request as merge_request_head, merge_request_request, permission, permission_request,
    reaction_request,
};
pub use status::{answer, shown, shown_request, status_request};

/// The header with the event's name.
pub const EVENT_HEADER: &str = "X-Gitlab-Event";

/// The user that git names beside a token.
pub const GIT_USERNAME: &str = "oauth2";

/// Checks who sent a delivery: by its signature where it has one, else by its token.
///
/// A signature that is wrong, or that no signing secret is known for, is never made up for by a
/// token: GitLab sends both while a hook is being moved to signatures.
///
/// # Errors
///
/// When neither proves that one of the secrets is known to the sender.
pub fn authenticate<'a>(
    secrets: &[WebhookSecret],
    headers: &Headers,
    now: Timestamp,
    body: &'a [u8],
) -> Result<Authentic<'a>, BadSignature> {
    match signed(headers) {
        Some(signed) => Authentic::by_standard(secrets, signed, now, body),
        None => Authentic::by_token(secrets, token(headers)?, body),
    }
}

/// What the head of a delivery says about who sent it. A token needs no body to be checked.
///
/// # Errors
///
/// When there is neither, or nothing that could ever be right.
pub fn claim(headers: &Headers) -> Result<Claim, BadSignature> {
    match signed(headers) {
        Some(signed) => Claim::standard(signed),
        None => Claim::token(token(headers)?),
    }
}

fn signed(headers: &Headers) -> Option<Signed<'_>> {
    let signatures = headers.get("webhook-signature")?;
    let header = |name| headers.get(name).unwrap_or_default();
    Some(Signed { id: header("webhook-id"), timestamp: header("webhook-timestamp"), signatures })
}

fn token(headers: &Headers) -> Result<&str, BadSignature> {
    headers.get("x-gitlab-token").ok_or(BadSignature::Absent)
}

/// What a delivery is known by: the key that all tries of it share, or else the hash of its body.
/// `X-Gitlab-Event-UUID` is shared by different events, and so is no name for one.
pub fn delivery_id(headers: &Headers, body: &[u8]) -> String {
    let sent = headers.get("idempotency-key").or_else(|| headers.get("webhook-id"));
    identity(sent, body)
}

/// Which webhook sent a delivery, where GitLab says so (from 16.2).
pub fn hook(headers: &Headers) -> Option<String> {
    headers.get("x-gitlab-webhook-uuid").filter(|id| !id.is_empty()).map(str::to_owned)
}

/// The reference under which a merge request's head is fetched, whichever project it lies in.
pub fn merge_request_reference(number: u64) -> String {
    format!("refs/merge-requests/{number}/head")
}

/// Reads the event that a delivery tells of; an event that we do not know is skipped, not
/// refused.
///
/// # Errors
///
/// When the body is not JSON, and when an event lacks a field without which it cannot be
/// planned; the error names the field.
pub fn event(event_name: &str, json: &[u8]) -> Result<Event, PayloadError> {
    let not_json = |why: String| PayloadError::NotJson { why };
    let text = std::str::from_utf8(json).map_err(|error| not_json(error.to_string()))?;
    let root: Field<_> = serde_json::from_str(text).map_err(|error| not_json(error.to_string()))?;
    // A custom template may have put anything into the body: what is required of it is missing.
    let Object(body): Object<Body> = root.take().unwrap_or_default();
    let kind = body.kind().unwrap_or(match event_name {
        "Push Hook" => "push",
        "Tag Push Hook" => "tag_push",
        "Merge Request Hook" => "merge_request",
        "Note Hook" | "Confidential Note Hook" => "note",
        "Release Hook" => "release",
        "Issue Hook" | "Confidential Issue Hook" => "issue",
        other => other,
    });
    match kind {
        "push" | "tag_push" => push::event(&body),
        "merge_request" => merge_request::event(&body),
        "note" => note::event(&body),
        "issue" | "work_item" => note::issue(&body),
        "release" => push::release(&body),
        // GitLab's own CI, and what we report to it.
        "pipeline" | "build" | "job" | "deployment" => {
            let mut event = skipped(kind, &body, Skip::Echo);
            event.sha = body.sha.parsed().or_else(|| body.attributes()?.sha.parsed());
            Ok(event)
        }
        _ => Ok(skipped(kind, &body, Skip::Other)),
    }
}

/// What every event has: the project and who did it.
fn planned(event_type: &str, body: &Body) -> Result<Event, PayloadError> {
    let repository = body.repository()?;
    let mut event = skipped(event_type, body, Skip::Other);
    event.disposition = Disposition::Planned;
    event.repository = Some(repository);
    Ok(event)
}

/// The same of an event that is not planned, where nothing is required.
fn skipped(event_type: &str, body: &Body, why: Skip) -> Event {
    let mut event = blank(Vendor::Gitlab, event_type, Disposition::Skipped(why));
    event.repository = body.repository().ok();
    event.sender = body.sender();
    event
}

/// The commit that a body names, if it names one; what is there but no commit is an error.
fn named(field: &'static str, value: &Field<String>) -> Result<Option<Sha>, PayloadError> {
    let wrong = PayloadError::Wrong { field, expected: "a full commit id" };
    match value {
        Field::Absent => Ok(None),
        Field::Wrong => Err(wrong),
        Field::Is(text) => text.parse().map(Some).map_err(|_| wrong),
    }
}

#[cfg(test)]
mod tests;
