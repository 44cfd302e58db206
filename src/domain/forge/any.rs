//! The same questions put to whichever forge it is; what is above this knows none by name.

use jiff::Timestamp;
use url::Url;

use super::github::{self, Answer};
use super::{Headers, PayloadError};
use crate::domain::event::Event;
use crate::domain::ids::{RepoName, Sha, Vendor};
use crate::domain::mend::Posted;
use crate::domain::run::Status;

/// Reads the event that a delivery tells of.
///
/// # Errors
/// As the forge's own reader; and for a forge that has none yet.
pub fn event(vendor: Vendor, event_name: &str, json: &[u8]) -> Result<Event, PayloadError> {
    match vendor {
        Vendor::Github => github::event(event_name, json),
        _ => Err(PayloadError::Vendor { vendor }),
    }
}

/// Which webhook of the forge's sent a delivery, where it says so.
pub fn hook(vendor: Vendor, headers: &Headers) -> Option<String> {
    let header = match vendor {
        Vendor::Github => "x-github-hook-id",
        _ => return None,
    };
    headers.get(header).filter(|id| !id.is_empty()).map(str::to_owned)
}

/// Where to fetch a repository from: below the configured root, whatever a payload says.
pub fn clone_url(root: &Url, repository: &RepoName) -> String {
    format!("{}/{repository}.git", root.as_str().trim_end_matches('/'))
}

/// The reference under which the forge has the event's commit; none for the default branch's.
pub fn head_reference(event: &Event) -> Option<String> {
    let pull = event.pull_request.as_ref().filter(|pull| pull.head.sha.is_some());
    match pull {
        Some(pull) => Some(format!("refs/pull/{}/head", pull.number)),
        None => event.reference.clone(),
    }
}

/// The reference as GitHub's own CI would name it in `GITHUB_REF`.
pub fn label_reference(event: &Event) -> String {
    if let Some(pull) = &event.pull_request {
        return format!("refs/pull/{}/merge", pull.number);
    }
    let default = event.repository.as_ref().map(|repository| repository.default_branch.as_str());
    let default = default.filter(|branch| !branch.is_empty());
    let reference = event.reference.clone();
    reference.or_else(|| default.map(|branch| format!("refs/heads/{branch}"))).unwrap_or_default()
}

/// The request that puts a status on a commit; credentials are the client's to add.
pub fn status_request(
    _vendor: Vendor,
    api: &str,
    repository: &RepoName,
    sha: &Sha,
    status: &Status,
    target_url: &str,
) -> http::Request<Vec<u8>> {
    github::status_request(api, repository, sha, status, target_url)
}

/// The request for a page of what a commit shows, from 1: the newest post of each context.
pub fn shown_request(
    _vendor: Vendor,
    api: &str,
    repository: &RepoName,
    sha: &Sha,
    page: usize,
) -> http::Request<Vec<u8>> {
    github::shown_request(api, repository, sha, page)
}

/// What such a page says; none when it cannot be read.
pub fn shown(_vendor: Vendor, body: &[u8]) -> Option<Vec<Posted>> {
    github::shown(body)
}

/// What a forge's reply to a status means.
pub fn answer(
    _vendor: Vendor,
    status: u16,
    headers: &Headers,
    body: &[u8],
    now: Timestamp,
) -> Answer {
    github::answer(status, headers, body, now)
}

/// What an answer to a question that any token may ask says about the forge and our token; the
/// error is a sentence for the operator. `anonymous`: it was asked without a token, and a forge
/// that refuses to answer such a question is well.
///
/// # Errors
/// When the forge refuses the token, or has trouble of its own.
pub fn answers(
    vendor: Vendor,
    status: u16,
    headers: &Headers,
    body: &[u8],
    anonymous: bool,
    now: Timestamp,
) -> Result<(), String> {
    // An Enterprise Server without rate limits has no address for them.
    if status == 404 {
        return Ok(());
    }
    match answer(vendor, status, headers, body, now) {
        Answer::Done { .. } | Answer::Never { .. } => Ok(()),
        Answer::Refused { .. } if anonymous => Ok(()),
        Answer::NotYet { why }
        | Answer::Retry { why }
        | Answer::Limited { why, .. }
        | Answer::Refused { why, .. } => Err(why),
    }
}
