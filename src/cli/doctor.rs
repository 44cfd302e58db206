//! `doctor`: what is missing to run.

use clap::Args;

use super::Failure;

#[derive(Debug, Args)]
pub(crate) struct Options {}

pub(super) async fn doctor(_options: Options) -> Result<(), Failure> {
    Ok(())
}
