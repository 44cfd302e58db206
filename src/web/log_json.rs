//! Lines of a log as JSON, written from the log's own bytes: nothing is made of a line on the way
//! that is thrown away again. Each is a [`LogLine`](super::shape::LogLine).

use crate::store::log::{LogLine, LogStream};

/// Bytes of a time: `2026-11-21T07:34:28.123Z`.
const TIME: usize = 24;
/// Those of it that say which second it is.
const SECOND: usize = 20;

/// Writes lines one behind the other.
#[derive(Debug, Default)]
pub(super) struct LineWriter {
    /// The second of the line before, which is a time: reading one anew for each line is most of
    /// the work.
    second: [u8; SECOND],
}

impl LineWriter {
    /// Appends a line without its newline; `end` is where it ends in all that was written.
    pub(super) fn line(&mut self, out: &mut Vec<u8>, end: u64, raw: &[u8]) {
        let (time, stream, text) = match self.split(raw) {
            Some((time, stream, text)) => (Some(time), stream, text),
            None => (None, LogStream::Agent, raw),
        };
        out.extend_from_slice(b"{\"end\":");
        json(out, &end);
        out.extend_from_slice(b",\"at\":");
        match time {
            Some(time) => {
                out.push(b'"');
                out.extend_from_slice(time);
                out.push(b'"');
            }
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(b",\"stream\":\"");
        out.extend_from_slice(name(stream).as_bytes());
        out.extend_from_slice(b"\",\"text\":");
        match std::str::from_utf8(text) {
            Ok(text) => json(out, text),
            Err(_) => json(out, &*String::from_utf8_lossy(text)),
        }
        out.push(b'}');
    }

    /// Appends words of the agent that stand nowhere in the log.
    pub(super) fn note(&mut self, out: &mut Vec<u8>, end: u64, words: &str) {
        out.extend_from_slice(b"{\"end\":");
        json(out, &end);
        out.extend_from_slice(b",\"at\":null,\"stream\":\"agent\",\"text\":");
        json(out, words);
        out.push(b'}');
    }

    /// The time, the stream and the text of a line; none where it has no time in front.
    fn split<'a>(&mut self, raw: &'a [u8]) -> Option<(&'a [u8], LogStream, &'a [u8])> {
        let line = raw.split_at_checked(TIME).and_then(|(time, rest)| {
            let same = time.starts_with(&self.second) && is_fraction(&time[SECOND..]);
            let (mark, text) = rest.strip_prefix(b" ")?.split_first()?;
            let stream = LogStream::marked(*mark)?;
            Some((time, stream, text.strip_prefix(b" ")?)).filter(|_| same)
        });
        if line.is_some() {
            return line;
        }
        let parsed = LogLine::parse(raw);
        parsed.at?;
        let time = raw.split(|byte| *byte == b' ').next()?;
        if time.len() == TIME && is_fraction(&time[SECOND..]) {
            self.second.copy_from_slice(&time[..SECOND]);
        }
        Some((time, parsed.stream, parsed.text))
    }
}

/// Whether that is `123Z`.
fn is_fraction(rest: &[u8]) -> bool {
    matches!(rest, [digits @ .., b'Z'] if digits.iter().all(u8::is_ascii_digit))
}

fn json(out: &mut Vec<u8>, value: &(impl serde::Serialize + ?Sized)) {
    serde_json::to_writer(out, value).expect("numbers and texts are always JSON");
}

fn name(stream: LogStream) -> &'static str {
    match stream {
        LogStream::Stdout => "stdout",
        LogStream::Stderr => "stderr",
        LogStream::Agent => "agent",
    }
}

#[cfg(test)]
mod tests;
