//! The webhooks of a repository.

use http::Request;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::ask;
use super::super::hook::{Wanted, Webhook};
use super::super::wire::{Field, List, Object};
use super::rest;
use crate::domain::ids::RepoName;

/// What functions can ask for.
pub const EVENTS: [&str; 8] = [
    "repo:push",
    "pullrequest:created",
    "pullrequest:updated",
    "pullrequest:fulfilled",
    "pullrequest:rejected",
    "pullrequest:comment_created",
    "issue:created",
    "issue:comment_created",
];

#[derive(Default, Deserialize)]
#[serde(default)]
struct Page {
    values: List<Object<HookBody>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct HookBody {
    uuid: Field<String>,
    url: Field<String>,
    active: Field<bool>,
    events: List<String>,
}

fn place(api: &str, repo: &RepoName) -> String {
    format!("{}/hooks", rest::repository(api, repo))
}

/// The request for a page of them, from 1; the last page is the empty one.
pub fn webhooks_request(api: &str, repo: &RepoName, page: usize) -> Request<Vec<u8>> {
    ask::get(&format!("{}?pagelen=100&page={page}", place(api, repo)))
}

/// Reads its answer; none when it is no such answer.
pub fn webhooks(body: &[u8]) -> Option<Vec<Webhook>> {
    let page: Field<Object<Page>> = serde_json::from_slice(body).ok()?;
    let page = page.part()?;
    page.values.get()?;
    let hook = |Object(hook): &Object<HookBody>| {
        Some(Webhook {
            id: hook.uuid.filled()?.to_owned(),
            url: hook.url.text(),
            active: hook.active.is_set(),
            events: hook.events.items().cloned().collect(),
            content_type: "json".to_owned(),
        })
    };
    Some(page.values.items().filter_map(hook).collect())
}

/// The id of one that was made.
pub fn webhook_id(body: &[u8]) -> Option<String> {
    let made: Field<Object<HookBody>> = serde_json::from_slice(body).ok()?;
    made.part()?.uuid.filled().map(str::to_owned)
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

fn settings(wanted: Wanted<'_>) -> Value {
    json!({
        "description": "pocketci", "url": wanted.url, "active": true,
        "secret": wanted.secret, "events": EVENTS,
    })
}
