//! Branches and tags: pushes, their creation and deletion, and the releases made of tags.

use super::super::{PayloadError, Reference, is_zero};
use super::body::Body;
use super::{planned, skipped};
use crate::domain::event::{Disposition, Event, Release, Skip};
use crate::domain::ids::Sha;

/// Branches that GitHub's merge queue makes; each comes with a `merge_group` event as well.
const MERGE_QUEUE: &str = "gh-readonly-queue/";

/// A push to a branch, a pushed tag, or the deletion of either.
pub(super) fn event(body: &Body) -> Result<Event, PayloadError> {
    let reference = Reference::parse(body.reference.required("ref")?)
        .ok_or(PayloadError::Wrong { field: "ref", expected: "the name of a branch or a tag" })?;
    let after = body.after.required("after")?;
    body.require_full_name()?;
    // Either sign is enough: both are there in real bodies, one or the other in abridged ones.
    let deleted = body.deleted.is_set() || is_zero(after);

    let mut event = planned("push", body)?;
    event.filter = reference.short().to_owned();
    event.before = body.before.parsed();
    event.created = body.created.is_set() || body.before.get().is_some_and(|sha| is_zero(sha));
    event.forced = body.forced.is_set();
    event.deleted = deleted;
    if !deleted {
        event.sha = Some(commit(&reference, after, body)?);
        event.commit = body.head_commit.part().and_then(|head| head.commit());
    }
    event.disposition = match &reference {
        _ if deleted => Disposition::Skipped(Skip::Deletion),
        Reference::Branch(name) if name.starts_with(MERGE_QUEUE) => {
            Disposition::Skipped(Skip::MergeQueue)
        }
        Reference::Branch(_) | Reference::Tag(_) => Disposition::Planned,
        Reference::Other(_) => Disposition::Skipped(Skip::Other),
    };
    if matches!(reference, Reference::Tag(_)) {
        "tag".clone_into(&mut event.event_type);
    }
    reference.apply(&mut event);
    Ok(event)
}

/// The commit that a push left behind.
fn commit(reference: &Reference, after: &str, body: &Body) -> Result<Sha, PayloadError> {
    let after: Sha = after
        .parse()
        .map_err(|_| PayloadError::Wrong { field: "after", expected: "a full commit id" })?;
    // `after` of an annotated tag is the tag's own object; the commit is the head commit.
    let head = body.head_commit.part().and_then(|head| head.id.parsed());
    Ok(match reference {
        Reference::Tag(_) => head.unwrap_or(after),
        Reference::Branch(_) | Reference::Other(_) => after,
    })
}

/// `create` and `delete`: a push tells the same of a branch or a tag, and is what counts.
pub(super) fn created_or_deleted(event_name: &str, body: &Body) -> Event {
    let deleted = event_name == "delete";
    let mut event = skipped(event_name, body, if deleted { Skip::Deletion } else { Skip::Create });
    event.created = !deleted;
    event.deleted = deleted;
    // The name is short here, and may be that of a repository (`ref_type` says).
    let short = body.reference.text();
    let short = short.strip_prefix("refs/heads/").unwrap_or(&short);
    let short = short.strip_prefix("refs/tags/").unwrap_or(short);
    let reference = match body.ref_type.filled() {
        Some("branch") => Reference::branch(short),
        Some("tag") => Reference::tag(short),
        _ => None,
    };
    if let Some(reference) = reference {
        event.filter = short.to_owned();
        reference.apply(&mut event);
    }
    event
}

/// A release, at its tag: the body does not name the commit, and a draft's tag need not exist.
pub(super) fn release(body: &Body) -> Result<Event, PayloadError> {
    let mut event = planned("release", body)?;
    let Some(release) = body.release.part() else { return Ok(event) };
    if let Some(reference) = Reference::tag(&release.tag_name.text()) {
        reference.apply(&mut event);
    }
    event.release = Some(Release {
        tag: release.tag_name.text(),
        name: release.name.text(),
        action: body.action.text(),
        url: release.html_url.text(),
        body: release.body.text(),
        draft: release.draft.is_set(),
        prerelease: release.prerelease.is_set(),
    });
    Ok(event)
}
