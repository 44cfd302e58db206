//! Writing what is sent of one call, within limits, masked.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use jiff::Timestamp;
use serde_json::json;

use super::super::lock;
use super::{RECORDS, SPANS};
use crate::domain::redact::{Masks, RedactStream, Redactor};
use crate::domain::trace::wire::Malformed;
use crate::domain::trace::{Record, Span, SpanId, Stream, TraceId, export};

/// Spans of one call that are kept.
const MOST_SPANS: usize = 50_000;
/// Bytes of spans that are kept.
const SPAN_BYTES: u64 = 64 << 20;
/// Streams whose end may be held back because a secret could begin there.
const MOST_STREAMS: usize = 4096;

/// Why an export was not kept.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("Cannot write the steps of a call: {0}")]
    Io(#[from] io::Error),
}

/// A piece of output as it was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forwarded {
    pub trace: TraceId,
    pub span: SpanId,
    pub at: Timestamp,
    pub stream: Stream,
    pub text: Vec<u8>,
}

/// Takes the exports of one call's attempt.
#[derive(Debug)]
pub struct TraceWriter {
    log: PathBuf,
    token: String,
    trace: TraceId,
    masks: Masks,
    limit: u64,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    spans: Option<Kept>,
    records: Option<Kept>,
    known: HashSet<SpanId>,
    logged: HashSet<SpanId>,
    /// What may be the beginning of a secret waits here for the rest.
    streams: HashMap<(SpanId, Stream), (TraceId, Timestamp, RedactStream)>,
    /// The reader was told that there is more than is kept.
    cut: bool,
    closed: bool,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("known", &self.known.len()).finish_non_exhaustive()
    }
}

/// A file that grows.
#[derive(Debug)]
struct Kept {
    file: File,
    length: u64,
}

impl Kept {
    /// Goes on behind what an interrupted attempt has left.
    fn open(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut options = OpenOptions::new();
        let mut file = options.append(true).read(true).create(true).mode(0o600).open(path)?;
        let mut length = file.metadata()?.len();
        if length > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
                length += 1;
            }
        }
        Ok(Self { file, length })
    }

    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        self.file.write_all(lines)?;
        self.length += lines.len() as u64;
        Ok(())
    }
}

impl TraceWriter {
    pub(super) fn new(log: PathBuf, token: &str, trace: TraceId, masks: Masks, limit: u64) -> Self {
        let inner = Mutex::default();
        Self { log, token: token.to_owned(), trace, masks, limit, inner }
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// The trace that the call was told to be part of.
    pub fn trace(&self) -> TraceId {
        self.trace
    }

    /// What masks the call's texts.
    pub fn redactor(&self) -> Redactor {
        self.masks.redactor()
    }

    /// Keeps the spans of an export; returns when they are in the file.
    ///
    /// # Errors
    /// When it is no export, and what the file system says.
    pub fn spans(&self, body: &[u8]) -> Result<(), NotKept> {
        let masks = self.redactor();
        let mut inner = lock(&self.inner);
        if inner.closed {
            return Ok(());
        }
        let mut lines = Vec::new();
        let read = export::spans(body, |_, span| inner.take(span.presentable(&masks), &mut lines));
        inner.append_spans(&self.log, &lines)?;
        Ok(read?)
    }

    /// Keeps the output in an export, and gives back what of it was kept.
    ///
    /// # Errors
    /// As [`TraceWriter::spans`].
    pub fn records(&self, body: &[u8]) -> Result<Vec<Forwarded>, NotKept> {
        let masks = self.redactor();
        let mut inner = lock(&self.inner);
        // Of a flood nothing more is kept, and so nothing of it is looked at.
        let is_full = inner.cut && inner.records.as_ref().is_some_and(|it| it.length >= self.limit);
        if inner.closed || is_full {
            return Ok(Vec::new());
        }
        let mut pieces = Vec::new();
        let read = export::records(body, |record| inner.mask(record, &masks, &mut pieces));
        let kept = inner.append_records(&self.log, pieces, self.limit)?;
        read?;
        Ok(kept)
    }

    /// Writes what is held back; what is sent from now on is too late.
    pub(super) fn close(&self) {
        let mut inner = lock(&self.inner);
        inner.closed = true;
        let mut pieces = Vec::new();
        inner.let_go(&mut pieces);
        if let Err(error) = inner.append_records(&self.log, pieces, self.limit) {
            tracing::warn!(%error, "The last output of a call's steps is lost");
        }
    }
}

impl Inner {
    fn take(&mut self, span: Span, lines: &mut Vec<u8>) {
        let length = self.spans.as_ref().map_or(0, |it| it.length) + lines.len() as u64;
        let is_new = !self.known.contains(&span.id);
        if is_new && self.known.len() >= MOST_SPANS || length >= SPAN_BYTES {
            self.tell_cut(lines);
            return;
        }
        self.known.insert(span.id);
        if serde_json::to_writer(&mut *lines, &span).is_ok() {
            lines.push(b'\n');
        }
    }

    fn tell_cut(&mut self, lines: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.cut, true) {
            lines.extend_from_slice(b"{\"cut\":true}\n");
        }
    }

    fn append_spans(&mut self, log: &Path, lines: &[u8]) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        if self.spans.is_none() {
            self.spans = Some(Kept::open(&log.with_extension(SPANS))?);
        }
        self.spans.as_mut().map_or(Ok(()), |spans| spans.append(lines))
    }

    /// Masks a piece together with what was held back of its stream.
    fn mask(&mut self, record: Record<'_>, masks: &Redactor, pieces: &mut Vec<Forwarded>) {
        let Record { trace, span, at, stream, text, last } = record;
        let key = (span, stream);
        let held = self.streams.remove(&key);
        if masks.is_empty() && held.is_none() {
            let text = text.to_vec();
            pieces.push(Forwarded { trace, span, at, stream, text });
            return;
        }
        let (_, _, mut held) = held.unwrap_or_else(|| (trace, at, masks.stream()));
        let mut text = held.push(text).into_owned();
        if last {
            text.extend(held.finish());
        } else {
            if self.streams.len() >= MOST_STREAMS {
                self.let_go(pieces);
            }
            self.streams.insert(key, (trace, at, held));
        }
        pieces.push(Forwarded { trace, span, at, stream, text });
    }

    /// Gives out all that is held back.
    fn let_go(&mut self, pieces: &mut Vec<Forwarded>) {
        for ((span, stream), (trace, at, mut held)) in self.streams.drain() {
            let text = held.finish();
            pieces.push(Forwarded { trace, span, at, stream, text });
        }
    }

    fn append_records(
        &mut self,
        log: &Path,
        mut pieces: Vec<Forwarded>,
        limit: u64,
    ) -> io::Result<Vec<Forwarded>> {
        pieces.retain(|piece| !piece.text.is_empty());
        if pieces.is_empty() {
            return Ok(pieces);
        }
        if self.records.is_none() {
            self.records = Some(Kept::open(&log.with_extension(RECORDS))?);
        }
        let before = self.records.as_ref().map_or(0, |it| it.length);
        let (mut lines, mut marks) = (Vec::new(), Vec::new());
        let mut kept = 0;
        for piece in &pieces {
            if before + lines.len() as u64 >= limit {
                self.tell_cut(&mut marks);
                break;
            }
            kept += 1;
            write_lines(piece, &mut lines);
            if self.logged.len() < MOST_SPANS && self.logged.insert(piece.span) {
                let mark = json!({"logged": piece.span});
                marks.extend_from_slice(format!("{mark}\n").as_bytes());
            }
        }
        self.records.as_mut().map_or(Ok(()), |records| records.append(&lines))?;
        self.append_spans(log, &marks)?;
        pieces.truncate(kept);
        Ok(pieces)
    }
}

/// A line for each in the piece; one that is not at its end has a `+` behind its stream, and goes
/// on in the next of that stream.
fn write_lines(piece: &Forwarded, lines: &mut Vec<u8>) {
    let mark = match piece.stream {
        Stream::Stdout => '1',
        Stream::Stderr => '2',
        Stream::Note => '-',
    };
    for line in piece.text.split_inclusive(|byte| *byte == b'\n') {
        let (text, more) = match line.strip_suffix(b"\n") {
            Some(text) => (text, ' '),
            None => (line, '+'),
        };
        lines.extend_from_slice(format!("{} {:.3} {mark}{more}", piece.span, piece.at).as_bytes());
        lines.extend_from_slice(text);
        lines.push(b'\n');
    }
}
