//! Notes (GitLab's comments), and issues.

use super::super::PayloadError;
use super::body::{Attributes, Body, Changes};
use super::{merge_request, named, planned, skipped};
use crate::domain::event::{Comment, Event, PullRequestSide, Skip};

/// A comment on an issue, a merge request or a commit.
pub(super) fn event(body: &Body) -> Result<Event, PayloadError> {
    let Some(note) = body.attributes() else { return planned("issue_comment", body) };
    // GitLab's own remarks about what somebody did, each of which is an event of its own.
    if note.system.is_set() {
        return Ok(skipped("note", body, Skip::Echo));
    }
    let mut event = match note.noteable_type.filled().unwrap_or_default() {
        "Commit" => {
            let mut event = planned("commit_comment", body)?;
            event.sha = named("object_attributes.commit_id", &note.commit_id)?;
            event.commit = body.commit.part().and_then(|commit| commit.commit());
            event
        }
        "Issue" | "WorkItem" | "MergeRequest" | "" => planned("issue_comment", body)?,
        _ => return Ok(skipped("note", body, Skip::Other)),
    };
    event.filter = match note.action.filled() {
        None | Some("create") => "created".to_owned(),
        Some("update") => "edited".to_owned(),
        Some(other) => other.to_owned(),
    };
    event.comment = Some(Comment {
        id: note.id.get().map_or_else(String::new, |id| id.0.clone()),
        body: note.note.text(),
        author: body.login(&note.author_id),
        url: note.url.text(),
    });
    event.commented_at = note.created_at();
    on_merge_request(body, &mut event);
    Ok(event)
}

/// The merge request that a comment is on, without its commit: as on other forges, what is called
/// for a comment is of the default branch, whoever the merge request is from; hence `fork` is
/// false.
fn on_merge_request(body: &Body, event: &mut Event) {
    let Some(request) = body.merge_request.part() else { return };
    let Some(&number) = request.iid.get() else { return };
    let repository = event.repository.as_ref().map(|repository| repository.full_name.to_string());
    let mut pull = merge_request::pull_request(body, request, number, event.filter.clone());
    let side = |repository| PullRequestSide { reference: String::new(), sha: None, repository };
    (pull.head, pull.base, pull.fork) = (side(None), side(repository), false);
    event.pull_request = Some(pull);
}

/// Anything that happens to an issue, in GitHub's words.
pub(super) fn issue(body: &Body) -> Result<Event, PayloadError> {
    let mut event = planned("issues", body)?;
    let issue = body.attributes();
    event.filter = issue.map(|issue| action(issue, body.changes.part())).unwrap_or_default();
    Ok(event)
}

fn action(issue: &Attributes, changes: Option<&Changes>) -> String {
    let labels = changes.and_then(|changes| changes.labels.part());
    match issue.action.filled().unwrap_or_default() {
        "open" => "opened",
        "close" => "closed",
        "reopen" => "reopened",
        "update" if labels.is_some() => "labeled",
        "update" => "edited",
        other => other,
    }
    .to_owned()
}
