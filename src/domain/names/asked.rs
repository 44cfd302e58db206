//! What a function's name asks for, read backwards: only for the words in which a plan explains
//! itself, and to keep `onWorkflowDispatch` from being taken for `dispatch`.

use crate::domain::event::planned::PLANNED;
use crate::domain::ids::Vendor;
use crate::domain::strcase;

/// One reading of a function's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// None: any forge.
    pub vendor: Option<Vendor>,
    /// None: `onGithub`, whatever happens there.
    pub event: Option<&'static str>,
    /// What follows in camel case; empty: any filter.
    pub filter: String,
}

/// A merge request has a name of its own on the forge where it is one.
const OF_ONE_FORGE: &str = "merge_request";

/// Every reading of a function's name as one that asks for events, the likeliest first; none when
/// it asks for no event (`build`, `dispatch`).
pub fn asked(function: &str) -> Vec<Asked> {
    let function = function.replace("CommitPush", "Push");
    let mut readings = Vec::new();
    if let Some(rest) = function.strip_prefix("on") {
        read(rest, &mut readings);
    }
    for (at, on) in function.match_indices("On") {
        read(&function[at + on.len()..], &mut readings);
    }
    readings
}

/// Reads what stands behind the word `on`.
fn read(rest: &str, readings: &mut Vec<Asked>) {
    let vendors = Vendor::ALL.into_iter().filter_map(|vendor| {
        Some((Some(vendor), rest.strip_prefix(&strcase::to_camel(vendor.as_str()))?))
    });
    for (vendor, rest) in vendors.chain([(None, rest)]) {
        let events = PLANNED.into_iter().chain([OF_ONE_FORGE]).filter_map(|event| {
            let filter = rest.strip_prefix(&strcase::to_camel(event))?;
            // `onPushed` is another word.
            let ends = filter.chars().next().is_none_or(|c| !c.is_lowercase());
            ends.then(|| Asked { vendor, event: Some(event), filter: filter.to_owned() })
        });
        readings.extend(events);
        if vendor.is_some() && rest.is_empty() {
            readings.push(Asked { vendor, event: None, filter: String::new() });
        }
    }
}
