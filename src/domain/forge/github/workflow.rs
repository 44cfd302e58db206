//! Deployments, the merge queue, dispatches, and what CI systems (we among them) report.

use super::super::wire::Field;
use super::super::{PayloadError, Reference};
use super::body::{Body, Check, MergeGroup};
use super::{named, planned, skipped};
use crate::domain::event::{Disposition, Event, Skip};
use crate::domain::ids::Sha;

/// A deployment that somebody asks for; its filter is the environment.
pub(super) fn deployment(body: &Body) -> Result<Event, PayloadError> {
    let mut event = planned("deployment", body)?;
    event.filter.clear();
    let Some(deployment) = body.deployment.part() else { return Ok(event) };
    event.filter = deployment.environment.text();
    event.sha = named("deployment.sha", &deployment.sha)?;
    // The name is a branch's, a tag's or a commit's, and GitHub does not say which; a commit
    // can be told apart, and a tag is rare enough to be taken for a branch.
    let name = deployment.reference.text();
    if name.parse::<Sha>().is_err()
        && let Some(reference) = Reference::parse(&name)
    {
        reference.apply(&mut event);
    }
    Ok(event)
}

/// A group of pull requests that the merge queue wants checked, or no longer wants.
pub(super) fn merge_group(body: &Body) -> Result<Event, PayloadError> {
    let mut event = planned("merge_group", body)?;
    let empty = MergeGroup::default();
    let group = body.merge_group.part().unwrap_or(&empty);
    if let Some(reference) = Reference::parse(&group.head_ref.text()) {
        reference.apply(&mut event);
    }
    event.commit = group.head_commit.part().and_then(|head| head.commit());
    if event.filter == "destroyed" {
        event.disposition = Disposition::Skipped(Skip::Deletion);
        event.deleted = true;
        event.sha = group.head_sha.parsed();
    } else {
        event.sha = named("merge_group.head_sha", &group.head_sha)?;
    }
    Ok(event)
}

/// A workflow that somebody starts by hand; its filter is the branch.
pub(super) fn workflow_dispatch(body: &Body) -> Result<Event, PayloadError> {
    let mut event = planned("workflow_dispatch", body)?;
    event.filter.clear();
    if let Some(reference) = reference("ref", &body.reference)? {
        event.filter = reference.short().to_owned();
        reference.apply(&mut event);
    }
    Ok(event)
}

/// An event that a program sends through the API; its filter is the type that it chose.
pub(super) fn repository_dispatch(body: &Body) -> Result<Event, PayloadError> {
    let mut event = planned("repository_dispatch", body)?;
    if let Some(reference) = reference("branch", &body.branch)? {
        reference.apply(&mut event);
    }
    Ok(event)
}

/// What CI tells about itself; only the wish to see a check again is one to act on.
pub(super) fn of_ci(event_name: &str, body: &Body) -> Result<Event, PayloadError> {
    let check = match event_name {
        "check_run" => body.check_run.part(),
        "check_suite" => body.check_suite.part(),
        "workflow_run" => body.workflow_run.part(),
        "workflow_job" => body.workflow_job.part(),
        _ => None,
    };
    let again = body.action.filled() == Some("rerequested");
    let mut event = match event_name {
        "check_run" if again => rerequested(event_name, "check_run.head_sha", check, body)?,
        "check_suite" if again => rerequested(event_name, "check_suite.head_sha", check, body)?,
        _ => {
            let mut event = skipped(event_name, body, Skip::Echo);
            let deployment = body.deployment.part().and_then(|it| it.sha.parsed());
            let check = check.and_then(|check| check.head_sha.parsed());
            event.sha = check.or(deployment).or(body.sha.parsed());
            event
        }
    };
    let branch = check.and_then(|check| {
        let suite = check.check_suite.part().and_then(|suite| suite.head_branch.filled());
        check.head_branch.filled().or(suite)
    });
    if let Some(branch) = branch.and_then(Reference::branch) {
        branch.apply(&mut event);
    }
    Ok(event)
}

fn rerequested(
    event_name: &str,
    field: &'static str,
    check: Option<&Check>,
    body: &Body,
) -> Result<Event, PayloadError> {
    let mut event = planned(event_name, body)?;
    if let Some(check) = check {
        event.sha = named(field, &check.head_sha)?;
    }
    Ok(event)
}

/// A reference that need not be there, but must be one if it is.
fn reference(
    field: &'static str,
    value: &Field<String>,
) -> Result<Option<Reference>, PayloadError> {
    let Some(text) = value.filled() else { return Ok(None) };
    let expected = "the name of a branch or a tag";
    Reference::parse(text).map(Some).ok_or(PayloadError::Wrong { field, expected })
}
