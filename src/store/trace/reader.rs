//! Reading what was sent of one call, while it grows or afterwards.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;

use super::super::log::LogStream;
use super::RECORDS;
use crate::domain::trace::{Span, SpanId, Trace};

/// Bytes of one line of output that are read.
const LONGEST: usize = 64 << 10;

/// A line of the file of spans.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Span(Box<Span>),
    Logged { logged: SpanId },
    Cut { cut: bool },
}

/// Reads the steps of a call; none when nothing was sent of it. A line that was cut by a kill is
/// passed over.
///
/// # Errors
/// What the file system says.
pub fn read(path: &Path) -> io::Result<Option<Trace>> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut trace = Trace::default();
    for line in bytes.split(|byte| *byte == b'\n') {
        // Most are spans, and finding out what else it is costs more than reading it.
        if line.starts_with(b"{\"id\"") {
            if let Ok(span) = serde_json::from_slice::<Span>(line) {
                trace.add(span);
            }
            continue;
        }
        match serde_json::from_slice(line) {
            Ok(Line::Span(span)) => trace.add(*span),
            Ok(Line::Logged { logged }) => trace.logged(logged),
            Ok(Line::Cut { cut }) => trace.cut |= cut,
            Err(_) => {}
        }
    }
    Ok((!trace.is_empty()).then_some(trace))
}

/// A line that a span has printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordLine {
    pub at: Timestamp,
    pub stream: LogStream,
    pub text: Vec<u8>,
}

/// Gives each line that a span has printed to `each`, until that says that it is enough. `path`:
/// of the spans.
///
/// # Errors
/// What the file system says.
pub fn records(
    path: &Path,
    span: SpanId,
    mut each: impl FnMut(RecordLine) -> bool,
) -> io::Result<()> {
    let file = match File::open(path.with_extension(RECORDS)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let (mut file, mut line) = (BufReader::with_capacity(256 << 10, file), Vec::new());
    let wanted = format!("{span} ");
    // Of each stream, the line that goes on.
    let mut open: [Option<RecordLine>; 3] = [None, None, None];
    loop {
        line.clear();
        if file.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let Some(rest) = line.strip_prefix(wanted.as_bytes()) else { continue };
        let Some((place, at, goes_on, text)) = parse(rest) else { continue };
        let stream = [LogStream::Stdout, LogStream::Stderr, LogStream::Agent][place];
        let begun = open[place].take();
        let mut whole = begun.unwrap_or_else(|| RecordLine { at, stream, text: Vec::new() });
        let room = LONGEST.saturating_sub(whole.text.len()).min(text.len());
        whole.text.extend_from_slice(&text[..room]);
        if goes_on {
            open[place] = Some(whole);
        } else if !each(whole) {
            return Ok(());
        }
    }
    for rest in open.into_iter().flatten() {
        if !each(rest) {
            break;
        }
    }
    Ok(())
}

/// The stream's place, the time, whether the line goes on, and its text.
fn parse(rest: &[u8]) -> Option<(usize, Timestamp, bool, &[u8])> {
    let text = rest.strip_suffix(b"\n").unwrap_or(rest);
    let space = text.iter().position(|byte| *byte == b' ')?;
    let at = std::str::from_utf8(&text[..space]).ok()?.parse().ok()?;
    let (place, goes_on) = match text.get(space + 1..space + 3)? {
        [b'1', more] => (0, *more),
        [b'2', more] => (1, *more),
        [b'-', more] => (2, *more),
        _ => return None,
    };
    Some((place, at, goes_on == b'+', &text[space + 3..]))
}
