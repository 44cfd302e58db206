//! Calls become outcomes: claimed when there is room, run, logged, finished.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::call_log::CallLog;
use super::engine::{ASK_AGAIN, Asked};
use super::under_way::Held;
use super::{NET, Worker};
use crate::dagger::child::{self, Activity, Ended, Limits, Stream};
use crate::dagger::engine_trouble;
use crate::domain::ids::CallId;
use crate::domain::plan::Action;
use crate::domain::retry;
use crate::domain::run::Outcome;
use crate::store::log::LogStream;
use crate::store::{self, ClaimedCall, Next, Startable, StoreError};

/// Runs calls, in the order of the queue, until told to stop.
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
        match worker.claim(&end, &shutdown).await {
            Ok(Claim::Call(taken)) => {
                let (call, held) = *taken;
                if call.settings.run_timeout.is_some() {
                    worker.limits.has_begun();
                }
                let (worker, end) = (Arc::clone(&worker), end.clone());
                let span = tracing::info_span!("run", id = %call.run, call = %call.id, function = %call.call.function);
                let work = async move {
                    worker.execute(call, &held, &end).await;
                    // Not before its end is written down, however long that takes.
                    drop(held);
                    drop(slot);
                    crate::crash::point("call.cleaned");
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
        let due = super::until(worker.store.next_call_due().await.ok().flatten());
        tokio::select! {
            () = wake => {}
            () = tokio::time::sleep(again.min(due)) => {}
            () = shutdown.cancelled() => {}
        }
    }
    worker.engine.finish().await;
    tasks.close();
    crate::crash::point("drain.began");
    if tokio::time::timeout(worker.settings.drain_timeout, tasks.wait()).await.is_err() {
        tracing::info!(calls = tasks.len(), "Calls still under way are ended and queued again");
        end.cancel();
        tasks.wait().await;
    }
    crate::crash::point("drain.ended");
}

/// How carrying a call out came to its end.
enum End {
    Outcome(Outcome),
    /// The agent was told to stop.
    Stopped,
    /// The engine went away under it, or was not there; what is known.
    EngineLost(String),
}

/// What is written down about it.
enum Became {
    Finished(Outcome),
    /// It is queued again, for so long because of that.
    Again(String, Duration),
}

enum Claim {
    Call(Box<(ClaimedCall, Held<CallId>)>),
    /// Calls wait, but the engine does not answer.
    EngineSilent,
    Nothing,
}

impl Worker {
    /// Asks the engine only when a call is next that needs it, and what is next only once where
    /// it need not be asked: the way from the queue to a start is a short one.
    async fn claim(
        self: &Arc<Self>,
        end: &CancellationToken,
        shutdown: &CancellationToken,
    ) -> Result<Claim, StoreError> {
        let limits = store::Limits { per_repository: self.settings.repository_parallelism };
        let known = self.engine_answered();
        let mut startable = if known { Startable::Any } else { Startable::Unasked };
        let mut otherwise = Claim::Nothing;
        loop {
            // At once: what is running and in nobody's hands is taken to be lost.
            let take = |call: ClaimedCall| (self.under_way.register(call.id, end), call);
            match self.store.claim_next(startable, limits, Timestamp::now(), take).await? {
                Next::Claimed((held, call)) => return Ok(Claim::Call(Box::new((call, held)))),
                Next::Nothing => return Ok(otherwise),
                Next::NeedsEngine => match self.ask_engine(shutdown).await {
                    Asked::Answers => startable = Startable::Any,
                    Asked::Silent => {
                        (startable, otherwise) = (Startable::Commands, Claim::EngineSilent);
                    }
                },
            }
        }
    }

    /// Ends the calls under way that have become superfluous.
    pub(super) async fn end_cancelled(&self) {
        match self.store.calls_to_end().await {
            Ok(calls) => calls.iter().for_each(|it| {
                crate::crash::point("cancel.before-end");
                self.under_way.cancel(it.call, &it.why);
            }),
            Err(error) => tracing::error!(%error, "Failed to tell which calls are to be ended"),
        }
    }

    /// One call from its claim to its outcome, or back into the queue.
    async fn execute(&self, call: ClaimedCall, held: &Held<CallId>, end: &CancellationToken) {
        self.tell_begun(&call).await;
        let began = Timestamp::now();
        let ended = self.call(&call, held).await;
        let cancelled = held.cancelled_because();
        let ended = ended.unwrap_or_else(|error| {
            tracing::error!(error = format!("{error:#}"), "The call could not be started");
            End::Outcome(Outcome::Errored(self.settings.masks.text(&format!("{error:#}"))))
        });
        let pause = retry::engine_pause(call.engine_tries);
        let became = match (ended, cancelled, pause) {
            // One that came to its own end in the same moment keeps it.
            (End::Outcome(outcome), ..) => Became::Finished(outcome),
            (_, Some(why), _) => Became::Finished(Outcome::Cancelled(why.to_owned())),
            (End::EngineLost(why), _, Some(pause)) => Became::Again(why, pause),
            (End::EngineLost(why), ..) => Became::Finished(Outcome::Lost(why)),
            (End::Stopped, ..) => {
                let (why, now) = ("The agent was stopped while it ran", Timestamp::now());
                if let Err(error) = self.store.release_call(call.id, why, now).await {
                    tracing::error!(%error, "Failed to queue the call again; the next start does");
                }
                crate::crash::point("release.after-commit");
                return;
            }
        };
        self.write_down(&call, &became, end).await;
        if let Became::Finished(outcome) = &became {
            self.pass_on(&call, began, outcome).await;
        }
    }

    /// Tells a forge that shows what runs apart from what waits; others only where they were told
    /// what it waits for.
    async fn tell_begun(&self, call: &ClaimedCall) {
        if !call.call.posts_status {
            return;
        }
        if self.app_for(call.event.forge()).is_none() {
            match self.store.said_to_wait(call.id).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::error!(%error, "Failed to tell what a call was said to wait for");
                    return;
                }
            }
        }
        match self.store.owe_begun(call.id, Timestamp::now()).await {
            Ok(()) => self.reports.notify_one(),
            Err(error) => tracing::error!(%error, "Failed to owe that a call has begun"),
        }
    }

    /// Writes what became of a call, which must not be forgotten because the disk is full for a
    /// moment.
    async fn write_down(&self, call: &ClaimedCall, became: &Became, end: &CancellationToken) {
        match became {
            Became::Finished(outcome) => tracing::info!(outcome = outcome.code(), "Call finished"),
            Became::Again(why, pause) => {
                tracing::warn!(why, ?pause, "The engine has lost a call, which is tried again");
            }
        }
        let mut wait = Duration::from_millis(100);
        loop {
            let now = Timestamp::now();
            let written = match became {
                Became::Finished(outcome) => {
                    self.store.finish_call(call.id, outcome, now).await.map(|_| ())
                }
                Became::Again(why, pause) => {
                    self.store.retry_call(call.id, why, now + *pause, now).await
                }
            };
            let Err(error) = written else { break };
            tracing::error!(%error, "Failed to keep what became of the call");
            if matches!(error, StoreError::Missing(_)) {
                break;
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = end.cancelled() => return,
            }
            wait = (wait * 2).min(Duration::from_secs(30));
        }
        self.reports.notify_one();
    }

    /// Runs it, with a log for this attempt.
    async fn call(&self, call: &ClaimedCall, held: &Held<CallId>) -> anyhow::Result<End> {
        let path = self.store.log_path(call.run, call.id, call.attempt);
        let log = CallLog::create(&path, self.settings.log_limit)?;
        crate::crash::point("log.created");
        let masks = &self.settings.masks;
        call.call.notes.iter().for_each(|note| log.note(&masks.text(note)));
        let ended = match self.carry_out(call, held.token(), &log).await {
            Ok(ended) => ended,
            Err(error) => {
                log.note(&masks.text(&format!("error: {error:#}")));
                return Err(error);
            }
        };
        log.note(&match &ended {
            End::Outcome(outcome) => last_words(outcome),
            End::Stopped => match held.cancelled_because() {
                Some(why) => last_words(&Outcome::Cancelled(why.to_owned())),
                None => "Interrupted: the agent stops; the call is queued again".to_owned(),
            },
            End::EngineLost(why) => match retry::engine_pause(call.engine_tries) {
                Some(pause) => {
                    format!("Lost: {why}; it is tried again in {} s", pause.as_secs())
                }
                None => last_words(&Outcome::Lost(why.clone())),
            },
        });
        Ok(ended)
    }

    async fn carry_out(
        &self,
        call: &ClaimedCall,
        end: &CancellationToken,
        log: &CallLog,
    ) -> anyhow::Result<End> {
        let workspace = self.workspaces.open(call.run)?;
        let rooms = workspace.rooms(call.id, call.attempt)?;
        // For as long as it runs: what it sends afterwards is nobody's.
        let steps = self.open_steps(call);
        let told = steps.as_ref().map(|open| self.steps_environment(call, open));
        let told = told.unwrap_or_default();
        let program = self.prepare(call, &workspace, &rooms, &told, log).await?;
        tracing::info!(attempt = call.attempt, "Call started");
        crate::crash::point("call.prepared");
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
        // Now, with what this call was given.
        let redactor = self.settings.masks.redactor();
        let (tell, started) = tokio::sync::oneshot::channel();
        let mut tell = Some(tell);
        let on = |activity: Activity<'_>| match activity {
            Activity::Started(started) => {
                crate::crash::point("call.started");
                // Nobody listens any more: the call is about to be ended.
                let _ = tell.take().map(|tell| tell.send(started));
            }
            Activity::Line(Stream::Stdout, line) => log.line(LogStream::Stdout, line),
            Activity::Line(Stream::Stderr, line) => log.line(LogStream::Stderr, line),
        };
        let remember = async {
            if let Ok(started) = started.await {
                let (pid, start_time) = (started.pid, started.start_time);
                if let Err(error) = self.store.call_started(call.id, pid, start_time).await {
                    tracing::warn!(%error, "Failed to write down which process the call is");
                }
            }
            std::future::pending::<()>().await;
        };
        let limits = Limits::deadline(call.settings.timeout);
        let ended = tokio::select! {
            ended = child::watch(program, &redactor, limits, &cancel, on) => ended,
            () = watch => Ended::Cancelled,
            () = remember => Ended::Cancelled,
            () = log.keep_visible() => Ended::Cancelled,
        };
        crate::crash::point("call.ended");
        drop(steps);
        Ok(match ended {
            Ended::Cancelled => gone.into_inner().map_or(End::Stopped, End::EngineLost),
            Ended::TimedOut => End::Outcome(Outcome::TimedOut),
            Ended::Exited(0) => End::Outcome(Outcome::Passed),
            Ended::Exited(exit) => {
                let trouble = needs_engine.then(|| engine_trouble(&log.tail())).flatten();
                trouble.map_or(End::Outcome(Outcome::Failed { exit }), End::EngineLost)
            }
            Ended::Signalled(signal) => {
                End::Outcome(Outcome::Lost(format!("its process was ended by signal {signal}")))
            }
            Ended::NotStarted(error) => {
                End::Outcome(Outcome::Errored(format!("Cannot start `{name}`: {error}")))
            }
        })
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
