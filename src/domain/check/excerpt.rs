//! The end of a log, for a place that has room for a part of it and reads Markdown.

use std::borrow::Cow;

/// Lines of a log that are shown.
const LINES: usize = 120;
/// Bytes of them; GitHub takes 65,535 characters with what stands around them.
const BYTES: usize = 24 * 1024;
/// A longer line is cut.
const LINE: usize = 1000;

/// The end of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Excerpt {
    /// The last lines, clean.
    lines: Vec<String>,
    /// Something stands before them.
    cut: bool,
}

impl Excerpt {
    /// The end of these lines; `cut`: there were more before them already.
    pub fn of<'a>(lines: impl DoubleEndedIterator<Item = Cow<'a, str>>, cut: bool) -> Self {
        let (mut kept, mut bytes, mut cut) = (Vec::new(), 0, cut);
        for line in lines.rev() {
            let line = plain(&line);
            let line = match line.char_indices().nth(LINE) {
                Some((end, _)) => format!("{}…", &line[..end]),
                None => line,
            };
            bytes += line.len() + 1;
            if kept.len() == LINES || bytes > BYTES {
                cut = true;
                break;
            }
            kept.push(line);
        }
        kept.reverse();
        Self { lines: kept, cut }
    }

    /// As Markdown in which the log's text is nothing but text; empty for an empty log.
    pub fn markdown(&self) -> String {
        if self.lines.is_empty() {
            return String::new();
        }
        let heading = if self.cut { "The end of the log:" } else { "The log:" };
        format!("{heading}\n\n{}", fenced(&self.lines.join("\n")))
    }
}

/// A block of code that no text can end: its fence is longer than any in the text.
pub fn fenced(text: &str) -> String {
    let (mut longest, mut current) = (0, 0);
    for letter in text.chars() {
        current = if letter == '`' { current + 1 } else { 0 };
        longest = longest.max(current);
    }
    let fence = "`".repeat(longest.max(2) + 1);
    let text: String = text.chars().take(40_000).collect();
    format!("{fence}text\n{text}\n{fence}\n")
}

/// A text without terminal escapes, control characters but line breaks, and what turns writing
/// around.
pub fn plain(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' => match letters.peek() {
                Some('[') => {
                    letters.next();
                    // Parameters, up to the one letter that ends the sequence.
                    while let Some(next) = letters.next_if(|c| !c.is_control()) {
                        if ('@'..='~').contains(&next) {
                            break;
                        }
                    }
                }
                Some(']') => {
                    // A title or a link, up to its bell or `ESC \`.
                    while let Some(next) = letters.next_if(|c| *c != '\n') {
                        if next == '\u{7}' || next == '\u{1b}' {
                            letters.next_if_eq(&'\\');
                            break;
                        }
                    }
                }
                _ => {}
            },
            '\t' => clean.push_str("    "),
            '\n' => clean.push('\n'),
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            letter if letter.is_control() => {}
            letter => clean.push(letter),
        }
    }
    clean
}
