//! YAML files that people write: read strictly, with a place for everything that is wrong.
//!
//! What the keys and values mean is the business of those who read a file with it: [`super::spec`]
//! the `pocketci.yaml` of a repository, `config::file` the agent's own.

mod node;
mod reading;
mod diagnostic;

pub(crate) use diagnostic::quote;
pub use diagnostic::{Diagnostic, Diagnostics, Mark, Severity};
pub(crate) use node::{Node, Span, Value};
pub(crate) use reading::{Fields, MOST, Reading, Text, split_commas};

/// The largest file that is read, in bytes.
pub const MAX_BYTES: usize = 256 * 1024;

/// Reads a file: `of` makes of its documents what they mean, empty ones left out, and notes what
/// is wrong with them. The errors are all that could be found, not only the first.
pub(crate) fn read<T>(
    path: &str,
    text: &str,
    of: impl FnOnce(&mut Reading<'_>, Vec<Node>) -> T,
) -> Result<T, Diagnostics> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reading = Reading { path, text, found: Vec::new() };
    if text.len() > MAX_BYTES {
        let message = format!("the file is {} KiB long", text.len().div_ceil(1024));
        let help = format!("at most {} KiB are read", MAX_BYTES / 1024);
        reading.wrong(Span { start: 0, end: 0 }, message, help);
        return Err(Diagnostics(reading.found));
    }
    let documents = match node::documents(text) {
        Ok(documents) => documents,
        Err(unreadable) => {
            reading.wrong(unreadable.span, unreadable.message, unreadable.help);
            return Err(Diagnostics(reading.found));
        }
    };
    debug_assert!(documents.len() <= node::MAX_DOCUMENTS, "the YAML reader enforces its budget");
    let meant = of(&mut reading, documents);
    if reading.found.is_empty() {
        return Ok(meant);
    }
    reading.found.sort_by_key(|one| (one.line, one.column));
    Err(Diagnostics(reading.found))
}

/// The text of a file; one that is not UTF-8 is an error with its place.
pub(crate) fn decode<'a>(path: &str, bytes: &'a [u8]) -> Result<&'a str, Diagnostics> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => return Ok(text),
        Err(error) => String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned(),
    };
    let wide = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    let message = if wide { "the file is UTF-16" } else { "the file is not UTF-8 from here on" };
    // The replacement sign stands for the first bad byte, so that there is something to point at.
    let shown = format!("{text}\u{fffd}");
    let span = Span { start: text.len(), end: shown.len() };
    let help = Some("save it as UTF-8".to_owned());
    let place = (path, shown.as_str());
    let one = Diagnostic::new(Severity::Error, place, span, message.to_owned(), help);
    Err(Diagnostics(vec![one]))
}
