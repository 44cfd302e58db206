//! Text for people: what strangers wrote made harmless, times and durations in words.
//!
//! Escaping for HTML is the templates' own; here goes what escaping leaves: terminal sequences,
//! control characters, and marks that turn the direction of what follows.

use jiff::{SignedDuration, Timestamp};
use url::Url;

/// One line as a terminal would show it, without colours: escape sequences are dropped, of a
/// line that was written over the last writing stays, other control characters become `�`.
pub(super) fn inert(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.trim_end_matches(['\r', '\n']).chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            '\u{9b}' => skip_control_sequence(&mut chars),
            '\r' => clean.clear(),
            '\t' => clean.push('\t'),
            c if c.is_control() || turns_direction(c) => clean.push('\u{fffd}'),
            c => clean.push(c),
        }
    }
    clean
}

/// The rest of an escape sequence; one that never ends takes the line with it.
fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.next() {
        Some('[') => skip_control_sequence(chars),
        // Texts for the terminal itself, as a window title or a link: up to BEL or ESC \.
        Some(']' | 'P' | 'X' | '^' | '_') => {
            while let Some(c) = chars.next() {
                if c == '\u{7}' || c == '\u{1b}' && chars.next_if_eq(&'\\').is_some() {
                    break;
                }
            }
        }
        // A character set's name is one character more.
        Some('(' | ')' | '*' | '+' | '#' | ' ' | '%') => {
            chars.next();
        }
        _ => {}
    }
}

fn skip_control_sequence(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    for c in chars {
        if ('\u{40}'..='\u{7e}').contains(&c) {
            break;
        }
    }
}

/// Marks by which a name can be shown in another order than it is read by programs.
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The first line of a text, inert.
pub(super) fn first_line(text: &str) -> String {
    inert(text.lines().next().unwrap_or_default())
}

/// A text of several lines, inert, each as long and as far in as it is.
pub(super) fn lines(text: &str) -> String {
    text.trim_matches('\n').lines().map(inert).collect::<Vec<_>>().join("\n")
}

/// A text as a sentence or more: its lines inert, a capital first and a stop at the end, which
/// reasons and errors come without.
pub(super) fn sentence(text: &str) -> String {
    let lines: Vec<String> = text.trim().lines().map(inert).collect();
    let text = lines.join("\n");
    let mut chars = text.chars();
    let mut sentence: String = match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => return text,
    };
    if lines.len() == 1 && !sentence.ends_with(['.', '!', '?', ':', '…']) {
        sentence.push('.');
    }
    sentence
}

/// An address that is safe behind a link: `http` or `https`, else nothing.
pub(super) fn web_link(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.to_string())
}

/// `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`.
pub(super) fn duration(took: SignedDuration) -> String {
    let millis = took.as_millis().max(0);
    let seconds = millis / 1000;
    match seconds {
        0..10 => format!("{}.{} s", seconds, millis % 1000 / 100),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// `just now`, `3 min ago`, `5 h ago`, `2 days ago`.
pub(super) fn ago(now: Timestamp, then: Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs();
    match seconds {
        ..60 => "just now".to_owned(),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..86_400 => format!("{} h ago", seconds / 3600),
        86_400..172_800 => "yesterday".to_owned(),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// `2026-11-21 07:34:28 UTC`.
pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `1 run`, `3 runs`.
pub(super) fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// An argument as one would type it in a shell.
pub(super) fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,@+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests;
