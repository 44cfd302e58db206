//! The dagger CLI, and whatever else runs as a process of its own.
//!
//! [`Dagger`] asks the CLI small questions: its version, whether the engine answers, which
//! functions a module has. Calls themselves are [`child::Program`]s, made by [`Dagger::call`] or
//! [`host_command`] and run by [`child::watch`]. What a function's failure means is decided
//! elsewhere; here it is only known how to tell it from an engine that went away
//! ([`engine_trouble`]).

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::redact::Redactor;
use child::{Ended, Program, Stream};

pub use above::{DotenvAbove, no_dotenv_above};
pub use environment::{CallLabels, HostPlaces, call_environment, host_environment};
pub use trouble::{clean, engine_trouble};
pub use version::{TooOld, Version};

mod above;
pub mod child;
mod environment;
pub mod leftover;
mod trouble;
mod version;

/// What is asked about a module.
const LISTING: &str = include_str!("dagger/listing.graphql");

/// The cheapest question that only a working engine answers.
const PING: &str = "{version}";

/// How long the CLI may take to say its own version; it does so without an engine.
const VERSION_LIMIT: Duration = Duration::from_secs(10);

/// What chooses the folder that the agent runs the CLI in.
pub const DATA_DIR: &str = "POCKETCI_DATA_DIR";

/// The dagger CLI, with the environment for its questions.
#[derive(Debug, Clone)]
pub struct Dagger {
    program: PathBuf,
    env: Vec<(String, OsString)>,
    scratch: PathBuf,
}

/// Why the engine cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error(
        "Failed to start `{program}`: {error}; install the dagger CLI, version {min} or newer, \
         or set POCKETCI_DAGGER to it", program = .program.display(), min = Version::MINIMUM
    )]
    NotInstalled { program: PathBuf, error: io::Error },
    /// What the CLI said.
    #[error("The dagger engine cannot be used: {0}")]
    Unreachable(String),
    #[error(
        "The dagger engine did not answer within {} s; check that it runs, and the address in \
         _EXPERIMENTAL_DAGGER_RUNNER_HOST if that is set", .0.as_secs_f32()
    )]
    Slow(Duration),
}

/// Why a module's functions are not known.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// Not the module's fault; worth another try.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The module cannot be loaded; what the CLI said about it.
    #[error("The module cannot be loaded: {0}")]
    Module(String),
}

/// What a question to the CLI brought.
struct Answer {
    exit: i32,
    stdout: Vec<u8>,
    stderr: String,
}

impl Dagger {
    /// A CLI at this path or of this name in the `PATH` of `env`; `env` is what its questions see
    /// beside `HOME`. Its working directories are made in `scratch`, which should lie where
    /// nobody else can write: a `.env` anywhere above a working directory is read, and can run
    /// programs.
    pub fn new(program: PathBuf, env: Vec<(String, OsString)>, scratch: PathBuf) -> Self {
        Self { program, env, scratch }
    }

    /// Asks the CLI for its own version, which needs no engine.
    pub async fn version(&self) -> Result<Version, EngineError> {
        let answer = self.ask(&["version"], None, VERSION_LIMIT).await?;
        let said = String::from_utf8_lossy(&answer.stdout);
        Version::parse(&said).ok_or_else(|| {
            let text = format!("`dagger version` says `{}`", said.trim());
            EngineError::Unreachable(text)
        })
    }

    /// Asks the engine whether it is there. Without this question, a CLI without an engine would
    /// hang for ten minutes before it says so.
    pub async fn ping(&self, limit: Duration) -> Result<(), EngineError> {
        let answer = self.ask(&["query", "-s", "-M"], Some(PING), limit).await?;
        match answer.exit {
            0 => Ok(()),
            _ => Err(EngineError::Unreachable(answer.complaint())),
        }
    }

    /// Asks for the functions of the module in this folder; gives back the answer's JSON.
    ///
    /// `-M` keeps the CLI from loading the module of its working directory as well. The limit
    /// should be generous: an engine's first Go module takes longer than ten seconds.
    pub async fn list(&self, module: &Path, limit: Duration) -> Result<Vec<u8>, ListError> {
        let reference = format!("ref={}", module.display());
        let args = ["query", "-s", "-M", "--var", &reference];
        let answer = self.ask(&args, Some(LISTING), limit).await?;
        if answer.exit == 0 {
            return Ok(answer.stdout);
        }
        match engine_trouble(&answer.stderr) {
            Some(text) => Err(EngineError::Unreachable(text).into()),
            None => Err(ListError::Module(answer.complaint())),
        }
    }

    /// A call with these arguments, to be run in `cwd`, an empty folder of its own.
    pub fn call(&self, argv: Vec<String>, env: Vec<(String, OsString)>, cwd: PathBuf) -> Program {
        let args = argv.into_iter().map(OsString::from).collect();
        Program { program: self.program.clone(), args, env, cwd, stdin: None }
    }

    async fn ask(
        &self,
        args: &[&str],
        stdin: Option<&str>,
        limit: Duration,
    ) -> Result<Answer, EngineError> {
        // Looked at each time: anybody may put one into a folder like `/tmp`.
        no_dotenv_above(&self.scratch, DATA_DIR)
            .map_err(|error| EngineError::Unreachable(error.to_string()))?;
        let folder = tempfile::Builder::new().prefix("dagger-").tempdir_in(&self.scratch).map_err(
            |error| {
                let scratch = self.scratch.display();
                EngineError::Unreachable(format!("Failed to make a folder in `{scratch}`: {error}"))
            },
        )?;
        let program = Program {
            program: self.program.clone(),
            args: args.iter().map(OsString::from).collect(),
            env: environment::question_environment(&self.env, folder.path()),
            cwd: folder.path().to_owned(),
            stdin: stdin.map(|text| text.as_bytes().to_vec()),
        };
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let never = CancellationToken::new();
        let nothing = Redactor::default();
        let ended = child::run(program, &nothing, limit, &never, |stream, line| {
            let text = if stream == Stream::Stdout { &mut stdout } else { &mut stderr };
            text.extend_from_slice(line);
            text.push(b'\n');
        })
        .await;
        let exit = match ended {
            Ended::Exited(code) => code,
            Ended::TimedOut => return Err(EngineError::Slow(limit)),
            Ended::NotStarted(error) => return Err(self.not_started(error)),
            Ended::Signalled(signal) => {
                let text = format!("`{}` was killed by signal {signal}", self.program.display());
                return Err(EngineError::Unreachable(text));
            }
            Ended::Cancelled => unreachable!("nobody cancels a question"),
        };
        Ok(Answer { exit, stdout, stderr: String::from_utf8_lossy(&stderr).into_owned() })
    }

    fn not_started(&self, error: io::Error) -> EngineError {
        EngineError::NotInstalled { program: self.program.clone(), error }
    }
}

impl Answer {
    /// What the CLI said when it failed, fit for people.
    fn complaint(&self) -> String {
        let text = clean(&self.stderr);
        if text.is_empty() { format!("`dagger` exited with status {}", self.exit) } else { text }
    }
}

/// A command of `commands:`, to be run by the shell in the checkout.
pub fn host_command(run: &str, env: Vec<(String, OsString)>, checkout: PathBuf) -> Program {
    // The shell would take a first character of `-` or `+` for the beginning of its options.
    let run = if run.starts_with(['-', '+']) { format!(" {run}") } else { run.to_owned() };
    Program {
        program: PathBuf::from("/bin/sh"),
        args: vec![OsString::from("-c"), OsString::from(run)],
        env,
        cwd: checkout,
        stdin: None,
    }
}

#[cfg(test)]
mod tests;
