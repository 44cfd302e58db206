//! The agent's own log: one event is one line, whatever strangers have written into
//! it, and without what is masked.

use std::io::{self, Write};

use tracing_subscriber::fmt::MakeWriter;

use crate::domain::inert;
use crate::domain::redact::{Masks, Redactor};

/// Standard error, with what would end a line or turn it around made visible.
pub(super) struct Journal {
    /// Whether colours are written; the escapes of strangers are not among them, those are
    /// written out before they come here.
    pub(super) colours: bool,
    pub(super) masks: Masks,
}

impl<'a> MakeWriter<'a> for Journal {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { colours: self.colours, redactor: self.masks.redactor(), text: Vec::new() }
    }
}

/// One event, written when it is whole.
pub(super) struct Line {
    colours: bool,
    redactor: Redactor,
    text: Vec<u8>,
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let masked = self.redactor.bytes(&self.text);
        // Nobody to tell when this cannot be written.
        let _ = io::stderr().lock().write_all(visible(&masked, self.colours).as_bytes());
    }
}

/// A line with what is active in it as Rust writes it (`\n`, `\u{202e}`), but for its end.
fn visible(line: &[u8], colours: bool) -> String {
    let text = String::from_utf8_lossy(line);
    let Some(text) = text.strip_suffix('\n') else { return text.into_owned() };
    let mut clean = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        match c {
            '\u{1b}' if colours => clean.push(c),
            c if inert::is_active(c) => clean.extend(c.escape_default()),
            c => clean.push(c),
        }
    }
    clean.push('\n');
    clean
}

#[cfg(test)]
mod tests;
