//! Why something is called, or not: a word for programs and words for people.

use serde::{Deserialize, Serialize};

use crate::domain::event::Skip;

/// A reason with a word for programs and words for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// snake_case, stable; of a plan's own reasons a [`ReasonCode`].
    pub code: String,
    pub text: String,
}

impl From<Skip> for Reason {
    /// Why an event is never planned, as it is kept with its delivery.
    fn from(skip: Skip) -> Self {
        Self { code: skip.code().to_owned(), text: skip.text().to_owned() }
    }
}

macro_rules! reason_codes {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// Every reason of a plan. The words are stable: they are kept with runs and printed by
        /// `plan --json`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ReasonCode {
            $($(#[$doc])* $name,)*
        }

        impl ReasonCode {
            /// Every code, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word for it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

reason_codes! {
    // Of a whole delivery.
    /// The event is about no repository.
    NoRepository = "no_repository",
    /// The commit has neither a `pocketci.yaml` nor a module in `./ci`.
    NoSpec = "no_spec",
    /// The commit is not on the forge any more.
    CommitGone = "commit_gone",
    /// What was asked for by hand is neither a branch nor a tag.
    NoSuchRef = "no_such_ref",
    /// The operator wants nothing of pull requests from forks.
    ForksNever = "forks_never",
    /// The head commit's message asks for no CI.
    SkipCi = "skip_ci",
    /// Somebody asked for something at a check run of ours.
    AskedOfApp = "asked_of_app",
    /// The App's tokens of an installation are forgotten.
    InstallationChanged = "installation_changed",
    /// The same came by another hook.
    Twin = "twin",
    /// A command to the agent, which was done or refused.
    Command = "command",
    /// A comment that the agent wrote itself.
    OwnComment = "own_comment",
    /// An event that anybody can cause, by somebody who may not write to the repository.
    NotAWriter = "not_a_writer",

    // Of a whole spec.
    /// The `pocketci.yaml` does not say what to do.
    SpecError = "spec_error",
    /// There is no module where the spec says.
    NoModule = "no_module",
    /// The module's path leads out of the repository.
    ModuleOutside = "module_outside",
    /// The module does not load, or has no functions.
    ModuleBroken = "module_broken",
    /// The operator does not allow commands on the agent's host.
    CommandsNotAllowed = "commands_not_allowed",
    /// `events` does not list the event, or no pattern matches its branch, tag or filter.
    SpecEvent = "spec_event",
    /// `paths`, or the spec's folder, holds no changed file.
    SpecPaths = "spec_paths",
    /// No function's name asks for the event.
    NoFunction = "no_function",
    /// Functions are named for the event, but none of them admits it.
    NotAdmitted = "not_admitted",
    /// Every function that the event asks for has an error.
    FunctionErrors = "function_errors",

    // Of one function.
    /// It is called.
    Called = "called",
    /// Its name asks for no event.
    NoEvent = "no_event",
    /// Its name asks for another event.
    OtherEvent = "other_event",
    /// Its name asks for another forge.
    OtherVendor = "other_vendor",
    /// Its name asks for the event with another filter.
    OtherFilter = "other_filter",
    /// The matcher `vendor` does not list the forge.
    VendorNotListed = "vendor_not_listed",
    /// The matcher `event` does not list the event.
    EventNotListed = "event_not_listed",
    /// The matcher `filter` does not list the event's filter.
    FilterNotListed = "filter_not_listed",
    /// A pull request's action that only functions which name it answer to.
    ActionNotNamed = "action_not_named",
    /// An event that functions of levels 5 and 6 must name to be called for.
    EventNotNamed = "event_not_named",
    /// No changed file matches `onChanges`.
    ChangesUnmatched = "changes_unmatched",
    /// A function with a more specific name was chosen.
    MoreSpecific = "more_specific",

    // Of one function, its errors.
    /// `onChanges` holds something that is not a glob.
    BadGlob = "bad_glob",
    /// A required argument, of the function or of the constructor, that nothing fills.
    ArgumentUnfilled = "argument_unfilled",
    /// A secret is named for an argument of another type.
    NotASecret = "not_a_secret",
    /// A required secret, and the commit comes from a fork.
    ForkSecret = "fork_secret",
    /// A required secret whose variable the agent does not have.
    SecretUnset = "secret_unset",
    /// A required secret whose variable this repository may not have.
    SecretNotAllowed = "secret_not_allowed",
    /// A command, and the commit comes from a fork.
    ForkCommand = "fork_command",
}

impl ReasonCode {
    /// The reason with its words.
    pub fn because(self, text: impl Into<String>) -> Reason {
        Reason { code: self.as_str().to_owned(), text: text.into() }
    }
}

/// That globs match none of the files that changed, in words.
pub(in crate::domain) fn unmatched(globs: &str, files: &[String]) -> String {
    match files {
        [] => format!("{globs} matches nothing, because no file changed"),
        [file] => format!("{globs} does not match the changed file {file}"),
        files => format!("{globs} matches none of {} changed files", files.len()),
    }
}
