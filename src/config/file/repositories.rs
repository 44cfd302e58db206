//! The section `repositories`: who may do what.

use super::{Place, source};
use crate::domain::pattern::Patterns;
use crate::domain::policy::{Refs, Repositories, Rule, SecretRule, Source, Trusted, is_the_agents};
use crate::domain::trust::Forks;
use crate::domain::yaml::{Node, Span, Text, Value, quote};

const ENTRY: [&str; 6] = ["match", "forks", "trusted", "dotenv", "host-commands", "secrets"];
const SECRET: [&str; 5] = ["name", "from", "events", "refs", "functions"];

/// Variables of a call that a secret would hide or be hidden by.
const TAKEN: [&str; 14] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "TMPDIR",
    "CI",
    "NO_COLOR",
    "GITHUB_ACTIONS",
    "GITHUB_SHA",
    "GITHUB_REF",
    "GITHUB_EVENT_NAME",
    "GITHUB_EVENT_PATH",
    "commit",
    "short_commit",
];

/// What starts like these directs the linker, `dagger` or git, and is not for a repository to have.
const DIRECTING: [&str; 6] =
    ["LD_", "DAGGER_", "_EXPERIMENTAL_DAGGER_", "OTEL_", "GIT_", "COMPOSE_"];

impl Place<'_, '_> {
    pub(super) fn repositories(&mut self, node: Node) -> Vec<Rule> {
        let Value::List(items) = node.value else {
            self.reading.mismatch(&node, "`repositories`", "a list of entries with `match`");
            return Vec::new();
        };
        items.into_iter().filter_map(|item| self.rule(item)).collect()
    }

    fn rule(&mut self, item: Node) -> Option<Rule> {
        let whole = item.span;
        let mut fields = self.reading.fields(item, "an entry of `repositories`", &ENTRY)?;
        let Some(node) = fields.take("match") else {
            let help = "write `match: owner/name` or `match: \"owner/*\"`".to_owned();
            let message = "an entry of `repositories` has no `match`".to_owned();
            self.reading.wrong(whole, message, help);
            return None;
        };
        let repositories = self.matched(&node);
        let forks = fields.take("forks").and_then(|node| self.forks(&node));
        let trusted = fields.take("trusted").and_then(|node| self.trusted(&node));
        let mut switch = |place: &mut Self, key: &str| {
            let node = fields.take(key)?;
            let word = place.reading.word(&node, &format!("`{key}`"), &["allow", "never"])?;
            Some(word == "allow")
        };
        let dotenv = switch(self, "dotenv");
        let host_commands = switch(self, "host-commands");
        let secrets = fields.take("secrets").map(|node| self.secrets(node));
        let repositories = repositories?;
        Some(Rule { repositories, forks, trusted, dotenv, host_commands, secrets })
    }

    fn matched(&mut self, node: &Node) -> Option<Repositories> {
        let texts = self.reading.texts(node, "`match`")?;
        let all: Vec<String> = texts.iter().map(|text| text.value.clone()).collect();
        let error = match Repositories::new(&all) {
            Ok(repositories) => return Some(repositories),
            Err(error) => error,
        };
        // One that only excludes is wrong alone and right beside another.
        let alone = |text: &&Text| {
            let bare = text.value.trim_start_matches('!').to_owned();
            Repositories::new(&[bare]).is_err()
        };
        let span = texts.iter().find(alone).map_or(node.span, |text| text.span);
        self.reading.wrong(span, format!("`match`: {error}"), None);
        None
    }

    fn forks(&mut self, node: &Node) -> Option<Forks> {
        let word = self.reading.word(node, "`forks`", &["approve", "run", "never"])?;
        Some(match word.as_str() {
            "run" => Forks::Run,
            "never" => Forks::Never,
            _ => Forks::Approve,
        })
    }

    fn trusted(&mut self, node: &Node) -> Option<Vec<Trusted>> {
        // Nobody: an entry takes back what an earlier one says.
        if matches!(&node.value, Value::List(items) if items.is_empty()) {
            return Some(Vec::new());
        }
        let texts = self.reading.texts(node, "`trusted`")?;
        let one = |text: Text| match text.value.strip_prefix("id:") {
            Some(id) => Trusted::Id(id.trim().to_owned()),
            None => Trusted::Login(text.value.trim_start_matches('@').to_owned()),
        };
        Some(texts.into_iter().map(one).collect())
    }

    fn secrets(&mut self, node: Node) -> Vec<SecretRule> {
        let Value::List(items) = node.value else {
            self.reading.mismatch(&node, "`secrets`", "a list of entries with `name`");
            return Vec::new();
        };
        items.into_iter().filter_map(|item| self.secret(item)).collect()
    }

    fn secret(&mut self, item: Node) -> Option<SecretRule> {
        let whole = item.span;
        let mut fields = self.reading.fields(item, "a secret", &SECRET)?;
        let name = match fields.take("name") {
            Some(node) => self.reading.text(&node, "`name`").filter(|name| self.is_name(name)),
            None => {
                let help = "it is what `from-env` of a pocketci.yaml names".to_owned();
                self.reading.wrong(whole, "a secret has no `name`".to_owned(), help);
                None
            }
        };
        let from = match fields.take("from") {
            Some(node) => self.from(node),
            None => name.as_ref().map(|name| Source::Env(name.value.clone())),
        };
        let events = fields.take("events").map(|node| self.events(&node));
        let refs = fields.take("refs").map(|node| self.refs(&node));
        let functions = fields.take("functions").map(|node| self.functions(&node));
        // What is limited by something that cannot be read is given to nobody.
        Some(SecretRule {
            name: name?.value,
            source: from?,
            events: present(events)?,
            refs: present(refs)?,
            functions: present(functions)?,
        })
    }

    fn is_name(&mut self, name: &Text) -> bool {
        let value = &name.value;
        let form = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let why = if value.starts_with(|c: char| c.is_ascii_digit()) || !value.chars().all(form) {
            "is not a variable's name: letters, digits and `_`, as in `DEPLOY_KEY`"
        } else if is_the_agents(value) {
            "is the agent's own and is never handed out"
        } else if TAKEN.contains(&value.as_str())
            || DIRECTING.iter().any(|start| value.starts_with(start))
        {
            "has a meaning to the programs of a call: give the secret another name"
        } else {
            return true;
        };
        self.reading.wrong(name.span, format!("{} {why}", quote(value)), None);
        false
    }

    fn from(&mut self, node: Node) -> Option<Source> {
        let span = node.span;
        let from = source(self, node, "`from`", true)?;
        if let Source::Env(variable) = &from
            && is_the_agents(variable)
        {
            let message = format!("{} is the agent's own and is never handed out", quote(variable));
            self.reading.wrong(span, message, None);
            return None;
        }
        Some(from)
    }

    fn events(&mut self, node: &Node) -> Option<Vec<String>> {
        let texts = self.reading.texts(node, "`events`")?;
        let names = texts.iter().map(|text| self.reading.event_named(text));
        names.collect()
    }

    fn refs(&mut self, node: &Node) -> Option<Refs> {
        self.patterns(node, "`refs`", Refs::new)
    }

    fn functions(&mut self, node: &Node) -> Option<Patterns> {
        let texts = self.reading.texts(node, "`functions`")?;
        if let Some(kebab) =
            texts.iter().find(|text| text.value.contains('-') && !text.value.contains('['))
        {
            let help = "write it as `dagger` lists it: `deployOnPush`, `deploy*`".to_owned();
            let message = format!("{} can match no function", quote(&kebab.value));
            self.reading.wrong(kebab.span, message, help);
            return None;
        }
        self.patterns(node, "`functions`", Patterns::new)
    }

    fn patterns<T>(
        &mut self,
        node: &Node,
        what: &str,
        compile: fn(&[String]) -> Result<T, crate::domain::pattern::PatternError>,
    ) -> Option<T> {
        let texts = self.reading.texts(node, what)?;
        let all: Vec<String> = texts.iter().map(|text| text.value.clone()).collect();
        if all.iter().all(|pattern| pattern.starts_with('!')) {
            let help = "put what is meant in front, as in `[\"**\", \"!x\"]`".to_owned();
            self.reading.wrong(node.span, format!("{what} only excludes"), help);
            return None;
        }
        let error = match compile(&all) {
            Ok(compiled) => return Some(compiled),
            Err(error) => error,
        };
        let bad = texts.iter().find(|text| text.value == error.pattern);
        let span: Span = bad.map_or(node.span, |text| text.span);
        let help = "patterns are those of GitHub Actions: `main`, `release/**`".to_owned();
        self.reading.wrong(span, error.to_string(), help);
        None
    }
}

/// None where a key is there and what it says cannot be read.
fn present<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    match read {
        None => Some(None),
        Some(value) => value.map(Some),
    }
}
