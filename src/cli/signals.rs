//! Signals that end a command in good order.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::Failure;

/// Cancels the token at the first `SIGTERM` or Ctrl-C.
pub(super) fn cancel_on_signals(token: CancellationToken) -> Result<(), Failure> {
    let failed = |error| Failure::unreachable(format!("Cannot listen for signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: no new work is taken");
        token.cancel();
    });
    Ok(())
}
