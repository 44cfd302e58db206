//! `run`: what `plan` says, done.

use clap::Args;

use super::Failure;
use super::working::EventChoice;

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) event: EventChoice,
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let _ = options.event;
    Err(Failure::unreachable("`run` is not built yet"))
}
