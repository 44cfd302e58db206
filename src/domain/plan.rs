//! The decision: which functions an event calls, with a reason for every one that it does not.
//!
//! [`plan`] is pure; what it returns is stored with the run and printed by `pocketci-agent plan`.
//! It knows neither where a checkout lies nor what a secret's value is.

use serde::{Deserialize, Serialize};

use super::spec::Mark;

mod arguments;
mod decide;
mod explain;
mod matching;
mod reason;

pub use decide::plan;
pub use reason::{Reason, ReasonCode};

pub(super) use matching::names_every_status;
pub(super) use reason::unmatched;

/// The files that an event changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Changes {
    /// The event has no diff: `paths` and `onChanges` are satisfied, with an empty value.
    NoDiff,
    /// Paths relative to the repository; of a renamed file both. None satisfies nothing.
    Files(Vec<String>),
}

impl Changes {
    /// The paths; none where there is no diff.
    pub fn files(&self) -> &[String] {
        match self {
            Self::NoDiff => &[],
            Self::Files(files) => files,
        }
    }

    /// The files below a folder (empty: the root), relative to it, which is what globs see.
    pub fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a str> {
        self.files().iter().filter_map(move |file| match folder {
            "" => Some(file.as_str()),
            folder => file.strip_prefix(folder)?.strip_prefix('/'),
        })
    }
}

/// What a run may have.
pub struct Policy<'a> {
    /// The commit comes from a fork: no secrets, and no commands on this host.
    pub fork: bool,
    /// Whether the function of the first name may have the secret of the second.
    pub secret: &'a dyn Fn(&str, &str) -> SecretAccess,
}

/// Whether a secret can be passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretAccess {
    Available,
    /// As an address that `dagger` resolves, which a command on the host cannot.
    Address,
    /// Allowed, but the agent has no such variable.
    Unset,
    /// The operator does not let this call have it; why, and where that would be said.
    NotAllowed(String),
}

/// The decision for one event and one spec.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub decision: Decision,
    /// Why nothing is called, or what is wrong; none when something is called.
    pub reason: Option<Reason>,
    pub calls: Vec<PlannedCall>,
    /// One entry for every function of the module, in the module's order.
    pub functions: Vec<FunctionDecision>,
    /// The places in the spec that are wrong, where it does not say what to do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<Mark>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    Call,
    Skip,
    Error,
}

/// What became of one function of the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionDecision {
    /// As listed.
    pub name: String,
    pub decision: Decision,
    /// A [`ReasonCode`].
    pub code: String,
    pub text: String,
    /// Where the error of a function is told; none where nothing is told about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
}

/// One function to call, with everything that `dagger call` or the shell needs but the places
/// (checkout, event file), which are known only when it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedCall {
    /// As listed (lower camel case).
    pub function: String,
    /// As `dagger call` wants it.
    pub kebab: String,
    /// The matching level that admitted it, 1 to 6.
    pub level: u8,
    /// The status context on the forge.
    pub context: String,
    /// False for pull request actions that must not change a commit's colour.
    pub posts_status: bool,
    pub action: Action,
    /// What its log must say before anything else: what was cut, what was not passed.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// A plan that calls nothing, without having looked at any function.
pub fn skipped(reason: Reason) -> Plan {
    Plan {
        decision: Decision::Skip,
        reason: Some(reason),
        calls: Vec::new(),
        functions: Vec::new(),
        marks: Vec::new(),
    }
}

/// A plan that cannot be made: a module that does not load, a folder that is not there.
pub fn errored(reason: Reason) -> Plan {
    Plan { decision: Decision::Error, ..skipped(reason) }
}

impl Plan {
    /// The functions that are at fault, with what is wrong.
    pub fn errors(&self) -> impl Iterator<Item = &FunctionDecision> {
        self.functions.iter().filter(|function| function.decision == Decision::Error)
    }
}

/// What runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Dagger {
        /// The module's folder, relative to the repository; empty for its root.
        module: String,
        /// Flags of the constructor, before the function's name.
        constructor: Vec<Arg>,
        /// Flags of the function.
        args: Vec<Arg>,
        /// `sync` behind the function's name, after its flags.
        sync: bool,
    },
    /// `sh -c`, with these variables for the spec's secrets (the argument's name in
    /// `SCREAMING_SNAKE` is not used: the variable's own name is).
    Shell { run: String, secrets: Vec<String> },
}

/// One flag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arg {
    /// Kebab case, without the dashes.
    pub flag: String,
    pub value: ArgValue,
}

/// A flag's value; every one is passed as one argument `--flag=value`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArgValue {
    /// The checkout's path.
    Source,
    /// The event trigger file's path.
    EventTrigger,
    Text(String),
    /// `env:NAME`, where NAME is a variable of the child alone; or, known only when it runs, the
    /// address that the operator gives for that name.
    Secret(String),
}

/// Where a call's places are; see [`PlannedCall::argv`].
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// The module tree: the folder that `module` is relative to.
    pub module_tree: &'a str,
    pub source: &'a str,
    pub event_trigger: &'a str,
}

/// The addresses of secrets that `dagger` resolves, by the names that specs use.
pub type Addresses = std::collections::BTreeMap<String, String>;

impl Arg {
    /// `--flag=value`.
    pub fn render(&self, places: Places<'_>, addresses: &Addresses) -> String {
        let flag = &self.flag;
        match &self.value {
            ArgValue::Source => format!("--{flag}={}", places.source),
            ArgValue::EventTrigger => format!("--{flag}={}", places.event_trigger),
            ArgValue::Text(text) => format!("--{flag}={text}"),
            ArgValue::Secret(name) => match addresses.get(name) {
                Some(address) => format!("--{flag}={address}"),
                None => format!("--{flag}=env:{name}"),
            },
        }
    }
}

impl PlannedCall {
    /// The arguments of `dagger`, without the program's name: no shell reads them, and no value
    /// can pass for a flag.
    pub fn argv(&self, places: Places<'_>) -> Vec<String> {
        self.argv_with(places, &Addresses::new())
    }

    /// The same, where some secrets are addresses.
    pub fn argv_with(&self, places: Places<'_>, addresses: &Addresses) -> Vec<String> {
        let Action::Dagger { module, constructor, args, sync } = &self.action else {
            return Vec::new();
        };
        let module = match (places.module_tree, module.as_str()) {
            (tree, "") => tree.to_owned(),
            (tree, module) => format!("{tree}/{module}"),
        };
        let mut argv = vec!["call".to_owned(), "--progress=plain".to_owned()];
        argv.extend(["-m".to_owned(), module]);
        argv.extend(constructor.iter().map(|arg| arg.render(places, addresses)));
        argv.push(self.kebab.clone());
        argv.extend(args.iter().map(|arg| arg.render(places, addresses)));
        if *sync {
            argv.push("sync".to_owned());
        }
        argv
    }

    /// The names of the agent's variables whose values it may see as secrets.
    pub fn secrets(&self) -> Vec<&str> {
        match &self.action {
            Action::Dagger { constructor, args, .. } => constructor
                .iter()
                .chain(args)
                .filter_map(|arg| match &arg.value {
                    ArgValue::Secret(name) => Some(name.as_str()),
                    _ => None,
                })
                .collect(),
            Action::Shell { secrets, .. } => secrets.iter().map(String::as_str).collect(),
        }
    }
}

#[cfg(test)]
pub(in crate::domain) mod tests;
