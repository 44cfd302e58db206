//! The files of a log that is too long, and what they are together.
//!
//! ```text
//! 9-1.log                       the head, H bytes of it; what is behind them is being joined
//! 9-1.log.tail-<H>-<from>       a piece of the tail, from this byte of all that was written
//! 9-1.log.gap-<H>-<from>-<M>    a joined log's: behind H bytes, and M that say so, it goes on
//!                               with this byte of all that was written
//! ```
//!
//! Pieces follow one another without a gap; what lies between H and the first of them was left
//! out. Names say all there is to know, so that a kill at any moment leaves a log that can be
//! read, and closed later.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::LogStream;
use crate::domain::space::Size;

/// One file of the tail.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Piece {
    /// Where it begins in all that was written.
    pub(super) from: u64,
    pub(super) head: u64,
    pub(super) path: PathBuf,
}

/// What a joined log lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) head: u64,
    /// Where it goes on in all that was written.
    pub(super) from: u64,
    /// Bytes of the words between the two.
    pub(super) marker: u64,
}

/// The tail of a log that is in pieces; never empty.
#[derive(Debug)]
pub(super) struct Tail {
    pub(super) head: u64,
    /// In their order.
    pub(super) pieces: Vec<Piece>,
}

impl Tail {
    /// The pieces beside a log; none where it is one file.
    pub(super) fn find(log: &Path) -> io::Result<Option<Self>> {
        let mut pieces = Vec::new();
        for (path, numbers) in beside(log, ".tail-")? {
            if let [head, from] = numbers[..] {
                pieces.push(Piece { from, head, path });
            }
        }
        pieces.sort();
        Ok(pieces.first().map(|first| first.head).map(|head| Self { head, pieces }))
    }

    /// Writes down what the joined log will lack; before it is joined.
    pub(super) fn keep_gap(&self, log: &Path) -> io::Result<()> {
        for (path, _) in beside(log, ".gap-")? {
            fs::remove_file(path)?;
        }
        let marker = self.marker()?.len();
        match self.pieces.first().filter(|_| marker > 0) {
            None => Ok(()),
            Some(first) => {
                let name = format!(".gap-{}-{}-{marker}", self.head, first.from);
                File::create(with(log, &name)).map(drop)
            }
        }
    }

    /// What is said between the head and this tail, with the time of what follows; nothing where
    /// nothing was left out.
    pub(super) fn marker(&self) -> io::Result<Vec<u8>> {
        let first = self.pieces.first().filter(|first| first.from > first.head);
        let Some(first) = first else { return Ok(Vec::new()) };
        let mut start = [0; 24];
        let stamp = File::open(&first.path)?.read_exact(&mut start);
        let stamp = stamp.ok().and_then(|()| std::str::from_utf8(&start).ok()?.parse().ok());
        // Always of the same length, whatever it is: see `is_joined`.
        let at: Timestamp = stamp.unwrap_or(Timestamp::UNIX_EPOCH);
        let left_out = Size(first.from.saturating_sub(self.head));
        Ok(format!("{at:.3} {} … {left_out} left out …\n", LogStream::Agent.mark()).into_bytes())
    }

    /// The bytes of all pieces.
    pub(super) fn length(&self) -> io::Result<u64> {
        self.pieces.iter().map(|piece| Ok(fs::metadata(&piece.path)?.len())).sum()
    }

    /// Whether the log's own file, so long by now, holds all of this: pieces are removed only
    /// when it does, and as long as they are all there it is shorter.
    pub(super) fn is_joined(&self, length: u64) -> io::Result<bool> {
        let marker = self.marker()?.len() as u64;
        Ok(length >= self.head.saturating_add(marker).saturating_add(self.length()?))
    }

    pub(super) fn remove(&self) -> io::Result<()> {
        self.pieces.iter().try_for_each(|piece| fs::remove_file(&piece.path))
    }
}

/// What a log lacks that is one file again; none where nothing was left out.
pub(super) fn gap(log: &Path) -> io::Result<Option<Gap>> {
    let found = beside(log, ".gap-")?;
    Ok(found.into_iter().find_map(|(_, numbers)| match numbers[..] {
        [head, from, marker] => Some(Gap { head, from, marker }),
        _ => None,
    }))
}

/// The name of a piece.
pub(super) fn piece(log: &Path, head: u64, from: u64) -> PathBuf {
    with(log, &format!(".tail-{head}-{from}"))
}

fn with(log: &Path, end: &str) -> PathBuf {
    let mut name: OsString = log.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// The files beside a log whose names go on like this, with the numbers behind it.
fn beside(log: &Path, infix: &str) -> io::Result<Vec<(PathBuf, Vec<u64>)>> {
    let (Some(folder), Some(name)) = (log.parent(), log.file_name()) else { return Ok(vec![]) };
    let Some(prefix) = name.to_str().map(|name| format!("{name}{infix}")) else {
        return Ok(vec![]);
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(rest) = name.and_then(|name| name.strip_prefix(&prefix)) else { continue };
        if let Ok(numbers) = rest.split('-').map(str::parse).collect() {
            found.push((path, numbers));
        }
    }
    Ok(found)
}
