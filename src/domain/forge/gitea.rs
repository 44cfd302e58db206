//! Gitea and its relatives, Forgejo and Gogs: their webhooks, and what is told and asked there.
//!
//! The three speak nearly alike. What differs is the headers' names, that Gogs pushes no tags and
//! names no commits of pull requests, and that it has no statuses.

use super::wire::{Field, Object};
use super::{Headers, PayloadError, blank, is_form, payload};
use crate::domain::event::{Disposition, Event, Skip};
use crate::domain::ids::Vendor;
use crate::domain::signature::{Authentic, BadSignature, Claim, Digest, WebhookSecret};
use body::Body;

mod body;
mod conversation;
mod hooks;
mod pull_request;
mod push;
mod rest;
mod status;

pub use conversation::{
    access, access_request, answer_to_effect, comment_request, comments, comments_request,
    edit_request, permission, permission_request, pull_request, pull_request_request,
    reaction_request,
};
pub use hooks::{
    EVENTS, webhook_removal_request, webhook_request, webhook_test_request, webhooks,
    webhooks_request,
};
pub use status::{answer, shown, shown_request, status_request};

/// The headers of one of the three.
#[derive(Debug, Clone, Copy)]
pub struct Named {
    /// The event; several finer kinds share one name.
    pub event: &'static str,
    pub delivery: &'static str,
    pub signature: &'static str,
    /// Whether the hook is a repository's, an organisation's, …; Gogs does not say.
    pub target: &'static str,
}

/// What the headers of a vendor of this family are called.
pub fn headers(vendor: Vendor) -> Named {
    match vendor {
        Vendor::Forgejo => Named {
            event: "X-Forgejo-Event",
            delivery: "X-Forgejo-Delivery",
            signature: "X-Forgejo-Signature",
            target: "X-Forgejo-Hook-Installation-Target-Type",
        },
        Vendor::Gogs => Named {
            event: "X-Gogs-Event",
            delivery: "X-Gogs-Delivery",
            signature: "X-Gogs-Signature",
            target: "X-Gogs-Hook-Installation-Target-Type",
        },
        _ => Named {
            event: "X-Gitea-Event",
            delivery: "X-Gitea-Delivery",
            signature: "X-Gitea-Signature",
            target: "X-Gitea-Hook-Installation-Target-Type",
        },
    }
}

/// Checks who signed a delivery.
///
/// The signature is over the JSON, also where that is packed into a form: what is proven is the
/// JSON then. A forge whose hook has no secret sends the header all the same, empty.
///
/// # Errors
/// When there is no signature that one of the secrets made for exactly this JSON.
pub fn authenticate<'a>(
    vendor: Vendor,
    secrets: &[WebhookSecret],
    headers: &Headers,
    body: &'a [u8],
) -> Result<Authentic<'a>, BadSignature> {
    let signature = signature(vendor, headers)?;
    let content_type = headers.get("content-type").filter(|it| is_form(it));
    match content_type {
        Some(form) => {
            let json = payload(Some(form), body).map_err(|_| BadSignature::Malformed)?;
            Authentic::check(secrets, Digest::Sha256, signature, json)
        }
        None => Authentic::check(secrets, Digest::Sha256, signature, body),
    }
}

/// What the head of a delivery says about who signed it.
///
/// # Errors
/// When there is no signature, or none that could ever be right.
pub fn claim(vendor: Vendor, headers: &Headers) -> Result<Claim, BadSignature> {
    let signature = signature(vendor, headers)?;
    match headers.get("content-type").is_some_and(is_form) {
        true => Claim::packed_hmac(Digest::Sha256, signature),
        false => Claim::hmac(Digest::Sha256, signature),
    }
}

fn signature(vendor: Vendor, headers: &Headers) -> Result<&str, BadSignature> {
    let signature = headers.get(self::headers(vendor).signature);
    signature.filter(|it| !it.is_empty()).ok_or(BadSignature::Absent)
}

/// Reads the event that a delivery tells of; an event that we do not know is skipped, not
/// refused.
///
/// The name may be the coarse one (`pull_request`) or the finer one (`pull_request_sync`): the
/// body decides.
///
/// # Errors
/// When the body is not JSON, and when an event lacks a field without which it cannot be planned;
/// the error names the field.
pub fn event(vendor: Vendor, event_name: &str, json: &[u8]) -> Result<Event, PayloadError> {
    let not_json = |why: String| PayloadError::NotJson { why };
    let text = std::str::from_utf8(json).map_err(|error| not_json(error.to_string()))?;
    let root: Field<_> = serde_json::from_str(text).map_err(|error| not_json(error.to_string()))?;
    let Object(body) = match root {
        Field::Is(body) => body,
        Field::Absent | Field::Wrong => Default::default(),
    };
    let read = Reading { vendor, body: &body };
    match event_name {
        "push" => push::event(read),
        "create" | "delete" => push::created_or_deleted(read, event_name),
        "release" => push::release(read),
        "issue_comment" | "pull_request_comment" if body.review.part().is_none() => {
            pull_request::comment(read)
        }
        "issues" | "issue_assign" | "issue_label" | "issue_milestone" => read.planned("issues"),
        _ if event_name.starts_with("pull_request") => pull_request::event(read, event_name),
        "status" | "workflow_run" | "workflow_job" | "action_run_failure"
        | "action_run_recover" | "action_run_success" => Ok(read.skipped(event_name, Skip::Echo)),
        _ => Ok(read.skipped(event_name, Skip::Other)),
    }
}

/// A body, and whose it is.
#[derive(Clone, Copy)]
struct Reading<'a> {
    vendor: Vendor,
    body: &'a Body,
}

impl Reading<'_> {
    /// What every event has: the repository, who did it, and an action for its filter.
    fn planned(self, event_name: &str) -> Result<Event, PayloadError> {
        let repository = self.body.repository()?;
        let mut event = self.skipped(event_name, Skip::Other);
        event.disposition = Disposition::Planned;
        event.repository = Some(repository);
        Ok(event)
    }

    /// The same of an event that is not planned, where nothing is required.
    fn skipped(self, event_name: &str, why: Skip) -> Event {
        let mut event = blank(self.vendor, event_name, Disposition::Skipped(why));
        event.filter = action(&self.body.action.text()).to_owned();
        event.repository = self.body.repository().ok();
        event.sender = self.body.sender();
        event
    }
}

/// An action in GitHub's words.
fn action(theirs: &str) -> &str {
    match theirs {
        "synchronized" => "synchronize",
        "label_updated" => "labeled",
        "label_cleared" => "unlabeled",
        "reviewed" => "submitted",
        "updated" => "edited",
        same => same,
    }
}

#[cfg(test)]
mod tests;
