//! Words and colours of what commands print. Colours are left out where the output is no
//! terminal, and where `NO_COLOR` asks for it.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::domain::inert;

pub(super) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(super) const DOUBTFUL: Style = AnsiColor::Yellow.on_default().bold();
pub(super) const STRONG: Style = Style::new().bold();
pub(super) const FAINT: Style = Style::new().dimmed();

/// Colours that tell functions apart; none of them says good or bad.
const APART: [AnsiColor; 4] =
    [AnsiColor::Cyan, AnsiColor::Magenta, AnsiColor::Blue, AnsiColor::BrightYellow];

/// The colour of one of several functions.
pub(super) fn apart(number: usize) -> Style {
    APART[number % APART.len()].on_default()
}

/// A line that a program printed: without its colours, and unable to command the terminal.
pub(super) fn line(text: &str) -> String {
    plain(&anstream::adapter::strip_str(text).to_string())
}

/// Prints a value as JSON that people can read too.
pub(super) fn json(value: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
    writeln!(anstream::stdout().lock(), "{}", escaped(&text))
}

/// JSON in which what could command a terminal is escaped: it then stands for the same.
pub(super) fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || !inert::is_active(c) {
            text.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            text.push_str(&format!("\\u{unit:04x}"));
        }
    }
    text
}

/// A text that cannot command the terminal it is printed on.
pub(super) fn plain(text: &str) -> String {
    inert::one_line(text)
}

/// `1 file`, `3 files`.
pub(super) fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// Arguments as they can be pasted into a shell.
pub(super) fn shell_line(argv: &[String]) -> String {
    argv.iter().map(|arg| shell_word(arg)).collect::<Vec<_>>().join(" ")
}

fn shell_word(word: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_./=:@,+%".contains(c);
    if !word.is_empty() && word.chars().all(safe) {
        return word.to_owned();
    }
    format!("'{}'", plain(word).replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests;
