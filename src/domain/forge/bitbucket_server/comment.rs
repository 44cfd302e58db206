//! Comments on pull requests and commits.

use super::super::PayloadError;
use super::body::{self, Body};
use super::{planned, pull_request};
use crate::domain::event::{Event, PullRequestSide};

/// A comment on a pull request, without its commit: as on other forges, what is called for a
/// comment is of the default branch, whoever the pull request is from; hence `fork` is false.
pub(super) fn on_pull_request(action: &str, body: &Body) -> Result<Event, PayloadError> {
    let mut event = planned("issue_comment", action, body)?;
    event.comment = body.comment();
    event.commented_at = body.commented_at();
    let empty = body::PullRequest::default();
    let pull = body.pull_request.part().unwrap_or(&empty);
    let Some(&number) = pull.id.get() else { return Ok(event) };
    let repository = event.repository.as_ref().map(|repository| repository.full_name.to_string());
    let mut told = pull_request::pull_request(pull, number, action);
    let side = |repository| PullRequestSide { reference: String::new(), sha: None, repository };
    (told.head, told.base, told.fork) = (side(None), side(repository), false);
    event.pull_request = Some(told);
    Ok(event)
}

/// A comment on a commit, at that commit.
pub(super) fn on_commit(action: &str, body: &Body) -> Result<Event, PayloadError> {
    let mut event = planned("commit_comment", action, body)?;
    event.comment = body.comment();
    if body.commit.filled().is_some() {
        let wrong = PayloadError::Wrong { field: "commit", expected: "a full commit id" };
        event.sha = Some(body.commit.parsed().ok_or(wrong)?);
    }
    Ok(event)
}
