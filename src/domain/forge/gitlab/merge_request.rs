//! Merge requests, and their approvals.

use super::super::wire::{Field, Id, List, Object, Part};
use super::super::{PayloadError, Reference};
use super::body::{Attributes, Body, Change, Changes, Label, Project};
use super::planned;
use crate::domain::event::{Disposition, Event, PullRequest, PullRequestSide, Skip};
use crate::domain::ids::Sha;

/// Anything that happens to a merge request, at its head commit, in GitHub's words.
pub(super) fn event(body: &Body) -> Result<Event, PayloadError> {
    let empty = Attributes::default();
    let request = body.attributes().unwrap_or(&empty);
    let number = *request.iid.required("object_attributes.iid")?;
    let branch = branch("object_attributes.source_branch", &request.source_branch)?;
    self::branch("object_attributes.target_branch", &request.target_branch)?;
    let head = request.last_commit.part();
    let head_id = head.map_or(&Field::Absent, |commit| &commit.id);
    let sha = commit("object_attributes.last_commit.id", head_id)?;

    let (event_type, action) = action(request, body.changes.part());
    let mut event = planned(event_type, body)?;
    if action.is_empty() {
        // Only GitLab's test of the webhook names none: it shows any merge request there is.
        event.disposition = Disposition::Skipped(Skip::Ping);
    }
    event.filter.clone_from(&action);
    branch.apply(&mut event);
    event.before = (action == "synchronize").then(|| request.oldrev.parsed()).flatten();
    event.commit = head.and_then(|commit| commit.commit());
    event.author = body.person(&request.author_id);
    let base = event.repository.as_ref().map(|repository| repository.full_name.to_string());
    let mut pull = pull_request(body, request, number, action);
    pull.base.repository = pull.base.repository.or(base);
    pull.head.sha = Some(sha.clone());
    event.sha = Some(sha);
    event.pull_request = Some(pull);
    Ok(event)
}

/// The event and its action in GitHub's words. Only an update with the commit that it replaced
/// brings new commits.
fn action(request: &Attributes, changes: Option<&Changes>) -> (&'static str, String) {
    let action = match request.action.filled().unwrap_or_default() {
        "open" => "opened",
        "reopen" => "reopened",
        "close" | "merge" => "closed",
        "update" if request.oldrev.filled().is_some() => "synchronize",
        "update" => changes.map_or("edited", updated),
        "approved" | "approval" => return ("pull_request_review", "submitted".to_owned()),
        "unapproved" | "unapproval" => return ("pull_request_review", "dismissed".to_owned()),
        other => other,
    };
    ("pull_request", action.to_owned())
}

/// What an update without new commits changed; of several things the weightiest.
fn updated(changes: &Changes) -> &'static str {
    match ready(changes) {
        Some(true) => return "ready_for_review",
        Some(false) => return "converted_to_draft",
        None => {}
    }
    let told = changes.title.part().is_some() || changes.description.part().is_some();
    if told || changes.target_branch.part().is_some() {
        return "edited";
    }
    let grown = more(&changes.labels, "labeled", "unlabeled")
        .or_else(|| more(&changes.assignees, "assigned", "unassigned"))
        .or_else(|| more(&changes.reviewers, "review_requested", "review_request_removed"));
    let milestone = changes.milestone_id.part().map(|change: &Change<Field<Id>>| {
        if change.current.get().is_some() { "milestoned" } else { "demilestoned" }
    });
    grown.or(milestone).unwrap_or("edited")
}

/// Whether the merge request has become ready, or a draft; none where neither changed.
fn ready(changes: &Changes) -> Option<bool> {
    let flag = changes.draft.part().or(changes.work_in_progress.part());
    if let Some(flag) = flag {
        return Some(!flag.current.is_set());
    }
    let title = changes.title.part()?;
    let (was, is) = (is_draft_title(&title.previous.text()), is_draft_title(&title.current.text()));
    (was != is).then_some(was)
}

/// Which way a list changed; a list of the same length has lost one for another.
fn more<T>(
    change: &Part<Change<List<T>>>,
    grown: &'static str,
    shrunk: &'static str,
) -> Option<&'static str> {
    let change = change.part()?;
    let count = |list: &List<T>| list.get().map_or(0, Vec::len);
    Some(if count(&change.current) < count(&change.previous) { shrunk } else { grown })
}

/// GitLab's draft is a beginning of the title.
fn is_draft_title(title: &str) -> bool {
    let title = title.trim_start().to_ascii_lowercase();
    ["draft:", "[draft]", "(draft)", "wip:", "[wip]"].iter().any(|word| title.starts_with(word))
}

pub(super) fn pull_request(
    body: &Body,
    request: &Attributes,
    number: u64,
    action: String,
) -> PullRequest {
    let source = &request.source_project_id;
    let same = match (source.get(), request.target_project_id.get()) {
        (Some(Id(source)), Some(Id(target))) => source == target,
        _ => false,
    };
    let head = side(&request.source_branch, &request.source);
    let base = side(&request.target_branch, &request.target);
    let labels: &List<Object<Label>> =
        if body.labels.get().is_some() { &body.labels } else { &request.labels };
    let labels = labels.items().filter_map(|Object(label)| label.title.get());
    let marked = request.draft.is_set() || request.work_in_progress.is_set();
    let unmarked = request.draft.get().is_none() && request.work_in_progress.get().is_none();
    PullRequest {
        number,
        title: request.title.text(),
        url: request.url.text(),
        merged: request.state.filled() == Some("merged")
            || request.action.filled() == Some("merge"),
        action,
        author: body.login(&request.author_id),
        draft: marked || unmarked && is_draft_title(&request.title.text()),
        // A source without a project is a fork that was deleted: it is nobody's to trust.
        fork: !same || head.repository.is_none() || head.repository != base.repository,
        labels: labels.cloned().collect(),
        head,
        base,
    }
}

fn side(branch: &Field<String>, project: &Part<Project>) -> PullRequestSide {
    let repository = project.part().and_then(|it| it.path_with_namespace.filled());
    PullRequestSide {
        reference: branch.text(),
        sha: None,
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
