//! Calls become outcomes: claimed when there is room, run, logged, finished.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::call_log::CallLog;
use super::engine::{ASK_AGAIN, FRESH};
use super::{NET, Worker};
use crate::dagger::child::{self, Ended, Stream};
use crate::dagger::engine_trouble;
use crate::domain::plan::Action;
use crate::domain::redact::Redactor;
use crate::domain::run::Outcome;
use crate::store::log::LogStream;
use crate::store::{ClaimedCall, Startable};

/// Runs calls, oldest first, until told to stop.
pub(super) async fn run(worker: Arc<Worker>, shutdown: CancellationToken) {
    let tasks = TaskTracker::new();
    let slots = Arc::new(Semaphore::new(worker.settings.parallelism));
    // Told to the children once the drain time-out is over.
    let end = CancellationToken::new();
    while !shutdown.is_cancelled() {
        let mut wake = std::pin::pin!(worker.calls.notified());
        wake.as_mut().enable();
        let slot = tokio::select! {
            slot = Arc::clone(&slots).acquire_owned() => slot,
            () = shutdown.cancelled() => break,
        };
        let Ok(slot) = slot else { break };
        let mut again = NET;
        match worker.claim().await {
            Ok(Claim::Call(call)) => {
                let (worker, end) = (Arc::clone(&worker), end.clone());
                let span = tracing::info_span!("run", id = %call.run, call = %call.id, function = %call.call.function);
                let work = async move {
                    worker.execute(*call, end).await;
                    drop(slot);
                    // A slot is free: look again.
                    worker.calls.notify_one();
                };
                tasks.spawn(work.instrument(span));
                continue;
            }
            Ok(Claim::EngineSilent) => again = ASK_AGAIN,
            Ok(Claim::Nothing) => {}
            Err(error) => tracing::error!(%error, "Failed to take the next call"),
        }
        drop(slot);
        tokio::select! {
            () = wake => {}
            () = tokio::time::sleep(again) => {}
            () = shutdown.cancelled() => {}
        }
    }
    tasks.close();
    if tokio::time::timeout(worker.settings.drain_timeout, tasks.wait()).await.is_err() {
        tracing::info!(calls = tasks.len(), "Calls still under way are ended and queued again");
        end.cancel();
        tasks.wait().await;
    }
}

enum Claim {
    Call(Box<ClaimedCall>),
    /// Calls wait, but the engine does not answer.
    EngineSilent,
    Nothing,
}

impl Worker {
    async fn claim(&self) -> anyhow::Result<Claim> {
        let mut startable = Startable::Any;
        let mut otherwise = Claim::Nothing;
        if self.store.waits_for_engine().await?
            && let Err(why) = self.engine_ready(FRESH).await
        {
            self.tell_waiting(&why).await?;
            (startable, otherwise) = (Startable::Commands, Claim::EngineSilent);
        }
        let call = self.store.claim_call(startable, Timestamp::now()).await?;
        Ok(call.map_or(otherwise, |call| Claim::Call(Box::new(call))))
    }

    /// One call from its claim to its outcome.
    async fn execute(&self, call: ClaimedCall, end: CancellationToken) {
        let outcome = match self.call(&call, &end).await {
            Ok(Some(outcome)) => outcome,
            Ok(None) => {
                let why = "The agent was stopped while it ran";
                if let Err(error) = self.store.release_call(call.id, why).await {
                    tracing::error!(%error, "Failed to queue the call again; the next start does");
                }
                return;
            }
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "The call could not be started");
                Outcome::Errored(format!("{error:#}"))
            }
        };
        tracing::info!(outcome = outcome.code(), "Call finished");
        // What happened must not be forgotten because the disk is full for a moment.
        let mut wait = Duration::from_millis(100);
        while let Err(error) = self.store.finish_call(call.id, &outcome, Timestamp::now()).await {
            tracing::error!(%error, "Failed to keep the call's outcome");
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = end.cancelled() => return,
            }
            wait = (wait * 2).min(Duration::from_secs(30));
        }
        self.reports.notify_one();
    }

    /// Runs it; none when the agent's end interrupted it.
    async fn call(
        &self,
        call: &ClaimedCall,
        end: &CancellationToken,
    ) -> anyhow::Result<Option<Outcome>> {
        let log = CallLog::create(&self.store.log_path(call.run, call.id, call.attempt))?;
        call.call.notes.iter().for_each(|note| log.note(note));
        let outcome = match self.carry_out(call, end, &log).await {
            Ok(outcome) => outcome,
            Err(error) => {
                log.note(&format!("error: {error:#}"));
                return Err(error);
            }
        };
        log.note(&match &outcome {
            Some(outcome) => last_words(outcome),
            None => "Interrupted: the agent stops; the call is queued again".to_owned(),
        });
        Ok(outcome)
    }

    async fn carry_out(
        &self,
        call: &ClaimedCall,
        end: &CancellationToken,
        log: &CallLog,
    ) -> anyhow::Result<Option<Outcome>> {
        let workspace = self.workspaces.open(call.run)?;
        let rooms = workspace.rooms(call.id, call.attempt)?;
        let program = self.prepare(call, &workspace, &rooms, log).await?;
        tracing::info!(attempt = call.attempt, "Call started");
        let name = program.program.display().to_string();
        let needs_engine = matches!(call.call.action, Action::Dagger { .. });
        let (cancel, gone) = (end.child_token(), std::sync::OnceLock::new());
        let watch = async {
            if needs_engine {
                // Only then: the child is ended in good order by its own runner.
                let _ = gone.set(self.engine_gone().await);
                cancel.cancel();
            }
            std::future::pending::<()>().await;
        };
        let redactor = self.redactor();
        let on_line = |stream, line: &[u8]| match stream {
            Stream::Stdout => log.line(LogStream::Stdout, line),
            Stream::Stderr => log.line(LogStream::Stderr, line),
        };
        let ended = tokio::select! {
            ended = child::run(program, &redactor, call.settings.timeout, &cancel, on_line) => ended,
            () = watch => Ended::Cancelled,
            () = log.keep_visible() => Ended::Cancelled,
        };
        Ok(match ended {
            Ended::Cancelled => gone.into_inner().map(Outcome::Lost),
            Ended::TimedOut => Some(Outcome::TimedOut),
            Ended::Exited(0) => Some(Outcome::Passed),
            Ended::Exited(exit) => {
                let trouble = needs_engine.then(|| engine_trouble(&log.tail())).flatten();
                Some(trouble.map_or(Outcome::Failed { exit }, Outcome::Lost))
            }
            Ended::Signalled(signal) => {
                Some(Outcome::Lost(format!("its process was ended by signal {signal}")))
            }
            Ended::NotStarted(error) => {
                Some(Outcome::Errored(format!("Cannot start `{name}`: {error}")))
            }
        })
    }

    /// Masks what any call may be given and what none should come to know.
    fn redactor(&self) -> Redactor {
        let given = self.settings.secrets.iter().filter_map(|(_, value)| value.as_ref());
        let all = given.chain(&self.settings.masked);
        Redactor::new(&all.map(|value| value.expose_secret()).collect::<Vec<_>>())
    }
}

/// What the log says at its end.
fn last_words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Passed => "Passed".to_owned(),
        Outcome::Failed { exit } => format!("Failed with exit status {exit}"),
        Outcome::TimedOut => "Timed out; everything that it had started was ended".to_owned(),
        Outcome::Cancelled(why) => format!("Cancelled: {why}"),
        Outcome::Lost(why) => format!("Lost: {why}"),
        Outcome::Errored(why) => format!("error: {why}"),
    }
}
