//! Branches and tags: one delivery tells of every one that a push moved.

use super::super::wire::{Field, Object};
use super::super::{PayloadError, Reference, is_zero};
use super::body::{Body, Change};
use super::{planned, skipped};
use crate::domain::event::{Disposition, Event, Skip};
use crate::domain::ids::Sha;

const REFERENCE: &str = "changes[].ref.id";
const TO: &str = "changes[].toHash";

/// An event for each change, in their order; a push of nothing is one event that is skipped.
pub(super) fn events(body: &Body) -> Result<Vec<Event>, PayloadError> {
    let count = body.changes.required("changes")?.len();
    body.repository()?;
    let changes = body.changes.items();
    let events: Vec<Event> =
        changes.map(|Object(change)| event(change, body, count == 1)).collect::<Result<_, _>>()?;
    Ok(match events.is_empty() {
        true => vec![skipped("push", body, Skip::Other)],
        false => events,
    })
}

/// `only`: the push moved nothing else, so that the body's commit is this change's.
fn event(change: &Change, body: &Body, only: bool) -> Result<Event, PayloadError> {
    let id = change.reference.part().map_or(&Field::Absent, |reference| &reference.id);
    let id = if id.get().is_some() { id } else { &change.reference_id };
    let expected = "the name of a branch or a tag";
    let reference = Reference::parse(id.required(REFERENCE)?)
        .ok_or(PayloadError::Wrong { field: REFERENCE, expected })?;
    let to = change.to.required(TO)?;
    let mut event = planned("push", reference.short(), body)?;
    event.before = change.from.parsed();
    let added = change.kind.filled() == Some("ADD");
    event.created = added || change.from.get().is_some_and(|from| is_zero(from));
    event.deleted = change.kind.filled() == Some("DELETE") || is_zero(to);
    event.disposition = match &reference {
        _ if event.deleted => Disposition::Skipped(Skip::Deletion),
        Reference::Branch(_) | Reference::Tag(_) => Disposition::Planned,
        Reference::Other(_) => Disposition::Skipped(Skip::Other),
    };
    let is_tag = matches!(reference, Reference::Tag(_));
    if !event.deleted {
        let wrong = PayloadError::Wrong { field: TO, expected: "a full commit id" };
        let to: Sha = to.parse().map_err(|_| wrong)?;
        event.commit = body.to_commit.part().filter(|_| only).and_then(|it| it.commit());
        // `toHash` of an annotated tag is the tag's own object; what is behind it only newer
        // versions say, and git knows.
        let behind = event.commit.as_ref().and_then(|commit| commit.sha.parse().ok());
        event.sha = Some(behind.filter(|_| is_tag).unwrap_or(to));
    }
    if is_tag {
        "tag".clone_into(&mut event.event_type);
    }
    reference.apply(&mut event);
    Ok(event)
}
