//! Statuses on commits: the request that tells GitHub, and what its answer means for us.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::Headers;
use super::super::wire::{Field, List, Object};
use crate::domain::ids::{RepoName, Sha};
use crate::domain::run::{Status, description};

/// The version of GitHub's REST API that the request is written for.
const API_VERSION: &str = "2022-11-28";

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
    let segment = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let repo: Vec<_> = repo.as_str().split('/').map(segment).collect();
    let url = format!("{api}/repos/{}/statuses/{sha}", repo.join("/"));
    let body = StatusBody {
        state: status.state.as_str(),
        context: &status.context,
        description: description(&status.description),
        target_url: Some(target_url).filter(|url| !url.is_empty()),
    };
    let body = serde_json::to_vec(&body).expect("a struct of texts is always JSON");
    http::Request::post(url)
        .header("accept", "application/vnd.github+json")
        .header("x-github-api-version", API_VERSION)
        .header("content-type", "application/json")
        .body(body)
        .expect("the base is a URL since the configuration was read, and the rest is encoded")
}

/// What GitHub's answer to a request means for what we owe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Done,
    /// It may pass: try again, not before `after` where GitHub says how long.
    Retry {
        after: Option<Duration>,
        why: String,
    },
    /// It passes when somebody mends a token or a setting; tell the operator, try on slowly.
    Refused {
        why: String,
    },
    /// It never passes: give up.
    Never {
        why: String,
    },
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    message: Field<String>,
    errors: List<Object<Fault>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Fault {
    message: Field<String>,
}

/// Reads an answer to a [`status_request`].
pub fn answer(status: u16, headers: &Headers, body: &[u8], now: Timestamp) -> Answer {
    let said = said(body);
    let why = |text: &str| {
        if said.is_empty() {
            format!("GitHub answered {status}: {text}")
        } else {
            format!("GitHub answered {status} (`{said}`): {text}")
        }
    };
    let retry = |after, text| Answer::Retry { after, why: why(text) };
    match status {
        200..=299 => Answer::Done,
        300..=399 => {
            let to = headers.get("location").unwrap_or("nowhere");
            let to = description(to.split('?').next().unwrap_or_default());
            Answer::Refused {
                why: format!(
                    "GitHub answered {status}, a redirect to `{to}`, which is not followed with \
                     credentials: the repository was renamed, or `POCKETCI_GITHUB_URL` is not \
                     where it is served from"
                ),
            }
        }
        401 => Answer::Refused { why: why("`GITHUB_TOKEN` is not valid; make a new one") },
        403 | 429 => match pause(headers, now) {
            Some(pause) => retry(Some(pause), "the rate limit is used up"),
            None if status == 429 || is_rate_limit(&said) => {
                retry(Some(RATE_LIMIT_PAUSE), "the rate limit is used up")
            }
            None if said.contains("archived") => {
                Answer::Never { why: why("an archived repository takes no statuses") }
            }
            None => Answer::Refused {
                why: why(
                    "`GITHUB_TOKEN` may not write commit statuses here (a classic token needs \
                     `repo:status`, a fine-grained one `Commit statuses: write`)",
                ),
            },
        },
        404 => Answer::Refused {
            why: why("the repository is gone, or `GITHUB_TOKEN` has no access to it"),
        },
        // A commit of a moment ago is not yet everywhere on GitHub's side.
        422 if said.contains("No commit found") => retry(None, "the commit is not known there yet"),
        408 | 409 | 425 | 500..=599 => {
            retry(retry_after(headers), "the fault is on its side and may pass")
        }
        _ => Answer::Never { why: why("the status is not acceptable and is given up") },
    }
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
fn said(body: &[u8]) -> String {
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
