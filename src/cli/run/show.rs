//! What `run` prints: a short plan, the lines of all calls as they come, and how each ended.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use anstyle::Style;

use super::{Done, Job};
use crate::cli::output::{self, BAD, DOUBTFUL, FAINT, GOOD, STRONG, count, plain};
use crate::cli::plan::print;
use crate::cli::working::Planned;
use crate::domain::event::Event;
use crate::domain::plan::{Changes, Decision};
use crate::domain::report;
use crate::domain::run::Outcome;

/// The event, and of each spec what is called; what is not is only counted.
pub(super) fn plan(event: &Event, changes: &Changes, planned: &[Planned]) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    print::header(&mut out, event, changes)?;
    for one in planned {
        print::spec(&mut out, &one.spec)?;
        let functions = &one.plan.functions;
        let shown = || functions.iter().filter(|one| one.decision != Decision::Skip);
        let width = shown().map(|one| one.name.chars().count()).max().unwrap_or(0);
        for function in shown() {
            print::function(&mut out, function, width)?;
        }
        print::reason(&mut out, &one.plan)?;
        let rest = functions.len() - shown().count();
        if rest > 0 {
            let (rest, name) = (count(rest, "function"), crate::cli::NAME);
            writeln!(out, "  {FAINT}skip  {rest}; `{name} plan` says why{FAINT:#}")?;
        }
    }
    writeln!(out)?;
    out.flush()
}

/// Something that the reader should know before anything is called.
pub(super) fn warning(text: &str) -> io::Result<()> {
    writeln!(anstream::stderr().lock(), "{DOUBTFUL}warning{DOUBTFUL:#}: {}", plain(text))
}

/// The lines of calls that run at the same time, each behind its call's label.
pub(super) struct Lines {
    labels: Vec<String>,
    /// The first failure to write; calls go on without a reader.
    failed: Mutex<Option<io::Error>>,
}

impl Lines {
    pub(super) fn new(jobs: &[Job]) -> Self {
        let width = jobs.iter().map(|job| job.label.chars().count()).max().unwrap_or(0);
        let label = |(number, job): (usize, &Job)| {
            let colour = output::apart(number);
            format!("{colour}{:width$}{colour:#}", plain(&job.label))
        };
        let labels = jobs.iter().enumerate().map(label).collect();
        Self { labels, failed: Mutex::new(None) }
    }

    pub(super) fn begun(&self, number: usize) {
        self.write(number, '▶', FAINT, "running");
    }

    /// What the agent has to say about the call.
    pub(super) fn note(&self, number: usize, text: &str) {
        self.write(number, '│', DOUBTFUL, &plain(text));
    }

    /// A line that the call printed.
    pub(super) fn line(&self, number: usize, faint: bool, text: &str) {
        let style = if faint { FAINT } else { Style::new() };
        self.write(number, '│', style, &output::line(text));
    }

    pub(super) fn ended(&self, number: usize, done: &Done) {
        let (style, mark) = match done.outcome {
            Outcome::Passed => (GOOD, '✓'),
            _ => (BAD, '✗'),
        };
        self.write(number, mark, style, &said(done));
    }

    fn write(&self, number: usize, mark: char, style: Style, text: &str) {
        let label = &self.labels[number];
        let mut out = anstream::stdout().lock();
        let written = writeln!(out, "{label} {FAINT}{mark}{FAINT:#} {style}{text}{style:#}");
        if let Err(error) = written.and_then(|()| out.flush()) {
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    }

    /// Whether everything could be written.
    pub(super) fn written(&self) -> io::Result<()> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner).take();
        failed.map_or(Ok(()), Err)
    }
}

/// Every call with how it ended.
pub(super) fn results(jobs: &[Job], done: &[Done]) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    let width = jobs.iter().map(|job| job.label.chars().count()).max().unwrap_or(0);
    writeln!(out)?;
    for (job, done) in jobs.iter().zip(done) {
        let (style, word) = match done.outcome {
            Outcome::Passed => (GOOD, "passed"),
            Outcome::Cancelled(_) => (DOUBTFUL, "ended "),
            _ => (BAD, "failed"),
        };
        let label = plain(&job.label);
        let said = said(done);
        let text = said.strip_prefix("Passed in ").or_else(|| said.strip_prefix("Failed "));
        let text = text.unwrap_or(&said);
        writeln!(out, "{style}{word}{style:#}  {STRONG}{label:width$}{STRONG:#}  {text}")?;
    }
    out.flush()
}

fn said(done: &Done) -> String {
    plain(&report::finished_call("", &done.outcome, done.took).description)
}
