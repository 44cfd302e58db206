//! Lists in columns: aligned, and as wide as the terminal where there is one.

use std::io::{self, IsTerminal as _, Write as _};

use anstyle::Style;
use console::{Term, measure_text_width, truncate_str};

use crate::cli::output::{FAINT, plain};

/// Blanks between columns.
const GAP: usize = 2;
/// What stays of a column that gives way, however narrow the terminal.
const LEAST: usize = 12;

/// A table that is being made.
pub(super) struct Table {
    titles: Vec<&'static str>,
    /// The column that gives way where the terminal is too narrow.
    flexible: usize,
    rows: Vec<Vec<String>>,
}

/// A text in a style, unable to command the terminal.
pub(super) fn cell(style: Style, text: &str) -> String {
    let text = plain(text);
    if text.is_empty() { text } else { format!("{style}{text}{style:#}") }
}

impl Table {
    pub(super) fn new(titles: &[&'static str], flexible: &str) -> Self {
        let flexible = titles.iter().position(|title| *title == flexible).unwrap_or_default();
        Self { titles: titles.to_vec(), flexible, rows: Vec::new() }
    }

    /// Adds a row, a [`cell`] for each title.
    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    pub(super) fn print(&self) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        for line in self.lines(width()) {
            writeln!(out, "{line}")?;
        }
        out.flush()
    }

    fn lines(&self, room: Option<usize>) -> Vec<String> {
        let mut widths: Vec<usize> = self.titles.iter().map(|title| title.len()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = measure_text_width(cell).max(*width);
            }
        }
        let all: usize = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
        if let (Some(room), Some(width)) = (room, widths.get_mut(self.flexible)) {
            *width = width.saturating_sub(all.saturating_sub(room)).max(LEAST.min(*width));
        }
        let titles = self.titles.iter().map(|title| cell(FAINT, title)).collect();
        std::iter::once(&titles).chain(&self.rows).map(|row| aligned(row, &widths)).collect()
    }
}

fn aligned(row: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    let mut owed = 0;
    for (cell, width) in row.iter().zip(widths) {
        let cell = truncate_str(cell, *width, "…");
        line.push_str(&" ".repeat(owed));
        line.push_str(&cell);
        owed = width.saturating_sub(measure_text_width(&cell)) + GAP;
    }
    line.trim_end().to_owned()
}

/// The columns of the terminal that is printed to; none where it is none.
pub(super) fn width() -> Option<usize> {
    let terminal = io::stdout().is_terminal();
    terminal.then(|| Term::stdout().size_checked()).flatten().map(|(_, columns)| columns.into())
}

#[cfg(test)]
mod tests;
