//! From the bytes of two streams to masked lines.

use super::{Activity, LINE_LIMIT, Stream};
use crate::domain::redact::{RedactStream, Redactor};

/// Both streams of a child, each with the line that has not ended yet.
pub(super) struct Lines {
    stdout: Line,
    stderr: Line,
}

struct Line {
    redact: RedactStream,
    begun: Vec<u8>,
    /// How much of `begun` is known to hold no end of line.
    seen: usize,
}

impl Lines {
    pub(super) fn new(redactor: &Redactor) -> Self {
        let line = || Line { redact: redactor.stream(), begun: Vec::new(), seen: 0 };
        Self { stdout: line(), stderr: line() }
    }

    pub(super) fn push(&mut self, stream: Stream, bytes: &[u8], on: &mut impl FnMut(Activity<'_>)) {
        let line = match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        let clean = line.redact.push(bytes);
        line.begun.extend_from_slice(&clean);
        line.deliver(stream, on);
    }

    /// Delivers what has no end of line.
    pub(super) fn finish(&mut self, on: &mut impl FnMut(Activity<'_>)) {
        for (stream, line) in
            [(Stream::Stdout, &mut self.stdout), (Stream::Stderr, &mut self.stderr)]
        {
            let rest = line.redact.finish();
            line.begun.extend(rest);
            line.deliver(stream, on);
            if !line.begun.is_empty() {
                deliver(stream, &line.begun, on);
                line.begun.clear();
                line.seen = 0;
            }
        }
    }
}

impl Line {
    /// Delivers every whole line, and of one that grows too long what is a part's length.
    fn deliver(&mut self, stream: Stream, on: &mut impl FnMut(Activity<'_>)) {
        let mut from = 0;
        let mut seen = self.seen;
        loop {
            let rest = &self.begun[from..];
            let window = &rest[seen..rest.len().min(LINE_LIMIT + 1)];
            if let Some(end) = window.iter().position(|byte| *byte == b'\n') {
                deliver(stream, &rest[..seen + end], on);
                from += seen + end + 1;
            } else if rest.len() > LINE_LIMIT {
                let part = whole_characters(&rest[..LINE_LIMIT]);
                deliver(stream, &rest[..part], on);
                from += part;
            } else {
                self.seen = rest.len();
                break;
            }
            seen = 0;
        }
        self.begun.drain(..from);
    }
}

fn deliver(stream: Stream, line: &[u8], on: &mut impl FnMut(Activity<'_>)) {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    on(Activity::Line(stream, String::from_utf8_lossy(line).as_bytes()));
}

/// The length of `bytes` without a character at its end that is cut in two.
fn whole_characters(bytes: &[u8]) -> usize {
    match bytes.utf8_chunks().last() {
        // Invalid bytes behind everything valid: cut short if more bytes could still mend them.
        Some(last) if last.invalid().len() < 4 && !last.invalid().is_empty() => {
            let cut = bytes.len() - last.invalid().len();
            if std::str::from_utf8(&bytes[cut..]).is_err_and(|e| e.error_len().is_none()) {
                cut
            } else {
                bytes.len()
            }
        }
        _ => bytes.len(),
    }
}
