//! Forges: bytes in, [`Event`] out; a status in, an `http::Request` out.
//!
//! One file per forge, pure both ways; what they have in common is here: the headers, the two
//! ways of packing JSON into a body, and the names of branches and tags. Nothing here sends,
//! keeps or logs anything, and no forge's file knows another's.

use std::borrow::Cow;
use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::domain::event::{Disposition, Event, Lacks, RefType};
use crate::domain::ids::Vendor;

mod any;
mod ask;
pub mod bitbucket;
pub mod bitbucket_server;
mod build_status;
pub mod gitea;
pub mod github;
pub mod gitlab;
mod hook;
pub mod manual;
mod reply;
mod wire;

pub use any::webhooks;
pub use any::{
    Checks, Head, TokenScheme, answer, answer_to_effect, answers, api_base, authenticate, claim,
    clone_url, comment_request, comments, comments_request, commit, commit_request, delivery_id,
    edit_request, event, event_header, events, git_username, has_reactions, has_statuses,
    head_reference, head_repository, hook, in_words_of, is_kept, is_marked, is_signed, json,
    label_reference, marker, permission, permission_request, probe_address, pull_request,
    pull_request_request, reaction_request, recognised, shown, shown_page, shown_request,
    status_request, token_scheme, version, version_request, wants_branch, words_of,
};
pub use github::{Answer, Refused};
pub use github::{Comment, Permission, Reaction};

/// Longer delivery ids than this are no forge's (they are GUIDs) and not kept.
const LONGEST_DELIVERY_ID: usize = 128;

/// The headers of a request or an answer, whatever the case of their names.
#[derive(Clone, Default)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// Takes pairs of name and value; of a name that comes twice, the first counts.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self(pairs.into_iter().map(owned).collect())
    }

    /// The value of a header, without the blanks around it.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(own, _)| own.eq_ignore_ascii_case(name))?;
        Some(value.trim())
    }

    /// Takes what an HTTP client or server has; values that are no text are left out.
    pub fn from_http(headers: &http::HeaderMap) -> Self {
        let pairs = headers.iter();
        Self::from_pairs(
            pairs.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))),
        )
    }
}

impl fmt::Debug for Headers {
    // Values may be tokens and signatures: names are enough to find a fault.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// Why a body is not the webhook that it should be; each message can be shown to its sender.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    #[error(
        "The content type `{found}` is neither `application/json` nor \
         `application/x-www-form-urlencoded`; choose one of them in the webhook's settings"
    )]
    ContentType {
        /// As sent, shortened; empty where there was none.
        found: String,
    },
    #[error("The webhook's body is not JSON: {why}")]
    NotJson { why: String },
    /// A field without which the event cannot be understood is absent or null.
    #[error("The webhook's body lacks the field `{field}`")]
    Missing {
        /// Dotted from the body's root: `pull_request.head.sha`.
        field: &'static str,
    },
    /// Such a field holds something else than it should.
    #[error("Webhooks of `{vendor}` are not understood yet")]
    Vendor { vendor: Vendor },
    #[error("The field `{field}` of the webhook's body should be {expected}")]
    Wrong { field: &'static str, expected: &'static str },
}

/// The JSON of a webhook: the body itself, or the field `payload` of a form.
///
/// # Errors
///
/// [`PayloadError::ContentType`] for any other kind of body, and [`PayloadError::Missing`] for a
/// form without the field. Whether the bytes are JSON shows when they are read.
pub fn payload<'a>(
    content_type: Option<&str>,
    body: &'a [u8],
) -> Result<Cow<'a, [u8]>, PayloadError> {
    let sent = content_type.unwrap_or_default();
    // Parameters (`charset=utf-8`) say nothing that JSON and forms leave open.
    let essence = sent.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(Cow::Borrowed(body));
    }
    if is_form(sent) {
        let mut fields = form_urlencoded::parse(body);
        let payload = fields.find(|(name, _)| name == "payload");
        let (_, json) = payload.ok_or(PayloadError::Missing { field: "payload" })?;
        return Ok(Cow::Owned(json.into_owned().into_bytes()));
    }
    Err(PayloadError::ContentType { found: sent.chars().take(80).collect() })
}

/// Whether a content type is a form's.
fn is_form(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// What a delivery is known by: the forge's id of it, or else the hash of its body.
fn identity(sent: Option<&str>, body: &[u8]) -> String {
    let fits = |id: &&str| {
        let printable = id.bytes().all(|byte| byte.is_ascii_graphic());
        !id.is_empty() && id.len() <= LONGEST_DELIVERY_ID && printable
    };
    let hash = || format!("sha256:{}", hex::encode(Sha256::digest(body)));
    sent.filter(fits).map_or_else(hash, str::to_owned)
}

/// An event that says nothing yet but its name.
fn blank(vendor: Vendor, event_type: &str, disposition: Disposition) -> Event {
    Event {
        vendor,
        instance: None,
        // The name of an unknown event is whatever the sender wrote into a header.
        event_type: event_type.chars().take(100).collect(),
        filter: String::new(),
        disposition,
        repository: None,
        reference: None,
        ref_type: None,
        branch: None,
        tag: None,
        sha: None,
        before: None,
        lacks: Lacks::default(),
        created: false,
        deleted: false,
        forced: false,
        commit: None,
        pull_request: None,
        release: None,
        comment: None,
        sender: None,
        author: None,
        commented_at: None,
    }
}

/// What a full reference names.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reference {
    Branch(String),
    Tag(String),
    /// Neither: notes, changes, …
    Other(String),
}

impl Reference {
    /// Reads `refs/heads/…`, `refs/tags/…` or another full name; a short one is a branch.
    ///
    /// None for what git would not take as a name, so that nothing behind this needs to fear
    /// blanks, control characters, wildcards and refspecs in it.
    fn parse(text: &str) -> Option<Self> {
        if !is_reference_name(text) {
            return None;
        }
        Some(if let Some(branch) = text.strip_prefix("refs/heads/") {
            Self::Branch(branch.to_owned())
        } else if let Some(tag) = text.strip_prefix("refs/tags/") {
            Self::Tag(tag.to_owned())
        } else if text.starts_with("refs/") {
            Self::Other(text.to_owned())
        } else {
            Self::Branch(text.to_owned())
        })
    }

    fn branch(name: &str) -> Option<Self> {
        Self::parse(&format!("refs/heads/{name}"))
    }

    fn tag(name: &str) -> Option<Self> {
        Self::parse(&format!("refs/tags/{name}"))
    }

    /// The name without `refs/heads/` or `refs/tags/`.
    fn short(&self) -> &str {
        match self {
            Self::Branch(name) | Self::Tag(name) | Self::Other(name) => name,
        }
    }

    /// Makes the event one of this reference.
    fn apply(self, event: &mut Event) {
        match self {
            Self::Branch(branch) => {
                event.reference = Some(format!("refs/heads/{branch}"));
                event.ref_type = Some(RefType::Branch);
                event.branch = Some(branch);
            }
            Self::Tag(tag) => {
                event.reference = Some(format!("refs/tags/{tag}"));
                event.ref_type = Some(RefType::Tag);
                event.tag = Some(tag);
            }
            Self::Other(name) => event.reference = Some(name),
        }
    }
}

/// The rules of `git check-ref-format --allow-onelevel`.
fn is_reference_name(text: &str) -> bool {
    let forbidden = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    text != "@"
        && !text.contains(forbidden)
        && !text.contains("..")
        && !text.contains("@{")
        && !text.ends_with('.')
        && text.split('/').all(part)
}

/// Whether a commit id is written as zeroes: forges say so that there is none.
fn is_zero(sha: &str) -> bool {
    matches!(sha.len(), 40 | 64) && sha.bytes().all(|digit| digit == b'0')
}

#[cfg(test)]
mod tests;
