//! Where a repository's branches and tags are now, and the push that would have told so.

use http::Request;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::super::wire::{Field, List, Object, Part};
use super::rest;
use crate::domain::ids::{RepoName, Sha};

/// A repository as GitHub shows it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// As GitHub writes it, in webhooks too.
    pub json: Box<RawValue>,
    pub full_name: RepoName,
    /// When anything was pushed last.
    pub pushed_at: Option<Timestamp>,
}

/// A branch or a tag, and its commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    pub name: String,
    pub sha: Sha,
}

/// A commit as GitHub shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    pub sha: Sha,
    /// When it was made, by its committer's clock.
    pub at: Timestamp,
    /// As a push has it.
    pub json: Value,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RepositoryBody {
    full_name: Field<String>,
    pushed_at: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct BranchBody {
    name: Field<String>,
    commit: Part<Target>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Target {
    sha: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CommitBody {
    sha: Field<String>,
    html_url: Field<String>,
    commit: Part<Inner>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Inner {
    message: Field<String>,
    author: Part<Person>,
    committer: Part<Person>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Person {
    name: Field<String>,
    email: Field<String>,
    date: Field<String>,
}

pub fn repository_request(api: &str, repo: &RepoName) -> Request<Vec<u8>> {
    rest::get(&rest::repository(api, repo))
}

/// Reads its answer; none when it is no such answer.
pub fn repository(body: &[u8]) -> Option<Shown> {
    let json: Box<RawValue> = serde_json::from_slice(body).ok()?;
    let Object(fields) =
        serde_json::from_slice::<Field<Object<RepositoryBody>>>(body).ok()?.take()?;
    Some(Shown {
        json,
        full_name: fields.full_name.parsed()?,
        pushed_at: fields.pushed_at.parsed(),
    })
}

/// The request for a page, from 1, of the branches.
pub fn branches_request(api: &str, repo: &RepoName, page: usize) -> Request<Vec<u8>> {
    let (repo, per_page) = (rest::repository(api, repo), rest::PER_PAGE);
    rest::get(&format!("{repo}/branches?per_page={per_page}&page={page}"))
}

/// The request for a page, from 1, of the tags.
pub fn tags_request(api: &str, repo: &RepoName, page: usize) -> Request<Vec<u8>> {
    let (repo, per_page) = (rest::repository(api, repo), rest::PER_PAGE);
    rest::get(&format!("{repo}/tags?per_page={per_page}&page={page}"))
}

/// Reads the answer to either, and whether another page may follow.
pub fn branches(body: &[u8]) -> Option<(Vec<Branch>, bool)> {
    let list: List<Object<BranchBody>> = serde_json::from_slice(body).ok()?;
    let more = list.get()?.len() >= rest::PER_PAGE;
    let branch = |Object(branch): &Object<BranchBody>| {
        let name = branch.name.filled()?.to_owned();
        Some(Branch { name, sha: branch.commit.part()?.sha.parsed()? })
    };
    Some((list.items().filter_map(branch).collect(), more))
}

pub fn commit_request(api: &str, repo: &RepoName, sha: &Sha) -> Request<Vec<u8>> {
    rest::get(&format!("{}/commits/{sha}", rest::repository(api, repo)))
}

/// Reads its answer; none when it is no such answer.
pub fn commit(body: &[u8]) -> Option<Commit> {
    let body: Field<Object<CommitBody>> = serde_json::from_slice(body).ok()?;
    let body = body.part()?;
    let inner = body.commit.part()?;
    let date = |person: &Part<Person>| person.part().map(|person| person.date.text());
    let timestamp = date(&inner.committer).or_else(|| date(&inner.author)).unwrap_or_default();
    let person = |person: &Part<Person>| {
        let text = |field: fn(&Person) -> &Field<String>| person.part().map(|it| field(it).text());
        json!({ "name": text(|it| &it.name), "email": text(|it| &it.email) })
    };
    let sha: Sha = body.sha.parsed()?;
    Some(Commit {
        at: timestamp.parse().ok()?,
        json: json!({
            "id": sha.as_str(),
            "message": inner.message.text(),
            "timestamp": timestamp,
            "url": body.html_url.text(),
            "author": person(&inner.author),
            "committer": person(&inner.committer),
        }),
        sha,
    })
}

/// The body of the push that brought a reference (`refs/heads/…`, `refs/tags/…`) to a commit: as
/// GitHub writes it, as far as we know it. Who pushed is not known and not there.
pub fn push(repository: &Shown, reference: &str, before: Option<&Sha>, commit: &Commit) -> Vec<u8> {
    let zero = "0".repeat(commit.sha.as_str().len());
    let body = json!({
        "ref": reference,
        "before": before.map_or(zero.as_str(), Sha::as_str),
        "after": commit.sha.as_str(),
        "repository": &repository.json,
        "created": before.is_none(),
        "deleted": false,
        "forced": false,
        "base_ref": null,
        "commits": [&commit.json],
        "head_commit": &commit.json,
    });
    body.to_string().into_bytes()
}

/// The body of a push with another commit before it; none when it has that one, or is no push.
pub fn with_before(body: &[u8], before: Option<&Sha>) -> Option<Vec<u8>> {
    let mut push: Value = serde_json::from_slice(body).ok()?;
    let after = push.get("after")?.as_str()?;
    let before = before.map_or_else(|| "0".repeat(after.len()), Sha::to_string);
    if push.get("before")?.as_str()? == before {
        return None;
    }
    push["created"] = before.bytes().all(|digit| digit == b'0').into();
    push["before"] = before.into();
    Some(push.to_string().into_bytes())
}

#[cfg(test)]
mod tests;
