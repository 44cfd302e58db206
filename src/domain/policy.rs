//! What the operator lets a repository do: whose commits run, what they may read, which secrets.
//!
//! A [`Policy`] is what the variables say for every repository, and above it the entries of the
//! agent's file. It knows where a secret comes from and never its value.

mod refs;
mod repositories;
mod secret;

use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::PathBuf;

use super::event::Sender;
use super::ids::RepoName;
use super::pattern::Patterns;
use super::trust::Forks;

pub use refs::Refs;
pub use repositories::{BadMatch, Repositories};
pub use secret::{SecretUse, is_the_agents};

/// Where a value comes from that is not for everybody's eyes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A variable of the agent.
    Env(String),
    /// A file, read anew whenever a call starts.
    File(PathBuf),
    /// An address that `dagger` resolves on the host (`op://…`): its value is never the agent's.
    Dagger(String),
}

/// A user of a forge whom the operator trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trusted {
    /// By login, which can be given up and taken by another.
    Login(String),
    /// By the forge's user id, which stays.
    Id(String),
}

/// A secret, and for what it is.
#[derive(Debug, Clone, PartialEq)]
pub struct SecretRule {
    /// What `from-env` of a `pocketci.yaml` names.
    pub name: String,
    pub source: Source,
    /// Our names of events; none: all.
    pub events: Option<Vec<String>>,
    /// Branches and tags of what runs; none: all.
    pub refs: Option<Refs>,
    /// Functions as `dagger` lists them; none: all.
    pub functions: Option<Patterns>,
}

/// An entry of the agent's file: what it does not say stays as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    pub repositories: Repositories,
    pub forks: Option<Forks>,
    pub trusted: Option<Vec<Trusted>>,
    /// Whether `.env` files of the repository are part of its modules.
    pub dotenv: Option<bool>,
    pub host_commands: Option<bool>,
    /// None where the entry does not speak of secrets at all.
    pub secrets: Option<Vec<SecretRule>>,
}

/// What holds for every repository of which no entry says otherwise.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Defaults {
    pub forks: Forks,
    pub host_commands: bool,
    /// Variables that every repository may name; they count only as long as no entry of the file
    /// speaks of secrets.
    pub secrets: Vec<String>,
}

/// What every repository may do. The default lets nobody have anything.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Policy {
    defaults: Defaults,
    rules: Vec<Rule>,
    /// The agent's variables that have a value.
    set: BTreeSet<String>,
}

impl Policy {
    /// `rules` in the order of the file; `set` are the agent's variables that have a value.
    pub fn new(defaults: Defaults, rules: Vec<Rule>, set: BTreeSet<String>) -> Self {
        Self { defaults, rules, set }
    }

    /// What is done with commits from forks.
    pub fn forks(&self, forge: impl Display, repo: &RepoName) -> Forks {
        self.last(&forge, repo, |rule| rule.forks).unwrap_or(self.defaults.forks)
    }

    /// Whether this user's commits need nobody's approval.
    pub fn trusts(&self, forge: impl Display, repo: &RepoName, sender: &Sender) -> bool {
        let trusted = self.last(&forge, repo, |rule| rule.trusted.as_ref());
        trusted.into_iter().flatten().any(|one| match one {
            // Forges do not tell logins apart by case.
            Trusted::Login(login) => login.eq_ignore_ascii_case(&sender.login),
            Trusted::Id(id) => *id == sender.id,
        })
    }

    /// Whether `.env` files of the repository are part of its modules: they are code that `dagger`
    /// runs on this host.
    pub fn dotenv(&self, forge: impl Display, repo: &RepoName) -> bool {
        self.last(&forge, repo, |rule| rule.dotenv).unwrap_or(false)
    }

    /// Whether commands without a module may run on this host, with the agent's rights.
    pub fn host_commands(&self, forge: impl Display, repo: &RepoName) -> bool {
        let said = self.last(&forge, repo, |rule| rule.host_commands);
        said.unwrap_or(self.defaults.host_commands)
    }

    /// Every secret that some repository may have, with where it comes from.
    pub fn secrets(&self) -> impl Iterator<Item = (&str, Source)> {
        let named = self.defaults.secrets.iter().filter(|_| !self.says_secrets());
        let named = named.map(|name| (name.as_str(), Source::Env(name.clone())));
        let rules = self.rules.iter().flat_map(|rule| rule.secrets.iter().flatten());
        named.chain(rules.map(|secret| (secret.name.as_str(), secret.source.clone())))
    }

    /// The entries for a repository, in the order of the file.
    fn rules(&self, forge: &dyn Display, repo: &RepoName) -> impl Iterator<Item = &Rule> {
        let forge = forge.to_string();
        self.rules.iter().filter(move |rule| rule.repositories.matches(&forge, repo))
    }

    /// Of the entries for a repository, what the last one says that says anything.
    fn last<'a, T>(
        &'a self,
        forge: &dyn Display,
        repo: &RepoName,
        said: impl Fn(&'a Rule) -> Option<T>,
    ) -> Option<T> {
        self.rules(forge, repo).filter_map(said).last()
    }

    /// Whether the file says who may have which secrets; then the variables do not.
    fn says_secrets(&self) -> bool {
        self.rules.iter().any(|rule| rule.secrets.is_some())
    }
}

#[cfg(test)]
mod tests;
