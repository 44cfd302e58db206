//! `completions`: what a shell completes.

use std::io::Write;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Failure, NAME};

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The shell that reads them
    shell: Shell,
}

pub(super) fn completions(options: &Options) -> Result<(), Failure> {
    // The generator does not return errors of its output, so that it writes to memory.
    let mut text = Vec::new();
    clap_complete::generate(options.shell, &mut Cli::command(), NAME, &mut text);
    std::io::stdout().lock().write_all(&text)?;
    Ok(())
}
