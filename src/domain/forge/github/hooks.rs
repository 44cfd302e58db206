//! GitHub's webhooks: making them, which there are, what they sent, and what came of it.
//!
//! Requests and their answers; it does not know who asks, or what is done about it.

use http::Request;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::super::Headers;
use super::super::hook::Wanted;
use super::super::wire::{Field, List, Object, Part};
use super::rest;
use crate::domain::ids::RepoName;

/// What functions can ask for, of what a repository's webhook can send.
pub const EVENTS: [&str; 9] = [
    "push",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "issues",
    "issue_comment",
    "commit_comment",
    "release",
    "deployment",
];

/// Whose webhooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    Repository(RepoName),
    Organisation(String),
    /// The App that asks, which has one.
    App,
}

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    pub id: u64,
    /// Where it sends to.
    pub url: String,
    pub active: bool,
}

/// An attempt to deliver something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub id: u64,
    /// `X-GitHub-Delivery`, which all attempts of one delivery share.
    pub guid: String,
    pub at: Timestamp,
    /// What was answered; 0 when nobody did.
    pub status: u16,
    pub event: String,
}

/// A delivery as it was sent.
#[derive(Debug, Clone)]
pub struct Sent {
    pub headers: Vec<(String, String)>,
    /// The JSON text; none where GitHub does not keep it.
    pub payload: Option<Vec<u8>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct HookBody {
    id: Field<u64>,
    active: Field<bool>,
    config: Part<Config>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Config {
    url: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AttemptBody {
    id: Field<u64>,
    guid: Field<String>,
    delivered_at: Field<String>,
    status_code: Field<u64>,
    event: Field<String>,
}

#[derive(Deserialize)]
struct SentBody<'a> {
    #[serde(borrow)]
    request: SentRequest<'a>,
}

#[derive(Deserialize)]
struct SentRequest<'a> {
    #[serde(default)]
    headers: Option<serde_json::Map<String, serde_json::Value>>,
    #[serde(borrow, default)]
    payload: Option<&'a RawValue>,
}

/// The request for a page, from 1, of the webhooks.
pub fn list_request(api: &str, owner: &Owner, page: usize) -> Request<Vec<u8>> {
    let per_page = rest::PER_PAGE;
    rest::get(&format!("{}/hooks?per_page={per_page}&page={page}", place(api, owner)))
}

/// Reads its answer; none when it is no such answer.
pub fn list(body: &[u8]) -> Option<Vec<Hook>> {
    let hooks: List<Object<HookBody>> = serde_json::from_slice(body).ok()?;
    hooks.get()?;
    let hook = |Object(hook): &Object<HookBody>| {
        let url = hook.config.part().map(|config| config.url.text()).unwrap_or_default();
        Some(Hook { id: *hook.id.get()?, url, active: hook.active.is_set() })
    };
    Some(hooks.items().filter_map(hook).collect())
}

/// The request for what a webhook has sent, the newest first, from a cursor on.
pub fn attempts_request(
    api: &str,
    owner: &Owner,
    hook: u64,
    cursor: Option<&str>,
) -> Request<Vec<u8>> {
    let cursor = cursor.map(|cursor| format!("&cursor={}", rest::segment(cursor)));
    let (place, cursor) = (hook_place(api, owner, hook), cursor.unwrap_or_default());
    let per_page = rest::PER_PAGE;
    rest::get(&format!("{place}/deliveries?per_page={per_page}{cursor}"))
}

/// Reads its answer, and the cursor of what follows.
pub fn attempts(headers: &Headers, body: &[u8]) -> Option<(Vec<Attempt>, Option<String>)> {
    let attempts: List<Object<AttemptBody>> = serde_json::from_slice(body).ok()?;
    attempts.get()?;
    let attempt = |Object(attempt): &Object<AttemptBody>| {
        Some(Attempt {
            id: *attempt.id.get()?,
            guid: attempt.guid.filled()?.to_owned(),
            at: attempt.delivered_at.parsed()?,
            status: attempt.status_code.get().and_then(|code| u16::try_from(*code).ok())?,
            event: attempt.event.text(),
        })
    };
    Some((attempts.items().filter_map(attempt).collect(), next_cursor(headers)))
}

/// The request for what was sent in an attempt.
pub fn sent_request(api: &str, owner: &Owner, hook: u64, attempt: u64) -> Request<Vec<u8>> {
    rest::get(&format!("{}/deliveries/{attempt}", hook_place(api, owner, hook)))
}

/// Reads its answer.
pub fn sent(body: &[u8]) -> Option<Sent> {
    let SentBody { request } = serde_json::from_slice(body).ok()?;
    let text = |(name, value): (String, serde_json::Value)| match value {
        serde_json::Value::String(value) => Some((name.to_ascii_lowercase(), value)),
        serde_json::Value::Number(value) => Some((name.to_ascii_lowercase(), value.to_string())),
        _ => None,
    };
    let payload = request.payload.map(RawValue::get).filter(|text| text.starts_with('{'));
    Some(Sent {
        headers: request.headers.into_iter().flatten().filter_map(text).collect(),
        payload: payload.map(|text| text.as_bytes().to_vec()),
    })
}

/// The request that makes a repository's webhook; GitHub pings it at once.
pub fn create_request(api: &str, repo: &RepoName, wanted: Wanted<'_>) -> Request<Vec<u8>> {
    let mut body = settings(wanted);
    body["name"] = "web".into();
    rest::post(&format!("{}/hooks", rest::repository(api, repo)), body.to_string().into_bytes())
}

/// The request that makes one what it should be, whatever its secret was.
pub fn change_request(
    api: &str,
    repo: &RepoName,
    id: &str,
    wanted: Wanted<'_>,
) -> Request<Vec<u8>> {
    let url = format!("{}/hooks/{id}", rest::repository(api, repo));
    rest::patch(&url, settings(wanted).to_string().into_bytes())
}

/// The request that removes one.
pub fn removal_request(api: &str, repo: &RepoName, id: &str) -> Request<Vec<u8>> {
    rest::delete(&format!("{}/hooks/{id}", rest::repository(api, repo)))
}

/// The request that has one send a ping.
pub fn ping_request(api: &str, repo: &RepoName, id: &str) -> Request<Vec<u8>> {
    rest::post(&format!("{}/hooks/{id}/pings", rest::repository(api, repo)), Vec::new())
}

fn settings(wanted: Wanted<'_>) -> serde_json::Value {
    json!({
        "active": true,
        "events": EVENTS,
        "config": {
            "url": wanted.url, "content_type": "json", "secret": wanted.secret, "insecure_ssl": "0",
        },
    })
}

/// Of each delivery that was first sent since `since` and that nobody has taken, the newest
/// attempt; the oldest delivery first.
///
/// What was answered with another 4xx was refused on purpose (a wrong signature, a body that is
/// none) and is not taken by another door.
pub fn unheard(attempts: &[Attempt], since: Timestamp) -> Vec<Attempt> {
    let mut first: Vec<&Attempt> = attempts.iter().collect();
    first.sort_by_key(|attempt| (attempt.at, attempt.id));
    let mut found: Vec<Attempt> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for attempt in first {
        if !seen.insert(attempt.guid.as_str()) || attempt.at < since {
            continue;
        }
        let all = || attempts.iter().filter(|other| other.guid == attempt.guid);
        let Some(newest) = all().max_by_key(|other| (other.at, other.id)) else { continue };
        let unheard = |status: u16| matches!(status, 0 | 408 | 429 | 500..);
        if all().all(|other| unheard(other.status)) {
            // In the order in which they happened, not in that of the attempts.
            found.push(Attempt { at: attempt.at, ..newest.clone() });
        }
    }
    found
}

fn hook_place(api: &str, owner: &Owner, hook: u64) -> String {
    match owner {
        Owner::App => format!("{}/hook", place(api, owner)),
        Owner::Repository(_) | Owner::Organisation(_) => {
            format!("{}/hooks/{hook}", place(api, owner))
        }
    }
}

fn place(api: &str, owner: &Owner) -> String {
    match owner {
        Owner::Repository(repo) => rest::repository(api, repo),
        Owner::Organisation(login) => format!("{api}/orgs/{}", rest::segment(login)),
        Owner::App => format!("{api}/app"),
    }
}

/// The cursor in the `Link` to the next page; the rest of the link is not followed.
fn next_cursor(headers: &Headers) -> Option<String> {
    let links = headers.get("link")?.split(',');
    let next = links.map(str::trim).find(|link| link.contains("rel=\"next\""))?;
    let url = next.strip_prefix('<')?.split('>').next()?;
    let query = url.split_once('?')?.1;
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(name, _)| name == "cursor").map(|(_, cursor)| cursor.into_owned())
}

#[cfg(test)]
mod tests;
