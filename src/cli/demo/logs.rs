//! A call's log, read while it grows.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use jiff::Timestamp;

use crate::cli::output;
use crate::store::log::{LogLine, LogStream};

/// What is shown of the standard error of a call that failed, in lines.
const LAST: usize = 12;

/// The end of a log that was read up to somewhere.
pub(super) struct Tail {
    path: PathBuf,
    read: u64,
    /// The last lines that were not shown.
    hidden: VecDeque<(Option<Timestamp>, String)>,
}

impl Tail {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, read: 0, hidden: VecDeque::new() }
    }

    /// What is new: what the call printed on standard output, with `stderr` also on standard
    /// error. The agent's own notes are left out, for its result is shown. With `failed`, which
    /// ends it, the last of what was hidden comes too.
    pub(super) fn read(
        &mut self,
        stderr: bool,
        failed: bool,
    ) -> io::Result<Vec<(Option<Timestamp>, String)>> {
        let mut shown = Vec::new();
        for (stream, at, text) in self.fresh()? {
            match stream {
                LogStream::Stdout => shown.push((at, text)),
                LogStream::Stderr if stderr => shown.push((at, text)),
                LogStream::Stderr if text.trim().is_empty() => {}
                LogStream::Stderr => {
                    self.hidden.push_back((at, text));
                    if self.hidden.len() > LAST {
                        self.hidden.pop_front();
                    }
                }
                LogStream::Agent => {}
            }
        }
        if failed {
            shown.extend(self.hidden.drain(..));
        }
        Ok(shown)
    }

    /// Whole lines that were not read before.
    fn fresh(&mut self) -> io::Result<Vec<(LogStream, Option<Timestamp>, String)>> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        file.seek(SeekFrom::Start(self.read))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') else {
            return Ok(Vec::new());
        };
        self.read += end as u64 + 1;
        let lines = bytes[..end].split(|byte| *byte == b'\n').map(LogLine::parse);
        Ok(lines.map(|line| (line.stream, line.at, output::line(&line.text()))).collect())
    }
}
