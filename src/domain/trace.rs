//! What a call did, step by step: the spans and log records that `dagger` sends while it works
//! (OTLP over HTTP, as protobuf), and the tree that people see of them.
//!
//! A span is sent when it begins and again when it ends, in any order and from several parts of
//! the engine, so that everything here takes them as they come. Whoever holds a call's token can
//! send anything: nothing here recurses as deep as the sender likes, and [`export`] gives out one
//! span at a time, so that its caller can stop counting.

pub mod export;
pub mod forward;
mod arguments;
mod ids;
mod tree;
pub mod wire;

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::inert::inert;
use super::redact::Redactor;

pub use ids::{Lineage, SpanId, TraceId};
pub use tree::{Counts, Progress, Step, Tree};

/// Characters of a name that are kept.
const NAME: usize = 400;
/// Characters of a step's arguments that are kept.
const DETAIL: usize = 600;
/// Characters of what is said about a failure that are kept.
const MESSAGE: usize = 2000;

/// One thing that was done, from its start to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    pub id: SpanId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<SpanId>,
    pub name: String,
    /// The arguments of a call into the engine, as far as they are texts.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    pub start: Timestamp,
    /// None while it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "is_unset")]
    pub failed: bool,
    /// What it says about its failure.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The exit status of the process that it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i64>,
    #[serde(default, skip_serializing_if = "Marks::are_none")]
    pub marks: Marks,
    /// The span whose work this one does: a container is described first and run when somebody
    /// asks for what comes of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumes: Option<SpanId>,
    /// Where its failure came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<SpanId>,
}

/// What dagger says about how a span is to be shown: its attributes `dagger.io/dag.*` and
/// `dagger.io/ui.*`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is an attribute of its own")]
pub struct Marks {
    /// The answer was known.
    #[serde(default, skip_serializing_if = "is_unset")]
    pub cached: bool,
    /// It was only described: its work is done by a span that resumes it.
    #[serde(default, skip_serializing_if = "is_unset")]
    pub pending: bool,
    /// Of no interest to people, nor what is below it.
    #[serde(default, skip_serializing_if = "is_unset")]
    pub internal: bool,
    /// What is below it is of no interest unless it fails.
    #[serde(default, skip_serializing_if = "is_unset")]
    pub encapsulate: bool,
    /// Of no interest unless what it is part of fails.
    #[serde(default, skip_serializing_if = "is_unset")]
    pub encapsulated: bool,
    /// What is below it belongs to what is above it.
    #[serde(default, skip_serializing_if = "is_unset")]
    pub passthrough: bool,
    #[serde(default, skip_serializing_if = "is_unset")]
    pub canceled: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_unset(mark: &bool) -> bool {
    !mark
}

impl Marks {
    fn are_none(&self) -> bool {
        *self == Self::default()
    }
}

impl Span {
    /// The same as it may be kept: secrets masked, each text one harmless line (the message:
    /// lines) of a length that can be shown. Masked before it is cut, so that no cut leaves the
    /// beginning of a secret.
    pub fn presentable(mut self, masks: &Redactor) -> Self {
        let line = |text: &str, limit| short(&inert(&masks.text(text)), limit);
        self.name = line(&self.name.replace('\n', " "), NAME);
        self.detail = line(&self.detail.replace('\n', "⏎"), DETAIL);
        let message = masks.text(&self.message);
        let lines: Vec<String> = message.trim().lines().map(inert).collect();
        self.message = short(&lines.join("\n"), MESSAGE);
        self
    }
}

fn short(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A piece of what a span printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    pub trace: TraceId,
    pub span: SpanId,
    pub at: Timestamp,
    pub stream: Stream,
    /// Not necessarily a line, nor UTF-8.
    pub text: &'a [u8],
    /// The stream ends here.
    pub last: bool,
}

/// Where a piece came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    Stdout,
    Stderr,
    /// Said by dagger itself.
    Note,
}

/// What has arrived of a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    spans: HashMap<SpanId, Span>,
    logged: HashSet<SpanId>,
    /// There was more than is kept.
    pub cut: bool,
}

impl Trace {
    /// Takes a span as it was sent. What is known of its end stays known, whatever arrives late.
    pub fn add(&mut self, span: Span) {
        match self.spans.get(&span.id) {
            Some(known) if known.end.is_some() && span.end.is_none() => {}
            _ => {
                self.spans.insert(span.id, span);
            }
        }
    }

    /// The span has printed something.
    pub fn logged(&mut self, span: SpanId) {
        self.logged.insert(span);
    }

    /// Nothing has arrived.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The tree of the steps that are known.
    pub fn tree(&self) -> Tree {
        Tree::new(&self.spans, &self.logged)
    }
}

#[cfg(test)]
mod tests;
