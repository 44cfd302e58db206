//! Branches and tags, and the releases made of tags.

use super::super::{PayloadError, Reference, is_zero};
use super::body::Body;
use super::{named, planned};
use crate::domain::event::{Disposition, Event, Release, Skip};
use crate::domain::ids::Sha;

/// A push to a branch, a pushed tag, or the deletion of either; the reference says which, since
/// GitLab's test of a tag push has called itself a push.
pub(super) fn event(body: &Body) -> Result<Event, PayloadError> {
    let reference = Reference::parse(body.reference.required("ref")?)
        .ok_or(PayloadError::Wrong { field: "ref", expected: "the name of a branch or a tag" })?;
    let after = body.after.required("after")?;
    let deleted = is_zero(after);

    let mut event = planned("push", body)?;
    event.filter = reference.short().to_owned();
    event.before = body.before.parsed();
    event.created = body.before.get().is_some_and(|sha| is_zero(sha));
    event.deleted = deleted;
    event.disposition = match &reference {
        _ if deleted => Disposition::Skipped(Skip::Deletion),
        Reference::Branch(_) | Reference::Tag(_) => Disposition::Planned,
        Reference::Other(_) => Disposition::Skipped(Skip::Other),
    };
    if !deleted {
        let wrong = PayloadError::Wrong { field: "after", expected: "a full commit id" };
        let after: Sha = after.parse().map_err(|_| wrong)?;
        // `after` of an annotated tag is the tag's own object.
        let checked_out = body.checkout_sha.parsed().filter(|_| is_tag(&reference));
        let sha = checked_out.unwrap_or(after);
        let mut commits = body.commits.items().filter_map(|commit| commit.0.commit());
        event.commit = commits.find(|commit| commit.sha == sha.as_str());
        event.sha = Some(sha);
    }
    if is_tag(&reference) {
        "tag".clone_into(&mut event.event_type);
    }
    reference.apply(&mut event);
    Ok(event)
}

fn is_tag(reference: &Reference) -> bool {
    matches!(reference, Reference::Tag(_))
}

/// A release, at the commit that its tag points at.
pub(super) fn release(body: &Body) -> Result<Event, PayloadError> {
    let mut event = planned("release", body)?;
    let action = match body.action.text().as_str() {
        "create" => "published",
        "update" => "edited",
        "delete" => "deleted",
        other => other,
    }
    .to_owned();
    action.clone_into(&mut event.filter);
    if let Some(reference) = Reference::tag(&body.tag.text()) {
        reference.apply(&mut event);
    }
    if let Some(commit) = body.commit.part() {
        event.sha = named("commit.id", &commit.id)?;
        event.commit = commit.commit();
    }
    event.release = Some(Release {
        tag: body.tag.text(),
        name: body.name.text(),
        action,
        url: body.url.text(),
        body: body.description.text(),
        draft: false,
        prerelease: false,
    });
    Ok(event)
}
