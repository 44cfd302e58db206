//! Comments and reactions on pull requests.

use http::Request;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::super::wire::{Field, Id, List, Object};
use super::rest;
use super::status::{Answer, Refused};
use crate::domain::ids::RepoName;

/// What a comment is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// It was done.
    Done,
    /// It was read, and an answer follows.
    Seen,
    /// It was not done.
    Refused,
}

/// A comment as the forge lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    pub id: String,
    pub body: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    id: Field<Id>,
    body: Field<String>,
}

impl Reaction {
    pub const ALL: [Self; 3] = [Self::Done, Self::Seen, Self::Refused];

    /// GitHub's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "+1",
            Self::Seen => "eyes",
            Self::Refused => "confused",
        }
    }
}

pub fn reaction_request(
    api: &str,
    repo: &RepoName,
    comment: &str,
    reaction: Reaction,
) -> Request<Vec<u8>> {
    let (repo, comment) = (rest::repository(api, repo), rest::segment(comment));
    let body = json!({ "content": reaction.as_str() }).to_string().into_bytes();
    rest::post(&format!("{repo}/issues/comments/{comment}/reactions"), body)
}

pub fn comment_request(api: &str, repo: &RepoName, number: u64, text: &str) -> Request<Vec<u8>> {
    let body = json!({ "body": text }).to_string().into_bytes();
    rest::post(&format!("{}/issues/{number}/comments", rest::repository(api, repo)), body)
}

pub fn edit_request(api: &str, repo: &RepoName, comment: &str, text: &str) -> Request<Vec<u8>> {
    let (repo, comment) = (rest::repository(api, repo), rest::segment(comment));
    let body = json!({ "body": text }).to_string().into_bytes();
    rest::patch(&format!("{repo}/issues/comments/{comment}"), body)
}

/// The oldest first.
pub fn comments_request(
    api: &str,
    repo: &RepoName,
    number: u64,
    since: Timestamp,
    page: usize,
) -> Request<Vec<u8>> {
    let (repo, per_page) = (rest::repository(api, repo), rest::PER_PAGE);
    let since = rest::segment(&format!("{since:.0}"));
    rest::get(&format!(
        "{repo}/issues/{number}/comments?per_page={per_page}&page={page}&since={since}"
    ))
}

/// Reads its answer, and whether another page may follow.
pub fn comments(body: &[u8]) -> Option<(Vec<Comment>, bool)> {
    let list: List<Object<Entry>> = serde_json::from_slice(body).ok()?;
    let more = list.get()?.len() >= rest::PER_PAGE;
    let comment = |Object(entry): &Object<Entry>| {
        let Id(id) = entry.id.get()?;
        Some(Comment { id: id.clone(), body: entry.body.text() })
    };
    Some((list.items().filter_map(comment).collect(), more))
}

/// What an answer means for a comment or a reaction, from what it would mean for a status.
pub fn answer_to_effect(answer: Answer, status: u16) -> Answer {
    match (status, answer) {
        (404 | 410, _) => {
            let why = "GitHub answered 404: the comment or the pull request is gone, or \
                       `GITHUB_TOKEN` may not write comments";
            Answer::Never { why: why.to_owned() }
        }
        (403, Answer::Refused { whom: Refused::Repository, .. }) => {
            let why = "GitHub answered 403: `GITHUB_TOKEN` may not write comments here (a classic \
                       token needs `repo`, a fine-grained one `Pull requests: write` and `Issues: \
                       write`), or the conversation is locked";
            Answer::Refused { whom: Refused::Repository, why: why.to_owned() }
        }
        (_, answer) => answer,
    }
}

#[cfg(test)]
mod tests;
