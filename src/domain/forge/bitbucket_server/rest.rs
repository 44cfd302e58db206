//! Comments on pull requests, and who may write: requests and their answers.
//!
//! `api` is the base of all of Data Center's APIs, such as `https://git.example.com/rest`.

use http::Request;
use serde::Deserialize;
use serde_json::json;

use super::super::ask::{self, segment};
use super::super::wire::{Field, Id, List, Object};
use crate::domain::event::Sender;
use crate::domain::ids::RepoName;

/// Where everything about a repository is.
pub(super) fn repository(api: &str, repo: &RepoName) -> String {
    let (project, name) = (segment(repo.owner()), segment(repo.name()));
    format!("{api}/api/latest/projects/{project}/repos/{name}")
}

fn comments(api: &str, repo: &RepoName, number: u64) -> String {
    format!("{}/pull-requests/{number}/comments", repository(api, repo))
}

/// The request that writes a comment on a pull request.
pub fn comment_request(api: &str, repo: &RepoName, number: u64, text: &str) -> Request<Vec<u8>> {
    ask::post(&comments(api, repo, number), &json!({ "text": text }))
}

/// The request that writes something else into a comment of ours; `version` is the one that the
/// comment had last, and counts its changes.
pub fn comment_update_request(
    api: &str,
    repo: &RepoName,
    number: u64,
    id: &str,
    version: u64,
    text: &str,
) -> Request<Vec<u8>> {
    let url = format!("{}/{}", comments(api, repo, number), segment(id));
    ask::put(&url, &json!({ "text": text, "version": version }))
}

/// The id of a comment that was taken, as its webhook names it too, and its version.
pub fn comment(body: &[u8]) -> Option<(String, u64)> {
    let comment: Field<Object<CommentBody>> = serde_json::from_slice(body).ok()?;
    let comment = comment.part()?;
    let version = comment.version.get().copied().unwrap_or_default();
    comment.id.get().map(|Id(id)| (id.clone(), version))
}

/// The request for those users like this one that may push to a repository, by whatever group.
pub fn permission_request(api: &str, repo: &RepoName, user: &Sender) -> Option<Request<Vec<u8>>> {
    let pairs = [
        ("filter", user.login.as_str()),
        ("permission", "REPO_WRITE"),
        ("permission.projectKey", repo.owner()),
        ("permission.repositorySlug", repo.name()),
        ("limit", "1000"),
    ];
    let query: Vec<_> = pairs.map(|(name, value)| format!("{name}={}", segment(value))).into();
    let url = format!("{api}/api/latest/users?{}", query.join("&"));
    (!user.login.is_empty()).then(|| ask::get(&url))
}

/// Whether the answer has this very user.
pub fn permission(status: u16, body: &[u8], user: &Sender) -> bool {
    let Ok(page) = serde_json::from_slice::<Field<Object<Page>>>(body) else { return false };
    let Some(page) = page.part() else { return false };
    let same = |Object(found): &Object<User>| {
        let id = found.id.get().map(|Id(id)| id.as_str());
        // Names can be given anew; the id, where we have it, cannot.
        let same = user.id.is_empty() || id == Some(&user.id);
        let named = found.slug.filled().or(found.name.filled()) == Some(&user.login);
        same && named && found.active.get() != Some(&false)
    };
    status == 200 && page.values.items().any(same)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CommentBody {
    id: Field<Id>,
    version: Field<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Page {
    values: List<Object<User>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct User {
    id: Field<Id>,
    name: Field<String>,
    slug: Field<String>,
    active: Field<bool>,
}

#[cfg(test)]
mod tests;
