//! Writing a log that stays within its limit, whatever a call prints.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::LogStream;
use super::parts::{self, Tail};

/// Lines that are not flushed are written once they are this many bytes.
const BUFFER: usize = 32 << 10;

/// Writes a log. Lines appear for readers when [`LogWriter::flush`] is called, at the latest when
/// they are 32 KiB, and never in part.
///
/// Half of the limit is the head's. The tail has two pieces of a quarter each: when both are
/// full the older one goes, so that between a quarter and a half of the limit is kept of it.
#[derive(Debug)]
pub struct LogWriter {
    path: PathBuf,
    limit: u64,
    file: File,
    /// Bytes in `file`.
    length: u64,
    buffer: Vec<u8>,
    /// The newest line's second, as it is written.
    second: Option<(i64, String)>,
    /// Some once the head is full: `file` is a piece then.
    tail: Option<Growing>,
}

/// The tail while it grows.
#[derive(Debug)]
struct Growing {
    head: u64,
    /// Where the piece that is written begins in all that was written.
    from: u64,
    /// The piece before it.
    older: Option<PathBuf>,
}

/// Logs are the agent's user's alone.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.append(true).mode(0o600);
    options
}

impl LogWriter {
    /// Makes the file and its folder, or goes on at the end of a log that is there: what an
    /// interrupted attempt has left is not lost. `limit`: bytes that the log is to have at most,
    /// give or take a line.
    ///
    /// # Errors
    /// What the file system says.
    pub fn create(path: &Path, limit: u64) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        join(path)?;
        let mut file = options().read(true).create(true).open(path)?;
        let length = file.metadata()?.len();
        let mut buffer = Vec::new();
        if length > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                buffer.push(b'\n'); // The line that was cut by a kill stays a line of its own.
            }
        }
        Ok(Self { path: path.to_owned(), limit, file, length, buffer, second: None, tail: None })
    }

    /// Appends a line, without its newline. A text of several lines becomes several, all with
    /// the same time.
    ///
    /// # Errors
    /// What the file system says; the lines are given up then.
    pub fn line(&mut self, at: Timestamp, stream: LogStream, text: &[u8]) -> io::Result<()> {
        let second = at.as_second();
        if self.second.as_ref().is_none_or(|(last, _)| *last != second) {
            let text = format!("{at:.0}");
            self.second = Some((second, text.trim_end_matches('Z').to_owned()));
        }
        let Some((_, time)) = &self.second else { return Ok(()) };
        let thousandths = u16::try_from(at.subsec_millisecond()).unwrap_or_default();
        for text in text.split(|byte| *byte == b'\n') {
            self.buffer.extend_from_slice(time.as_bytes());
            let [hundreds, tens, ones] =
                [100, 10, 1].map(|of| (thousandths / of % 10) as u8 + b'0');
            let mark = stream.mark() as u8;
            self.buffer.extend([b'.', hundreds, tens, ones, b'Z', b' ', mark, b' ']);
            self.buffer.extend_from_slice(text);
            self.buffer.push(b'\n');
        }
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    /// Shows the lines so far to whoever reads the log.
    ///
    /// # Errors
    /// What the file system says; the lines are given up then: on a full disk they would only
    /// grow.
    pub fn flush(&mut self) -> io::Result<()> {
        let buffer = std::mem::take(&mut self.buffer);
        let written = self.write_lines(&buffer);
        self.buffer = buffer;
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER * 2);
        written
    }

    /// Whether anything was or may be left out, so that the log is in several files.
    pub fn is_in_pieces(&self) -> bool {
        self.tail.is_some()
    }

    /// Flushes, and makes it one file again. It can take a while where it is in pieces; until it
    /// is done, and if it never is, readers see the same text.
    ///
    /// # Errors
    /// What the file system says.
    pub fn close(mut self) -> io::Result<()> {
        self.flush()?;
        if self.is_in_pieces() { join(&self.path) } else { Ok(()) }
    }

    fn write_lines(&mut self, mut lines: &[u8]) -> io::Result<()> {
        while !lines.is_empty() {
            let share = if self.tail.is_some() { self.limit / 4 } else { self.limit / 2 };
            let room = usize::try_from(share.saturating_sub(self.length)).unwrap_or(usize::MAX);
            let fits = match lines.get(..room) {
                None => lines.len(),
                Some(part) => part.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1),
            };
            if fits > 0 {
                self.append(&lines[..fits])?;
                lines = &lines[fits..];
            } else if self.length > 0 {
                self.next_piece()?;
            } else {
                // A line that is longer than any piece.
                let line =
                    lines.iter().position(|byte| *byte == b'\n').map_or(lines.len(), |at| at + 1);
                self.append(&lines[..line])?;
                lines = &lines[line..];
            }
        }
        Ok(())
    }

    /// Writes whole lines or nothing.
    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        match self.file.write_all(lines) {
            Ok(()) => {
                self.length += lines.len() as u64;
                Ok(())
            }
            Err(error) => {
                // What is there of them would look like a line.
                let _ = self.file.set_len(self.length);
                Err(error)
            }
        }
    }

    /// Goes on in a new file; what is left out grows by the one before the last.
    fn next_piece(&mut self) -> io::Result<()> {
        let (head, from, older) = match &self.tail {
            None => (self.length, self.length, None),
            Some(tail) => {
                let written = parts::piece(&self.path, tail.head, tail.from);
                (tail.head, tail.from + self.length, Some(written))
            }
        };
        let path = parts::piece(&self.path, head, from);
        self.file = options().create_new(true).open(path)?;
        self.length = 0;
        let gone = self.tail.take().and_then(|tail| tail.older);
        self.tail = Some(Growing { head, from, older });
        gone.map_or(Ok(()), fs::remove_file)
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        // There is nobody left to tell; who must know calls `flush` first.
        let _ = self.flush();
    }
}

/// Puts the pieces of a log behind its head. A kill at any moment loses nothing: the pieces go
/// when what they hold is on the disk.
fn join(log: &Path) -> io::Result<()> {
    let Some(tail) = Tail::find(log)? else { return Ok(()) };
    let mut file = options().create(true).open(log)?;
    if !tail.is_joined(file.metadata()?.len())? {
        tail.keep_gap(log)?;
        file.set_len(tail.head)?;
        let joined = append_all(&mut file, &tail);
        if joined.is_err() {
            // A full disk: it stays in pieces.
            let _ = file.set_len(tail.head);
        }
        joined?;
    }
    tail.remove()
}

fn append_all(file: &mut File, tail: &Tail) -> io::Result<()> {
    file.write_all(&tail.marker()?)?;
    for piece in &tail.pieces {
        io::copy(&mut File::open(&piece.path)?, file)?;
    }
    file.sync_data()
}
