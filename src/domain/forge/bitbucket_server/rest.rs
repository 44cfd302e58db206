//! Comments on pull requests, and who may write: requests and their answers.
//!
//! `api` is the base of all of Data Center's APIs, such as `https://git.example.com/rest`.

use http::Request;
use serde::Deserialize;
use serde_json::json;

use super::super::ask::{self, segment};
use super::super::wire::{Field, Id, List, Object, Part};
use super::super::{Answer, Comment, reply};
use crate::domain::event::Sender;
use crate::domain::ids::{RepoName, Sha, Vendor};

/// Entries in a page.
const PER_PAGE: usize = 100;

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

/// The request for a comment: a change of it has to name its version.
pub fn comment_version_request(
    api: &str,
    repo: &RepoName,
    number: u64,
    id: &str,
) -> Request<Vec<u8>> {
    ask::get(&format!("{}/{}", comments(api, repo, number), segment(id)))
}

/// The request for a page, from 1, of what happened in a pull request, the newest first: comments
/// are listed nowhere else without naming a file.
pub fn comments_request(api: &str, repo: &RepoName, number: u64, page: usize) -> Request<Vec<u8>> {
    let start = page.saturating_sub(1) * PER_PAGE;
    let pull = format!("{}/pull-requests/{number}", repository(api, repo));
    ask::get(&format!("{pull}/activities?limit={PER_PAGE}&start={start}"))
}

/// Reads its answer, and whether another page follows.
pub fn comments_page(body: &[u8]) -> Option<(Vec<Comment>, bool)> {
    let page: Field<Object<Activities>> = serde_json::from_slice(body).ok()?;
    let page = page.part()?;
    page.values.get()?;
    let comment = |Object(entry): &Object<Activity>| {
        let comment = entry.comment.part()?;
        let Id(id) = comment.id.get()?;
        Some(Comment { id: id.clone(), body: comment.text.text() })
    };
    let more = page.is_last.get() == Some(&false);
    Some((page.values.items().filter_map(comment).collect(), more))
}

/// The request that asks for a pull request.
pub fn pull_request_request(api: &str, repo: &RepoName, number: u64) -> Request<Vec<u8>> {
    ask::get(&format!("{}/pull-requests/{number}", repository(api, repo)))
}

/// Reads the head commit from its answer; none when it is no such answer.
pub fn pull_request(body: &[u8]) -> Option<Sha> {
    let body: Field<Object<PullBody>> = serde_json::from_slice(body).ok()?;
    body.part()?.head.part()?.commit.parsed()
}

/// What an answer means for a comment, from what it would mean for a status.
pub fn answer_to_effect(answer: Answer, status: u16) -> Answer {
    reply::to_effect(
        ("Bitbucket", Vendor::BitbucketServer),
        "read permission to the repository",
        answer,
        status,
    )
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
    text: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Activities {
    values: List<Object<Activity>>,
    #[serde(rename = "isLastPage")]
    is_last: Field<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Activity {
    comment: Part<CommentBody>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PullBody {
    #[serde(rename = "fromRef")]
    head: Part<Side>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Side {
    #[serde(rename = "latestCommit")]
    commit: Field<String>,
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
