//! Comments on issues, on pull requests as a whole, and on commits.

use super::super::PayloadError;
use super::body::{self, Body};
use super::planned;
use crate::domain::event::{Event, PullRequest, PullRequestSide};

/// A comment on an issue or on a pull request.
///
/// The body names no commit, so that what is called is of the default branch, whoever the pull
/// request is from; hence `fork` is false.
pub(super) fn on_issue(body: &Body) -> Result<Event, PayloadError> {
    let mut event = planned("issue_comment", body)?;
    event.comment = body.comment.part().map(body::Comment::comment);
    event.commented_at = body.comment.part().and_then(|comment| comment.created_at.parsed());
    let Some(issue) = body.issue.part() else { return Ok(event) };
    let (Some(pull), Some(&number)) = (issue.pull_request.part(), issue.number.get()) else {
        return Ok(event);
    };
    let repository = event.repository.as_ref().map(|repo| repo.full_name.as_str().to_owned());
    event.author = issue.user.part().and_then(body::User::who);
    let url = pull.html_url.filled().or(issue.html_url.filled()).unwrap_or_default();
    let side = |repository| PullRequestSide { reference: String::new(), sha: None, repository };
    event.pull_request = Some(PullRequest {
        number,
        title: issue.title.text(),
        url: url.to_owned(),
        action: body.action.text(),
        author: body::login(&issue.user),
        draft: issue.draft.is_set(),
        merged: pull.merged_at.filled().is_some(),
        fork: false,
        labels: body::names(&issue.labels),
        head: side(None),
        base: side(repository),
    });
    Ok(event)
}

/// A comment on a commit, at that commit.
pub(super) fn on_commit(body: &Body) -> Result<Event, PayloadError> {
    let mut event = planned("commit_comment", body)?;
    if let Some(comment) = body.comment.part() {
        event.sha = super::named("comment.commit_id", &comment.commit_id)?;
        event.comment = Some(comment.comment());
    }
    Ok(event)
}
