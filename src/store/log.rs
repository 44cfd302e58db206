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

use std::borrow::Cow;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use jiff::Timestamp;

/// Lines that are not flushed are written once they are this many bytes.
const BUFFER: usize = 32 << 10;

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
}

/// Writes a log. Lines appear in the file when [`LogWriter::flush`] is called, at the latest when
/// they are 32 KiB, and never in part.
#[derive(Debug)]
pub struct LogWriter {
    file: File,
    buffer: Vec<u8>,
}

impl LogWriter {
    /// Makes the file and its folder, or goes on at the end of a log that is there: what an
    /// interrupted attempt has left is not lost.
    pub fn create(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let mut buffer = Vec::new();
        if file.metadata()?.len() > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                buffer.push(b'\n'); // The line that was cut by a kill stays a line of its own.
            }
        }
        Ok(Self { file, buffer })
    }

    /// Appends a line, without its newline. A text of several lines becomes several, all with
    /// the same time.
    pub fn line(&mut self, at: Timestamp, stream: LogStream, text: &[u8]) -> io::Result<()> {
        for text in text.split(|byte| *byte == b'\n') {
            write!(self.buffer, "{at:.3} {} ", stream.mark())?;
            self.buffer.extend_from_slice(text);
            self.buffer.push(b'\n');
        }
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    /// Shows the lines so far to whoever reads the file.
    pub fn flush(&mut self) -> io::Result<()> {
        let written = self.file.write_all(&self.buffer);
        // What could not be written is given up: on a full disk it would only grow.
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER * 2);
        written
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        // There is nobody left to tell; who must know calls `flush` first.
        let _ = self.flush();
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
        let stream =
            LogStream::ALL.into_iter().find(|it| rest.first() == Some(&(it.mark() as u8)))?;
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
    match fs::read(path) {
        Ok(log) => Ok(Some(log)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
