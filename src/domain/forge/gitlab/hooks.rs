//! The webhooks of a project.

use http::Request;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::ask;
use super::super::hook::{Attempt, Tested, Wanted, Webhook};
use super::super::reply;
use super::super::wire::{Field, Id, List, Object};
use super::rest;
use crate::domain::ids::RepoName;

/// What functions can ask for, by the names of GitLab's switches.
pub const EVENTS: [&str; 6] = [
    "push_events",
    "tag_push_events",
    "merge_requests_events",
    "note_events",
    "issues_events",
    "releases_events",
];

/// GitLab's most, of what one has sent.
const EVENTS_PAGE: usize = 20;

#[derive(Default, Deserialize)]
#[serde(default)]
struct HookBody {
    id: Field<Id>,
    url: Field<String>,
    /// Anything but `executable`: GitLab sends nothing after too many failures.
    alert_status: Field<String>,
    push_events: Field<bool>,
    tag_push_events: Field<bool>,
    merge_requests_events: Field<bool>,
    note_events: Field<bool>,
    issues_events: Field<bool>,
    releases_events: Field<bool>,
}

impl HookBody {
    fn events(&self) -> Vec<String> {
        let switches = [
            &self.push_events,
            &self.tag_push_events,
            &self.merge_requests_events,
            &self.note_events,
            &self.issues_events,
            &self.releases_events,
        ];
        let on = EVENTS.iter().zip(switches).filter(|(_, switch)| switch.is_set());
        on.map(|(name, _)| (*name).to_owned()).collect()
    }
}

fn place(api: &str, repo: &RepoName) -> String {
    format!("{}/hooks", rest::project(api, repo))
}

/// The request for a page of them, from 1; the last page is the empty one.
pub fn webhooks_request(api: &str, repo: &RepoName, page: usize) -> Request<Vec<u8>> {
    ask::get(&format!("{}?per_page=100&page={page}", place(api, repo)))
}

/// Reads its answer; none when it is no such answer.
pub fn webhooks(body: &[u8]) -> Option<Vec<Webhook>> {
    let hooks: List<Object<HookBody>> = serde_json::from_slice(body).ok()?;
    hooks.get()?;
    let hook = |Object(hook): &Object<HookBody>| {
        Some(Webhook {
            id: hook.id.get()?.0.clone(),
            url: hook.url.text(),
            active: hook.alert_status.filled().is_none_or(|status| status == "executable"),
            events: hook.events(),
            content_type: "json".to_owned(),
        })
    };
    Some(hooks.items().filter_map(hook).collect())
}

/// The request that makes one.
pub fn webhook_request(api: &str, repo: &RepoName, wanted: Wanted<'_>) -> Request<Vec<u8>> {
    ask::post(&place(api, repo), &settings(wanted))
}

/// The request that makes one what it should be, whatever its token was.
pub fn webhook_change_request(
    api: &str,
    repo: &RepoName,
    id: &str,
    wanted: Wanted<'_>,
) -> Request<Vec<u8>> {
    ask::put(&format!("{}/{}", place(api, repo), ask::segment(id)), &settings(wanted))
}

/// The request that removes one.
pub fn webhook_removal_request(api: &str, repo: &RepoName, id: &str) -> Request<Vec<u8>> {
    ask::delete(&format!("{}/{}", place(api, repo), ask::segment(id)))
}

/// The request that has one send a push of what is there already.
pub fn webhook_test_request(api: &str, repo: &RepoName, id: &str) -> Request<Vec<u8>> {
    ask::post(&format!("{}/{}/test/push_events", place(api, repo), ask::segment(id)), &json!({}))
}

/// What became of the test: GitLab waits for what is answered, and refuses what was not taken in
/// the same way as what could not be sent.
pub fn tested(status: u16, body: &[u8]) -> Option<Tested> {
    match status {
        200..=299 => Some(Tested::Newest),
        422 if reply::said(body).contains("at least one commit") => Some(Tested::NothingToTell),
        422 => Some(Tested::Newest),
        _ => None,
    }
}

/// The request for what one has sent in the last week, the newest first; older ones do not tell.
pub fn attempts_request(api: &str, repo: &RepoName, id: &str) -> Request<Vec<u8>> {
    ask::get(&format!("{}/{}/events?per_page={EVENTS_PAGE}", place(api, repo), ask::segment(id)))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SentBody {
    id: Field<Id>,
    trigger: Field<String>,
    /// A number as a text, or what went wrong.
    response_status: Field<String>,
}

/// Reads its answer; none when it is no such answer.
pub fn attempts(body: &[u8]) -> Option<Vec<Attempt>> {
    let sent: List<Object<SentBody>> = serde_json::from_slice(body).ok()?;
    sent.get()?;
    let attempt = |Object(sent): &Object<SentBody>| Attempt {
        id: sent.id.get().map(|Id(id)| id.clone()).unwrap_or_default(),
        at: None,
        event: sent.trigger.text(),
        status: sent.response_status.parsed().unwrap_or_default(),
    };
    Some(sent.items().map(attempt).collect())
}

/// A secret of the newer kind signs; sent as a token, it would be told to whoever listens.
pub fn signs(secret: &str) -> bool {
    secret.starts_with("whsec_")
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Kept {
    signing_token_present: Field<bool>,
}

/// Whether the answer to the making or changing of one says that it has taken the secret: those
/// that sign nothing (before 19.0) pass over what they do not know.
pub fn took_secret(secret: &str, body: &[u8]) -> bool {
    let kept: Field<Object<Kept>> = serde_json::from_slice(body).unwrap_or_default();
    !signs(secret) || kept.part().is_some_and(|kept| kept.signing_token_present.is_set())
}

/// Whether it has a signing token, which an edit with another kind of secret leaves there.
pub fn is_signing(body: &[u8]) -> bool {
    let kept: Field<Object<Kept>> = serde_json::from_slice(body).unwrap_or_default();
    kept.part().is_some_and(|kept| kept.signing_token_present.is_set())
}

fn settings(wanted: Wanted<'_>) -> Value {
    let name = if signs(wanted.secret) { "signing_token" } else { "token" };
    let mut body = json!({
        "name": "pocketci", "url": wanted.url, "enable_ssl_verification": true,
    });
    body[name] = wanted.secret.into();
    for event in EVENTS {
        body[event] = true.into();
    }
    body
}
