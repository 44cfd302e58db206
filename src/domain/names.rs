//! The names of functions that an event asks for, most specific first.
//!
//! A function is at a level when its name is the level's name, or ends with it in camel case
//! (`testOnGithubPush`, `lintOnGithubPush`). Prefixes of one letter do not survive Go's naming:
//! `AOnGithubPush` is listed as `aonGithubPush`, which ends with no level's name.
//!
//! This module knows events and names, and nothing of modules or arguments.

use super::event::Event;
use super::ids::Vendor;
use super::strcase;

mod asked;

pub use asked::{Asked, asked};

/// One name to compare functions with, and the values that go with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// 1 (the most specific) to 6 (`dispatch`).
    pub level: u8,
    /// In lower camel case: `onGithubPushMain`.
    pub name: String,
    /// In camel case, as the end of a longer name: `OnGithubPushMain`.
    suffix: String,
    /// What the event is called at this name; what `event` is matched with and filled with.
    pub event: String,
    /// What `filter` is matched with and filled with.
    pub filter: String,
}

impl Name {
    fn new(level: u8, words: &str, event: &str, filter: &str) -> Self {
        Self {
            level,
            name: strcase::to_lower_camel(words),
            suffix: strcase::to_camel(words),
            event: event.to_owned(),
            filter: filter.to_owned(),
        }
    }

    /// Whether a function, named as listed, is at this level.
    pub fn names(&self, function: &str) -> bool {
        let is_it = |function: &str| function == self.name || function.ends_with(&self.suffix);
        let renamed = || function.replace("CommitPush", "Push");
        let named = is_it(function) || function.contains("CommitPush") && is_it(&renamed());
        // `onWorkflowDispatch` and `onPushDispatch` end with `Dispatch` too, but say themselves
        // what they are for.
        named && (self.level < 6 || asked(function).iter().all(|asked| asked.event.is_none()))
    }
}

/// The names to compare, in the order in which they win.
///
/// An event without a filter has no names at levels 1 and 3; nor has one whose filter leaves
/// nothing in camel case (`é`), because that would be the name of level 2 or 4.
pub fn names(event: &Event) -> Vec<Name> {
    let kind = event.event_type.as_str();
    let filter = event.filter.as_str();
    let vendor = event.vendor;
    let mut names = Vec::with_capacity(8);
    match kind {
        "tag" => {
            on_forge(&mut names, vendor, "tag", filter);
            // What the original called it.
            on_forge(&mut names, vendor, "push", &format!("refs/tags/{filter}"));
        }
        "pull_request" if vendor == Vendor::Gitlab => {
            on_forge(&mut names, vendor, "merge_request", filter);
            on_forge(&mut names, vendor, "pull_request", filter);
        }
        _ => on_forge(&mut names, vendor, kind, filter),
    }
    with_filter(&mut names, 3, &format!("on-{kind}"), kind, filter);
    names.push(Name::new(5, &format!("on-{vendor}"), kind, filter));
    names.push(Name::new(6, "dispatch", kind, filter));
    names
}

/// Levels 1 and 2.
fn on_forge(names: &mut Vec<Name>, vendor: Vendor, event: &str, filter: &str) {
    with_filter(names, 1, &format!("on-{vendor}-{event}"), event, filter);
}

/// A level with the filter in its name, and the next one without it.
fn with_filter(names: &mut Vec<Name>, level: u8, words: &str, event: &str, filter: &str) {
    let general = Name::new(level + 1, words, event, filter);
    if !filter.is_empty() {
        let specific = Name::new(level, &format!("{words}-{filter}"), event, filter);
        names.extend((specific.name != general.name).then_some(specific));
    }
    names.push(general);
}

#[cfg(test)]
mod tests;
