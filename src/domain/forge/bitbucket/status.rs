//! Statuses on commits: the request that tells Bitbucket, what its answer means, and what it
//! shows.

use http::Request;
use jiff::Timestamp;

use super::super::reply::{self, Manner};
use super::super::{Answer, Headers, ask, build_status};
use super::rest;
use crate::domain::ids::{RepoName, Sha};
use crate::domain::mend::Posted;
use crate::domain::run::Status;

/// Entries in a page: Bitbucket's most.
const PER_PAGE: usize = 100;

const MANNER: Manner = Manner {
    forge: "Bitbucket",
    token: "BITBUCKET_TOKEN",
    needs: "it needs the scopes `repository:write` and `pullrequest:write`",
    limit: ("x-ratelimit-remaining", "x-ratelimit-reset"),
};

/// The request that sets a status, without credentials; the same key overwrites.
///
/// `api` is the API's base, such as `https://api.bitbucket.org/2.0`.
pub fn status_request(
    api: &str,
    repo: &RepoName,
    sha: &Sha,
    status: &Status,
    target_url: &str,
) -> Request<Vec<u8>> {
    let url = format!("{}/commit/{sha}/statuses/build", rest::repository(api, repo));
    let page = format!("https://bitbucket.org/{repo}/commits/{sha}");
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
pub fn shown_request(api: &str, repo: &RepoName, sha: &Sha, page: usize) -> Request<Vec<u8>> {
    let repo = rest::repository(api, repo);
    ask::get(&format!("{repo}/commit/{sha}/statuses?pagelen={PER_PAGE}&page={page}"))
}

/// Reads its answer; none when it is no such answer.
pub fn shown(body: &[u8]) -> Option<Vec<Posted>> {
    build_status::shown(body)
}

#[cfg(test)]
mod tests;
