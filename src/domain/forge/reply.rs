//! What an answer means on forges that follow the common use of HTTP's numbers.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::{Answer, Headers, Refused};
use crate::domain::ids::Vendor;
use crate::domain::run::description;

/// The pause where a forge says that we ask too much, and not for how long.
const LIMIT_PAUSE: Duration = Duration::from_secs(60);

/// No answer makes us wait longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// How one forge speaks.
pub(super) struct Manner {
    /// Its name, for sentences.
    pub(super) forge: &'static str,
    /// The variable with the token.
    pub(super) token: &'static str,
    /// What a token needs to do what we ask, for a sentence.
    pub(super) needs: &'static str,
    /// The headers that say how many requests are left, and when there are new ones, in seconds
    /// since 1970.
    pub(super) limit: (&'static str, &'static str),
}

impl Manner {
    /// Reads an answer; what a forge says in its own way is to be looked at before.
    pub(super) fn answer(
        &self,
        status: u16,
        headers: &Headers,
        body: &[u8],
        post: Option<i64>,
        now: Timestamp,
    ) -> Answer {
        let (forge, token) = (self.forge, self.token);
        let why = |text: &str| self.why(status, body, text);
        let refused = |text: &str| Answer::Refused { whom: Refused::Repository, why: why(text) };
        match status {
            200..=299 => Answer::Done { post },
            300..=399 => {
                let to = headers.get("location").unwrap_or("nowhere");
                let to = description(to.split('?').next().unwrap_or_default());
                let why = format!(
                    "{forge} answered {status}, a redirect to `{to}`, which is not followed with \
                     credentials: the repository was moved, or the forge's address is another"
                );
                Answer::Refused { whom: Refused::Repository, why }
            }
            401 => Answer::Refused {
                whom: Refused::Everything,
                why: why(&format!("`{token}` is not valid; make a new one")),
            },
            403 if self.pause(headers, now).is_none() => {
                refused(&format!("`{token}` may not do this here ({})", self.needs))
            }
            403 | 429 => Answer::Limited {
                after: self.pause(headers, now).unwrap_or(LIMIT_PAUSE),
                why: why("the rate limit is used up"),
            },
            404 => refused(&format!("the repository is gone, or `{token}` has no access to it")),
            409 => Answer::NotYet { why: why("something else is being done to it") },
            408 | 425 | 500..=599 => {
                let why = why("the fault is on its side and may pass");
                match retry_after(headers) {
                    Some(after) => Answer::Limited { after, why },
                    None => Answer::Retry { why },
                }
            }
            _ => Answer::Never { why: why("what was sent is not acceptable and is given up") },
        }
    }

    /// A sentence with the forge's own words, where it has some.
    pub(super) fn why(&self, status: u16, body: &[u8], text: &str) -> String {
        let (forge, said) = (self.forge, said(body));
        match said.as_str() {
            "" => format!("{forge} answered {status}: {text}"),
            said => format!("{forge} answered {status} (`{said}`): {text}"),
        }
    }

    /// How long to wait by the answer's headers, if they speak of a rate limit.
    fn pause(&self, headers: &Headers, now: Timestamp) -> Option<Duration> {
        if let Some(pause) = retry_after(headers) {
            return Some(pause);
        }
        let (remaining, reset) = self.limit;
        if headers.get(remaining) != Some("0") {
            return None;
        }
        let Some(reset) = headers.get(reset).and_then(|at| at.parse::<i64>().ok()) else {
            return Some(LIMIT_PAUSE);
        };
        // The reset has no fractions; a second more is never too early.
        let seconds = reset.saturating_sub(now.as_second()).saturating_add(1);
        Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(1)).min(LONGEST_PAUSE))
    }
}

/// What an answer means for a comment or a reaction, from what it would mean for a status; `needs`
/// is what a token must have for it.
pub(super) fn to_effect(
    (forge, vendor): (&str, Vendor),
    needs: &str,
    answer: Answer,
    status: u16,
) -> Answer {
    let token = vendor.variable("TOKEN");
    match (status, answer) {
        (404 | 410, _) => {
            let why = format!(
                "{forge} answered {status}: the comment or the pull request is gone, or \
                 `{token}` may not see it"
            );
            Answer::Never { why }
        }
        (403, Answer::Refused { whom: Refused::Repository, .. }) => {
            let why = format!(
                "{forge} answered 403: `{token}` may not write comments here (it needs {needs}), \
                 or the conversation is locked"
            );
            Answer::Refused { whom: Refused::Repository, why }
        }
        (_, answer) => answer,
    }
}

fn retry_after(headers: &Headers) -> Option<Duration> {
    let seconds = headers.get("retry-after")?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_PAUSE))
}

/// The forge's own words, short and on one line; empty when there are none.
pub(super) fn said(body: &[u8]) -> String {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return String::new() };
    let places = ["message", "error_description", "error", "errors"];
    let found = places.into_iter().filter_map(|place| body.get(place)).map(words);
    description(&found.into_iter().find(|words| !words.is_empty()).unwrap_or_default())
}

/// What a part of an answer says: a text, or the texts in a list or under an object's names.
fn words(said: &Value) -> String {
    let all = |words: Vec<String>| words.join(": ");
    match said {
        Value::String(text) => text.clone(),
        Value::Array(list) => all(list.iter().map(words).collect()),
        Value::Object(fields) => match fields.get("message") {
            Some(message) => words(message),
            None => all(fields.iter().map(|(name, it)| format!("{name} {}", words(it))).collect()),
        },
        _ => String::new(),
    }
}
