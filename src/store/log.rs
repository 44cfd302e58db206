//! A call's log: a plain text file that grows while the call runs, one line for each line of its
//! output, with the time and the stream in front:
//!
//! ```text
//! 2026-11-21T07:34:28.123Z 1 what the call printed
//! 2026-11-21T07:34:28.130Z 2 what it printed on standard error
//! 2026-11-21T07:34:29.001Z - what the agent says about it
//! ```
//!
//! The text is kept as it came, control bytes and broken UTF-8 included; who shows it, cleans it.
//!
//! A log that would become too long keeps its head and its tail. While it grows, the tail lies in
//! files beside it (see [`parts`]); [`LogReader`] shows all of them as the one text that the file
//! becomes when the log is closed.

mod follow;
mod parts;
mod reader;
mod writer;

use std::borrow::Cow;
use std::io::{self, Read as _};
use std::path::Path;

use jiff::Timestamp;

pub use follow::{Chunk, LogFollower};
pub use reader::LogReader;
pub use writer::LogWriter;

/// Where a line of a log came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogStream {
    Stdout,
    Stderr,
    /// The agent's own notes.
    Agent,
}

impl LogStream {
    const ALL: [Self; 3] = [Self::Stdout, Self::Stderr, Self::Agent];

    /// The mark in the file.
    pub fn mark(self) -> char {
        match self {
            Self::Stdout => '1',
            Self::Stderr => '2',
            Self::Agent => '-',
        }
    }

    /// The one with that mark.
    pub fn marked(mark: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.mark() as u8 == mark)
    }
}

/// A line of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLine<'a> {
    /// None in a line that was cut.
    pub at: Option<Timestamp>,
    pub stream: LogStream,
    pub text: &'a [u8],
}

impl<'a> LogLine<'a> {
    /// Reads a line without its newline. One that has no time and stream in front is all text,
    /// by the agent.
    pub fn parse(line: &'a [u8]) -> Self {
        Self::stamped(line).unwrap_or(Self { at: None, stream: LogStream::Agent, text: line })
    }

    fn stamped(line: &'a [u8]) -> Option<Self> {
        let space = line.iter().position(|byte| *byte == b' ')?;
        let at = std::str::from_utf8(&line[..space]).ok()?.parse().ok()?;
        let rest = &line[space + 1..];
        let stream = LogStream::marked(*rest.first()?)?;
        let text = rest[1..].strip_prefix(b" ")?;
        Some(Self { at: Some(at), stream, text })
    }

    /// The text, with what is not UTF-8 replaced.
    pub fn text(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.text)
    }
}

/// The lines of a log's bytes; the last one may be one that is being written.
pub fn lines(log: &[u8]) -> impl Iterator<Item = LogLine<'_>> {
    let log = log.strip_suffix(b"\n").unwrap_or(log);
    let none = log.is_empty();
    log.split(|byte| *byte == b'\n').filter(move |_| !none).map(LogLine::parse)
}

/// Reads a whole log; none when there is none.
pub fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let Some(mut reader) = LogReader::open(path)? else { return Ok(None) };
    let mut log = Vec::new();
    reader.read_to_end(&mut log)?;
    Ok(Some(log))
}

#[cfg(test)]
mod tests;
