//! What GitHub shows on a commit: of each context the newest post.

use http::Request;
use serde::Deserialize;

use super::super::wire::{Field, List, Object};
use super::rest;
use crate::domain::ids::{RepoName, Sha};
use crate::domain::mend::Posted;

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
    state: Field<String>,
    description: Field<String>,
    target_url: Field<String>,
}

/// The request for a page, from 1, of what a commit shows.
pub fn shown_request(api: &str, repo: &RepoName, sha: &Sha, page: usize) -> Request<Vec<u8>> {
    let repo = rest::repository(api, repo);
    let per_page = rest::PER_PAGE;
    rest::get(&format!("{repo}/commits/{sha}/status?per_page={per_page}&page={page}"))
}

/// Reads its answer; none when it is no such answer.
pub fn shown(body: &[u8]) -> Option<Vec<Posted>> {
    let combined: Field<Object<Combined>> = serde_json::from_slice(body).ok()?;
    let Object(combined) = combined.get()?;
    combined.statuses.get()?;
    let posted = |Object(entry): &Object<Entry>| Posted {
        post: entry.id.get().and_then(|id| i64::try_from(*id).ok()),
        context: entry.context.text(),
        state: entry.state.text(),
        description: entry.description.text(),
        target_url: entry.target_url.text(),
    };
    Some(combined.statuses.items().map(posted).collect())
}

#[cfg(test)]
mod tests;
