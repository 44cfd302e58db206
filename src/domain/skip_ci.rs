//! A commit whose author asks for no CI.

use super::event::{Event, RefType};
use super::plan::{Reason, ReasonCode};

/// The words, anywhere in the message, in any case.
const WORDS: [&str; 3] = ["[skip ci]", "[ci skip]", "[no ci]"];

/// The trailer that says the same, in any case.
const TRAILER: (&str, &str) = ("skip-checks", "true");

/// Why nothing is to be done for an event whose head commit has this message. Only pushes to
/// branches and pull requests can be skipped so: a tag is a wish of its own.
pub fn asked(event: &Event, message: &str) -> Option<Reason> {
    let skippable = match event.event_type.as_str() {
        "push" => event.ref_type == Some(RefType::Branch),
        "pull_request" => true,
        _ => false,
    };
    let words = skippable.then(|| words(message)).flatten()?;
    Some(ReasonCode::SkipCi.because(format!("the commit's message says `{words}`")))
}

/// The words in a message that ask for no CI.
fn words(message: &str) -> Option<&'static str> {
    let small = message.to_ascii_lowercase();
    let found = WORDS.into_iter().find(|words| small.contains(words));
    found.or_else(|| has_trailer(&small).then_some("skip-checks: true"))
}

/// Whether the last paragraph is made of trailers (`Name: value`) and has ours. A message of one
/// paragraph is a subject, not trailers.
fn has_trailer(message: &str) -> bool {
    let lines: Vec<&str> = message.trim_end().lines().map(str::trim_end).collect();
    let Some(blank) = lines.iter().rposition(|line| line.is_empty()) else { return false };
    let trailers: Vec<Option<(&str, &str)>> = lines[blank + 1..]
        .iter()
        .map(|line| line.split_once(':').map(|(name, value)| (name.trim(), value.trim())))
        .collect();
    let name = |name: &str| !name.is_empty() && !name.contains(char::is_whitespace);
    let all = trailers.iter().all(|trailer| trailer.is_some_and(|it| name(it.0)));
    all && trailers.contains(&Some(TRAILER))
}

#[cfg(test)]
mod tests;
