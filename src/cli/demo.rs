//! `demo`: a whole delivery on this machine.

use clap::Args;

use super::Failure;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Stop when done; exit 0 only if everything passed
    #[arg(long)]
    pub(crate) exit: bool,
}

pub(crate) async fn demo(options: Options) -> Result<(), Failure> {
    let _ = options.exit;
    Err(Failure::unreachable("`demo` is not built yet"))
}
