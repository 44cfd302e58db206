//! The lines of logs on a terminal: which call, which stream, and when.
//!
//! Standard error is no less readable than the rest: a dagger call says almost everything there.

use std::io::{self, Write};

use anstyle::Style;
use jiff::tz::TimeZone;
use serde_json::json;

use crate::cli::output::{self, FAINT, STRONG, plain};
use crate::web::shape::{Call, LogLine};

/// Prints the lines of some calls of a run.
pub(super) struct Lines {
    /// The calls with their labels; these are empty where there is one call alone.
    labels: Vec<(i64, String)>,
    times: bool,
    json: bool,
}

impl Lines {
    pub(super) fn new(calls: &[&Call], times: bool, json: bool) -> Self {
        let width = calls.iter().map(|call| call.function.chars().count()).max().unwrap_or(0);
        let alone = calls.len() == 1;
        let label = |(number, call): (usize, &&Call)| {
            let colour = output::apart(number);
            let name = plain(&call.function);
            let label = format!("{colour}{name:width$}{colour:#} ");
            (call.id, if alone { String::new() } else { label })
        };
        Self { labels: calls.iter().enumerate().map(label).collect(), times, json }
    }

    fn barred(&self, call: i64, bar: &str) -> String {
        match self.labels.iter().find(|(id, label)| *id == call && !label.is_empty()) {
            Some((_, label)) => format!("{label}{FAINT}{bar}{FAINT:#} "),
            None => String::new(),
        }
    }

    /// Prints a line of a call's log.
    pub(super) fn print(&self, call: i64, line: &LogLine) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        if self.json {
            let line = json!({
                "call": call, "at": line.at, "stream": line.stream, "text": line.text,
                "end": line.end,
            });
            return writeln!(out, "{}", output::escaped(&line.to_string()));
        }
        let (style, bar) = match line.stream.as_str() {
            "stderr" => (Style::new(), "┆"),
            "agent" => (STRONG, "│"),
            _ => (Style::new(), "│"),
        };
        let (label, text) = (self.barred(call, bar), output::line(&line.text));
        let time = line.at.filter(|_| self.times).map(|at| {
            let at = at.to_zoned(TimeZone::system()).strftime("%H:%M:%S%.3f").to_string();
            format!("{FAINT}{at}{FAINT:#} ")
        });
        let time = time.unwrap_or_default();
        writeln!(out, "{label}{time}{style}{text}{style:#}")
    }

    /// Says something about a call between its lines; programs are told nothing of it.
    pub(super) fn note(&self, call: i64, style: Style, text: &str) -> io::Result<()> {
        if self.json {
            return Ok(());
        }
        // Beside the log itself, which may go to a file.
        let (label, text) = (self.barred(call, "│"), plain(text));
        let mut out = anstream::stderr().lock();
        writeln!(out, "{label}{style}{text}{style:#}")
    }
}
