//! What people type and read: one file per subcommand, and the one place that says how a command
//! ended.
//!
//! Decides nothing about events: that is `domain`'s, and printed here.

mod failure;
mod journal;
mod output;
mod privacy;
mod signals;
mod progress;
mod webhook;
mod working;
mod serve;
mod demo;
mod run;
mod plan;
mod event;
mod check;
mod deliveries;
mod remote;
mod hooks;
mod doctor;
mod github_app;
mod completions;
mod man;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub(crate) use failure::Failure;

/// The program's name on the command line.
const NAME: &str = "pocketci-agent";

/// Runs the functions of a repository's dagger module that a webhook asks for, and tells the forge.
#[derive(Debug, Parser)]
#[command(name = NAME, version, max_term_width = 100, after_help = AFTER_HELP)]
struct Cli {
    /// What to do; `serve` when nothing is said.
    #[command(subcommand)]
    command: Option<Command>,
}

const AFTER_HELP: &str = "\
Start with `pocketci-agent demo`: a whole delivery on this machine. In a repository, `pocketci-agent \
plan` says for every function why it would run or not. `pocketci-agent serve --help` lists the \
variables of the server.

Exit status: 0 done, 1 a call failed, 2 bad usage or bad input, 3 cannot reach what it needs.";

/// Of all commands that speak to an agent.
const REACH: &str = "\
Without --server and POCKETCI_URL it is the agent of this machine that is asked, by the socket in its \
data folder (POCKETCI_DATA_DIR): for that one must be its user. Elsewhere POCKETCI_TOKEN says who asks.

Exit status: 0 done, 1 a call or a run did not pass, 2 bad usage, 3 the agent cannot be reached or \
does not allow it.";

#[derive(Debug, Subcommand)]
enum Command {
    /// The daemon: takes webhooks, calls functions, reports to the forge
    #[command(after_help = serve::variables())]
    Serve(serve::Options),
    /// A whole delivery on this machine: sample repository, signed webhook, run, log, page
    Demo(demo::Options),
    /// In a working copy: make the event from it, plan, call, show the logs
    Run(run::Options),
    /// In a working copy or of a saved webhook: every function, and why it would be called or not
    Plan(plan::Options),
    /// A webhook body on standard input to the event trigger JSON
    Event(event::Options),
    /// What is wrong with pocketci.yaml files
    Check(check::Options),
    /// What is missing to run: dagger, engine, token, secret, data folder, clock
    Doctor(doctor::Options),
    /// Runs of a running agent: list, show, logs, watch, rerun, cancel, approve
    #[command(after_help = REACH)]
    Runs(remote::Runs),
    /// The webhook of a repository: make it, list it, test it, remove it
    Hooks(hooks::Options),
    /// What the forge has sent, and what it could not
    #[command(after_help = REACH)]
    Deliveries(deliveries::Options),
    /// Have a repository planned without a webhook
    #[command(after_help = REACH)]
    Trigger(remote::Trigger),
    /// What opens a running agent to people and programs elsewhere
    #[command(after_help = REACH)]
    Tokens(remote::Tokens),
    /// Make the agent a GitHub App
    GithubApp(github_app::Options),
    /// Completions for a shell, on standard output
    Completions(completions::Options),
    /// What shells complete: runs or repositories
    #[command(hide = true)]
    CompleteIds(remote::Ids),
    /// The manual page, on standard output
    Man(man::Options),
}

/// Runs the program with these arguments, and says on standard error what went wrong.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    // Usage errors, `--help` and `--version` end here, with clap's own texts.
    let cli = Cli::parse_from(arguments);
    let command = cli.command.unwrap_or(Command::Serve(serve::Options::default()));
    match dispatch(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn dispatch(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(options) => wait(serve::serve(options)),
        Command::Demo(options) => wait(demo::demo(options)),
        Command::Run(options) => wait(run::run(options)),
        Command::Plan(options) => wait(plan::plan(options)),
        Command::Event(options) => event::event(options),
        Command::Check(options) => check::check(options),
        Command::Doctor(options) => wait(doctor::doctor(options)),
        Command::Runs(options) => wait(remote::runs(options)),
        Command::Deliveries(options) => wait(deliveries::deliveries(options)),
        Command::Trigger(options) => wait(remote::trigger(options)),
        Command::Tokens(options) => wait(remote::tokens(options)),
        Command::GithubApp(options) => wait(github_app::github_app(options)),
        Command::Hooks(options) => wait(hooks::hooks(options)),
        Command::Completions(options) => completions::completions(&options),
        Command::CompleteIds(options) => wait(remote::ids(options)),
        Command::Man(options) => man::man(&options),
    }
}

/// Runs a command that waits for others.
fn wait(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime
        .map_err(|error| Failure::unreachable(format!("Failed to start the runtime: {error}")))?;
    let result = runtime.block_on(command);
    // A thread that still blocks (a name lookup, a disk) must not keep the program.
    runtime.shutdown_background();
    result
}

#[cfg(test)]
mod tests;
