//! Whether a function that is named for an event also answers to it: the matchers.

use std::cell::RefCell;
use std::collections::HashMap;

use serde_json::Value;

use super::{Changes, Reason, ReasonCode, unmatched};
use crate::domain::event::Event;
use crate::domain::function::Function;
use crate::domain::glob::{self, Globs};
use crate::domain::names::Name;
use crate::domain::spec::{Matchers, Spec};
use crate::domain::strcase;

/// The actions of a pull request that bring new commits to judge, or ask for a judgement.
const JUDGED_ACTIONS: [&str; 4] = ["opened", "synchronize", "reopened", "ready_for_review"];

/// The events that levels 5 and 6 answer to without naming them; the last three are our own.
const GENERAL_EVENTS: [&str; 7] =
    ["push", "tag", "pull_request", "release", "schedule", "manual", "upstream"];

/// Whether every call for an event may post a status, and the spec its summary: a pull request's
/// other actions (`edited`, `labeled`) must not turn a red commit green.
pub(in crate::domain) fn names_every_status(event: &Event) -> bool {
    event.event_type != "pull_request" || JUDGED_ACTIONS.contains(&event.filter.as_str())
}

/// What the matchers of one plan look at.
pub(super) struct Matching<'a> {
    event: &'a Event,
    spec: &'a Spec,
    changes: &'a Changes,
    /// The answer for each list of globs: the functions of a module often share one.
    globs: RefCell<HashMap<Vec<String>, Result<bool, String>>>,
}

/// A function that answers to the event.
pub(super) struct Admitted {
    /// False for pull request actions that must not change a commit's colour.
    pub(super) posts_status: bool,
}

/// Why a function that is named for an event is not called.
pub(super) enum Refusal {
    /// It does not answer to it; the next level may.
    Skip(Reason),
    /// Its matchers are wrong.
    Error(Reason),
}

impl<'a> Matching<'a> {
    pub(super) fn new(event: &'a Event, spec: &'a Spec, changes: &'a Changes) -> Self {
        Self { event, spec, changes, globs: RefCell::default() }
    }

    /// Whether a function at a level answers to the event.
    pub(super) fn admits(&self, function: &Function, name: &Name) -> Result<Admitted, Refusal> {
        let matchers = self.matchers(function);
        let filter = name.filter.as_str();
        listed(&matchers.vendor, self.event.vendor.as_str(), |list, value| {
            ReasonCode::VendorNotListed.because(format!("vendor {list} does not list {value}"))
        })?;
        self.answers_to_event(&matchers, name)?;
        listed(&matchers.filter, filter, |list, value| {
            let value = if value.is_empty() { "an empty filter" } else { value };
            ReasonCode::FilterNotListed.because(format!("filter {list} does not list {value}"))
        })?;
        let judged = names_every_status(self.event);
        let general = matches!(name.level, 2 | 4) && matchers.filter.is_none();
        if !judged && general && function.argument("filter").is_none() {
            let text = format!(
                "without a `filter` it answers to opened, synchronize, reopened and \
                 ready_for_review, not {filter}"
            );
            return Err(Refusal::Skip(ReasonCode::ActionNotNamed.because(text)));
        }
        self.answers_to_changes(matchers.on_changes.as_deref())?;
        let names_it = matches!(name.level, 1 | 3) || matchers.filter.is_some();
        Ok(Admitted { posts_status: judged || names_it })
    }

    fn answers_to_event(&self, matchers: &Matchers, name: &Name) -> Result<(), Refusal> {
        let own = self.event.event_type.as_str();
        match &matchers.event {
            // An event by another name (a tag as `push`) may be listed by either.
            Some(list) if list.iter().any(|listed| listed == own) => Ok(()),
            Some(_) => listed(&matchers.event, &name.event, |list, value| {
                ReasonCode::EventNotListed.because(format!("event {list} does not list {value}"))
            }),
            None if name.level >= 5 && !GENERAL_EVENTS.contains(&own) => {
                let text = format!(
                    "level {} {} answers to {own} only when its `event` lists it",
                    name.level, name.name
                );
                Err(Refusal::Skip(ReasonCode::EventNotNamed.because(text)))
            }
            None => Ok(()),
        }
    }

    fn answers_to_changes(&self, globs: Option<&[String]>) -> Result<(), Refusal> {
        let (Some(globs), Changes::Files(files)) = (globs, self.changes) else { return Ok(()) };
        let known = self.globs.borrow().get(globs).cloned();
        let answer = known.unwrap_or_else(|| {
            let answer = self.any_matches(globs);
            self.globs.borrow_mut().insert(globs.to_vec(), answer.clone());
            answer
        });
        match answer {
            Ok(true) => Ok(()),
            Ok(false) => {
                let text = unmatched(&format!("onChanges {}", globs.join(",")), files);
                Err(Refusal::Skip(ReasonCode::ChangesUnmatched.because(text)))
            }
            Err(why) => {
                Err(Refusal::Error(ReasonCode::BadGlob.because(format!("onChanges: {why}"))))
            }
        }
    }

    fn any_matches(&self, globs: &[String]) -> Result<bool, String> {
        let globs = Globs::new(globs).map_err(|error| error.to_string())?;
        Ok(self.changes.below(&self.spec.folder).any(|file| globs.matches(file)))
    }

    /// The matchers of a function: what `functions:` says, else the defaults of its arguments,
    /// field by field. An empty list restricts nothing.
    fn matchers(&self, function: &Function) -> Matchers {
        let said = self.said(&function.name);
        let field = |said: Option<&Option<Vec<String>>>, name: &str| {
            let said = said.and_then(Option::clone);
            let list = said.or_else(|| default_list(function, name))?;
            Some(list).filter(|list| !list.is_empty())
        };
        Matchers {
            vendor: field(said.map(|said| &said.vendor), "vendor"),
            event: field(said.map(|said| &said.event), "event"),
            filter: field(said.map(|said| &said.filter), "filter"),
            on_changes: field(said.map(|said| &said.on_changes), "onChanges"),
        }
    }

    /// What `functions:` says about a function, under its name in any case.
    fn said(&self, function: &str) -> Option<&Matchers> {
        let functions = &self.spec.functions;
        functions.get(function).or_else(|| {
            let mut named = functions.iter();
            named.find_map(|(name, said)| {
                (strcase::to_lower_camel(name) == function).then_some(said)
            })
        })
    }
}

/// The default of an argument as a list: of a text its parts between commas.
fn default_list(function: &Function, name: &str) -> Option<Vec<String>> {
    match function.argument(name)?.default.as_ref()? {
        Value::String(text) if name == "onChanges" => Some(glob::split(text)),
        Value::String(text) => {
            let parts = text.split(',').map(|part| part.trim().to_owned());
            Some(parts.filter(|part| !part.is_empty()).collect())
        }
        Value::Array(items) => {
            Some(items.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        }
        _ => None,
    }
}

/// Whether a list, where there is one, holds a value.
fn listed(
    list: &Option<Vec<String>>,
    value: &str,
    refusal: impl FnOnce(&str, &str) -> Reason,
) -> Result<(), Refusal> {
    match list {
        Some(list) if !list.iter().any(|listed| listed == value) => {
            Err(Refusal::Skip(refusal(&list.join(","), value)))
        }
        _ => Ok(()),
    }
}
