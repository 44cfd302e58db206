//! GitHub, on github.com and on an Enterprise Server: its webhooks, and statuses on commits.
//!
//! It decides what an event means and whether it is planned; it does not know who calls what for
//! it, and it never sees a credential.

use super::wire::{Field, Object};
use super::{Headers, PayloadError, blank, identity};
use crate::domain::event::{Disposition, Event, Skip};
use crate::domain::ids::{Sha, Vendor};
use crate::domain::signature::{Authentic, BadSignature, Claim, Digest, WebhookSecret};
use body::Body;

pub mod app;
pub mod ask;
mod body;
pub mod check;
mod comment;
mod conversation;
pub mod hooks;
mod people;
mod pull_request;
mod push;
pub mod pulls;
pub mod refs;
mod rest;
mod shown;
mod status;
mod workflow;

pub use conversation::{
    Comment, Reaction, answer_to_effect, comment_request, comments, comments_request, edit_request,
    reaction_request,
};
pub use people::{Permission, permission, permission_request, pull_request, pull_request_request};
pub use shown::{shown, shown_request};
pub use status::{Answer, Refused, answer, answer_to_app, said, status_request};

/// The header with the event's name.
pub const EVENT_HEADER: &str = "X-GitHub-Event";

/// Checks who signed a delivery, over its raw bytes, and before anything reads them.
///
/// `X-Hub-Signature-256` counts wherever it is present, even empty: a signature of old is taken
/// only alone, and only with `allow_sha1`. The name of the digest is pinned to the header, since
/// other forges put other digests under the same names.
///
/// # Errors
///
/// When there is no signature that one of the secrets made for exactly this body.
pub fn authenticate<'a>(
    secrets: &[WebhookSecret],
    headers: &Headers,
    allow_sha1: bool,
    body: &'a [u8],
) -> Result<Authentic<'a>, BadSignature> {
    let (digest, signature) = signature(headers, allow_sha1)?;
    Authentic::check(secrets, digest, signature, body)
}

/// The same signature before there is a body to check it over.
///
/// # Errors
///
/// When there is none, or none that could ever be right.
pub fn claim(headers: &Headers, allow_sha1: bool) -> Result<Claim, BadSignature> {
    let (digest, signature) = signature(headers, allow_sha1)?;
    Claim::hmac(digest, signature)
}

fn signature(headers: &Headers, allow_sha1: bool) -> Result<(Digest, &str), BadSignature> {
    let (header, prefix, digest) =
        match (headers.get("X-Hub-Signature-256"), headers.get("X-Hub-Signature")) {
            (Some(header), _) => (header, "sha256=", Digest::Sha256),
            (None, Some(header)) if allow_sha1 => (header, "sha1=", Digest::Sha1),
            (None, Some(_)) => return Err(BadSignature::OnlySha1),
            (None, None) => return Err(BadSignature::Absent),
        };
    let signature = header.strip_prefix(prefix).ok_or(BadSignature::Malformed)?;
    Ok((digest, signature))
}

/// What a delivery is known by: GitHub's id of it, which a redelivery repeats, or else the hash
/// of its body.
pub fn delivery_id(headers: &Headers, body: &[u8]) -> String {
    identity(headers.get("X-GitHub-Delivery"), body)
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
    // Bytes within what is skipped over are not looked at otherwise, and the body is passed on.
    let text = std::str::from_utf8(json).map_err(|error| not_json(error.to_string()))?;
    let root: Field<_> = serde_json::from_str(text).map_err(|error| not_json(error.to_string()))?;
    // A body that is JSON but no object has no fields: what is required of it is missing.
    let Object(body) = match root {
        Field::Is(body) => body,
        Field::Absent | Field::Wrong => Default::default(),
    };
    match event_name {
        "push" => push::event(&body),
        "pull_request" => pull_request::event(&body),
        "pull_request_review" | "pull_request_review_comment" => {
            pull_request::review(event_name, &body)
        }
        "issues" => planned(event_name, &body),
        "issue_comment" => comment::on_issue(&body),
        "commit_comment" => comment::on_commit(&body),
        "release" => push::release(&body),
        "create" | "delete" => Ok(push::created_or_deleted(event_name, &body)),
        "deployment" => workflow::deployment(&body),
        "merge_group" => workflow::merge_group(&body),
        "workflow_dispatch" => workflow::workflow_dispatch(&body),
        "repository_dispatch" => workflow::repository_dispatch(&body),
        "check_run" | "check_suite" | "status" | "deployment_status" | "workflow_job"
        | "workflow_run" => workflow::of_ci(event_name, &body),
        "ping" => Ok(skipped(event_name, &body, Skip::Ping)),
        _ => Ok(skipped(event_name, &body, Skip::Other)),
    }
}

/// What every event has: the repository, who did it, and an action for its filter.
fn planned(event_name: &str, body: &Body) -> Result<Event, PayloadError> {
    let repository = body.repository()?;
    let mut event = skipped(event_name, body, Skip::Other);
    event.disposition = Disposition::Planned;
    event.repository = Some(repository);
    Ok(event)
}

/// The same of an event that is not planned, where nothing is required.
fn skipped(event_name: &str, body: &Body, why: Skip) -> Event {
    let mut event = blank(Vendor::Github, event_name, Disposition::Skipped(why));
    event.filter = body.action.text();
    event.repository = body.repository().ok();
    event.sender = body.sender();
    event
}

/// The commit that a body names, if it names one.
///
/// What is there but no commit is an error: the default branch must not be built in its place.
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
