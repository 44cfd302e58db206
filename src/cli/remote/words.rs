//! The words, marks and colours of runs and calls.

use std::time::Duration;

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;

use crate::cli::output::{BAD, DOUBTFUL, FAINT, GOOD, plain};
use crate::domain::report;
use crate::web::shape::{Call, RunSummary};

const GOING: Style = AnsiColor::Cyan.on_default().bold();

/// How something is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) style: Style,
    pub(super) mark: &'static str,
}

/// How a state, a verdict or an outcome looks; what is new here looks doubtful.
pub(super) fn look(word: &str) -> Look {
    let (style, mark) = match word {
        "passed" => (GOOD, "✓"),
        "failed" | "timed_out" => (BAD, "✗"),
        "errored" | "lost" | "faulty" => (BAD, "!"),
        "cancelled" | "skipped" => (FAINT, "-"),
        "queued" | "received" | "claimed" => (FAINT, "·"),
        "running" => (GOING, "●"),
        "planned" | "settled" => (GOOD, "✓"),
        _ => (DOUBTFUL, "?"),
    };
    Look { style, mark }
}

/// The one word for where a run is.
pub(super) fn state_of(run: &RunSummary) -> &str {
    run.verdict.as_deref().unwrap_or(&run.state)
}

/// How long something has taken or takes until now.
pub(super) fn took(
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    now: Timestamp,
) -> Option<Duration> {
    // The clock of the agent may be ahead of this machine's.
    let span = to.unwrap_or(now).duration_since(from?);
    Some(Duration::try_from(span).unwrap_or_default())
}

/// A duration without tenths, for what is going on.
pub(super) fn whole(time: Duration) -> String {
    report::duration(Duration::from_secs(time.as_secs()))
}

/// How long ago, in one unit.
pub(super) fn age(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// What became of a call, in words: `passed in 3 s`, `failed (exit 1) in 4 s`, `queued`.
pub(super) fn said(call: &Call, now: Timestamp) -> String {
    let time = took(call.started_at, call.finished_at, now);
    let Some(outcome) = &call.outcome else {
        return match (call.state.as_str(), time) {
            ("running", Some(time)) => format!("running for {}", whole(time)),
            (state, _) => plain(state),
        };
    };
    let mut text = plain(outcome).replace('_', " ");
    if let Some(exit) = call.exit {
        text = format!("{text} (exit {exit})");
    }
    if let Some(time) = time {
        text = format!("{text} in {}", report::duration(time));
    }
    match &call.detail {
        Some(detail) => format!("{text}: {}", plain(detail)),
        None => text,
    }
}

/// The first digits of a commit.
pub(super) fn short(sha: &str) -> String {
    plain(&sha.chars().take(7).collect::<String>())
}

/// The repository, with the forge in front where it is not GitHub, and the spec's name behind.
pub(super) fn place(run: &RunSummary) -> String {
    let mut text = run.repository.clone();
    if run.forge != "github" {
        text = format!("{}/{text}", run.forge);
    }
    if !run.name.is_empty() {
        text = format!("{text} ({})", run.name);
    }
    text
}

/// Where a run's commit is: `main`, `#3`.
pub(super) fn line_of(run: &RunSummary) -> String {
    match (run.pull, &run.branch) {
        (Some(pull), _) => format!("#{pull}"),
        (None, Some(branch)) => branch.clone(),
        (None, None) => short(&run.sha),
    }
}
