//! Text for people: what strangers wrote made harmless, times and durations in words.
//!
//! Escaping for HTML is the templates' own; what escaping leaves is [`inert`]'s.

use jiff::{SignedDuration, Timestamp};
use url::Url;

pub(super) use crate::domain::inert::inert;

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
        0 if millis < 100 => format!("{millis} ms"),
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

/// The time of day, beside a moment of the same day; else the whole.
pub(super) fn moment_beside(at: Timestamp, other: Timestamp) -> String {
    let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
    if day(at) == day(other) { at.strftime("%H:%M:%S").to_string() } else { moment(at) }
}

/// A text in pieces, where what stands between backticks is marked.
pub(super) fn ticked(text: &str) -> Vec<(bool, &str)> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('`')
        && let Some((inside, after)) = behind.split_once('`')
    {
        pieces.extend([(false, before), (true, inside)]);
        rest = after;
    }
    pieces.push((false, rest));
    pieces.retain(|(_, piece)| !piece.is_empty());
    pieces
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
