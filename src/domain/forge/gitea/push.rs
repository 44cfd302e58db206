//! Branches and tags: pushes, their creation and deletion, and the releases made of tags.

use super::super::wire::Object;
use super::super::{PayloadError, Reference, is_zero};
use super::{Reading, action};
use crate::domain::event::{Disposition, Event, Release, Skip};
use crate::domain::ids::{Sha, Vendor};

/// A push to a branch, or a pushed tag, or the deletion of one; none of them tells that it was
/// forced.
pub(super) fn event(read: Reading<'_>) -> Result<Event, PayloadError> {
    let body = read.body;
    let reference = Reference::parse(body.reference.required("ref")?)
        .ok_or(PayloadError::Wrong { field: "ref", expected: "the name of a branch or a tag" })?;
    let after = body.after.required("after")?;
    let mut event = read.planned("push")?;
    event.filter = reference.short().to_owned();
    event.before = body.before.parsed();
    event.created = body.before.get().is_some_and(|sha| is_zero(sha));
    event.deleted = is_zero(after);
    if !event.deleted {
        let after: Sha = after
            .parse()
            .map_err(|_| PayloadError::Wrong { field: "after", expected: "a full commit id" })?;
        // Old ones list the commits alone.
        let listed = body.commits.items().map(|Object(commit)| commit);
        let listed = listed.filter(|commit| commit.id.get().is_some_and(|id| id == after.as_str()));
        let head = body.head_commit.part().or(listed.into_iter().next());
        // `after` of an annotated tag is the tag's own object; the commit is the head commit.
        let peeled = head.and_then(|head| head.id.parsed());
        event.sha = Some(match reference {
            Reference::Tag(_) => peeled.unwrap_or(after),
            Reference::Branch(_) | Reference::Other(_) => after,
        });
        event.commit = head.and_then(|head| head.commit());
    }
    event.disposition = match &reference {
        _ if event.deleted => Disposition::Skipped(Skip::Deletion),
        // Their test of a webhook is a push of what is there already.
        _ if body.before.get() == Some(after) => Disposition::Skipped(Skip::Ping),
        Reference::Branch(_) | Reference::Tag(_) => Disposition::Planned,
        Reference::Other(_) => Disposition::Skipped(Skip::Other),
    };
    if matches!(reference, Reference::Tag(_)) {
        "tag".clone_into(&mut event.event_type);
    }
    reference.apply(&mut event);
    Ok(event)
}

/// `create` and `delete`: a push tells the same of a creation, and is what counts, but for the
/// tags of Gogs, which come by nothing else.
pub(super) fn created_or_deleted(
    read: Reading<'_>,
    event_name: &str,
) -> Result<Event, PayloadError> {
    let (body, deleted) = (read.body, event_name == "delete");
    let short = body.reference.text();
    let short = short.strip_prefix("refs/heads/").unwrap_or(&short);
    let short = short.strip_prefix("refs/tags/").unwrap_or(short);
    let is_tag = body.ref_type.filled() == Some("tag");
    let reference = match body.ref_type.filled() {
        Some("branch") => Reference::branch(short),
        Some("tag") => Reference::tag(short),
        _ => None,
    };
    let alone = is_tag && !deleted && read.vendor == Vendor::Gogs;
    let mut event = if alone {
        let mut event = read.planned("tag")?;
        let wrong = PayloadError::Wrong { field: "sha", expected: "a full commit id" };
        event.sha = Some(body.sha.required("sha")?.parse().map_err(|_| wrong)?);
        event
    } else {
        read.skipped(event_name, if deleted { Skip::Deletion } else { Skip::Create })
    };
    event.created = !deleted;
    event.deleted = deleted;
    if let Some(reference) = reference {
        event.filter = short.to_owned();
        reference.apply(&mut event);
    }
    Ok(event)
}

/// A release, at its tag: the body does not name the commit, and a draft's tag need not exist.
pub(super) fn release(read: Reading<'_>) -> Result<Event, PayloadError> {
    let mut event = read.planned("release")?;
    let Some(release) = read.body.release.part() else { return Ok(event) };
    if let Some(reference) = Reference::tag(&release.tag_name.text()) {
        reference.apply(&mut event);
    }
    event.release = Some(Release {
        tag: release.tag_name.text(),
        name: release.name.text(),
        action: action(&read.body.action.text()).to_owned(),
        url: release.html_url.text(),
        body: release.body.text(),
        draft: release.draft.is_set(),
        prerelease: release.prerelease.is_set(),
    });
    Ok(event)
}
