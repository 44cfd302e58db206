//! Notes on merge requests, reactions to them, and who may write: requests and their answers.

use http::Request;
use serde::Deserialize;
use serde_json::json;

use super::super::ask::{self, segment};
use super::super::wire::{Field, Id, List, Object};
use super::super::{Answer, Comment, reply};
use crate::domain::event::Sender;
use crate::domain::ids::{RepoName, Sha, Vendor};
use crate::domain::rights::Access;

/// Entries in a page: GitLab's most.
const PER_PAGE: usize = 100;

/// The access level from which a member may read the code of a private project.
const REPORTER: u64 = 20;
/// The one from which they may push.
const DEVELOPER: u64 = 30;
/// The one from which they may change its settings.
const MAINTAINER: u64 = 40;

/// Where everything about a project is; its whole path is one part of the address.
pub(super) fn project(api: &str, repo: &RepoName) -> String {
    format!("{api}/projects/{}", segment(repo.as_str()))
}

fn notes(api: &str, repo: &RepoName, number: u64) -> String {
    format!("{}/merge_requests/{number}/notes", project(api, repo))
}

/// The request that writes a comment on a merge request.
pub fn comment_request(api: &str, repo: &RepoName, number: u64, text: &str) -> Request<Vec<u8>> {
    ask::post(&notes(api, repo, number), &json!({ "body": text }))
}

/// The request that writes something else into a comment of ours.
pub fn comment_update_request(
    api: &str,
    repo: &RepoName,
    number: u64,
    id: &str,
    text: &str,
) -> Request<Vec<u8>> {
    let url = format!("{}/{}", notes(api, repo, number), segment(id));
    ask::put(&url, &json!({ "body": text }))
}

/// The id of a comment that was taken, as its webhook names it too.
pub fn comment(body: &[u8]) -> Option<String> {
    let note: Field<Object<Note>> = serde_json::from_slice(body).ok()?;
    note.part()?.id.get().map(|Id(id)| id.clone())
}

/// The request for a page, from 1, of a merge request's notes, the newest first.
pub fn comments_request(api: &str, repo: &RepoName, number: u64, page: usize) -> Request<Vec<u8>> {
    let notes = notes(api, repo, number);
    ask::get(&format!("{notes}?sort=desc&order_by=created_at&per_page={PER_PAGE}&page={page}"))
}

/// Reads its answer, and whether another page may follow.
pub fn comments(body: &[u8]) -> Option<(Vec<Comment>, bool)> {
    let list: List<Object<Note>> = serde_json::from_slice(body).ok()?;
    let more = list.get()?.len() >= PER_PAGE;
    let comment = |Object(note): &Object<Note>| {
        let Id(id) = note.id.get()?;
        Some(Comment { id: id.clone(), body: note.body.text() })
    };
    Some((list.items().filter_map(comment).collect(), more))
}

/// The request that asks for a merge request.
pub fn merge_request_request(api: &str, repo: &RepoName, number: u64) -> Request<Vec<u8>> {
    ask::get(&format!("{}/merge_requests/{number}", project(api, repo)))
}

/// Reads the head commit from its answer; none when it is no such answer.
pub fn merge_request(body: &[u8]) -> Option<Sha> {
    let body: Field<Object<MergeRequest>> = serde_json::from_slice(body).ok()?;
    body.part()?.sha.parsed()
}

/// The request that puts an emoji, by its name (`eyes`, `thumbsup`), on a comment.
pub fn reaction_request(
    api: &str,
    repo: &RepoName,
    number: u64,
    comment: &str,
    emoji: &str,
) -> Request<Vec<u8>> {
    let note = format!("{}/{}", notes(api, repo, number), segment(comment));
    ask::post(&format!("{note}/award_emoji"), &json!({ "name": emoji }))
}

/// The request for what a user may do in a project, by all the groups that they are in; none for
/// a user without an id, whose name could be anybody's by now.
pub fn permission_request(api: &str, repo: &RepoName, user: &Sender) -> Option<Request<Vec<u8>>> {
    let id: u64 = user.id.parse().ok()?;
    Some(ask::get(&format!("{}/members/all/{id}", project(api, repo))))
}

/// What the answer (also the 404 of somebody who is no member) says that they may do.
pub fn permission(status: u16, body: &[u8], user: &Sender) -> Access {
    let Ok(member) = serde_json::from_slice::<Field<Object<Member>>>(body) else {
        return Access::None;
    };
    let Some(member) = member.part().filter(|_| status == 200) else { return Access::None };
    let theirs = member.id.get().is_some_and(|Id(id)| *id == user.id);
    let active = member.state.filled().is_none_or(|state| state == "active");
    match member.access_level.get().filter(|_| theirs && active) {
        Some(level) if *level >= MAINTAINER => Access::Admin,
        Some(level) if *level >= DEVELOPER => Access::Write,
        Some(level) if *level >= REPORTER => Access::Read,
        _ => Access::None,
    }
}

/// What an answer means for a note or an emoji, from what it would mean for a status.
pub fn answer_to_effect(answer: Answer, status: u16, body: &[u8]) -> Answer {
    // One emoji of ours is enough, whoever put it there.
    if status == 404 && reply::said(body).contains("already been taken") {
        return Answer::Done { post: None };
    }
    reply::to_effect(
        ("GitLab", Vendor::Gitlab),
        "the scope `api` and the role Reporter",
        answer,
        status,
    )
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Note {
    id: Field<Id>,
    body: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct MergeRequest {
    sha: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Member {
    id: Field<Id>,
    state: Field<String>,
    access_level: Field<u64>,
}

#[cfg(test)]
mod tests;
