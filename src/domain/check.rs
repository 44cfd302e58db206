//! Check runs: what a status becomes on a forge that has more room for it than one line.
//!
//! The status stays what counts; here is decided what stands around it: how far the call is, the
//! end of its log, the places in a `pocketci.yaml` that are wrong, and the buttons. It knows no
//! forge's words.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use super::ids::{BadName, CallId, RunId};
use super::run::{CommitState, Outcome, Status};
use super::spec::Mark;

mod excerpt;

pub use excerpt::{Excerpt, fenced, plain};

/// What a check run on a forge shows of ours: a call, or the summary of a run.
///
/// Its text form goes to the forge, and comes back with what people ask for there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CheckId {
    pub run: RunId,
    /// None: the summary.
    pub call: Option<CallId>,
    /// From 1; a new attempt is a new check run, as people expect of one that they asked for.
    pub attempt: u32,
}

impl fmt::Display for CheckId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.call {
            Some(call) => write!(f, "pocketci:{}:{call}:{}", self.run, self.attempt),
            None => write!(f, "pocketci:{}:summary:{}", self.run, self.attempt),
        }
    }
}

impl FromStr for CheckId {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let read = || {
            let mut parts = text.strip_prefix("pocketci:")?.split(':');
            let run = parts.next()?.parse().ok()?;
            let call = match parts.next()? {
                "summary" => None,
                call => Some(call.parse().ok()?),
            };
            let attempt = parts.next()?.parse().ok()?;
            parts.next().is_none().then_some(Self { run, call, attempt })
        };
        read().ok_or_else(|| BadName::new(text, "a check run of ours"))
    }
}

/// What a check run is known by that no run stands behind.
const OTHERS: &str = "pocketci:delivery";

/// A button on a check run, beside the forge's own `Re-run`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Button {
    Approve,
    Cancel,
    RerunFailed,
}

impl Button {
    const ALL: [Self; 3] = [Self::Approve, Self::Cancel, Self::RerunFailed];

    /// What comes back when it is pressed; at most 20 characters.
    pub fn identifier(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Cancel => "cancel",
            Self::RerunFailed => "rerun-failed",
        }
    }

    /// What stands on it; at most 20 characters.
    pub fn label(self) -> &'static str {
        match self {
            Self::Approve => "Approve",
            Self::Cancel => "Cancel",
            Self::RerunFailed => "Re-run failed",
        }
    }

    /// What it does; at most 40 characters.
    pub fn description(self) -> &'static str {
        match self {
            Self::Approve => "Let this commit run",
            Self::Cancel => "Stop this run",
            Self::RerunFailed => "Call again what did not pass",
        }
    }

    /// The button that was pressed.
    pub fn from_identifier(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|button| button.identifier() == text)
    }
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Queued,
    InProgress,
    Completed(Conclusion),
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conclusion {
    Success,
    Failure,
    TimedOut,
    Cancelled,
    /// It waits for somebody's word.
    ActionRequired,
}

/// A check run as the forge is to show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The status's context, so that rules which require it hold either way.
    pub name: String,
    /// What it is known by to us.
    pub reference: String,
    pub standing: Standing,
    pub title: String,
    /// Markdown.
    pub summary: String,
    /// Markdown.
    pub text: Option<String>,
    pub marks: Vec<Mark>,
    pub buttons: Vec<Button>,
    pub details_url: String,
    pub started_at: Option<Timestamp>,
    /// Some exactly where it is completed.
    pub completed_at: Option<Timestamp>,
}

/// What is known about the run and the call behind a status.
#[derive(Debug, Clone, Default)]
pub struct Facts<'a> {
    pub id: Option<CheckId>,
    /// The run waits for somebody's word.
    pub held: bool,
    /// The call is being carried out; of a summary, any.
    pub running: bool,
    /// Of a call.
    pub outcome: Option<&'a Outcome>,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    /// What is wrong with the spec or the module, in full.
    pub reason: Option<&'a str>,
    pub marks: &'a [Mark],
    /// The end of the log, with its secrets masked.
    pub log: Option<Excerpt>,
    /// Anything of the run can be called again.
    pub can_rerun: bool,
}

/// What the forge is to show; `now` is when it was decided.
pub fn of(status: &Status, facts: Facts<'_>, details_url: &str, now: Timestamp) -> Check {
    let standing = standing(status.state, &facts);
    let completed = matches!(standing, Standing::Completed(_));
    let buttons = match (standing, facts.id.is_some()) {
        (_, false) => Vec::new(),
        (Standing::Completed(Conclusion::ActionRequired), _) => {
            vec![Button::Approve, Button::Cancel]
        }
        (Standing::Queued | Standing::InProgress, _) => vec![Button::Cancel],
        (Standing::Completed(Conclusion::Success), _) => Vec::new(),
        (Standing::Completed(_), _) if facts.can_rerun => vec![Button::RerunFailed],
        (Standing::Completed(_), _) => Vec::new(),
    };
    let failed = completed && status.state != CommitState::Success && !facts.held;
    let mut text = String::new();
    if failed {
        if let Some(reason) = facts.reason {
            text.push_str(&fenced(&plain(reason)));
        }
        if let Some(log) = &facts.log {
            text.push_str(&log.markdown());
        }
    }
    let mut summary = plain_markdown(&status.description);
    if !details_url.is_empty() {
        let what = if facts.id.is_some_and(|id| id.call.is_some()) { "log" } else { "run" };
        summary.push_str(&format!("\n\n[The whole {what}]({details_url})"));
    }
    Check {
        name: status.context.clone(),
        reference: facts.id.map_or_else(|| OTHERS.to_owned(), |id| id.to_string()),
        standing,
        title: status.description.clone(),
        summary,
        text: (!text.is_empty()).then_some(text),
        marks: if failed { facts.marks.to_vec() } else { Vec::new() },
        buttons,
        details_url: details_url.to_owned(),
        started_at: facts.started_at,
        completed_at: completed.then(|| facts.finished_at.unwrap_or(now)),
    }
}

/// The state of the status rules: what is known beside it may be newer, and is told next.
fn standing(state: CommitState, facts: &Facts<'_>) -> Standing {
    match (state, facts.outcome) {
        (CommitState::Pending, _) if facts.held => Standing::Completed(Conclusion::ActionRequired),
        (CommitState::Pending, _) if facts.running => Standing::InProgress,
        (CommitState::Pending, _) => Standing::Queued,
        (CommitState::Success, _) => Standing::Completed(Conclusion::Success),
        (CommitState::Failure, Some(Outcome::TimedOut)) => {
            Standing::Completed(Conclusion::TimedOut)
        }
        (CommitState::Error, Some(Outcome::Cancelled(_))) => {
            Standing::Completed(Conclusion::Cancelled)
        }
        (CommitState::Failure | CommitState::Error, _) => Standing::Completed(Conclusion::Failure),
    }
}

/// A line as Markdown that shows it as it is.
fn plain_markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in plain(text).chars() {
        match letter {
            // Whoever is named here is not to be called.
            '@' => escaped.push_str("&#64;"),
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            letter if letter.is_ascii_punctuation() => escaped.extend(['\\', letter]),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
