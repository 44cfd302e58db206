//! States, moments and durations as pages show them.

use jiff::Timestamp;

use super::super::text::{ago, duration, inert, moment, sentence, web_link};
use crate::domain::run::{Outcome, Verdict};
use crate::store::{CallState, RunState};

/// A word with a colour and a sign; the word alone says it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Badge {
    pub word: &'static str,
    /// A class of the stylesheet: `good`, `bad`, `warn`, `busy`, `idle`.
    pub class: &'static str,
}

impl Badge {
    pub(super) const fn new(word: &'static str, class: &'static str) -> Self {
        Self { word, class }
    }

    /// The same for eyes that see no colour.
    pub(super) fn sign(self) -> &'static str {
        match (self.class, self.word) {
            ("good", _) => "✓",
            ("bad", _) => "✕",
            ("warn", _) => "!",
            ("busy", _) => "◐",
            (_, "cancelled") => "–",
            _ => "○",
        }
    }
}

/// A text that leads somewhere if the address is fit for it.
#[derive(Debug)]
pub(super) struct Link {
    pub text: String,
    pub href: Option<String>,
}

impl Link {
    pub(super) fn new(text: &str, address: &str) -> Self {
        Self { text: inert(text), href: web_link(address) }
    }
}

/// A moment: for eyes, and for the script that keeps "3 min ago" true.
#[derive(Debug)]
pub(super) struct When {
    pub exact: String,
    pub ago: String,
    pub iso: String,
}

impl When {
    pub(super) fn new(at: Timestamp, now: Timestamp) -> Self {
        Self { exact: moment(at), ago: ago(now, at), iso: format!("{at:.0}") }
    }
}

/// How long something took, or takes so far.
#[derive(Debug)]
pub(super) struct Took {
    pub words: String,
    /// Where it still goes on: since when.
    pub since: Option<String>,
}

impl Took {
    pub(super) fn new(
        began: Option<Timestamp>,
        ended: Option<Timestamp>,
        now: Timestamp,
    ) -> Option<Self> {
        let began = began?;
        let words = duration(ended.unwrap_or(now).duration_since(began));
        Some(Self { words, since: ended.is_none().then(|| format!("{began:.3}")) })
    }
}

/// Whether a page about it will say something else soon.
pub(super) fn is_moving(state: &RunState) -> bool {
    matches!(state, RunState::Queued | RunState::Running)
}

pub(super) fn run_badge(state: &RunState) -> Badge {
    match state {
        RunState::Held(_) => Badge::new("held", "warn"),
        RunState::Queued => Badge::new("queued", "idle"),
        RunState::Running => Badge::new("running", "busy"),
        RunState::Finished(Verdict::Passed) => Badge::new("passed", "good"),
        RunState::Finished(Verdict::Failed) => Badge::new("failed", "bad"),
        RunState::Finished(Verdict::Cancelled) => Badge::new("cancelled", "idle"),
        RunState::Finished(Verdict::Errored) => Badge::new("error", "bad"),
    }
}

/// `run`: the state of the run that the call is part of.
pub(super) fn call_badge(run: &RunState, call: &CallState) -> Badge {
    match call {
        CallState::Queued if matches!(run, RunState::Held(_)) => run_badge(run),
        CallState::Queued => Badge::new("queued", "idle"),
        CallState::Running => Badge::new("running", "busy"),
        CallState::Finished(outcome) => outcome_badge(outcome),
    }
}

pub(super) fn outcome_badge(outcome: &Outcome) -> Badge {
    match outcome {
        Outcome::Passed => Badge::new("passed", "good"),
        Outcome::Failed { .. } => Badge::new("failed", "bad"),
        Outcome::TimedOut => Badge::new("timed out", "bad"),
        Outcome::Cancelled(_) => Badge::new("cancelled", "idle"),
        Outcome::Lost(_) => Badge::new("lost", "warn"),
        Outcome::Errored(_) => Badge::new("error", "bad"),
    }
}

/// What an outcome has to say beside its word.
pub(super) fn outcome_words(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Passed => None,
        Outcome::Failed { exit } => Some(format!("Exit status {exit}.")),
        Outcome::TimedOut => Some("It took longer than its time limit.".to_owned()),
        Outcome::Cancelled(why) | Outcome::Lost(why) | Outcome::Errored(why) => Some(sentence(why)),
    }
}
