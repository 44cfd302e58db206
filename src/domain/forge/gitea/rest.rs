//! What all requests to this API have in common.

use http::Request;

use crate::domain::ids::RepoName;

const ALWAYS: &str = "the base is a URL since the configuration was read, and the rest is encoded";

/// A part of a path.
pub(super) fn segment(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// Where everything about a repository is.
pub(super) fn repository(api: &str, repo: &RepoName) -> String {
    format!("{api}/repos/{}/{}", segment(repo.owner()), segment(repo.name()))
}

pub(super) fn get(url: &str) -> Request<Vec<u8>> {
    Request::get(url).header("accept", "application/json").body(Vec::new()).expect(ALWAYS)
}

pub(super) fn delete(url: &str) -> Request<Vec<u8>> {
    Request::delete(url).header("accept", "application/json").body(Vec::new()).expect(ALWAYS)
}

pub(super) fn post(url: &str, body: &serde_json::Value) -> Request<Vec<u8>> {
    with(Request::post(url), body)
}

pub(super) fn patch(url: &str, body: &serde_json::Value) -> Request<Vec<u8>> {
    with(Request::patch(url), body)
}

fn with(request: http::request::Builder, body: &serde_json::Value) -> Request<Vec<u8>> {
    let request = request.header("accept", "application/json");
    let request = request.header("content-type", "application/json");
    request.body(body.to_string().into_bytes()).expect(ALWAYS)
}
