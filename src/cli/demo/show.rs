//! What the demo prints: one line for each thing that happens, with when and what.

use std::io::{self, Write};
use std::time::Duration;

use anstyle::Style;
use jiff::Timestamp;

use super::follow::Tally;
use super::hook::Hook;
use crate::cli::output::{FAINT, GOOD, STRONG, count, plain};
use crate::domain::report;

/// How wide the columns are before the texts.
const TIME: usize = 9;
const WORD: usize = 8;
/// How far what belongs to a line stands in; its reasons are to fit 80 columns.
const INDENT: usize = 4;

/// One thing that happened.
#[derive(Debug)]
pub(super) struct Line {
    /// None for what belongs to the line before.
    pub(super) at: Option<Timestamp>,
    pub(super) style: Style,
    pub(super) word: &'static str,
    /// May hold styles; texts of others have been made harmless.
    pub(super) text: String,
}

/// Something about the demo itself.
pub(super) fn fact(word: &str, text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    writeln!(out, "  {FAINT}{word:WORD$}{FAINT:#}  {text}")
}

/// The first line.
pub(super) fn title() -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    writeln!(out, "{STRONG}pocketci-agent demo{STRONG:#}: a whole delivery on this machine\n")
}

/// The last line, when all is well.
pub(super) fn passed(tally: &Tally, events: usize, took: Duration) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    let (events, calls) = (count(events, "event"), count(tally.calls, "call"));
    let statuses = match tally.statuses {
        1 => "1 status".to_owned(),
        number => format!("{number} statuses"),
    };
    let took = report::duration(took);
    writeln!(out, "\n{GOOD}everything passed{GOOD:#}: {events}, {calls}, {statuses} in {took}")
}

/// How to go on, where the agent stays up.
pub(super) fn invitation(url: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    writeln!(out, "\nThe pages are at {STRONG}{url}{STRONG:#} until you press Ctrl-C.")?;
    out.flush()
}

/// The event's name, before what comes of it.
pub(super) fn event(hook: &Hook) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    writeln!(out, "\n{STRONG}{}{STRONG:#} {FAINT}·{FAINT:#} {}", hook.event, plain(&hook.title))
}

/// Lines in their order; times count from `since`.
pub(super) fn lines(lines: &[Line], since: Timestamp) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    for Line { at, style, word, text } in lines {
        let Some(at) = at else {
            writeln!(out, "{:INDENT$}{text}", "")?;
            continue;
        };
        let seconds = at.duration_since(since).as_millis_f64().max(0.0) / 1000.0;
        let time = format!("{seconds:.3} s");
        writeln!(out, "{FAINT}{time:>TIME$}{FAINT:#}  {style}{word:WORD$}{style:#}  {text}")?;
    }
    out.flush()
}
