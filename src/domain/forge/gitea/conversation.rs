//! Comments and reactions, and what a user may do in a repository.

use http::Request;
use serde::Deserialize;
use serde_json::json;

use super::super::wire::{Field, Object};
use super::rest;
use crate::domain::ids::RepoName;

/// The request that comments on a pull request.
pub fn comment_request(api: &str, repo: &RepoName, number: u64, text: &str) -> Request<Vec<u8>> {
    let url = format!("{}/issues/{number}/comments", rest::repository(api, repo));
    rest::post(&url, &json!({ "body": text }))
}

/// The request that reacts to a comment (`+1`, `eyes`, `confused`); Gogs has none.
pub fn reaction_request(
    api: &str,
    repo: &RepoName,
    comment: &str,
    content: &str,
) -> Request<Vec<u8>> {
    let (repo, comment) = (rest::repository(api, repo), rest::segment(comment));
    rest::post(&format!("{repo}/issues/comments/{comment}/reactions"), &json!({"content": content}))
}

/// The request that asks what a user may do in a repository.
pub fn permission_request(api: &str, repo: &RepoName, login: &str) -> Request<Vec<u8>> {
    let (repo, login) = (rest::repository(api, repo), rest::segment(login));
    rest::get(&format!("{repo}/collaborators/{login}/permission"))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PermissionBody {
    permission: Field<String>,
}

/// Whether its answer lets the user write; none when it is no such answer.
pub fn may_write(body: &[u8]) -> Option<bool> {
    let body: Field<Object<PermissionBody>> = serde_json::from_slice(body).ok()?;
    let permission = body.part()?.permission.filled()?;
    Some(["write", "admin", "owner"].contains(&permission))
}
