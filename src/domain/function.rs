//! A dagger module as its listing describes it: functions, arguments, what they return.
//!
//! Also the pseudo module of a spec's commands, so that one set of rules matches both. This
//! module knows neither events nor how functions are called.

use serde::{Deserialize, Serialize};

use super::spec::Command;

mod listing;

/// The main object of a dagger module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Module {
    /// The module's name as `dagger.json` gives it.
    pub name: String,
    /// The arguments of the constructor.
    pub constructor: Vec<Argument>,
    pub functions: Vec<Function>,
}

/// A function of a module, as listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    /// As listed by dagger (lower camel case), compared unchanged.
    pub name: String,
    pub description: String,
    pub args: Vec<Argument>,
    /// It returns an object with a function `sync`, which must be called behind it because the
    /// CLI would otherwise not execute anything.
    pub sync: bool,
}

/// An argument of a function or of the constructor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Argument {
    /// As listed (lower camel case).
    pub name: String,
    pub kind: ArgumentKind,
    /// What it is when it is left out; text and lists of texts are what the matchers read.
    pub default: Option<serde_json::Value>,
    /// Nothing has to be passed: optional, with a default, or with a default path.
    pub optional: bool,
}

/// The types of arguments that make a difference to us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArgumentKind {
    String,
    /// A list of strings: the flag is repeated.
    StringList,
    Directory,
    File,
    Secret,
    /// Anything else, by its name in the listing.
    Other(String),
}

/// Why a listing gives no functions to match; the text says what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListingError {
    /// The answer is not one to the listing query.
    #[error("The module listing is not what `dagger query` answers: {0}")]
    NotJson(String),
    /// There is no module, or its sources do not load.
    #[error("{0}")]
    NoModule(String),
    /// There is a module, but nothing in it can be called.
    #[error("{0}")]
    NoFunctions(String),
}

impl ListingError {
    /// The word for it in reasons, the database and `--json`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotJson(_) => "listing_unreadable",
            Self::NoModule(_) => "no_module",
            Self::NoFunctions(_) => "no_functions",
        }
    }
}

impl Module {
    /// Reads the answer of the listing query, bare or under `data`.
    ///
    /// The main object is the one that is called as the module is, in camel case; its functions
    /// are the module's.
    pub fn parse(json: &[u8]) -> Result<Self, ListingError> {
        listing::parse(json)
    }

    /// A spec's commands as functions: they declare nothing but the arguments whose defaults are
    /// the command's matchers.
    pub fn of_commands(commands: &[Command]) -> Self {
        let functions = commands.iter().map(|command| {
            let matchers = &command.matchers;
            let fields = [
                ("vendor", &matchers.vendor),
                ("event", &matchers.event),
                ("filter", &matchers.filter),
                ("onChanges", &matchers.on_changes),
            ];
            let args = fields.into_iter().filter_map(|(name, list)| {
                Some(Argument {
                    name: name.to_owned(),
                    kind: ArgumentKind::StringList,
                    default: Some(list.as_deref()?.into()),
                    optional: true,
                })
            });
            Function {
                name: command.name.clone(),
                description: command.run.clone(),
                args: args.collect(),
                sync: false,
            }
        });
        Self {
            name: "commands".to_owned(),
            constructor: Vec::new(),
            functions: functions.collect(),
        }
    }
}

impl Function {
    /// The argument of that name, if the function declares it.
    pub fn argument(&self, name: &str) -> Option<&Argument> {
        self.args.iter().find(|arg| arg.name == name)
    }
}

impl ArgumentKind {
    /// The type as people write it in a schema.
    pub fn as_str(&self) -> &str {
        match self {
            Self::String => "String",
            Self::StringList => "[String!]",
            Self::Directory => "Directory",
            Self::File => "File",
            Self::Secret => "Secret",
            Self::Other(name) => name,
        }
    }
}

#[cfg(test)]
mod tests;
