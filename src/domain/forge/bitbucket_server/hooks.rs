//! The webhooks of a repository.

use http::Request;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::ask;
use super::super::hook::{Attempt, Tested, Wanted, Webhook};
use super::super::wire::{Field, Id, List, Object, Part};
use super::rest;
use crate::domain::ids::RepoName;

/// Of a page; they are counted by what lies before them.
const PAGE: usize = 100;

/// What functions can ask for.
pub const EVENTS: [&str; 8] = [
    "repo:refs_changed",
    "pr:opened",
    "pr:from_ref_updated",
    "pr:modified",
    "pr:merged",
    "pr:declined",
    "pr:deleted",
    "pr:comment:added",
];

#[derive(Default, Deserialize)]
#[serde(default)]
struct Page {
    values: List<Object<HookBody>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct HookBody {
    id: Field<Id>,
    url: Field<String>,
    active: Field<bool>,
    events: List<String>,
}

fn place(api: &str, repo: &RepoName) -> String {
    format!("{}/webhooks", rest::repository(api, repo))
}

/// The request for a page of them, from 1; some answer with all of them, whatever page it is.
pub fn webhooks_request(api: &str, repo: &RepoName, page: usize) -> Request<Vec<u8>> {
    let start = page.saturating_sub(1) * PAGE;
    ask::get(&format!("{}?limit={PAGE}&start={start}", place(api, repo)))
}

/// Reads its answer; none when it is no such answer.
pub fn webhooks(body: &[u8]) -> Option<Vec<Webhook>> {
    let page: Field<Object<Page>> = serde_json::from_slice(body).ok()?;
    let page = page.part()?;
    page.values.get()?;
    let hook = |Object(hook): &Object<HookBody>| {
        Some(Webhook {
            id: hook.id.get()?.0.clone(),
            url: hook.url.text(),
            active: hook.active.is_set(),
            events: hook.events.items().cloned().collect(),
            content_type: "json".to_owned(),
        })
    };
    Some(page.values.items().filter_map(hook).collect())
}

/// The request that makes one.
pub fn webhook_request(api: &str, repo: &RepoName, wanted: Wanted<'_>) -> Request<Vec<u8>> {
    ask::post(&place(api, repo), &settings(wanted))
}

/// The request that makes one what it should be, whatever its secret was.
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

/// The request that has one send a ping to where it sends to.
pub fn webhook_test_request(api: &str, repo: &RepoName, id: &str, url: &str) -> Request<Vec<u8>> {
    let (id, url) = (ask::segment(id), ask::segment(url));
    ask::post(&format!("{}/test?webhookId={id}&url={url}", place(api, repo)), &json!({}))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Exchange {
    response: Part<Answered>,
    #[serde(flatten)]
    bare: Answered,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answered {
    #[serde(rename = "statusCode")]
    status: Field<u64>,
}

/// What became of the ping, which it waits for. Not all of them sign it.
pub fn tested(status: u16, body: &[u8]) -> Option<Tested> {
    if !(200..300).contains(&status) {
        return None;
    }
    let exchange: Field<Object<Exchange>> = serde_json::from_slice(body).unwrap_or_default();
    let answered = exchange.part().map(|told| told.response.part().unwrap_or(&told.bare));
    let code = answered.and_then(|answered| answered.status.get().copied());
    Some(match code.and_then(|code| u16::try_from(code).ok()) {
        Some(401 | 403) => Tested::NotSigned,
        Some(code) => Tested::Answered(code),
        None => Tested::Newest,
    })
}

/// The request for what one has sent last.
pub fn attempts_request(api: &str, repo: &RepoName, id: &str) -> Request<Vec<u8>> {
    ask::get(&format!("{}/{}/latest", place(api, repo), ask::segment(id)))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Invocation {
    id: Field<Id>,
    event: Field<String>,
    /// In milliseconds since 1970.
    start: Field<u64>,
    result: Part<Outcome>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Outcome {
    outcome: Field<String>,
    /// The number that was answered, or what went wrong.
    description: Field<String>,
}

/// Reads its answer: one that has sent nothing answers nothing. None when it is no such answer.
pub fn attempts(body: &[u8]) -> Option<Vec<Attempt>> {
    if body.is_empty() {
        return Some(Vec::new());
    }
    let sent: Field<Object<Invocation>> = serde_json::from_slice(body).ok()?;
    let sent = sent.part()?;
    let Some(result) = sent.result.part() else { return Some(Vec::new()) };
    let taken = result.outcome.filled() == Some("SUCCESS");
    let told = result.description.parsed();
    let at = sent.start.get().and_then(|at| i64::try_from(*at).ok());
    Some(vec![Attempt {
        id: sent.id.get().map(|Id(id)| id.clone()).unwrap_or_default(),
        at: at.and_then(|at| Timestamp::from_millisecond(at).ok()),
        event: sent.event.text(),
        status: told.unwrap_or(if taken { 200 } else { 0 }),
    }])
}

fn settings(wanted: Wanted<'_>) -> Value {
    json!({
        "name": "pocketci", "url": wanted.url, "active": true, "events": EVENTS,
        "configuration": { "secret": wanted.secret },
    })
}
