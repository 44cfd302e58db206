//! What is passed to a function: what it declares of what we have, and nothing else.

use super::{Arg, ArgValue, Changes, Policy, Reason, ReasonCode, SecretAccess};
use crate::domain::event::Event;
use crate::domain::function::{Argument, ArgumentKind};
use crate::domain::names::Name;
use crate::domain::spec::SecretUse;
use crate::domain::strcase;

/// The longest argument that Linux takes, in bytes, with the zero at its end.
const ARGUMENT_LIMIT: usize = 128 * 1024;

/// How much of all arguments a list may take, in bytes: half of what Linux allows by default.
const LIST_LIMIT: usize = 1024 * 1024;

/// What we can fill arguments with, in the order in which it is passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ours {
    Source,
    EventTrigger,
    Filter,
    Event,
    Vendor,
    OnChanges,
}

impl Ours {
    const ALL: [Self; 6] = [
        Self::Source,
        Self::EventTrigger,
        Self::Filter,
        Self::Event,
        Self::Vendor,
        Self::OnChanges,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Source => "src",
            Self::EventTrigger => "eventTrigger",
            Self::Filter => "filter",
            Self::Event => "event",
            Self::Vendor => "vendor",
            Self::OnChanges => "onChanges",
        }
    }

    /// Whether the CLI can make an argument of that type from what we pass.
    fn fits(self, kind: &ArgumentKind) -> bool {
        match (self, kind) {
            (_, ArgumentKind::String)
            | (Self::Source, ArgumentKind::Directory)
            | (Self::EventTrigger, ArgumentKind::File) => true,
            (Self::Source | Self::EventTrigger, _) => false,
            (_, kind) => *kind == ArgumentKind::StringList,
        }
    }
}

/// As what a secret is passed.
enum Given {
    Value,
    /// `dagger` makes a value of it.
    Address,
}

/// Where arguments get their values from.
pub(super) struct Filling<'a> {
    pub(super) event: &'a Event,
    pub(super) name: &'a Name,
    pub(super) changes: &'a Changes,
    pub(super) secrets: &'a [SecretUse],
    pub(super) policy: &'a Policy<'a>,
}

/// Flags, and what the call's log must say about them.
#[derive(Debug, Default)]
pub(super) struct Filled {
    pub(super) args: Vec<Arg>,
    pub(super) notes: Vec<String>,
}

impl Filling<'_> {
    /// Fills the arguments of a function or, before it, of the constructor, as `whose` says.
    pub(super) fn fill(
        &self,
        function: &str,
        whose: &str,
        args: &[Argument],
    ) -> Result<Filled, Reason> {
        let mut filled = Filled::default();
        for ours in Ours::ALL {
            let fits = |arg: &&Argument| arg.name == ours.name() && ours.fits(&arg.kind);
            if let Some(arg) = args.iter().find(fits) {
                self.pass(ours, arg, &mut filled);
            }
        }
        let is_ours = |arg: &Argument| {
            Ours::ALL.iter().any(|ours| arg.name == ours.name() && ours.fits(&arg.kind))
        };
        for arg in args.iter().filter(|arg| !is_ours(arg)) {
            if let Some(secret) = self.secrets.iter().find(|secret| is_for(secret, arg)) {
                self.pass_secret(function, whose, arg, secret, &mut filled)?;
            } else if !arg.optional {
                return Err(unfilled(whose, arg));
            }
        }
        Ok(filled)
    }

    /// The variables of a command, for which every secret of the spec is meant.
    pub(super) fn variables(&self, command: &str) -> Result<(Vec<String>, Vec<String>), Reason> {
        if self.policy.fork {
            return Err(ReasonCode::ForkCommand.because(format!(
                "Command `{command}` never runs for a commit from a fork: it would have the agent's \
                 own rights"
            )));
        }
        let (mut variables, mut notes) = (Vec::new(), Vec::new());
        for SecretUse { from_env, .. } in self.secrets {
            match self.access(command, from_env) {
                Ok(Given::Address) => notes.push(format!(
                    "A secret is not passed: `{from_env}` is an address that only dagger resolves, \
                     for a function of a module"
                )),
                Ok(Given::Value) if variables.contains(from_env) => {}
                Ok(Given::Value) => variables.push(from_env.clone()),
                Err((_, why)) => notes.push(format!("A secret is not passed: {why}")),
            }
        }
        Ok((variables, notes))
    }

    /// Whether a function may have a secret, and if not, why.
    fn access(&self, function: &str, from_env: &str) -> Result<Given, (ReasonCode, String)> {
        if self.policy.fork {
            let why = "commits from forks get no secrets".to_owned();
            return Err((ReasonCode::ForkSecret, why));
        }
        match (self.policy.secret)(function, from_env) {
            SecretAccess::Available => Ok(Given::Value),
            SecretAccess::Address => Ok(Given::Address),
            SecretAccess::Unset => {
                let why = format!("`{from_env}` is not set where the agent runs");
                Err((ReasonCode::SecretUnset, why))
            }
            SecretAccess::NotAllowed(why) => Err((ReasonCode::SecretNotAllowed, why)),
        }
    }

    fn pass(&self, ours: Ours, arg: &Argument, filled: &mut Filled) {
        let text = match ours {
            Ours::Source => return filled.push(arg, ArgValue::Source),
            Ours::EventTrigger => return filled.push(arg, ArgValue::EventTrigger),
            Ours::OnChanges => return self.pass_changes(arg, filled),
            Ours::Filter => self.name.filter.as_str(),
            Ours::Event => self.name.event.as_str(),
            Ours::Vendor => self.event.vendor.as_str(),
        };
        let text = match arg.kind {
            ArgumentKind::StringList => list_item(text),
            _ => text.to_owned(),
        };
        filled.push(arg, ArgValue::Text(text));
    }

    /// All changed files of the event, relative to the repository, also for a spec in a folder:
    /// the same as `changes` in the event trigger.
    fn pass_changes(&self, arg: &Argument, filled: &mut Filled) {
        let files = self.changes.files();
        let flag = "--=".len() + strcase::to_kebab(&arg.name).len();
        let passed = if arg.kind == ArgumentKind::StringList && !files.is_empty() {
            let items: Vec<String> = files.iter().map(|file| list_item(file)).collect();
            // Beside its bytes each argument costs a zero and a pointer.
            let fit = fitting(&items, LIST_LIMIT, flag + 9);
            for item in &items[..fit] {
                filled.push(arg, ArgValue::Text(item.clone()));
            }
            fit
        } else {
            // The comma that the first file does not have stands for the zero at the end.
            let fit = fitting(files, ARGUMENT_LIMIT - flag, 1);
            filled.push(arg, ArgValue::Text(files[..fit].join(",")));
            fit
        };
        if passed < files.len() {
            filled.notes.push(format!(
                "onChanges holds the first {passed} of {} changed files, because more do not fit \
                 into an argument; `changes` in the event trigger holds them all",
                files.len()
            ));
        }
    }

    fn pass_secret(
        &self,
        function: &str,
        whose: &str,
        arg: &Argument,
        secret: &SecretUse,
        filled: &mut Filled,
    ) -> Result<(), Reason> {
        let from_env = &secret.from_env;
        let argument = format!("`{}` of {whose}", arg.name);
        if arg.kind != ArgumentKind::Secret {
            return Err(ReasonCode::NotASecret.because(format!(
                "Argument {argument} is a {}, and a secret only fills a Secret: change its type",
                arg.kind.as_str()
            )));
        }
        let Err((code, why)) = self.access(function, from_env).map(|_| ()) else {
            filled.push(arg, ArgValue::Secret(from_env.clone()));
            return Ok(());
        };
        if arg.optional {
            filled.notes.push(format!("Secret {argument} is not passed: {why}"));
            return Ok(());
        }
        Err(code.because(format!("Required secret {argument} cannot be passed: {why}")))
    }
}

impl Filled {
    fn push(&mut self, arg: &Argument, value: ArgValue) {
        self.args.push(Arg { flag: strcase::to_kebab(&arg.name), value });
    }
}

/// A secret is named for an argument as listed, or in another case (`gh-password`).
fn is_for(secret: &SecretUse, arg: &Argument) -> bool {
    secret.name == arg.name || strcase::to_lower_camel(&secret.name) == arg.name
}

fn unfilled(whose: &str, arg: &Argument) -> Reason {
    let remedy = match arg.kind {
        ArgumentKind::Secret => "name it in `secrets` of pocketci.yaml or make it optional",
        _ => "give it a default or make it optional",
    };
    ReasonCode::ArgumentUnfilled.because(format!(
        "Required argument `{}` ({}) of {whose} cannot be filled: {remedy}",
        arg.name,
        arg.kind.as_str()
    ))
}

/// How many texts fit into a limit in bytes, with what each costs beside itself.
fn fitting(texts: &[String], limit: usize, each: usize) -> usize {
    let mut left = limit;
    let fits = |text: &&String| match left.checked_sub(text.len() + each) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    texts.iter().take_while(fits).count()
}

/// One item of a list: the CLI reads each as a line of CSV, so that commas need quotes.
fn list_item(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
