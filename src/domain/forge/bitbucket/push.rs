//! Branches and tags: one delivery tells of every one that a push moved.

use super::super::wire::{Object, Part};
use super::super::{PayloadError, Reference};
use super::body::{Body, Change, Place};
use super::{planned, skipped};
use crate::domain::event::{Disposition, Event, Skip};

const CHANGE: &str = "push.changes[].new.name";
const HASH: &str = "push.changes[].new.target.hash";

/// An event for each change, in their order; a push of nothing is one event that is skipped.
pub(super) fn events(body: &Body) -> Result<Vec<Event>, PayloadError> {
    let push = body.push.part().ok_or(PayloadError::Missing { field: "push" })?;
    push.changes.required("push.changes")?;
    body.repository()?;
    let changes = push.changes.items();
    let events: Vec<Event> =
        changes.map(|Object(change)| event(change, body)).collect::<Result<_, _>>()?;
    Ok(match events.is_empty() {
        true => vec![skipped("push", body, Skip::Other)],
        false => events,
    })
}

fn event(change: &Change, body: &Body) -> Result<Event, PayloadError> {
    let old = change.old.part();
    let new = change.new.part();
    let place = new.or(old).ok_or(PayloadError::Missing { field: CHANGE })?;
    let reference = reference(place)?;
    let mut event = planned("push", reference.short(), body)?;
    event.before = hash(&change.old);
    event.created = old.is_none();
    event.deleted = new.is_none();
    event.forced = change.forced.is_set();
    event.disposition = match &reference {
        _ if event.deleted => Disposition::Skipped(Skip::Deletion),
        Reference::Branch(_) | Reference::Tag(_) => Disposition::Planned,
        Reference::Other(_) => Disposition::Skipped(Skip::Other),
    };
    if let Some(new) = new {
        let target = new.target.part().ok_or(PayloadError::Missing { field: HASH })?;
        let wrong = PayloadError::Wrong { field: HASH, expected: "a full commit id" };
        event.sha = Some(target.hash.required(HASH)?.parse().map_err(|_| wrong)?);
        event.commit = target.commit();
    }
    if matches!(reference, Reference::Tag(_)) {
        "tag".clone_into(&mut event.event_type);
    }
    reference.apply(&mut event);
    Ok(event)
}

/// The full reference of a branch or a tag; what is of another kind (bookmarks of old) is neither.
fn reference(place: &Place) -> Result<Reference, PayloadError> {
    let name = place.name.required(CHANGE)?;
    let reference = match place.kind.filled() {
        Some("tag" | "annotated_tag") => Reference::tag(name),
        Some("branch" | "named_branch") | None => Reference::branch(name),
        Some(_) => Reference::parse(&format!("refs/other/{name}")),
    };
    let expected = "the name of a branch or a tag";
    reference.ok_or(PayloadError::Wrong { field: CHANGE, expected })
}

fn hash(place: &Part<Place>) -> Option<crate::domain::ids::Sha> {
    place.part()?.target.part()?.hash.parsed()
}
