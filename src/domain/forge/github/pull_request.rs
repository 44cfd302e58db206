//! Pull requests, and the reviews of them.

use super::super::wire::{Field, Part};
use super::super::{PayloadError, Reference};
use super::body::{self, Body, Side};
use super::planned;
use crate::domain::event::{Event, PullRequest, PullRequestSide};
use crate::domain::ids::{RepoName, Sha};

/// Anything that happens to a pull request, at the head commit of it.
pub(super) fn event(body: &Body) -> Result<Event, PayloadError> {
    body.action.required("action")?;
    let number = *body.number.required("number")?;
    let empty = body::PullRequest::default();
    let pull = body.pull_request.part().unwrap_or(&empty);
    let nowhere = Side::default();
    let head = pull.head.part().unwrap_or(&nowhere);
    let base = pull.base.part().unwrap_or(&nowhere);
    let branch = branch("pull_request.head.ref", &head.reference)?;
    commit("pull_request.head.sha", &head.sha)?;
    self::branch("pull_request.base.ref", &base.reference)?;
    commit("pull_request.base.sha", &base.sha)?;
    body.require_full_name()?;

    let mut event = planned("pull_request", body)?;
    branch.apply(&mut event);
    // Only `synchronize` says what the head was before.
    event.before = body.before.parsed();
    let repository = event.repository.as_ref().map(|repository| &repository.full_name);
    event.author = pull.user.part().and_then(body::User::who);
    event.pull_request = Some(pull_request(pull, number, &body.action.text(), repository));
    event.sha = event.pull_request.as_ref().and_then(|pull| pull.head.sha.clone());
    Ok(event)
}

/// A review, or a comment in one, at the head commit of the pull request.
pub(super) fn review(event_name: &str, body: &Body) -> Result<Event, PayloadError> {
    let mut event = planned(event_name, body)?;
    let comment = body.comment.part().or(body.review.part());
    event.comment = comment.map(body::Comment::comment);
    let Some(pull) = body.pull_request.part() else { return Ok(event) };
    let number = pull.number.get().or(body.number.get());
    // Without a number there is no telling whose commit the head is, so none is named.
    let Some(&number) = number else { return Ok(event) };
    let head = pull.head.part();
    if let Some(branch) = head.and_then(|head| Reference::branch(&head.reference.text())) {
        branch.apply(&mut event);
    }
    let repository = event.repository.as_ref().map(|repository| &repository.full_name);
    event.author = pull.user.part().and_then(body::User::who);
    event.pull_request = Some(pull_request(pull, number, &body.action.text(), repository));
    event.sha = event.pull_request.as_ref().and_then(|pull| pull.head.sha.clone());
    Ok(event)
}

fn pull_request(
    pull: &body::PullRequest,
    number: u64,
    action: &str,
    repository: Option<&RepoName>,
) -> PullRequest {
    let head = side(&pull.head);
    let mut base = side(&pull.base);
    if base.repository.is_none() {
        base.repository = repository.map(|name| name.as_str().to_owned());
    }
    PullRequest {
        number,
        title: pull.title.text(),
        url: pull.html_url.text(),
        action: action.to_owned(),
        author: body::login(&pull.user),
        draft: pull.draft.is_set(),
        merged: pull.merged.is_set() || pull.merged_at.filled().is_some(),
        // A head without a repository is a fork that was deleted: it is nobody's to trust.
        fork: head.repository.is_none() || head.repository != base.repository,
        labels: body::names(&pull.labels),
        head,
        base,
    }
}

fn side(side: &Part<Side>) -> PullRequestSide {
    let Some(side) = side.part() else {
        return PullRequestSide { reference: String::new(), sha: None, repository: None };
    };
    let repository = side.repo.part().and_then(|repo| repo.full_name.filled());
    PullRequestSide {
        reference: side.reference.text(),
        sha: side.sha.parsed(),
        repository: repository.map(str::to_owned),
    }
}

fn branch(field: &'static str, value: &Field<String>) -> Result<Reference, PayloadError> {
    let expected = "the name of a branch";
    Reference::branch(value.required(field)?).ok_or(PayloadError::Wrong { field, expected })
}

fn commit(field: &'static str, value: &Field<String>) -> Result<Sha, PayloadError> {
    let expected = "a full commit id";
    value.required(field)?.parse().map_err(|_| PayloadError::Wrong { field, expected })
}
