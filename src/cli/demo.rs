//! `demo`: a whole delivery on this machine, from a signed webhook to statuses on the commit.
//!
//! The server is the real one. Only the forge is the demo's own, and the repository, which is
//! fetched from a temporary folder; nothing is kept, and nothing of the host's settings is read.

mod follow;
mod forge;
mod hook;
mod logs;
mod sample;
mod setup;
mod show;

use std::time::{Duration, Instant};

use clap::Args;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::output::STRONG;
use super::{Failure, privacy, signals};
use follow::{Tally, Watch};
use hook::{Hook, Sender};
use setup::Stage;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Stop when done; exit 0 only if everything passed
    #[arg(long)]
    pub(crate) exit: bool,
}

pub(crate) async fn demo(options: Options) -> Result<(), Failure> {
    privacy::shut()?;
    let (interrupted, shutdown) = (CancellationToken::new(), CancellationToken::new());
    signals::cancel_on_signals(interrupted.clone())?;
    show::title()?;
    let stage = Stage::set(shutdown.clone()).await.map_err(failed)?;
    // Until the end: the folder goes with it.
    let Stage { agent, mut watch, hooks, url, sender, folder: _folder } = stage;
    let played = tokio::select! {
        played = play(&mut watch, &hooks, &sender) => Some(played),
        () = interrupted.cancelled() => None,
    };
    let mut result = match played {
        Some(Ok(ended)) => ended,
        Some(Err(error)) => Err(failed(error)),
        None => Err(Failure::call_failed("Interrupted before everything was done")),
    };
    if !options.exit && !interrupted.is_cancelled() {
        if let Err(failure) = &mut result {
            failure.say();
        }
        show::invitation(&url)?;
        interrupted.cancelled().await;
    }
    shutdown.cancel();
    let stopped = agent.stopped().await.map_err(failed);
    result.and(stopped)
}

/// Sends one event after the other and shows what comes of it.
async fn play(
    watch: &mut Watch,
    hooks: &[Hook],
    sender: &Sender,
) -> anyhow::Result<Result<(), Failure>> {
    let (mut sum, begin) = (Tally::default(), Instant::now());
    for hook in hooks {
        show::event(hook)?;
        let sent = Timestamp::now();
        let status = sender.send(hook).await?;
        let at = Some(Timestamp::now());
        let text = format!("{status}: the signature is right, the delivery is on disk");
        show::lines(&[show::Line { at, style: STRONG, word: "accepted", text }], sent)?;
        sum.add(hook.event, watch.follow(sent).await?);
    }
    Ok(verdict(&sum, hooks.len(), begin.elapsed()))
}

fn verdict(tally: &Tally, events: usize, took: Duration) -> Result<(), Failure> {
    if tally.failures.is_empty() {
        show::passed(tally, events, took)?;
        return Ok(());
    }
    let text = format!("Not everything passed: {}", tally.failures.join("; "));
    Err(Failure::call_failed(text))
}

fn failed(error: anyhow::Error) -> Failure {
    match error.downcast_ref::<std::io::Error>() {
        // A reader that has seen enough is no failure.
        Some(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Failure::quiet(),
        _ => {}
    }
    Failure::call_failed(format!("The demo cannot go on: {error:#}"))
}
