//! Statuses on commits: the request that tells GitHub, and what its answer means for us.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::Headers;
use super::super::wire::{Field, List, Object};
use super::rest;
use crate::domain::ids::{RepoName, Sha};
use crate::domain::run::{Status, description};

/// What GitHub's documentation asks for between tries when an answer names no time.
const RATE_LIMIT_PAUSE: Duration = Duration::from_secs(60);

/// No answer makes us wait longer: GitHub's limits are renewed within the hour.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

#[derive(Serialize)]
struct StatusBody<'a> {
    state: &'a str,
    context: &'a str,
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_url: Option<&'a str>,
}

/// The request that sets a status, without credentials.
///
/// `api` is the API's base, such as `https://api.github.com`, without a slash at its end. An
/// empty `target_url` is left out: GitHub takes none that is no URL.
pub fn status_request(
    api: &str,
    repo: &RepoName,
    sha: &Sha,
    status: &Status,
    target_url: &str,
) -> http::Request<Vec<u8>> {
    let url = format!("{}/statuses/{sha}", rest::repository(api, repo));
    let body = StatusBody {
        state: status.state.as_str(),
        context: &status.context,
        description: description(&status.description),
        target_url: Some(target_url).filter(|url| !url.is_empty()),
    };
    let body = serde_json::to_vec(&body).expect("a struct of texts is always JSON");
    rest::post(&url, body)
}

/// What GitHub's answer to a request means for what we owe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It was taken; as what number, where the answer says so. Later posts have higher ones.
    Done { post: Option<i64> },
    /// This one may be taken later, whatever becomes of the others.
    NotYet { why: String },
    /// The forge is in trouble, which may pass.
    Retry { why: String },
    /// Nothing at all is to be asked of it before this has passed.
    Limited { after: Duration, why: String },
    /// It passes when somebody mends a token or a setting; tell the operator, try on slowly.
    Refused { whom: Refused, why: String },
    /// It never passes: give up.
    Never { why: String },
}

/// Who is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Whatever we ask for: the token is not valid.
    Everything,
    /// What we ask for in one repository.
    Repository,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    message: Field<String>,
    errors: List<Object<Fault>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Taken {
    id: Field<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Fault {
    message: Field<String>,
}

/// Who asks, for the words that tell the operator what to mend.
struct Asker {
    invalid: &'static str,
    may_not: &'static str,
    no_access: &'static str,
    archived: &'static str,
    not_acceptable: &'static str,
}

const TOKEN: Asker = Asker {
    invalid: "`GITHUB_TOKEN` is not valid; make a new one",
    may_not: "`GITHUB_TOKEN` may not write commit statuses here (a classic token needs \
              `repo:status`, a fine-grained one `Commit statuses: write`)",
    no_access: "the repository is gone, or `GITHUB_TOKEN` has no access to it",
    archived: "an archived repository takes no statuses",
    not_acceptable: "the status is not acceptable and is given up",
};

const APP: Asker = Asker {
    invalid: "it takes no token of the App; see whether its key was deleted and its installation \
              revoked",
    may_not: "the App may not write check runs here: it needs the permission `Checks: write`, and \
              whoever installed it has to accept that",
    no_access: "the repository is gone, or the App's installation no longer has it",
    archived: "an archived repository takes no check runs",
    not_acceptable: "the check run is not acceptable and is given up",
};

/// Reads an answer to a [`status_request`].
pub fn answer(status: u16, headers: &Headers, body: &[u8], now: Timestamp) -> Answer {
    answer_to(&TOKEN, status, headers, body, now)
}

/// Reads an answer to a request that was made by an App.
pub fn answer_to_app(status: u16, headers: &Headers, body: &[u8], now: Timestamp) -> Answer {
    answer_to(&APP, status, headers, body, now)
}

fn answer_to(asker: &Asker, status: u16, headers: &Headers, body: &[u8], now: Timestamp) -> Answer {
    let said = said(body);
    let why = |text: &str| {
        if said.is_empty() {
            format!("GitHub answered {status}: {text}")
        } else {
            format!("GitHub answered {status} (`{said}`): {text}")
        }
    };
    let limited = |after, text| Answer::Limited { after, why: why(text) };
    let refused = |text| Answer::Refused { whom: Refused::Repository, why: why(text) };
    match status {
        200..=299 => Answer::Done { post: number(body) },
        300..=399 => {
            let to = headers.get("location").unwrap_or("nowhere");
            let to = description(to.split('?').next().unwrap_or_default());
            let why = format!(
                "GitHub answered {status}, a redirect to `{to}`, which is not followed with \
                 credentials: the repository was renamed, or `POCKETCI_GITHUB_URL` is not where \
                 it is served from"
            );
            Answer::Refused { whom: Refused::Repository, why }
        }
        401 => {
            let why = why(asker.invalid);
            Answer::Refused { whom: Refused::Everything, why }
        }
        403 | 429 => match pause(headers, now) {
            Some(pause) => limited(pause, "the rate limit is used up"),
            None if status == 429 || is_rate_limit(&said) => {
                limited(RATE_LIMIT_PAUSE, "the rate limit is used up")
            }
            None if said.contains("archived") => Answer::Never { why: why(asker.archived) },
            None => refused(asker.may_not),
        },
        404 => refused(asker.no_access),
        // A commit of a moment ago is not yet everywhere on GitHub's side.
        422 if said.contains("No commit found") => {
            Answer::NotYet { why: why("the commit is not known there yet") }
        }
        408 | 409 | 425 | 500..=599 => {
            let text = "the fault is on its side and may pass";
            match retry_after(headers) {
                Some(pause) => limited(pause, text),
                None => Answer::Retry { why: why(text) },
            }
        }
        _ => Answer::Never { why: why(asker.not_acceptable) },
    }
}

/// The number that GitHub gave to what it took.
fn number(body: &[u8]) -> Option<i64> {
    let taken: Field<Object<Taken>> = serde_json::from_slice(body).ok()?;
    taken.part()?.id.get().and_then(|id| i64::try_from(*id).ok())
}

/// How long to wait by the answer's headers, if they speak of a rate limit.
fn pause(headers: &Headers, now: Timestamp) -> Option<Duration> {
    if let Some(pause) = retry_after(headers) {
        return Some(pause);
    }
    if headers.get("x-ratelimit-remaining") != Some("0") {
        return None;
    }
    let Some(reset) = headers.get("x-ratelimit-reset").and_then(|at| at.parse::<i64>().ok()) else {
        return Some(RATE_LIMIT_PAUSE);
    };
    // The reset has no fractions; a second more is never too early.
    let seconds = reset.saturating_sub(now.as_second()).saturating_add(1);
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(1)).min(LONGEST_PAUSE))
}

fn retry_after(headers: &Headers) -> Option<Duration> {
    let seconds = headers.get("retry-after")?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_PAUSE))
}

fn is_rate_limit(said: &str) -> bool {
    let said = said.to_ascii_lowercase();
    said.contains("rate limit") || said.contains("abuse detection")
}

/// GitHub's own words, short and on one line; empty when there are none.
pub fn said(body: &[u8]) -> String {
    let Ok(Field::Is(Object(body))) = serde_json::from_slice::<Field<Object<ErrorBody>>>(body)
    else {
        return String::new();
    };
    let details = body.errors.items().filter_map(|Object(fault)| fault.message.filled());
    let words: Vec<_> = body.message.filled().into_iter().chain(details).collect();
    description(&words.join(": "))
}

#[cfg(test)]
mod tests;
