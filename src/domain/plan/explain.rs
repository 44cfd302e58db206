//! The reasons in words: what became of every function, and of the spec as a whole.

use super::decide::Fate;
use super::{Decision, FunctionDecision, Plan, Reason, ReasonCode};
use crate::domain::event::Event;
use crate::domain::function::Module;
use crate::domain::names::{self, Asked, Name};
use crate::domain::spec::Spec;
use crate::domain::strcase;

/// The status context of a function: at levels 5 and 6 with the event, since one commit sees
/// several; the function's name is always last.
pub(super) fn context(event: &Event, spec: &Spec, level: u8, function: &str) -> String {
    let kind = (level >= 5).then_some(event.event_type.as_str());
    let kebab = strcase::to_kebab(function);
    let name = Some(spec.name.as_str()).filter(|name| !name.is_empty());
    let parts = [Some("pocketci"), name, kind, Some(kebab.as_str())];
    parts.into_iter().flatten().collect::<Vec<_>>().join("/")
}

/// The plan of a spec whose filters do not let the event through.
pub(super) fn refused(module: &Module, reason: Reason) -> Plan {
    let functions = module.functions.iter().map(|function| FunctionDecision {
        name: function.name.clone(),
        decision: Decision::Skip,
        code: reason.code.clone(),
        text: reason.text.clone(),
        context: None,
    });
    Plan { functions: functions.collect(), ..super::skipped(reason) }
}

/// What became of every function, in the module's order.
pub(super) fn explain(
    event: &Event,
    spec: &Spec,
    module: &Module,
    names: &[Name],
    chosen: Option<usize>,
    fates: Vec<Fate>,
) -> Vec<FunctionDecision> {
    let level = chosen.map_or(0, |at| names[at].level);
    let first = |wanted: fn(&Fate) -> bool| {
        let at = fates.iter().position(wanted)?;
        module.functions.get(at).map(|function| function.name.as_str())
    };
    let winner = match first(|fate| matches!(fate, Fate::Called)) {
        Some(called) => format!("was called ({called}, level {level})"),
        None => match first(|fate| matches!(fate, Fate::Error(..))) {
            Some(at_fault) => format!("has an error ({at_fault}, level {level})"),
            None => String::new(),
        },
    };
    let later = chosen.map_or(&[][..], |at| &names[at + 1..]);
    let fates = module.functions.iter().zip(fates);
    let explained = fates.map(|(function, fate)| {
        let mut status = None;
        let (decision, reason) = match fate {
            Fate::Called | Fate::Chosen(_) => {
                let name = chosen.map_or("", |at| names[at].name.as_str());
                (Decision::Call, ReasonCode::Called.because(format!("level {level} {name}")))
            }
            Fate::Refused(reason) => (Decision::Skip, reason),
            Fate::Error(reason, posts_status) => {
                status = posts_status.then(|| context(event, spec, level, &function.name));
                (Decision::Error, reason)
            }
            Fate::Unnamed => {
                (Decision::Skip, unnamed(event, names, later, &winner, &function.name))
            }
        };
        FunctionDecision {
            name: function.name.clone(),
            decision,
            code: reason.code,
            text: reason.text,
            context: status,
        }
    });
    explained.collect()
}

/// Why a function was not even looked at: by its name, or because an earlier level won.
fn unnamed(event: &Event, names: &[Name], later: &[Name], winner: &str, function: &str) -> Reason {
    if let Some(name) = later.iter().find(|name| name.names(function)) {
        return ReasonCode::MoreSpecific.because(format!(
            "level {} {}: a more specific function {winner}",
            name.level, name.name
        ));
    }
    let readings = names::asked(function);
    let for_us = |asked: &&Asked| asked.vendor.is_none_or(|vendor| vendor == event.vendor);
    // The name that differs in nothing but the filter; of a tag, `push` is one at a forge alone.
    let same_event = |asked: &Asked| {
        let mut names = names.iter().filter(|_| !asked.filter.is_empty());
        names.find(|name| {
            asked.event == Some(&*name.event)
                && (asked.vendor.is_some() || name.event == event.event_type)
        })
    };
    let ours = readings.iter().filter(for_us).find_map(|asked| Some((asked, same_event(asked)?)));
    if let Some((asked, name)) = ours {
        let kind = name.event.as_str();
        let wanted = match kind {
            "push" | "tag" => strcase::to_kebab(&asked.filter),
            _ => strcase::to_snake(&asked.filter),
        };
        let filter = if name.filter.is_empty() { "an empty filter" } else { &name.filter };
        return ReasonCode::OtherFilter
            .because(format!("its name asks for {kind} {wanted}, not {filter}"));
    }
    let foreign = readings.iter().find(|asked| !for_us(asked));
    if let Some(vendor) = foreign.and_then(|asked| asked.vendor) {
        return ReasonCode::OtherVendor
            .because(format!("its name asks for another forge ({vendor})"));
    }
    match readings.iter().find_map(|asked| asked.event) {
        Some(kind) => {
            ReasonCode::OtherEvent.because(format!("its name asks for another event ({kind})"))
        }
        None => ReasonCode::NoEvent.because("its name asks for no event"),
    }
}

/// Why nothing is called.
pub(super) fn nothing(event: &Event, functions: &[FunctionDecision]) -> Reason {
    let errors: Vec<_> = functions.iter().filter(|f| f.decision == Decision::Error).collect();
    match errors.as_slice() {
        [] => {}
        [one] => return ReasonCode::FunctionErrors.because(one.text.clone()),
        [one, ..] => {
            let text = format!("{} functions have an error: {}", errors.len(), one.text);
            return ReasonCode::FunctionErrors.because(text);
        }
    }
    let none = format!("no function for {}", occasion(event));
    let by_name = [
        ReasonCode::NoEvent,
        ReasonCode::OtherEvent,
        ReasonCode::OtherVendor,
        ReasonCode::OtherFilter,
    ];
    let named = functions.iter().filter(|f| by_name.iter().all(|code| code.as_str() != f.code));
    match named.collect::<Vec<_>>().as_slice() {
        [] => ReasonCode::NoFunction.because(none),
        [one] => ReasonCode::NotAdmitted.because(format!("{none}: {}", one.text)),
        several => ReasonCode::NotAdmitted
            .because(format!("{none}: {} are named for it, none answers", several.len())),
    }
}

/// `push to dev`, `tag v1.2.3`, `pull_request opened`: the event as part of a sentence.
fn occasion(event: &Event) -> String {
    match event.event_type.as_str() {
        "push" if !event.filter.is_empty() => format!("push to {}", event.filter),
        _ => event.title(),
    }
}
