//! What a delivery says about other deliveries and their runs, read from itself alone.

use crate::domain::event::{Disposition, Event};
use crate::domain::forge::{self, Headers};
use crate::domain::succession;
use crate::store::{Bearing, ClaimedDelivery, Meaning, REPLAY};

/// A delivery that cannot be understood, or starts nothing, has no bearing on others; nor has one
/// that is played again, because it tells nothing new. `whole`: its events with what it leaves
/// open, as far as anybody has found that out.
pub(super) fn of(delivery: &ClaimedDelivery, whole: Option<Vec<Event>>) -> Bearing {
    if delivery.forge_id.starts_with(REPLAY) {
        return Bearing::default();
    }
    let read = || forge::events(delivery.forge, &delivery.event_name, &delivery.body).ok();
    let mut events = whole.or_else(read).unwrap_or_default();
    events.retain(|event| event.disposition == Disposition::Planned);
    let headers = delivery.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let hook = forge::hook(delivery.forge.vendor(), &Headers::from_pairs(headers));
    let meanings: Option<Vec<String>> = events.iter().map(Event::meaning).collect();
    let text = meanings.filter(|all| !all.is_empty()).map(|all| all.join("\n"));
    let meaning = text.zip(hook).map(|(text, hook)| Meaning { text, hook });
    let step = |event: &Event| {
        let repository = event.repository.as_ref()?.full_name.clone();
        Some((delivery.forge, repository, succession::of(event)?))
    };
    Bearing { meaning, succession: events.iter().filter_map(step).collect() }
}
