//! Following a log while it grows, by where its lines lie in all that was ever written.
//!
//! Such a place stays the same whatever is left out of a long log and whether it is in pieces or
//! one file again, so that who was cut off can say where to go on.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::parts::{self, Gap, Tail};

/// A reader that remembers how far it is.
#[derive(Debug)]
pub struct LogFollower {
    log: PathBuf,
    at: u64,
}

/// What a follower found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    /// Where `bytes` begin.
    pub from: u64,
    /// Whole lines.
    pub bytes: Vec<u8>,
    /// Between what was read before and `from` so many bytes were left out of the log.
    pub left_out: u64,
}

impl Chunk {
    /// Where the next one begins.
    pub fn end(&self) -> u64 {
        self.from + self.bytes.len() as u64
    }
}

/// A stretch of what was written, and the file that has it.
struct Stretch {
    /// Its place in all that was written.
    from: u64,
    path: PathBuf,
    /// Its place in the file.
    offset: u64,
    length: u64,
}

impl LogFollower {
    /// Follows a log from a place on: 0, or the end of an earlier [`Chunk`]. A place inside of a
    /// line means the line behind it.
    pub fn new(log: &Path, from: u64) -> Self {
        Self { log: log.to_owned(), at: from }
    }

    /// Where it goes on.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// Passes over all that is there.
    ///
    /// # Errors
    /// What the file system says; a log that is not there yet is empty.
    pub fn go_to_end(&mut self) -> io::Result<()> {
        match self.stretches() {
            Ok(stretches) => {
                let end = stretches.last().map_or(0, |last| last.from + last.length);
                self.at = self.at.max(end);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The next lines that are there by now, about `limit` bytes of them and at least one; empty
    /// where there are none. `ended`: nothing is written any more, and a last line without its
    /// newline is a line.
    ///
    /// # Errors
    /// What the file system says; a log that is not there yet is empty.
    pub fn read(&mut self, limit: usize, ended: bool) -> io::Result<Chunk> {
        let stretches = match self.stretches() {
            Ok(stretches) => stretches,
            // Not there yet, or a piece went away under the look: the next look finds more.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(self.nothing()),
            Err(error) => return Err(error),
        };
        for stretch in stretches {
            if self.at >= stretch.from + stretch.length {
                continue;
            }
            let left_out = stretch.from.saturating_sub(self.at);
            self.at = self.at.max(stretch.from);
            let Some(bytes) = self.lines_of(&stretch, limit, ended)? else { continue };
            let chunk = Chunk { from: self.at, bytes, left_out };
            self.at = chunk.end();
            return Ok(chunk);
        }
        Ok(self.nothing())
    }

    fn nothing(&self) -> Chunk {
        Chunk { from: self.at, ..Chunk::default() }
    }

    /// Whole lines of a stretch from where this stands; none where there is not one.
    fn lines_of(
        &mut self,
        stretch: &Stretch,
        limit: usize,
        ended: bool,
    ) -> io::Result<Option<Vec<u8>>> {
        let mut file = File::open(&stretch.path)?;
        let skip = self.at - stretch.from;
        if skip > 0 {
            self.at += self.rest_of_a_line(&mut file, stretch, skip)?;
        }
        let skip = self.at - stretch.from;
        file.seek(SeekFrom::Start(stretch.offset + skip))?;
        let left = stretch.length.saturating_sub(skip);
        let room = left.min(limit as u64);
        let mut bytes = Vec::with_capacity(usize::try_from(room).unwrap_or(limit));
        let mut wanted = limit as u64;
        // A line that is longer than the limit is read whole.
        while (bytes.len() as u64) < left {
            let more = wanted.min(left - bytes.len() as u64);
            if file.by_ref().take(more).read_to_end(&mut bytes)? == 0 {
                break;
            }
            let whole = bytes.iter().rposition(|byte| *byte == b'\n');
            match whole {
                Some(last) if (bytes.len() as u64) < left || !ended => {
                    bytes.truncate(last + 1);
                    break;
                }
                _ => wanted = wanted.saturating_mul(2),
            }
        }
        let whole = bytes.last() == Some(&b'\n') || ended;
        Ok(Some(bytes).filter(|bytes| !bytes.is_empty() && whole))
    }

    /// How many bytes there are to the next line; 0 at the beginning of one.
    fn rest_of_a_line(&self, file: &mut File, stretch: &Stretch, skip: u64) -> io::Result<u64> {
        file.seek(SeekFrom::Start(stretch.offset + skip - 1))?;
        let mut passed = 0;
        for byte in io::BufReader::new(file.take(stretch.length - skip + 1)).bytes() {
            if byte? == b'\n' {
                return Ok(passed);
            }
            passed += 1;
        }
        Ok(passed.saturating_sub(1))
    }

    /// What there is of the log, in order.
    fn stretches(&self) -> io::Result<Vec<Stretch>> {
        // The pieces first: a log that is joined meanwhile is whole in its own file.
        let tail = Tail::find(&self.log)?;
        let length = fs::metadata(&self.log)?.len();
        let own = |from, offset, length| Stretch { from, path: self.log.clone(), offset, length };
        if let Some(tail) = &tail
            && !tail.is_joined(length)?
        {
            let mut stretches = vec![own(0, 0, tail.head.min(length))];
            for piece in &tail.pieces {
                let length = fs::metadata(&piece.path)?.len();
                let path = piece.path.clone();
                stretches.push(Stretch { from: piece.from, path, offset: 0, length });
            }
            return Ok(stretches);
        }
        let Some(gap) = parts::gap(&self.log)? else { return Ok(vec![own(0, 0, length)]) };
        let Gap { head, from, marker } = gap;
        let behind = head.saturating_add(marker);
        Ok(vec![own(0, 0, head.min(length)), own(from, behind, length.saturating_sub(behind))])
    }
}

#[cfg(test)]
mod tests;
