//! What a collector was sent, read as the agent reads it.

use pocketci::domain::trace::{Span, Trace, TraceId, export};

/// The spans of these exports, in their order, each with its trace.
pub(crate) fn spans<'a>(bodies: impl Iterator<Item = &'a [u8]>) -> Vec<(TraceId, Span)> {
    let mut spans = Vec::new();
    bodies.for_each(|body| export::spans(body, |trace, span| spans.push((trace, span))).unwrap());
    spans
}

/// The steps that people see of these exports, as one would draw them, without times.
pub(crate) fn drawn<'a>(bodies: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
    let mut trace = Trace::default();
    spans(bodies).into_iter().for_each(|(_, span)| trace.add(span));
    let tree = trace.tree();
    let shown = tree.steps.iter().enumerate().filter(|(_, step)| !step.hidden);
    let line = shown.map(|(place, step)| {
        let failing = if tree.failing == Some(place) { " <<<" } else { "" };
        let cached = if step.cached { " cached" } else { "" };
        let (progress, exit) = (step.progress, step.exit);
        let indent = "  ".repeat(step.depth);
        format!("{indent}{} {progress:?} {exit:?} {:?}{cached}{failing}", step.name, step.message)
    });
    line.collect()
}
