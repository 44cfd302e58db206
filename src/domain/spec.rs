//! `pocketci.yaml`: a module or commands, the filters before it, its secrets and settings.
//!
//! What [`parse`] returns needs no further checks: paths stay inside the repository, globs
//! compile, names are names.

mod sections;
mod parse;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::glob::Globs;
use super::pattern::Patterns;

pub use super::yaml::{Diagnostic, Diagnostics as SpecErrors, MAX_BYTES, Mark, Severity};
pub use parse::{default_for_root, name_of, parse, parse_bytes};

/// One document of a `pocketci.yaml`.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// The file, relative to the repository: `services/api/pocketci.yaml`.
    pub path: String,
    /// The file's folder, without slashes at the ends; empty at the root.
    pub folder: String,
    /// The name in status contexts: `name`, else the folder, else nothing.
    pub name: String,
    pub target: Target,
    /// None: every event triggers.
    pub events: Option<EventFilters>,
    /// Globs over the changed files, relative to `folder`; none: everything below it.
    pub paths: Option<Globs>,
    pub secrets: Vec<SecretUse>,
    /// Root spec only: `pocketci.yaml` files that are not specs.
    pub ignore: Option<Globs>,
    /// Of each call.
    pub timeout: Option<Duration>,
    /// Of a run, from the start of its first call on.
    pub run_timeout: Option<Duration>,
    /// None: true for pull requests, false otherwise.
    pub cancel_superseded: Option<bool>,
    /// Calls at once, over all its runs; none: as many as the agent has room for.
    pub max_parallel: Option<u32>,
    /// Runs of the repository with the same group run one after the other.
    pub concurrency: Option<Concurrency>,
    pub on_interrupt: OnInterrupt,
    /// Whether the summary status `pocketci[/name]` is posted.
    pub summary: bool,
    pub git_depth: GitDepth,
    /// Matchers by function name as listed; they win over the arguments' defaults.
    pub functions: BTreeMap<String, Matchers>,
}

/// What a spec runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// A dagger module's folder, relative to the repository (`ci`, `services/api/ci`, or empty
    /// for the root itself).
    Module(String),
    /// Commands without a module, in the order of the file.
    Commands(Vec<Command>),
}

/// A function without a module: a shell command under a function's name.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    pub name: String,
    pub run: String,
    pub matchers: Matchers,
}

/// Comma-separated lists that an event's values must be in; none admits everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matchers {
    pub vendor: Option<Vec<String>>,
    pub event: Option<Vec<String>>,
    pub filter: Option<Vec<String>>,
    /// Globs as written, at least one of which must match a changed file.
    pub on_changes: Option<Vec<String>>,
}

/// `events`: only what is listed triggers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EventFilters {
    /// By event name (`pull_request`, `push` for both `commits` and `push`, `tag` for `tags`,
    /// any other event by its own name); the patterns are over base branches, branches, tags,
    /// or the event's filters.
    pub by_event: BTreeMap<String, Patterns>,
}

/// A secret that the spec asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretUse {
    /// The function's argument, as listed (lower camel case).
    pub name: String,
    /// The variable that the operator lets this repository have.
    pub from_env: String,
}

/// A queue of runs of which one runs at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concurrency {
    /// Its name, within the repository.
    pub group: String,
    /// A new run cancels those of the group that are not finished, instead of waiting for them.
    pub cancel: bool,
}

/// What an agent restart does to a running call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnInterrupt {
    /// Run it again, once.
    #[default]
    Retry,
    /// Finish it as lost.
    Fail,
}

/// How much history a checkout's `.git` holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GitDepth {
    Commits(u32),
    Full,
}

impl Default for GitDepth {
    /// As the original.
    fn default() -> Self {
        Self::Commits(10)
    }
}
