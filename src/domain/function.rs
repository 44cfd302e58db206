//! A dagger module as its listing describes it: functions, arguments, what they return.

use serde::{Deserialize, Serialize};

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
