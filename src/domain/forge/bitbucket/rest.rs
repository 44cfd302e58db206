//! Whole commits, comments on pull requests, and who may write: requests and their answers.

use http::Request;
use serde::Deserialize;
use serde_json::json;

use super::super::ask::{self, segment};
use super::super::wire::{Field, Id, List, Object, Part};
use crate::domain::event::Sender;
use crate::domain::ids::{RepoName, Sha, ShortSha};

/// Where everything about a repository is.
pub(super) fn repository(api: &str, repo: &RepoName) -> String {
    format!("{api}/repositories/{}/{}", segment(repo.owner()), segment(repo.name()))
}

/// The request that asks for the whole id of a commit.
pub fn commit_request(api: &str, repo: &RepoName, commit: &ShortSha) -> Request<Vec<u8>> {
    ask::get(&format!("{}/commit/{commit}", repository(api, repo)))
}

/// Reads its answer; none when it is no such answer, or about another commit.
pub fn commit(body: &[u8], asked: &ShortSha) -> Option<Sha> {
    let commit: Field<Object<CommitBody>> = serde_json::from_slice(body).ok()?;
    commit.part()?.hash.parsed().filter(|sha| asked.begins(sha))
}

fn comments(api: &str, repo: &RepoName, number: u64) -> String {
    format!("{}/pullrequests/{number}/comments", repository(api, repo))
}

/// The request that writes a comment on a pull request.
pub fn comment_request(api: &str, repo: &RepoName, number: u64, text: &str) -> Request<Vec<u8>> {
    ask::post(&comments(api, repo, number), &json!({ "content": { "raw": text } }))
}

/// The request that writes something else into a comment of ours.
pub fn comment_update_request(
    api: &str,
    repo: &RepoName,
    number: u64,
    id: &str,
    text: &str,
) -> Request<Vec<u8>> {
    let url = format!("{}/{}", comments(api, repo, number), segment(id));
    ask::put(&url, &json!({ "content": { "raw": text } }))
}

/// The id of a comment that was taken, as its webhook names it too.
pub fn comment(body: &[u8]) -> Option<String> {
    let comment: Field<Object<CommentBody>> = serde_json::from_slice(body).ok()?;
    comment.part()?.id.get().map(|Id(id)| id.clone())
}

/// The request for what a user may do in a repository, by all the groups that they are in; only an
/// administrator's token is told. None for a user without an id.
pub fn permission_request(api: &str, repo: &RepoName, user: &Sender) -> Option<Request<Vec<u8>>> {
    let id = user.id.trim_matches(['{', '}']);
    let plain = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let query = format!("user.uuid=\"{{{id}}}\"");
    plain.then(|| {
        let (workspace, name) = (segment(repo.owner()), segment(repo.name()));
        let place = format!("{api}/workspaces/{workspace}/permissions/repositories/{name}");
        ask::get(&format!("{place}?q={}", segment(&query)))
    })
}

/// Whether the answer says that they may push.
pub fn permission(status: u16, body: &[u8], user: &Sender) -> bool {
    let Ok(page) = serde_json::from_slice::<Field<Object<Page>>>(body) else { return false };
    let Some(page) = page.part() else { return false };
    let may = |Object(entry): &Object<Entry>| {
        let theirs = entry.user.part().is_some_and(|it| it.uuid.filled() == Some(&user.id));
        theirs && matches!(entry.permission.filled(), Some("write" | "admin"))
    };
    status == 200 && page.values.items().any(may)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CommitBody {
    hash: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CommentBody {
    id: Field<Id>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Page {
    values: List<Object<Entry>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    permission: Field<String>,
    user: Part<User>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct User {
    uuid: Field<String>,
}

#[cfg(test)]
mod tests;
