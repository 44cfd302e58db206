//! The sections of a document with entries of their own: `events`, `secrets`, `functions` and
//! `commands`.

use std::collections::BTreeMap;

use super::{Command, Concurrency, EventFilters, Matchers, SecretUse};
use crate::domain::event::planned::{self, planned};
use crate::domain::glob;
use crate::domain::ids::Vendor;
use crate::domain::inert;
use crate::domain::pattern::Patterns;
use crate::domain::yaml::{MOST, Node, Reading, Span, Text, Value, quote, split_commas};
use crate::domain::{strcase, suggest};

const MATCHERS: [&str; 4] = ["vendor", "event", "filter", "on-changes"];
const COMMAND: [&str; 5] = ["run", "vendor", "event", "filter", "on-changes"];

/// Arguments that the agent fills itself, and a secret would hide.
const FILLED: [&str; 6] = ["src", "eventTrigger", "vendor", "event", "filter", "onChanges"];

/// Flags of `dagger` itself: an argument of such a name is read as the flag, wherever it stands.
const FLAGS: [&str; 22] = [
    "mod",
    "noMod",
    "progress",
    "workdir",
    "envFile",
    "output",
    "json",
    "silent",
    "quiet",
    "verbose",
    "debug",
    "interactive",
    "interactiveCommand",
    "noExit",
    "web",
    "help",
    "doc",
    "var",
    "varJson",
    "cloud",
    "lock",
    "autoApply",
];

impl Reading<'_> {
    pub(super) fn events(&mut self, node: Node) -> Option<EventFilters> {
        let entries = self.entries(node, "`events`")?;
        if entries.is_empty() {
            return Some(EventFilters::default());
        }
        let mut by_event = BTreeMap::new();
        for (key, value) in entries {
            let Some(event) = self.event_named(&key) else { continue };
            let patterns = self.patterns(&value, &key.value);
            if by_event.contains_key(&event) {
                let message = format!("`{}` names the same events as another key", key.value);
                self.wrong(key.span, message, "put both lists under one key".to_owned());
            }
            by_event.extend(patterns.map(|patterns| (event, patterns)));
        }
        Some(EventFilters { by_event })
    }

    /// The event that is planned under a name as people write it.
    pub(crate) fn event_named(&mut self, key: &Text) -> Option<String> {
        let name = &key.value;
        planned(name).map(str::to_owned).or_else(|| self.event_of_a_forge(key))
    }

    /// Names that we do not know are taken, as forges write them: a forge may have more than are
    /// planned today; slips of known ones are not.
    fn event_of_a_forge(&mut self, key: &Text) -> Option<String> {
        let name = &key.value;
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let meant = suggest::nearest(name, planned::words());
        if name.chars().all(letters) && meant.is_none() {
            return Some(name.clone());
        }
        let list = planned::words().collect::<Vec<_>>().join(", ");
        let help = match meant {
            Some(word) => format!("did you mean `{word}`? known events: {list}"),
            None => format!("known events: {list}"),
        };
        self.wrong(key.span, format!("unknown event {}", quote(name)), help);
        None
    }

    /// Filter patterns; nothing behind the key admits everything.
    fn patterns(&mut self, node: &Node, event: &str) -> Option<Patterns> {
        let texts = match node.value {
            Value::Null => vec![Text { value: "**".to_owned(), span: node.span }],
            _ => self.texts(node, &format!("`{event}`"))?,
        };
        if !self.are_short(&texts) {
            return None;
        }
        let patterns: Vec<String> = texts.iter().map(|text| text.value.clone()).collect();
        let error = match Patterns::new(&patterns) {
            Ok(patterns) => return Some(patterns),
            Err(error) => error,
        };
        let alone = |text: &&Text| Patterns::new(std::slice::from_ref(&text.value)).is_err();
        let span = texts.iter().find(alone).map_or(node.span, |text| text.span);
        let help = "patterns are those of GitHub Actions: `main`, `release/**`, `!draft/*`";
        self.wrong(span, error.to_string(), help.to_owned());
        None
    }

    pub(super) fn secrets(&mut self, node: Node) -> Vec<SecretUse> {
        let Value::List(items) = node.value else {
            self.mismatch(&node, "`secrets`", "a list of `name` and `from-env` pairs");
            return Vec::new();
        };
        if items.len() > MOST {
            self.too_many(node.span, "`secrets`", items.len());
            return Vec::new();
        }
        let mut secrets: Vec<(SecretUse, usize)> = Vec::new();
        for item in items {
            let Some((secret, name)) = self.secret(item) else { continue };
            let line = 1 + self.text[..name.span.start].matches('\n').count();
            match secrets.iter().find(|(known, _)| known.name == secret.name) {
                Some((_, first)) => {
                    let help = format!("it is already given in line {first}: keep one of the two");
                    let message = format!("secret `{}` is given twice", secret.name);
                    self.wrong(name.span, message, help);
                }
                None => secrets.push((secret, line)),
            }
        }
        secrets.into_iter().map(|(secret, _)| secret).collect()
    }

    fn secret(&mut self, item: Node) -> Option<(SecretUse, Text)> {
        let whole = item.span;
        let mut fields = self.fields(item, "a secret", &["name", "from-env"])?;
        let mut part = |reading: &mut Self, key: &str, what: &str| {
            let Some(node) = fields.take(key) else {
                let message = format!("a secret has no `{key}`, {what}");
                reading.wrong(whole, message, None);
                return None;
            };
            reading.text(&node, &format!("`{key}`"))
        };
        let name = part(self, "name", "the argument of the function that takes it");
        let from_env = part(self, "from-env", "the agent's variable that holds it");
        let name = name.filter(|name| self.is_argument(name));
        let from_env = from_env.filter(|variable| self.is_variable(variable));
        let (name, from_env) = (name?, from_env?);
        let secret = SecretUse { name: name.value.clone(), from_env: from_env.value };
        Some((secret, name))
    }

    fn is_argument(&mut self, name: &Text) -> bool {
        if FILLED.contains(&name.value.as_str()) {
            let message = format!("`{}` is an argument that the agent fills itself", name.value);
            self.wrong(name.span, message, "give the secret another name".to_owned());
            return false;
        }
        if FLAGS.iter().any(|flag| strcase::to_kebab(flag) == strcase::to_kebab(&name.value)) {
            let message = format!("{} is a flag of dagger's own", quote(&name.value));
            self.wrong(name.span, message, "give the secret another name".to_owned());
            return false;
        }
        self.is_identifier(name, "an argument's name")
    }

    fn is_variable(&mut self, name: &Text) -> bool {
        let value = &name.value;
        if value == "X_HUB_SIGNATURE" || value.to_ascii_uppercase().starts_with("POCKETCI_") {
            let message = format!("{} is the agent's own and is never handed out", quote(value));
            self.wrong(name.span, message, None);
            return false;
        }
        let form = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if value.starts_with(|c: char| c.is_ascii_digit()) || !value.chars().all(form) {
            let message = format!("{} is not a variable's name", quote(value));
            let help = "letters, digits and `_`, as in `GITHUB_TOKEN`; \
                        the value itself does not belong here";
            self.wrong(name.span, message, help.to_owned());
            return false;
        }
        true
    }

    /// A name as dagger lists it.
    fn is_identifier(&mut self, name: &Text, what: &str) -> bool {
        let form = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let value = &name.value;
        if value.starts_with(|c: char| c.is_ascii_alphabetic()) && value.chars().all(form) {
            return true;
        }
        let message = format!("{} is not {what}", quote(value));
        let help = match camel(value) {
            Some(meant) => format!("write it as `dagger` lists it: `{meant}`"),
            None => "letters and digits, starting with a letter, as in `testOnPush`".to_owned(),
        };
        self.wrong(name.span, message, help);
        false
    }

    pub(super) fn functions(&mut self, node: Node) -> BTreeMap<String, Matchers> {
        let mut functions = BTreeMap::new();
        for (name, value) in self.entries(node, "`functions`").unwrap_or_default() {
            if !self.is_identifier(&name, "a function's name") {
                continue;
            }
            let what = quote(&name.value);
            let Some(fields) = self.fields(value, &what, &MATCHERS) else { continue };
            functions.insert(name.value, self.matchers(fields.keys));
        }
        functions
    }

    /// `concurrency: {group: NAME, cancel: false}`, or the group's name alone.
    pub(super) fn concurrency(&mut self, node: Node) -> Option<Concurrency> {
        if !matches!(node.value, Value::Map(_)) {
            let group = self.line(&node, "`concurrency`")?;
            return Some(Concurrency { group, cancel: false });
        }
        let span = node.span;
        let mut fields = self.fields(node, "`concurrency`", &["group", "cancel"])?;
        let cancel = fields.take("cancel").and_then(|node| self.boolean(&node, "`cancel`"));
        let Some(group) = fields.take("group") else {
            let help = "write `{group: deploy}`: its runs run one after the other".to_owned();
            self.wrong(span, "`concurrency` has no `group`".to_owned(), help);
            return None;
        };
        let group = self.line(&group, "`group`")?;
        Some(Concurrency { group, cancel: cancel.unwrap_or(false) })
    }

    /// A name of ours to choose: one short line.
    fn line(&mut self, node: &Node, what: &str) -> Option<String> {
        /// It stands in statuses, which are short.
        const LONGEST: usize = 100;
        let text = self.text(node, what)?;
        let value = text.value.trim();
        let why = if value.chars().any(inert::is_active) {
            "must be one line of plain text"
        } else if value.chars().count() > LONGEST {
            "is longer than 100 characters"
        } else {
            return Some(value.to_owned());
        };
        self.wrong(text.span, format!("{what} {} {why}", quote(value)), None);
        None
    }

    pub(super) fn commands(&mut self, node: Node) -> Vec<Command> {
        let span = node.span;
        let Some(entries) = self.entries(node, "`commands`") else { return Vec::new() };
        if entries.is_empty() {
            let help = "write `testOnPush: {run: \"…\"}`, or leave it out".to_owned();
            self.wrong(span, "`commands` names none".to_owned(), help);
        }
        let mut commands = Vec::new();
        for (name, value) in entries {
            if !self.is_identifier(&name, "a command's name") {
                continue;
            }
            let what = quote(&name.value);
            let Some(mut fields) = self.fields(value, &what, &COMMAND) else { continue };
            let Some(run) = fields.take("run") else {
                let help = "write `run: \"cargo test\"`: it is given to `sh -c`".to_owned();
                self.wrong(name.span, format!("{what} has no `run`"), help);
                continue;
            };
            // `true` and `false` are programs too.
            let run = match run.value {
                Value::Bool(program) => Some(Text { value: program.to_string(), span: run.span }),
                _ => self.text(&run, "`run`"),
            };
            let run = run.filter(|run| {
                let bad = run.value.contains('\0');
                if bad {
                    let message = "`run` holds a zero byte, which no shell takes".to_owned();
                    self.wrong(run.span, message, None);
                }
                !bad
            });
            let matchers = self.matchers(fields.keys);
            let command = run.map(|run| Command { name: name.value, run: run.value, matchers });
            commands.extend(command);
        }
        commands
    }

    fn matchers(&mut self, mut keys: BTreeMap<String, (Span, Node)>) -> Matchers {
        let mut list = |reading: &mut Self, key: &str| -> Option<Vec<Text>> {
            let (_, node) = keys.remove(key)?;
            let split = if key == "on-changes" { glob::split } else { split_commas };
            reading.comma_texts(&node, &format!("`{key}`"), split)
        };
        let values = |texts: Vec<Text>| texts.into_iter().map(|text| text.value).collect();
        let vendor = list(self, "vendor");
        for text in vendor.iter().flatten() {
            if let Err(error) = text.value.parse::<Vendor>() {
                let names = Vendor::ALL.map(Vendor::as_str);
                let help = suggest::nearest(&text.value, names);
                self.wrong(
                    text.span,
                    error.to_string(),
                    help.map(|word| format!("did you mean `{word}`?")),
                );
            }
        }
        let event = list(self, "event");
        let filter = list(self, "filter");
        for texts in [&event, &filter].into_iter().flatten() {
            self.are_short(texts);
        }
        let on_changes = list(self, "on-changes");
        if let Some(texts) = &on_changes {
            let whole = texts.first().map(|text| text.span);
            whole.map(|whole| self.compiled_globs(texts, whole));
        }
        Matchers {
            vendor: vendor.map(values),
            event: event.map(values),
            filter: filter.map(values),
            on_changes: on_changes.map(values),
        }
    }
}

/// `lint-on-push` and `lint on push` as `lintOnPush`, where that gives a name.
fn camel(text: &str) -> Option<String> {
    let mut parts = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|p| !p.is_empty());
    let first =
        parts.next().filter(|first| first.starts_with(|c: char| c.is_ascii_alphabetic()))?;
    let mut name = first.to_owned();
    for part in parts {
        let (head, tail) = part.split_at(1);
        name.push_str(&head.to_ascii_uppercase());
        name.push_str(tail);
    }
    text.is_ascii().then_some(name)
}
