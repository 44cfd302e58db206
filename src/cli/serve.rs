//! `serve`: the daemon.

use clap::Args;

use super::Failure;
use crate::config::VARIABLES;

/// Configured by the environment alone.
#[derive(Debug, Default, Args)]
pub(crate) struct Options {}

pub(crate) async fn serve(_options: Options) -> Result<(), Failure> {
    Err(Failure::unreachable("`serve` is not built yet"))
}

/// The variables with what they mean, for `--help`.
pub(super) fn variables() -> String {
    let mut text = "Environment:\n".to_owned();
    for (name, meaning) in VARIABLES {
        text.push_str(&format!("  {name}\n          {meaning}\n"));
    }
    text
}
