//! Whether dagger's engine answers, asked cheaply and remembered for a moment.
//!
//! A CLI without an engine hangs for ten minutes, so nothing is started before the engine has
//! answered one small question within a few seconds. While it does not, calls wait in the queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{Mutex, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Worker;
use crate::domain::ids::CallId;
use crate::store::StoreError;

/// How old an answer may be that lets a call start: bursts of calls ask once.
pub(super) const FRESH: Duration = Duration::from_secs(1);

/// How long the engine may take to answer; a warm one takes a fifth of a second.
const LIMIT: Duration = Duration::from_secs(5);

/// How long the queue waits for an answer before it goes on with what needs no engine.
const PROMPT: Duration = Duration::from_secs(1);

/// How often a silent engine is asked again.
pub(super) const ASK_AGAIN: Duration = Duration::from_secs(2);

/// How often it is asked while calls are under way, however many these are, and how many silences
/// in a row mean that it has gone from under them.
pub(super) const WATCH: (Duration, u32) = (Duration::from_secs(5), 2);

/// How long the CLI's version is remembered: an upgrade is noticed within a minute.
const VERSION_KNOWN: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Engine {
    answered: Mutex<Option<Instant>>,
    version: Mutex<Option<(Instant, String)>>,
    /// Since when it is silent, and what was said.
    silent: std::sync::Mutex<Option<(Timestamp, String)>>,
    /// Up to which call those who wait were told why, and in which words.
    told: Mutex<Option<(CallId, String)>>,
    /// Whether it is being asked for the sake of the queue.
    asking: AtomicBool,
    /// Those questions.
    questions: TaskTracker,
}

/// Somebody asks the engine for the queue's sake, for as long as this lives.
struct Asking<'a>(&'a AtomicBool);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

/// What the queue knows of the engine.
pub(super) enum Asked {
    Answers,
    /// It does not answer, or not yet: the queue is woken when it does.
    Silent,
}

impl Engine {
    fn silent(&self) -> std::sync::MutexGuard<'_, Option<(Timestamp, String)>> {
        self.silent.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Engine {
    /// Waits for the questions that were asked for the queue.
    pub(super) async fn finish(&self) {
        self.questions.close();
        self.questions.wait().await;
    }
}

impl Worker {
    /// Whether the engine has answered less than [`FRESH`] ago; asks nothing and waits for nobody.
    pub(super) fn engine_answered(&self) -> bool {
        let answered = self.engine.answered.try_lock();
        answered.is_ok_and(|answered| answered.is_some_and(|at| at.elapsed() < FRESH))
    }

    /// Asks the engine for a call that is next, and tells those who wait when it does not answer.
    ///
    /// Takes no longer than a well engine does: what needs no engine must not wait for one that is
    /// silent, nor while others are told so.
    pub(super) async fn ask_engine(self: &Arc<Self>, end: &CancellationToken) -> Asked {
        if self.engine.asking.swap(true, Ordering::SeqCst) {
            return Asked::Silent;
        }
        let known = self.engine.silent().is_some();
        let (worker, end) = (Arc::clone(self), end.clone());
        let (tell, told) = oneshot::channel();
        self.engine.questions.spawn(async move {
            // By a panic too, or nobody would ever ask again.
            let asking = Asking(&worker.engine.asking);
            let answers = tokio::select! {
                answers = worker.asked_for_the_queue() => answers,
                () = end.cancelled() => false,
            };
            drop(asking);
            if tell.send(answers).is_err() && answers {
                // Nobody waited for that.
                worker.calls.notify_one();
            }
        });
        let patience = if known { Duration::ZERO } else { PROMPT };
        match tokio::time::timeout(patience, told).await {
            Ok(Ok(true)) => Asked::Answers,
            _ => Asked::Silent,
        }
    }

    async fn asked_for_the_queue(&self) -> bool {
        let Err(why) = self.engine_ready(FRESH).await else { return true };
        if let Err(error) = self.tell_waiting(&why).await {
            tracing::warn!(%error, "Failed to tell the calls that wait for the engine why");
        }
        false
    }

    /// Asks the engine, unless its last answer is younger than `age`; concurrent askers share one
    /// question. The error says since when it is silent.
    pub(super) async fn engine_ready(&self, age: Duration) -> Result<(), String> {
        let mut answered = self.engine.answered.lock().await;
        if answered.is_some_and(|at| at.elapsed() < age) {
            return Ok(());
        }
        *answered = None;
        match self.dagger.ping(LIMIT).await {
            Ok(()) => {
                *answered = Some(Instant::now());
                self.engine_answers();
                Ok(())
            }
            Err(error) => Err(self.engine_silent(&error.to_string())),
        }
    }

    /// Returns once the engine has gone from under calls that are under way.
    pub(super) async fn engine_gone(&self) -> String {
        let (every, enough) = WATCH;
        let mut silences = 0;
        loop {
            tokio::time::sleep(every).await;
            match self.engine_ready(every).await {
                Ok(()) => silences = 0,
                Err(why) => {
                    silences += 1;
                    if silences >= enough {
                        return why;
                    }
                }
            }
        }
    }

    /// Whether nothing is known against it.
    pub(super) fn engine_is_there(&self) -> bool {
        self.engine.silent().is_none()
    }

    /// Writes down that the engine answers.
    fn engine_answers(&self) {
        if self.engine.silent().take().is_some() {
            tracing::info!("The engine answers again");
            self.limits.begin_anew();
        }
        self.tell("engine", true, "answers");
    }

    /// Writes down that the engine does not answer, and says so in the words people see.
    pub(super) fn engine_silent(&self, why: &str) -> String {
        let mut silent = self.engine.silent();
        if silent.is_none() {
            tracing::warn!(why, "The engine does not answer; calls wait for it");
        }
        let (since, why) = silent.get_or_insert_with(|| (Timestamp::now(), why.to_owned()));
        let text = format!("engine unreachable since {}: {why}", since.strftime("%H:%M UTC"));
        self.tell("engine", false, &text);
        text
    }

    /// Tells the calls that wait for the engine why they do, each once for the same words.
    pub(super) async fn tell_waiting(&self, why: &str) -> Result<(), StoreError> {
        let mut told = self.engine.told.lock().await;
        let same = told.as_ref().filter(|(_, words)| words == why);
        let mut after = same.map_or(CallId(0), |(last, _)| *last);
        let text = format!("Queued: {why}");
        // What the store refuses half-way goes on behind those who know.
        while let Some(last) = self.store.tell_waiting(&text, after, Timestamp::now()).await? {
            after = last;
            *told = Some((last, why.to_owned()));
            self.reports.notify_one();
        }
        Ok(())
    }

    /// The CLI's version, asked once a minute at most.
    pub(super) async fn cli_version(&self) -> Result<String, String> {
        let mut known = self.engine.version.lock().await;
        if let Some((_, version)) = known.as_ref().filter(|(at, _)| at.elapsed() < VERSION_KNOWN) {
            return Ok(version.clone());
        }
        *known = None;
        match self.dagger.version().await {
            Ok(version) => {
                let version = match version.supported() {
                    Ok(version) => version.to_string(),
                    Err(old) => {
                        self.tell("dagger", false, &old.to_string());
                        return Err(self.engine_silent(&old.to_string()));
                    }
                };
                *known = Some((Instant::now(), version.clone()));
                self.tell("dagger", true, &version);
                Ok(version)
            }
            Err(error) => {
                self.tell("dagger", false, &error.to_string());
                Err(self.engine_silent(&error.to_string()))
            }
        }
    }
}
