//! Comments and reactions, what a user may do in a repository, and where a pull request is.

use http::Request;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::super::wire::{Field, Id, List, Object, Part};
use super::super::{Answer, Comment, Permission, Refused};
use super::{body, rest};
use crate::domain::event::Sender;
use crate::domain::ids::{RepoName, Sha, Vendor};
use crate::domain::rights::Access;

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

/// The request that changes a comment.
pub fn edit_request(api: &str, repo: &RepoName, comment: &str, text: &str) -> Request<Vec<u8>> {
    let (repo, comment) = (rest::repository(api, repo), rest::segment(comment));
    rest::patch(&format!("{repo}/issues/comments/{comment}"), &json!({ "body": text }))
}

/// The request for all comments of a pull request that changed since then, the oldest first: the
/// answer has no pages.
pub fn comments_request(
    api: &str,
    repo: &RepoName,
    number: u64,
    since: Timestamp,
) -> Request<Vec<u8>> {
    let (repo, since) = (rest::repository(api, repo), rest::segment(&format!("{since:.0}")));
    rest::get(&format!("{repo}/issues/{number}/comments?since={since}"))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    id: Field<Id>,
    body: Field<String>,
}

/// Reads its answer; none when it is no such answer.
pub fn comments(body: &[u8]) -> Option<Vec<Comment>> {
    let list: List<Object<Entry>> = serde_json::from_slice(body).ok()?;
    list.get()?;
    let comment = |Object(entry): &Object<Entry>| {
        let Id(id) = entry.id.get()?;
        Some(Comment { id: id.clone(), body: entry.body.text() })
    };
    Some(list.items().filter_map(comment).collect())
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PermissionBody {
    permission: Field<String>,
    user: Part<body::User>,
}

/// Reads what somebody may do; none when it is no such answer.
pub fn permission(body: &[u8]) -> Option<Permission> {
    let body: Field<Object<PermissionBody>> = serde_json::from_slice(body).ok()?;
    let body = body.part()?;
    let access = match body.permission.filled()? {
        "owner" | "admin" => Access::Admin,
        "write" => Access::Write,
        "read" => Access::Read,
        _ => Access::None,
    };
    Some(Permission { access, user: body.user.part()?.sender()? })
}

/// The request for what Gogs tells of somebody's rights: of an owner the repository, of anybody
/// else all that work on it with them.
pub fn access_request(api: &str, repo: &RepoName, login: &str) -> Request<Vec<u8>> {
    let place = rest::repository(api, repo);
    match repo.owner().eq_ignore_ascii_case(login) {
        true => rest::get(&place),
        false => rest::get(&format!("{place}/collaborators")),
    }
}

/// Either answer, by what is in it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Told {
    Collaborators(Vec<Collaborator>),
    Repository { owner: Collaborator },
}

#[derive(Deserialize)]
struct Collaborator {
    id: u64,
    #[serde(default)]
    permissions: Permissions,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Permissions {
    admin: bool,
    push: bool,
    pull: bool,
}

/// Reads what somebody, known by their id, may do; none when it is no such answer.
pub fn access(body: &[u8], user: &Sender) -> Option<Access> {
    let is = |one: &Collaborator| one.id.to_string() == user.id;
    Some(match serde_json::from_slice(body).ok()? {
        Told::Repository { owner } if is(&owner) => Access::Admin,
        Told::Repository { .. } => Access::None,
        Told::Collaborators(all) => match all.into_iter().find(is).map(|one| one.permissions) {
            Some(Permissions { admin: true, .. }) => Access::Admin,
            Some(Permissions { push: true, .. }) => Access::Write,
            Some(Permissions { pull: true, .. }) => Access::Read,
            _ => Access::None,
        },
    })
}

/// The request that asks for a pull request.
pub fn pull_request_request(api: &str, repo: &RepoName, number: u64) -> Request<Vec<u8>> {
    rest::get(&format!("{}/pulls/{number}", rest::repository(api, repo)))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PullBody {
    head: Part<Head>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Head {
    sha: Field<String>,
}

/// Reads the head commit from its answer; none when it is no such answer.
pub fn pull_request(body: &[u8]) -> Option<Sha> {
    let body: Field<Object<PullBody>> = serde_json::from_slice(body).ok()?;
    body.part()?.head.part()?.sha.parsed()
}

/// What an answer means for a comment or a reaction, from what it would mean for a status.
pub fn answer_to_effect(vendor: Vendor, answer: Answer, status: u16) -> Answer {
    let token = vendor.variable("TOKEN");
    match (status, answer) {
        (404 | 410, _) => {
            let why = format!(
                "{vendor} answered {status}: the comment or the pull request is gone, or \
                 `{token}` may not see it"
            );
            Answer::Never { why }
        }
        // Which reactions there are is the operator's choice.
        (403, Answer::Refused { why, .. }) if why.contains("allowed reaction") => {
            Answer::Never { why }
        }
        (403, Answer::Refused { whom: Refused::Repository, .. }) => {
            let why = format!(
                "{vendor} answered 403: `{token}` may not write comments here (it needs the scope \
                 `write:issue`), or the conversation is locked"
            );
            Answer::Refused { whom: Refused::Repository, why }
        }
        (_, answer) => answer,
    }
}
