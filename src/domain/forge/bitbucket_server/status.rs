//! Statuses on commits: the request that tells Data Center, what its answer means, and what it
//! shows.

use http::Request;
use jiff::Timestamp;

use super::super::reply::{self, Manner};
use super::super::{Answer, Headers, ask, build_status};
use super::rest;
use crate::domain::ids::{RepoName, Sha};
use crate::domain::mend::Posted;
use crate::domain::run::Status;

/// Entries in a page.
const PER_PAGE: usize = 100;

const MANNER: Manner = Manner {
    forge: "Bitbucket",
    token: "BITBUCKET_SERVER_TOKEN",
    needs: "it needs write permission to the repository",
    limit: ("x-ratelimit-remaining", "x-ratelimit-reset"),
};

/// The request that sets a status, without credentials; the same key overwrites.
///
/// It goes to the repository's builds (from version 7.4), which count for its merge checks.
pub fn status_request(
    api: &str,
    repo: &RepoName,
    sha: &Sha,
    status: &Status,
    target_url: &str,
) -> Request<Vec<u8>> {
    let root = api.strip_suffix("/rest").unwrap_or(api);
    let (project, name) = (repo.owner(), repo.name());
    let page = format!("{root}/projects/{project}/repos/{name}/commits/{sha}");
    let url = format!("{}/commits/{sha}/builds", rest::repository(api, repo));
    ask::post(&url, &build_status::body(status, target_url, &page))
}

/// Reads an answer to a [`status_request`].
pub fn answer(status: u16, headers: &Headers, body: &[u8], now: Timestamp) -> Answer {
    match status {
        404 if reply::said(body).contains("ommit") => {
            Answer::NotYet { why: MANNER.why(status, body, "the commit is not known there yet") }
        }
        _ => MANNER.answer(status, headers, body, None, now),
    }
}

/// The request for a page, from 1, of what a commit shows.
pub fn shown_request(api: &str, _repo: &RepoName, sha: &Sha, page: usize) -> Request<Vec<u8>> {
    let start = page.saturating_sub(1) * PER_PAGE;
    ask::get(&format!("{api}/build-status/latest/commits/{sha}?limit={PER_PAGE}&start={start}"))
}

/// Reads its answer; none when it is no such answer.
pub fn shown(body: &[u8]) -> Option<Vec<Posted>> {
    build_status::shown(body)
}

#[cfg(test)]
mod tests;
