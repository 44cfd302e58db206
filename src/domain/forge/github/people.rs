//! What somebody may do in a repository, and where a pull request is now.

use http::Request;
use serde::Deserialize;

use super::super::wire::{Field, Object, Part};
use super::body::User;
use super::rest;
use crate::domain::event::Sender;
use crate::domain::ids::{RepoName, Sha};
use crate::domain::rights::Access;

/// What somebody may do in a repository, as the forge says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    pub access: Access,
    /// Whom the answer is about: a login may have gone to another account.
    pub user: Sender,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PermissionBody {
    permission: Field<String>,
    user: Part<User>,
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

pub fn permission_request(api: &str, repo: &RepoName, login: &str) -> Request<Vec<u8>> {
    let (repo, login) = (rest::repository(api, repo), rest::segment(login));
    rest::get(&format!("{repo}/collaborators/{login}/permission"))
}

/// Reads its answer; none when it is no such answer.
///
/// `permission` has four words: GitHub counts `maintain` as `write` and `triage` as `read`.
pub fn permission(body: &[u8]) -> Option<Permission> {
    let body: Field<Object<PermissionBody>> = serde_json::from_slice(body).ok()?;
    let body = body.part()?;
    let access = match body.permission.filled()? {
        "admin" => Access::Admin,
        "write" => Access::Write,
        "read" => Access::Read,
        _ => Access::None,
    };
    Some(Permission { access, user: body.user.part()?.who()? })
}

pub fn pull_request_request(api: &str, repo: &RepoName, number: u64) -> Request<Vec<u8>> {
    rest::get(&format!("{}/pulls/{number}", rest::repository(api, repo)))
}

/// Reads the head commit from its answer; none when it is no such answer.
pub fn pull_request(body: &[u8]) -> Option<Sha> {
    let body: Field<Object<PullBody>> = serde_json::from_slice(body).ok()?;
    body.part()?.head.part()?.sha.parsed()
}

#[cfg(test)]
mod tests;
