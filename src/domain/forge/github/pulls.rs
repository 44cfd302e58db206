//! The open pull requests of a repository, and the events that would have told of them.

use http::Request;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::super::wire::{Field, Object, Part};
use super::refs::Shown;
use super::rest;
use crate::domain::ids::{RepoName, Sha};

/// An open pull request as GitHub shows it.
#[derive(Debug, Clone)]
pub struct Pull {
    pub number: u64,
    /// Of its head.
    pub sha: Sha,
    pub created_at: Timestamp,
    /// When anything happened to it last.
    pub updated_at: Timestamp,
    /// As GitHub writes it, in webhooks too.
    json: Box<RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    number: Field<u64>,
    created_at: Field<String>,
    updated_at: Field<String>,
    head: Part<Head>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Head {
    sha: Field<String>,
}

/// The request for a page, from 1, of the open pull requests, the last changed first.
pub fn list_request(api: &str, repo: &RepoName, page: usize) -> Request<Vec<u8>> {
    let (repo, per_page) = (rest::repository(api, repo), rest::PER_PAGE);
    let order = "sort=updated&direction=desc";
    rest::get(&format!("{repo}/pulls?state=open&{order}&per_page={per_page}&page={page}"))
}

/// Reads its answer, and whether another page may follow; none when it is no such answer.
pub fn list(body: &[u8]) -> Option<(Vec<Pull>, bool)> {
    let list: Vec<Box<RawValue>> = serde_json::from_slice(body).ok()?;
    let more = list.len() >= rest::PER_PAGE;
    Some((list.into_iter().filter_map(pull).collect(), more))
}

fn pull(json: Box<RawValue>) -> Option<Pull> {
    let body: Field<Object<Body>> = serde_json::from_str(json.get()).ok()?;
    let body = body.part()?;
    Some(Pull {
        number: *body.number.get()?,
        sha: body.head.part()?.sha.parsed()?,
        created_at: body.created_at.parsed()?,
        updated_at: body.updated_at.parsed()?,
        json,
    })
}

/// The body of the event that brought a pull request to its head: `opened`, or `synchronize`
/// where it was open before. Who did it is not known and not there, so that nobody's right to
/// write speaks for the commit.
pub fn event(repository: &Shown, pull: &Pull, opened: bool, before: Option<&Sha>) -> Vec<u8> {
    let mut body = json!({
        "action": if opened { "opened" } else { "synchronize" },
        "number": pull.number,
        "pull_request": &pull.json,
        "repository": &repository.json,
    });
    if let Some(before) = before {
        body["before"] = before.as_str().into();
        body["after"] = pull.sha.as_str().into();
    }
    body.to_string().into_bytes()
}

#[cfg(test)]
mod tests;
