//! What all requests to GitHub's REST API have in common.

use http::Request;

use crate::domain::ids::RepoName;

/// The version of the API that the requests are written for.
const VERSION: &str = "2022-11-28";

/// Entries in a page: GitHub's most.
pub(super) const PER_PAGE: usize = 100;

const ALWAYS: &str = "the base is a URL since the configuration was read, and the rest is encoded";

/// A part of a path.
pub(super) fn segment(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// Where everything about a repository is.
pub(super) fn repository(api: &str, repo: &RepoName) -> String {
    let repo: Vec<_> = repo.as_str().split('/').map(segment).collect();
    format!("{api}/repos/{}", repo.join("/"))
}

pub(super) fn get(url: &str) -> Request<Vec<u8>> {
    common(Request::get(url)).body(Vec::new()).expect(ALWAYS)
}

pub(super) fn post(url: &str, body: Vec<u8>) -> Request<Vec<u8>> {
    common(Request::post(url)).header("content-type", "application/json").body(body).expect(ALWAYS)
}

pub(super) fn patch(url: &str, body: Vec<u8>) -> Request<Vec<u8>> {
    common(Request::patch(url)).header("content-type", "application/json").body(body).expect(ALWAYS)
}

pub(super) fn delete(url: &str) -> Request<Vec<u8>> {
    common(Request::delete(url)).body(Vec::new()).expect(ALWAYS)
}

fn common(request: http::request::Builder) -> http::request::Builder {
    request.header("accept", "application/vnd.github+json").header("x-github-api-version", VERSION)
}
