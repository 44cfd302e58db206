//! Whole commits, comments on pull requests, and who may write: requests and their answers.

use http::Request;
use serde::Deserialize;
use serde_json::json;

use super::super::ask::{self, segment};
use super::super::wire::{Field, Id, List, Object, Part};
use super::super::{Answer, Comment, reply};
use crate::domain::event::Sender;
use crate::domain::ids::{RepoName, Sha, ShortSha, Vendor};

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

/// The request for a page, from 1, of a pull request's comments, the newest first.
pub fn comments_request(api: &str, repo: &RepoName, number: u64, page: usize) -> Request<Vec<u8>> {
    let comments = comments(api, repo, number);
    ask::get(&format!("{comments}?sort=-created_on&pagelen=100&page={page}"))
}

/// Reads its answer, and whether another page follows.
pub fn comments_page(body: &[u8]) -> Option<(Vec<Comment>, bool)> {
    let page: Field<Object<CommentsPage>> = serde_json::from_slice(body).ok()?;
    let page = page.part()?;
    page.values.get()?;
    let comment = |Object(entry): &Object<CommentBody>| {
        let Id(id) = entry.id.get()?;
        let body = entry.content.part().map(|content| content.raw.text()).unwrap_or_default();
        Some(Comment { id: id.clone(), body })
    };
    let more = page.next.filled().is_some();
    Some((page.values.items().filter_map(comment).collect(), more))
}

/// The request that asks for a pull request.
pub fn pull_request_request(api: &str, repo: &RepoName, number: u64) -> Request<Vec<u8>> {
    ask::get(&format!("{}/pullrequests/{number}", repository(api, repo)))
}

/// Reads the beginning of its head commit, and the repository that the commit lies in; none when
/// it is no such answer, or the fork is gone.
pub fn pull_request(body: &[u8]) -> Option<(String, RepoName)> {
    let body: Field<Object<PullBody>> = serde_json::from_slice(body).ok()?;
    let source = body.part()?.source.part()?;
    let hash = source.commit.part()?.hash.filled()?.to_owned();
    Some((hash, source.repository.part()?.full_name.parsed()?))
}

/// What an answer means for a comment, from what it would mean for a status.
pub fn answer_to_effect(answer: Answer, status: u16) -> Answer {
    reply::to_effect(
        ("Bitbucket", Vendor::Bitbucket),
        "the scope `pullrequest:write`",
        answer,
        status,
    )
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
    content: Part<Content>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Content {
    raw: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CommentsPage {
    values: List<Object<CommentBody>>,
    next: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PullBody {
    source: Part<Source>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Source {
    commit: Part<CommitBody>,
    repository: Part<RepositoryBody>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RepositoryBody {
    full_name: Field<String>,
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
