//! The filters of a spec, which come before any module work: `events`, then `paths`.

use super::event::Event;
use super::plan::{Changes, Reason, ReasonCode, unmatched};
use super::spec::Spec;

/// Whether a spec lets an event through at all, and if not, why.
///
/// `events` lists what triggers: of `pull_request` base branches, of `push` branches, of `tag`
/// tags, of any other event its filters. A run that somebody started by hand is always let
/// through by `events`. `paths` then wants one changed file; without `paths`, a spec in a folder
/// wants one below that folder, and a spec at the root wants nothing. An event without a diff
/// passes; a diff without files does not.
pub fn admits(event: &Event, spec: &Spec, changes: &Changes) -> Result<(), Reason> {
    admits_event(event, spec)?;
    admits_changes(spec, changes)
}

fn admits_event(event: &Event, spec: &Spec) -> Result<(), Reason> {
    let Some(filters) = spec.events.as_ref().filter(|_| event.event_type != "manual") else {
        return Ok(());
    };
    let kind = event.event_type.as_str();
    let Some(patterns) = filters.by_event.get(kind) else {
        let text = if filters.by_event.is_empty() {
            format!("events lists nothing, so not {kind}")
        } else {
            let listed: Vec<&str> = filters.by_event.keys().map(String::as_str).collect();
            format!("events lists {}, not {kind}", listed.join(", "))
        };
        return Err(ReasonCode::SpecEvent.because(text));
    };
    let base = event.pull_request.as_ref().map(|pull| pull.base.reference.as_str());
    let (what, value) = match (kind, base) {
        ("pull_request", Some(base)) => ("base branch ", base),
        ("push", _) => ("branch ", event.branch.as_deref().unwrap_or(&event.filter)),
        ("tag", _) => ("tag ", event.tag.as_deref().unwrap_or(&event.filter)),
        _ => ("", event.filter.as_str()),
    };
    if patterns.matches(value) {
        return Ok(());
    }
    let listed = patterns.patterns().join(",");
    Err(ReasonCode::SpecEvent
        .because(format!("events.{kind} {listed} does not match {what}{value}")))
}

fn admits_changes(spec: &Spec, changes: &Changes) -> Result<(), Reason> {
    let Changes::Files(files) = changes else { return Ok(()) };
    if spec.paths.is_none() && spec.folder.is_empty() {
        return Ok(());
    }
    let admitted = changes.below(&spec.folder).any(|file| match &spec.paths {
        Some(paths) => paths.matches(file),
        None => true,
    });
    if admitted {
        return Ok(());
    }
    let globs = match &spec.paths {
        Some(paths) => format!("paths {}", paths.patterns().join(",")),
        None => "paths **".to_owned(),
    };
    let globs = match spec.folder.as_str() {
        "" => globs,
        folder => format!("{globs} below {folder}"),
    };
    Err(ReasonCode::SpecPaths.because(unmatched(&globs, files)))
}

#[cfg(test)]
mod tests;
