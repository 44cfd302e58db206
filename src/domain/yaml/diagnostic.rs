//! What is wrong with a file, where, and what would be right: drawn as compilers do.

use std::fmt::{self, Write as _};

use anstyle::{AnsiColor, Style};
use serde::{Deserialize, Serialize};

use super::node::Span;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const RULE: Style = AnsiColor::Blue.on_default().bold();
const STRONG: Style = Style::new().bold();

/// Columns of a source line that are shown; longer ones are cut around the place.
const SHOWN: usize = 100;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The file is not used.
    Error,
    /// The file is used, and probably does not do what was meant.
    Warning,
}

/// One thing to say about one place of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    pub severity: Severity,
    /// The file, relative to the repository.
    pub path: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// How many characters of the line are meant; at least 1.
    pub width: usize,
    pub message: String,
    /// What to write instead, or what is allowed there.
    pub help: Option<String>,
    /// The line itself, without its end.
    pub source: String,
}

/// A place in a file with what is wrong there, as it is kept with a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Relative to the repository.
    pub path: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// In characters, at least 1.
    pub width: usize,
    /// With what to write instead, where that is known.
    pub message: String,
}

impl Diagnostic {
    /// The place alone, with what is wrong there.
    pub fn mark(&self) -> Mark {
        let message = match &self.help {
            Some(help) => format!("{}\n{help}", self.message),
            None => self.message.clone(),
        };
        let Self { path, line, column, width, .. } = self;
        Mark { path: path.clone(), line: *line, column: *column, width: *width, message }
    }

    pub(crate) fn new(
        severity: Severity,
        (path, text): (&str, &str),
        span: Span,
        message: String,
        help: Option<String>,
    ) -> Self {
        // What follows the last line break is no line of its own: point behind the last text.
        let at = span.start.min(text.len());
        let at = if at == text.len() && span.end <= at { text.trim_end().len() } else { at };
        let at = text.floor_char_boundary(at);
        let begin = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let source = text[begin..].split('\n').next().unwrap_or("");
        let source = source.strip_suffix('\r').unwrap_or(source);
        let end = text.floor_char_boundary(span.end.min(begin + source.len()));
        let width = text.get(at..end).map_or(1, |part| part.trim_end().chars().count().max(1));
        Self {
            severity,
            path: path.to_owned(),
            line: 1 + text[..begin].matches('\n').count(),
            column: 1 + text[begin..at].chars().count(),
            width,
            message,
            help,
            source: source.to_owned(),
        }
    }

    /// `services/api/pocketci.yaml:3:5: unknown key …`, on one line.
    pub fn headline(&self) -> String {
        format!("{}:{}:{}: {}", self.path, self.line, self.column, self.message)
    }

    /// The message, the place, the source line with the part that is meant underlined, and help.
    ///
    /// With `color` it holds terminal escapes; text from the file never adds any.
    pub fn render(&self, color: bool) -> String {
        let paint = |style: Style| if color { style } else { Style::new() };
        let (strong, rule) = (paint(STRONG), paint(RULE));
        let (word, mark) = match self.severity {
            Severity::Error => ("error", paint(ERROR)),
            Severity::Warning => ("warning", paint(WARNING)),
        };
        let number = self.line.to_string();
        let gutter = " ".repeat(number.len());
        let (source, indent, width) = self.shown();
        let place = format!("{}:{}:{}", self.path, self.line, self.column);
        let underline = format!("{}{mark}{}{mark:#}", " ".repeat(indent), "^".repeat(width));
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{mark}{word}{mark:#}{strong}: {}{strong:#}", self.message);
        let _ = writeln!(out, "{gutter}{rule}-->{rule:#} {place}");
        let _ = writeln!(out, "{gutter} {rule}|{rule:#}");
        let _ = writeln!(out, "{rule}{number} |{rule:#} {source}");
        let _ = writeln!(out, "{gutter} {rule}|{rule:#} {underline}");
        if let Some(help) = &self.help {
            let _ = writeln!(out, "{gutter} {rule}={rule:#} {strong}help{strong:#}: {help}");
        }
        out.lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }

    /// The source line as it can be shown, the columns before the underline, and its length.
    fn shown(&self) -> (String, usize, usize) {
        let mut shown = String::new();
        let (mut indent, mut width) = (0, 0);
        // A long line is shown from a little before the place on.
        let first = if self.source.chars().count() <= SHOWN {
            0
        } else {
            self.column.saturating_sub(SHOWN / 4)
        };
        if first > 0 {
            shown.push('…');
            indent = 1;
        }
        for (at, c) in self.source.chars().enumerate().skip(first).take(SHOWN) {
            let cell = if c == '\t' { "    ".to_owned() } else { printable(c).to_string() };
            let columns = cell.chars().count();
            if at + 1 < self.column {
                indent += columns;
            } else if at + 1 < self.column + self.width {
                width += columns;
            }
            shown.push_str(&cell);
        }
        if self.source.chars().count() > first + SHOWN {
            shown.push('…');
        }
        (shown, indent, width.max(1))
    }
}

/// A character that cannot command the terminal, nor turn the direction of what follows.
fn printable(c: char) -> char {
    let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if c.is_control() || turns { '\u{fffd}' } else { c }
}

/// A value for a message: in backticks, on one line, not too long.
pub(crate) fn quote(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown: String = text.chars().take(LONGEST).map(printable).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// Everything that is wrong with a file; at least one error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics(pub(crate) Vec<Diagnostic>);

impl Diagnostics {
    /// The same errors under another path, for a file that was passed by its own.
    pub fn of_file(mut self, path: &str) -> Self {
        for one in &mut self.0 {
            path.clone_into(&mut one.path);
        }
        self
    }

    /// In the order of the file.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.0
    }

    /// The first error on one line, and how many more there are.
    pub fn headline(&self) -> String {
        let first = self.0.first().map(Diagnostic::headline).unwrap_or_default();
        match self.0.len() {
            0 | 1 => first,
            n => format!("{first} (and {} more)", n - 1),
        }
    }

    /// All of them, an empty line between; see [`Diagnostic::render`].
    pub fn render(&self, color: bool) -> String {
        self.0.iter().map(|one| one.render(color)).collect::<Vec<_>>().join("\n")
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.headline())
    }
}

impl std::error::Error for Diagnostics {}
