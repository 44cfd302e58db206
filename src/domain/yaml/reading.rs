//! Reading values out of a document: each reader either has the value or has said what is wrong.

use std::collections::BTreeMap;

use super::diagnostic::{Diagnostic, Severity, quote};
use super::node::{Node, Span, Value};
use crate::domain::suggest;

/// Entries of one list or mapping; each may cost a call, or a comparison with every changed file.
pub(crate) const MOST: usize = 500;

/// Characters of a glob or pattern; compiled, one is many times as large.
pub(super) const LONGEST_PATTERN: usize = 1_000;

/// A file being read, and what was found wrong with it so far.
pub(crate) struct Reading<'a> {
    pub(crate) path: &'a str,
    pub(crate) text: &'a str,
    pub(crate) found: Vec<Diagnostic>,
}

/// A text and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) value: String,
    pub(crate) span: Span,
}

/// The known keys of a mapping.
pub(crate) struct Fields {
    pub(crate) keys: BTreeMap<String, (Span, Node)>,
}

impl Fields {
    pub(crate) fn take(&mut self, key: &str) -> Option<Node> {
        self.keys.remove(key).map(|(_, node)| node)
    }

    /// Where a key stands.
    pub(crate) fn place(&self, key: &str) -> Option<Span> {
        self.keys.get(key).map(|(span, _)| *span)
    }
}

impl Reading<'_> {
    /// Notes an error.
    pub(crate) fn wrong(&mut self, span: Span, message: String, help: impl Into<Option<String>>) {
        let place = (self.path, self.text);
        self.found.push(Diagnostic::new(Severity::Error, place, span, message, help.into()));
    }

    /// Notes that there are more entries than are read.
    pub(crate) fn too_many(&mut self, span: Span, what: &str, number: usize) {
        let help = format!("at most {MOST} are read");
        self.wrong(span, format!("{what} has {number} entries"), help);
    }

    /// Whether each is of a length that is compared with anything.
    pub(crate) fn are_short(&mut self, patterns: &[Text]) -> bool {
        if patterns.len() > MOST {
            let span = patterns[0].span;
            self.too_many(span, "this list", patterns.len());
            return false;
        }
        let before = self.found.len();
        for text in patterns {
            let length = text.value.chars().count();
            if length > LONGEST_PATTERN {
                let help = format!("at most {LONGEST_PATTERN} are read");
                self.wrong(text.span, format!("this pattern is {length} characters long"), help);
            }
        }
        self.found.len() == before
    }

    /// Notes an error about something that may be a secret in the wrong place: the line is shown
    /// without it.
    pub(crate) fn wrong_hidden(&mut self, span: Span, message: String, help: String) {
        self.wrong(span, message, help);
        if let Some(one) = self.found.last_mut() {
            let shown: String = one.source.chars().take(one.column - 1).collect();
            one.source = format!("{shown}…");
            one.width = 1;
        }
    }

    /// Notes that a value has the wrong type.
    pub(crate) fn mismatch(&mut self, node: &Node, what: &str, wanted: &str) {
        if matches!(node.value, Value::Null) {
            let help = format!("give it {wanted}, or leave it out");
            self.wrong(node.span, format!("{what} is left empty"), help);
        } else {
            let kind = node.value.kind();
            self.wrong(node.span, format!("{what} must be {wanted}, not {kind}"), None);
        }
    }

    /// The entries of a mapping, in the order of the file, every key a text that is there once.
    pub(crate) fn entries(&mut self, node: Node, what: &str) -> Option<Vec<(Text, Node)>> {
        let Value::Map(entries) = node.value else {
            self.mismatch(&node, what, "a mapping");
            return None;
        };
        if entries.len() > MOST {
            self.too_many(node.span, what, entries.len());
            return None;
        }
        let mut seen: BTreeMap<String, Span> = BTreeMap::new();
        let mut known = Vec::new();
        for (key, value) in entries {
            let (Value::Text(name) | Value::Number(name)) = key.value else {
                self.mismatch(&key, &format!("a key of {what}"), "a text");
                continue;
            };
            if let Some(first) = seen.get(&name) {
                let line = 1 + self.text[..first.start].matches('\n').count();
                let help = format!("it is already given in line {line}: keep one of the two");
                self.wrong(key.span, format!("duplicate key {}", quote(&name)), help);
                continue;
            }
            seen.insert(name.clone(), key.span);
            known.push((Text { value: name, span: key.span }, value));
        }
        Some(known)
    }

    /// The entries of a mapping with fixed keys.
    pub(crate) fn fields(&mut self, node: Node, what: &str, allowed: &[&str]) -> Option<Fields> {
        if !matches!(node.value, Value::Map(_) | Value::Null) {
            let message = format!("{what} must be a mapping, not {}", node.value.kind());
            let help = format!("it holds keys: {}", allowed.join(", "));
            self.wrong(node.span, message, help);
            return None;
        }
        let mut keys = BTreeMap::new();
        for (key, value) in self.entries(node, what)? {
            if allowed.contains(&key.value.as_str()) {
                keys.insert(key.value, (key.span, value));
            } else {
                let list = allowed.join(", ");
                let help = match suggest::nearest(&key.value, allowed.iter().copied()) {
                    Some(word) => format!("did you mean `{word}`? allowed here: {list}"),
                    None => format!("allowed here: {list}"),
                };
                self.wrong(key.span, format!("unknown key {}", quote(&key.value)), help);
            }
        }
        Some(Fields { keys })
    }

    /// A text that is not empty; numbers count as they are written.
    pub(crate) fn text(&mut self, node: &Node, what: &str) -> Option<Text> {
        match &node.value {
            Value::Text(value) | Value::Number(value) if value.trim().is_empty() => {
                self.wrong(node.span, format!("{what} is an empty text"), None);
                None
            }
            Value::Text(value) | Value::Number(value) => {
                Some(Text { value: value.clone(), span: node.span })
            }
            Value::Bool(value) => {
                let help = format!("put it in quotes if it is meant as a text: '{value}'");
                self.wrong(node.span, format!("{what} must be a text, not a boolean"), help);
                None
            }
            _ => {
                self.mismatch(node, what, "a text");
                None
            }
        }
    }

    pub(crate) fn boolean(&mut self, node: &Node, what: &str) -> Option<bool> {
        match &node.value {
            Value::Bool(value) => Some(*value),
            Value::Text(text) if matches!(text.as_str(), "yes" | "no" | "on" | "off") => {
                let meant = matches!(text.as_str(), "yes" | "on");
                let message = format!("{what} must be `true` or `false`, not {}", quote(text));
                self.wrong(node.span, message, format!("write `{meant}`"));
                None
            }
            _ => {
                self.mismatch(node, what, "`true` or `false`");
                None
            }
        }
    }

    /// A whole number from 1 on.
    pub(crate) fn count(&mut self, node: &Node, what: &str) -> Option<u32> {
        let wanted = "a whole number from 1 on";
        match &node.value {
            Value::Number(number) => match number.parse() {
                Ok(count) if count >= 1 => return Some(count),
                _ => {
                    let message = format!("{what} must be {wanted}, not {}", quote(number));
                    self.wrong(node.span, message, None);
                }
            },
            _ => self.mismatch(node, what, wanted),
        }
        None
    }

    /// One of a few words.
    pub(crate) fn word(&mut self, node: &Node, what: &str, words: &[&str]) -> Option<String> {
        let text = self.text(node, what)?;
        if words.contains(&text.value.as_str()) {
            return Some(text.value);
        }
        let help = suggest::nearest(&text.value, words.iter().copied());
        let help = help.map(|word| format!("did you mean `{word}`?"));
        let list = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
        let message = format!("{what} must be {list}, not {}", quote(&text.value));
        self.wrong(node.span, message, help);
        None
    }

    /// A list of texts, or one text in its place; at least one.
    pub(crate) fn texts(&mut self, node: &Node, what: &str) -> Option<Vec<Text>> {
        match &node.value {
            Value::List(items) if items.is_empty() => {
                let help = "leave the key out where everything is meant".to_owned();
                self.wrong(node.span, format!("{what} is an empty list"), help);
                None
            }
            Value::List(items) if items.len() > MOST => {
                self.too_many(node.span, what, items.len());
                None
            }
            Value::List(items) => {
                let what = format!("an entry of {what}");
                let texts: Vec<_> = items.iter().map(|item| self.text(item, &what)).collect();
                texts.into_iter().collect()
            }
            Value::Text(_) | Value::Number(_) => Some(vec![self.text(node, what)?]),
            _ => {
                self.mismatch(node, what, "a text or a list of texts");
                None
            }
        }
    }

    /// The same, where one text may be several with commas between, as `split` finds them.
    pub(crate) fn comma_texts(
        &mut self,
        node: &Node,
        what: &str,
        split: fn(&str) -> Vec<String>,
    ) -> Option<Vec<Text>> {
        let texts = self.texts(node, what)?;
        if matches!(node.value, Value::List(_)) {
            return Some(texts);
        }
        let parts = texts.iter().flat_map(|text| {
            split(&text.value).into_iter().map(|value| Text { value, span: text.span })
        });
        let parts: Vec<Text> = parts.collect();
        if parts.is_empty() {
            self.wrong(node.span, format!("{what} holds nothing but commas"), None);
            return None;
        }
        Some(parts)
    }
}

/// The parts between commas, trimmed, empty ones left out.
pub(crate) fn split_commas(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}
