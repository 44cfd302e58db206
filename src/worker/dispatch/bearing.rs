//! What a delivery says about other deliveries and their runs, read from itself alone.

use crate::domain::event::Disposition;
use crate::domain::forge::{self, Headers};
use crate::domain::succession;
use crate::store::{Bearing, ClaimedDelivery, Meaning, REPLAY};

/// A delivery that cannot be understood, or starts nothing, has no bearing on others; nor has one
/// that is played again, because it tells nothing new.
pub(super) fn of(delivery: &ClaimedDelivery) -> Bearing {
    if delivery.forge_id.starts_with(REPLAY) {
        return Bearing::default();
    }
    let event = forge::event(delivery.forge, &delivery.event_name, &delivery.body);
    let Ok(event) = event else { return Bearing::default() };
    if event.disposition != Disposition::Planned {
        return Bearing::default();
    }
    let headers = delivery.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let hook = forge::hook(delivery.forge.vendor(), &Headers::from_pairs(headers));
    let meaning = event.meaning().zip(hook).map(|(text, hook)| Meaning { text, hook });
    let succession = succession::of(&event).zip(event.repository);
    let succession = succession
        .map(|(succession, repository)| (delivery.forge, repository.full_name, succession));
    Bearing { meaning, succession }
}
