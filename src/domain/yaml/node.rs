//! A YAML document as a tree in which every node knows where it stands.
//!
//! The only place that knows the YAML library, so that it can be changed for another. What the
//! keys and values mean is its readers' business.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_yaml::budget::BudgetBreach;
use serde_yaml::{
    Budget, DuplicateKeyPolicy, Error, Location, NonFiniteFloatPolicy, Options, Spanned,
    alias_limits,
};

/// Documents in one file; every one of a `pocketci.yaml` is a spec to plan.
pub(crate) const MAX_DOCUMENTS: usize = 50;
/// Lists and mappings within one another. The parser recurses, so this also bounds its stack.
pub(crate) const MAX_DEPTH: usize = 32;
/// Keys, values, lists and mappings of a file, aliases expanded.
const MAX_NODES: usize = 20_000;
/// Anchors and aliases of a file.
const MAX_ALIASES: usize = 500;

/// A part of the text, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// A node and where it was written.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) value: Value,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    /// A number as it was written: `1.10` stays `1.10`.
    Number(String),
    Text(String),
    List(Vec<Node>),
    /// In the order of the file, duplicates included.
    Map(Vec<(Node, Node)>),
}

impl Value {
    /// What it is, with its article, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// Why the text is not YAML that we read.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) span: Span,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

/// The documents of a file; empty ones are left out.
pub(crate) fn documents(text: &str) -> Result<Vec<Node>, Unreadable> {
    let raw: Result<Vec<Spanned<Raw>>, Error> =
        serde_yaml::from_multiple_with_options(text, options());
    match raw {
        Ok(documents) => Ok(documents.into_iter().map(|raw| node(raw, text)).collect()),
        Err(error) => Err(unreadable(error.without_snippet(), text)),
    }
}

fn options() -> Options {
    let mut budget = Budget::default();
    budget.max_documents = MAX_DOCUMENTS;
    budget.max_depth = MAX_DEPTH;
    budget.flow_nesting_limit = MAX_DEPTH;
    budget.max_nodes = MAX_NODES;
    budget.max_events = 4 * MAX_NODES;
    budget.max_aliases = MAX_ALIASES;
    budget.max_anchors = MAX_ALIASES;
    budget.max_merge_keys = MAX_ALIASES;
    budget.max_recorded_anchor_events = 4 * MAX_NODES;
    let mut options = Options::default();
    options.budget = Some(budget);
    options.alias_limits = alias_limits! {
        max_total_replayed_events: 2 * MAX_NODES,
        max_replay_stack_depth: MAX_DEPTH,
        max_alias_expansions_per_anchor: MAX_ALIASES,
    };
    // Both of a pair are kept, so that the message can name the first one too.
    options.duplicate_keys = DuplicateKeyPolicy::LastWins;
    options.strict_booleans = true;
    options.reject_unsupported_tags = true;
    options.non_finite_float_policy = NonFiniteFloatPolicy::AsString;
    options.with_snippet = false;
    options
}

/// A node as the library hands it over.
enum Raw {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, a boolean, a list or a mapping")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
            if entries.len() > MAX_NODES {
                return Err(A::Error::custom("too many keys"));
            }
        }
        Ok(Raw::Map(entries))
    }
}

fn node(raw: Spanned<Raw>, text: &str) -> Node {
    let span = span(raw.defined, text);
    let value = match raw.value {
        Raw::Null => Value::Null,
        Raw::Bool(value) => Value::Bool(value),
        Raw::Number(value) => {
            let written = text.get(span.start..span.end).map(str::trim).filter(|w| !w.is_empty());
            Value::Number(written.map_or(value, str::to_owned))
        }
        Raw::Text(value) => Value::Text(value),
        Raw::List(items) => Value::List(items.into_iter().map(|item| node(item, text)).collect()),
        Raw::Map(entries) => Value::Map(
            entries.into_iter().map(|(key, value)| (node(key, text), node(value, text))).collect(),
        ),
    };
    Node { span, value }
}

/// Where the library says that something stands; the end of the text when it does not know.
fn span(location: Location, text: &str) -> Span {
    let whole = |n: Option<u64>| n.and_then(|n| usize::try_from(n).ok());
    let known = location != Location::UNKNOWN;
    let start = whole(location.span().byte_offset()).filter(|_| known);
    let start = start.or_else(|| known.then(|| offset_of(location, text))).unwrap_or(text.len());
    let length = whole(location.span().byte_len()).unwrap_or(0);
    let start = start.min(text.len());
    Span { start, end: start.saturating_add(length).min(text.len()) }
}

/// The byte at a line and column, for locations without bytes.
fn offset_of(location: Location, text: &str) -> usize {
    let line = usize::try_from(location.line()).unwrap_or(usize::MAX).saturating_sub(1);
    let column = usize::try_from(location.column()).unwrap_or(usize::MAX).saturating_sub(1);
    let before: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = &text[before..];
    before + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at)
}

/// What the library says, in our words where we have better ones.
fn unreadable(error: &Error, text: &str) -> Unreadable {
    let mut span = span(error.location().unwrap_or(Location::UNKNOWN), text);
    let (message, help) = match error {
        Error::Budget { breach, .. } => too_much(breach),
        Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            ("its aliases (`*name`) expand to too much".to_owned(), None)
        }
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            ("an alias (`*name`) refers to what it is a part of".to_owned(), None)
        }
        Error::AliasError { error, .. } => return unreadable(error, text),
        Error::UnknownAnchor { .. } => unknown_anchor(&mut span, text),
        other => in_words(other, &mut span, text),
    };
    Unreadable { span, message, help }
}

fn too_much(breach: &BudgetBreach) -> (String, Option<String>) {
    match breach {
        BudgetBreach::Documents { .. } => {
            (format!("more than {MAX_DOCUMENTS} documents in one file"), None)
        }
        BudgetBreach::Depth { .. } => too_deep(),
        BudgetBreach::Aliases { .. }
        | BudgetBreach::Anchors { .. }
        | BudgetBreach::AliasAnchorRatio { .. }
        | BudgetBreach::RecordedAnchorEvents { .. }
        | BudgetBreach::MergeKeys { .. } => {
            let help = format!("at most {MAX_ALIASES} of each are read");
            ("too many anchors (`&name`) and aliases (`*name`)".to_owned(), Some(help))
        }
        _ => {
            let help = format!("at most {MAX_NODES} keys and values are read, aliases expanded");
            ("the file holds too many keys and values".to_owned(), Some(help))
        }
    }
}

fn too_deep() -> (String, Option<String>) {
    (format!("lists and mappings are nested more than {MAX_DEPTH} deep"), None)
}

/// `[**/*.rs]`: a glob without quotes is an alias to YAML.
fn unknown_anchor(span: &mut Span, text: &str) -> (String, Option<String>) {
    let word = word_at(text, span.start);
    span.end = span.start + word.len();
    let help = format!("a text that starts with `*` needs quotes: {}", quoted(word));
    ("an unquoted `*` refers to an anchor, and there is none of this name".to_owned(), Some(help))
}

/// Whatever else the parser says, without its own place, and help for the common slips.
fn in_words(error: &Error, span: &mut Span, text: &str) -> (String, Option<String>) {
    let full = error.to_string();
    let message = full.split(" at line ").next().unwrap_or(&full).to_owned();
    if let Some(tag) = message.strip_prefix("unsupported tag `").and_then(|m| m.strip_suffix('`')) {
        // The place given is behind the tag.
        if let Some(at) = text[..text.floor_char_boundary(span.start)].rfind(tag) {
            *span = Span { start: at, end: at + tag.len() };
        }
        let word = word_at(text, span.start);
        let help = format!("a text that starts with `!` needs quotes: {}", quoted(word));
        return ("an unquoted `!` is a tag to YAML".to_owned(), Some(help));
    }
    if message.contains("recursion limit") {
        return too_deep();
    }
    if let Some(tab) = indenting_tab(text, span.start) {
        *span = Span { start: tab, end: tab + 1 };
        let help = "replace the tab".to_owned();
        return ("YAML is indented by spaces, not by tabs".to_owned(), Some(help));
    }
    if message.starts_with("unexpected character") {
        return odd_character(span, text);
    }
    let help = message
        .starts_with("mapping values are not allowed")
        .then(|| "a text that holds `: ` needs quotes, and a key its own line".to_owned());
    (message, help)
}

fn odd_character(span: &mut Span, text: &str) -> (String, Option<String>) {
    let rest = &text[text.floor_char_boundary(span.start)..];
    let line = rest.split('\n').next().unwrap_or("");
    // A plain text ends in front of what cannot be in it, so the place is where it starts.
    let control = line.char_indices().find(|(_, c)| c.is_control() && !matches!(c, '\t' | '\r'));
    if let Some((at, c)) = control {
        *span = Span { start: span.start + at, end: span.start + at + c.len_utf8() };
        return (format!("the control character U+{:04X} is not allowed", u32::from(c)), None);
    }
    match line.chars().next() {
        Some(c) => {
            let word = quoted(word_at(text, span.start));
            let help = format!("a text that starts like this needs quotes: {word}");
            (format!("a plain text cannot start with `{c}`"), Some(help))
        }
        None => ("the text ends too early".to_owned(), None),
    }
}

/// The tab in front of what a line holds, if there is one.
fn indenting_tab(text: &str, at: usize) -> Option<usize> {
    let begin = text[..text.floor_char_boundary(at)].rfind('\n').map_or(0, |newline| newline + 1);
    let spaces = text[begin..].len() - text[begin..].trim_start_matches(' ').len();
    text[begin + spaces..].starts_with('\t').then_some(begin + spaces)
}

/// What stands at a place, up to where a plain text would end.
fn word_at(text: &str, at: usize) -> &str {
    let rest = &text[text.floor_char_boundary(at)..];
    let end = rest.find([',', ']', '}', '\n', '\r', '#']).unwrap_or(rest.len());
    rest[..end].trim_end()
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.chars().filter(|c| !c.is_control()).take(60).collect::<String>())
}
