//! How a command ends when it does not end well: one exit status, one text, one place.

use std::io::{self, Write};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};

use crate::config::ConfigError;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// Why a command did not do what it was asked for, and what to do about it.
#[derive(Debug)]
pub(crate) struct Failure {
    status: u8,
    messages: Vec<String>,
    hint: Option<String>,
}

impl Failure {
    /// A call failed; what failed has been shown.
    pub(crate) fn call_failed(message: impl Into<String>) -> Self {
        Self::new(1, message)
    }

    /// Bad usage or bad input.
    pub(crate) fn bad_input(message: impl Into<String>) -> Self {
        Self::new(2, message)
    }

    /// Bad input, of which everything has been said already.
    pub(crate) fn bad_input_shown() -> Self {
        Self { status: 2, messages: Vec::new(), hint: None }
    }

    /// Something that is needed cannot be reached.
    pub(crate) fn unreachable(message: impl Into<String>) -> Self {
        Self::new(3, message)
    }

    /// Something is missing, and everything has been said already.
    pub(crate) fn unreachable_shown() -> Self {
        Self { status: 3, messages: Vec::new(), hint: None }
    }

    /// The reader of the output has seen enough, which is no failure.
    pub(crate) fn quiet() -> Self {
        Self { status: 0, messages: Vec::new(), hint: None }
    }

    fn new(status: u8, message: impl Into<String>) -> Self {
        Self { status, messages: vec![message.into()], hint: None }
    }

    /// Says what to do about it.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// What it says, in a line.
    pub(super) fn text(&self) -> String {
        self.messages.join("; ")
    }

    /// Shows it on standard error now, and not again at the end.
    pub(super) fn say(&mut self) {
        self.report();
        self.messages.clear();
        self.hint = None;
    }

    /// Shows it on standard error, and gives the exit status.
    pub(super) fn report(&self) -> ExitCode {
        let mut out = anstream::stderr().lock();
        for message in &self.messages {
            // Nobody can be told that standard error is closed.
            let _ = writeln!(out, "{ERROR}error{ERROR:#}: {message}");
        }
        if let Some(hint) = &self.hint {
            let _ = writeln!(out, "{HINT}hint{HINT:#}: {hint}");
        }
        ExitCode::from(self.status)
    }
}

impl From<io::Error> for Failure {
    /// Output that could not be written. A reader that has seen enough (`| head`) is no failure.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::quiet();
        }
        Self::unreachable(format!("Failed to write the output: {error}"))
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let failure = Self { status: 2, messages: error.0, hint: None };
        failure.hint(format!("`{} serve --help` lists the variables", super::NAME))
    }
}
