//! Pull requests, and the reviews of them.

use super::super::wire::{Field, Part};
use super::super::{PayloadError, Reference};
use super::body::{self, Body, Side};
use super::planned;
use crate::domain::event::{Event, PullRequest, PullRequestSide};
use crate::domain::ids::Sha;

/// Anything that happens to a pull request, at its head commit.
pub(super) fn event(action: &str, body: &Body) -> Result<Event, PayloadError> {
    at_head("pull_request", action, body)
}

/// New words, or another branch to merge into: that makes another change of the same commits,
/// which is to be judged anew.
pub(super) fn modified(body: &Body) -> Result<Event, PayloadError> {
    let now = body.pull_request.part().and_then(|pull| pull.base.part()?.id.filled());
    let was = body.previous_target.part().and_then(|target| target.id.filled());
    let moved = was.is_some() && was != now;
    event(if moved { "synchronize" } else { "edited" }, body)
}

/// A merge; some bodies of it call the pull request open.
pub(super) fn merged(body: &Body) -> Result<Event, PayloadError> {
    let mut event = event("closed", body)?;
    if let Some(pull) = &mut event.pull_request {
        pull.merged = true;
    }
    Ok(event)
}

/// An approval or a wish for changes, or that it was taken back.
pub(super) fn review(action: &str, body: &Body) -> Result<Event, PayloadError> {
    at_head("pull_request_review", action, body)
}

fn at_head(event_type: &str, action: &str, body: &Body) -> Result<Event, PayloadError> {
    let empty = body::PullRequest::default();
    let pull = body.pull_request.part().unwrap_or(&empty);
    let number = *pull.id.required("pullRequest.id")?;
    let nowhere = Side::default();
    let head = pull.head.part().unwrap_or(&nowhere);
    let base = pull.base.part().unwrap_or(&nowhere);
    let reference = reference("pullRequest.fromRef.id", &head.id)?;
    let sha = commit("pullRequest.fromRef.latestCommit", &head.commit)?;
    self::reference("pullRequest.toRef.id", &base.id)?;
    let base = commit("pullRequest.toRef.latestCommit", &base.commit)?;

    let mut event = planned(event_type, action, body)?;
    // A pull request may be from a tag.
    reference.apply(&mut event);
    if action == "synchronize" {
        event.before = body.previous_from_hash.parsed();
    }
    let mut told = pull_request(pull, number, action);
    told.head.sha = Some(sha.clone());
    told.base.sha = Some(base);
    event.sha = Some(sha);
    event.author = body::taking_part(&pull.author);
    event.pull_request = Some(told);
    Ok(event)
}

pub(super) fn pull_request(pull: &body::PullRequest, number: u64, action: &str) -> PullRequest {
    let (head, base) = (side(&pull.head), side(&pull.base));
    PullRequest {
        number,
        title: pull.title.text(),
        url: body::page(&pull.links),
        action: action.to_owned(),
        author: body::participant(&pull.author),
        draft: pull.draft.is_set(),
        merged: pull.state.filled() == Some("MERGED"),
        // A head without a repository is nobody's to trust.
        fork: head.repository.is_none() || head.repository != base.repository,
        labels: Vec::new(),
        head,
        base,
    }
}

fn side(side: &Part<Side>) -> PullRequestSide {
    let side = side.part();
    let reference = side.and_then(|side| Reference::parse(side.id.filled()?));
    PullRequestSide {
        reference: reference.map(|it| it.short().to_owned()).unwrap_or_default(),
        sha: None,
        repository: side.and_then(|side| side.repository.part()?.full_name()),
    }
}

fn reference(field: &'static str, value: &Field<String>) -> Result<Reference, PayloadError> {
    let expected = "the name of a branch or a tag";
    Reference::parse(value.required(field)?).ok_or(PayloadError::Wrong { field, expected })
}

fn commit(field: &'static str, value: &Field<String>) -> Result<Sha, PayloadError> {
    let expected = "a full commit id";
    value.required(field)?.parse().map_err(|_| PayloadError::Wrong { field, expected })
}
