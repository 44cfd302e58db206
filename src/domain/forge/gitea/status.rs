//! Statuses on commits: telling them, reading what is shown, and what answers mean.

use std::time::Duration;

use http::Request;
use serde::Deserialize;
use serde_json::json;

use super::super::wire::{Field, List, Object};
use super::super::{Answer, Headers, Refused};
use super::rest;
use crate::domain::ids::{RepoName, Sha, Vendor};
use crate::domain::mend::Posted;
use crate::domain::run::{Status, description};

/// How long to wait where a proxy in front says that it is too much, and not for how long.
const PAUSE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// Entries that are asked for in a page: what the forges give at most unless they are told more.
const PER_PAGE: usize = 50;

/// The request that sets a status, without credentials; an empty `target_url` is left out.
pub fn status_request(
    api: &str,
    repo: &RepoName,
    sha: &Sha,
    status: &Status,
    target_url: &str,
) -> Request<Vec<u8>> {
    let mut body = json!({
        "state": status.state.as_str(),
        "context": status.context,
        "description": description(&status.description),
    });
    if !target_url.is_empty() {
        body["target_url"] = target_url.into();
    }
    rest::post(&format!("{}/statuses/{sha}", rest::repository(api, repo)), &body)
}

/// The request for a page, from 1, of what a commit shows: of each context the newest post.
pub fn shown_request(api: &str, repo: &RepoName, sha: &Sha, page: usize) -> Request<Vec<u8>> {
    let repo = rest::repository(api, repo);
    rest::get(&format!("{repo}/commits/{sha}/status?limit={PER_PAGE}&page={page}"))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Combined {
    statuses: List<Object<Entry>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    id: Field<u64>,
    context: Field<String>,
    status: Field<String>,
    description: Field<String>,
    target_url: Field<String>,
}

/// Reads its answer; none when it is no such answer. A page behind the last has none (null).
pub fn shown(body: &[u8]) -> Option<Vec<Posted>> {
    let combined: Field<Object<Combined>> = serde_json::from_slice(body).ok()?;
    let Object(combined) = combined.get()?;
    let posted = |Object(entry): &Object<Entry>| Posted {
        post: entry.id.get().and_then(|id| i64::try_from(*id).ok()),
        context: entry.context.text(),
        state: entry.status.text(),
        description: entry.description.text(),
        target_url: entry.target_url.text(),
    };
    Some(combined.statuses.items().map(posted).collect())
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    id: Field<u64>,
    message: Field<String>,
}

/// What the forge's answer to a request means for what we owe it.
pub fn answer(vendor: Vendor, status: u16, headers: &Headers, body: &[u8]) -> Answer {
    let said: Field<Object<Said>> = serde_json::from_slice(body).unwrap_or_default();
    let words = said.part().and_then(|said| said.message.filled()).map(description);
    let words = words.map_or_else(String::new, |words| format!(" (`{words}`)"));
    let token = vendor.variable("TOKEN");
    let why = |text: &str| format!("{vendor} answered {status}{words}: {text}");
    let refused = |whom, text: &str| Answer::Refused { whom, why: why(text) };
    match status {
        200..=299 => {
            let id = said.part().and_then(|said| said.id.get());
            Answer::Done { post: id.and_then(|id| i64::try_from(*id).ok()) }
        }
        300..=399 => refused(
            Refused::Repository,
            "a redirect, which is not followed with credentials: the repository was renamed, or \
             the configured address is not where the forge is",
        ),
        401 => refused(Refused::Everything, &format!("`{token}` is not valid; make a new one")),
        403 => refused(
            Refused::Repository,
            &format!(
                "`{token}` may not write here (it needs the scope `write:repository`, and its user \
                 the right to write to the repository)"
            ),
        ),
        404 => refused(
            Refused::Repository,
            &format!("the repository or the commit is gone, or `{token}` has no access to it"),
        ),
        423 => Answer::Never { why: why("what is archived or locked takes nothing") },
        429 => {
            let after = headers.get("retry-after").and_then(|text| text.parse().ok());
            let after = after.map_or(PAUSE, Duration::from_secs).min(LONGEST_PAUSE);
            Answer::Limited { after, why: why("too many requests") }
        }
        408 | 409 | 425 | 500..=599 => {
            Answer::Retry { why: why("the fault is on its side and may pass") }
        }
        _ => Answer::Never { why: why("it is not acceptable and is given up") },
    }
}
