//! Who may have which secret, for what.

use std::fmt::Display;

use super::refs::running;
use super::{Policy, SecretRule, Source};
use crate::domain::event::Event;
use crate::domain::ids::{RepoName, Vendor};

/// Whether a call may have a secret, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretUse {
    /// Its value is in this variable of the agent, or in this file.
    Value(Source),
    /// `dagger` resolves this address on the host.
    Address(String),
    /// Allowed, but the agent has no such variable.
    Unset,
    /// Why not, and where the operator would allow it; the name stands in it.
    NotAllowed { hint: String },
}

/// Whether a variable is for the agent alone: its settings, and what proves who sent a webhook.
pub fn is_the_agents(name: &str) -> bool {
    let prefix = |vendor: Vendor| vendor.as_str().to_ascii_uppercase().replace('-', "_");
    let of_a_forge = |rest: &str| Vendor::ALL.into_iter().any(|vendor| prefix(vendor) == rest);
    name == "X_HUB_SIGNATURE"
        || name.to_ascii_uppercase().starts_with("POCKETCI_")
        || name.strip_suffix("_WEBHOOK_SECRET").is_some_and(of_a_forge)
}

impl Policy {
    /// Whether a function may have the secret of that name when it is called for an event.
    ///
    /// A commit that says itself that it comes from a fork gets none. Of several secrets of one
    /// name that are allowed, the last of the file counts.
    pub fn secret(
        &self,
        forge: impl Display,
        repo: &RepoName,
        event: &Event,
        function: &str,
        name: &str,
    ) -> SecretUse {
        let no = |hint: String| SecretUse::NotAllowed { hint };
        if is_the_agents(name) {
            return no(format!("`{name}` is the agent's own and is never handed out"));
        }
        if event.is_fork() {
            return no("commits from forks get no secrets".to_owned());
        }
        if !self.says_secrets() {
            if self.defaults.secrets.iter().any(|known| known == name) {
                return self.found(&Source::Env(name.to_owned()));
            }
            return no(format!(
                "this repository may not use `{name}` (POCKETCI_SECRETS, or `repositories` in \
                 POCKETCI_CONFIG)"
            ));
        }
        let mut hint =
            format!("this repository may not use `{name}` (`repositories` in POCKETCI_CONFIG)");
        let mut found = None;
        let rules = self.rules(&forge, repo).flat_map(|rule| rule.secrets.iter().flatten());
        for secret in rules.filter(|secret| secret.name == name) {
            match refusal(secret, event, function) {
                None => found = Some(&secret.source),
                Some(why) => hint = why,
            }
        }
        found.map_or_else(|| no(hint), |source| self.found(source))
    }

    fn found(&self, source: &Source) -> SecretUse {
        match source {
            Source::Env(variable) if !self.set.contains(variable) => SecretUse::Unset,
            Source::Dagger(address) => SecretUse::Address(address.clone()),
            source => SecretUse::Value(source.clone()),
        }
    }
}

/// Why a secret is not for this call, short enough for a status.
fn refusal(secret: &SecretRule, event: &Event, function: &str) -> Option<String> {
    let name = &secret.name;
    let kind = event.event_type.as_str();
    if secret.events.as_ref().is_some_and(|events| !events.iter().any(|known| known == kind)) {
        return Some(format!(
            "`{name}` is not for `{kind}` events (its `events` in POCKETCI_CONFIG)"
        ));
    }
    if let Some(refs) = &secret.refs {
        let Some(reference) = running(event) else {
            return Some(format!(
                "`{name}` is not for `{kind}` events, which are on no branch or tag of their own \
                 (its `refs` in POCKETCI_CONFIG)"
            ));
        };
        if !refs.matches(&reference) {
            return Some(format!(
                "`{name}` is not for `{reference}` (its `refs` in POCKETCI_CONFIG)"
            ));
        }
    }
    let functions = secret.functions.as_ref();
    if functions.is_some_and(|functions| !functions.matches(function)) {
        let text = format!("`{name}` is not for `{function}` (its `functions` in POCKETCI_CONFIG)");
        return Some(text);
    }
    None
}
