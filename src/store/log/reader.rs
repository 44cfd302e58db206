//! Reading a log, whether it is one file or in pieces, while it grows or afterwards.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use super::parts::Tail;

/// How often a log is looked at anew when it changes under the look.
const LOOKS: usize = 16;

/// The text of a log as it was when it was opened.
#[derive(Debug)]
pub struct LogReader {
    /// What is still to be read, each with its length.
    parts: VecDeque<(Part, u64)>,
    length: u64,
}

#[derive(Debug)]
enum Part {
    File(File),
    Words(Cursor<Vec<u8>>),
}

impl LogReader {
    /// Opens a log; none when there is none.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(log: &Path) -> io::Result<Option<Self>> {
        let mut looks = 0;
        loop {
            match look(log) {
                Ok(parts) => {
                    let length = parts.iter().map(|(_, length)| length).sum();
                    return Ok(Some(Self { parts, length }));
                }
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                // A piece went away between being found and being opened: a newer one is there.
                Err(error) if log.exists() => {
                    looks += 1;
                    if looks == LOOKS {
                        return Err(error);
                    }
                }
                Err(_) => return Ok(None),
            }
        }
    }

    /// All of its bytes, read or not.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Goes on to the last `bytes` of what is not read yet. True: something was passed over.
    ///
    /// # Errors
    /// What the file system says.
    pub fn skip_to_last(&mut self, bytes: u64) -> io::Result<bool> {
        let left: u64 = self.parts.iter().map(|(_, length)| length).sum();
        let mut skip = left.saturating_sub(bytes);
        let skipped = skip > 0;
        while skip > 0 {
            let Some((part, length)) = self.parts.front_mut() else { break };
            if skip >= *length {
                skip -= *length;
                self.parts.pop_front();
                continue;
            }
            let by = SeekFrom::Current(i64::try_from(skip).unwrap_or(i64::MAX));
            match part {
                Part::File(file) => file.seek(by)?,
                Part::Words(words) => words.seek(by)?,
            };
            *length -= skip;
            skip = 0;
        }
        Ok(skipped)
    }
}

impl Read for LogReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some((part, left)) = self.parts.front_mut() {
            let room = buffer.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
            let read = match part {
                Part::File(file) => file.read(&mut buffer[..room])?,
                Part::Words(words) => words.read(&mut buffer[..room])?,
            };
            *left -= read as u64;
            if *left == 0 || read == 0 {
                self.parts.pop_front();
            }
            if read > 0 || room == 0 && buffer.is_empty() {
                return Ok(read);
            }
        }
        Ok(0)
    }
}

fn look(log: &Path) -> io::Result<VecDeque<(Part, u64)>> {
    // The pieces first: a log that is joined meanwhile is whole in its own file.
    let tail = Tail::find(log)?;
    let file = File::open(log)?;
    let length = file.metadata()?.len();
    let Some(tail) = tail else { return Ok(VecDeque::from([(Part::File(file), length)])) };
    let words = tail.marker()?;
    let mut pieces = Vec::new();
    let mut sum = 0;
    for piece in &tail.pieces {
        let file = File::open(&piece.path)?;
        let length = file.metadata()?.len();
        sum += length;
        pieces.push((Part::File(file), length));
    }
    let joined = tail.head.saturating_add(words.len() as u64).saturating_add(sum);
    if length >= joined {
        return Ok(VecDeque::from([(Part::File(file), length)]));
    }
    let words_length = words.len() as u64;
    let mut parts = VecDeque::from([
        (Part::File(file), tail.head.min(length)),
        (Part::Words(Cursor::new(words)), words_length),
    ]);
    parts.extend(pieces);
    Ok(parts)
}
