//! The webhooks of a repository.

use http::Request;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::ask;
use super::super::hook::{Wanted, Webhook};
use super::super::wire::{Field, Id, List, Object};
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

/// The request for a page of them, from 1; the last page is the empty one.
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

fn settings(wanted: Wanted<'_>) -> Value {
    json!({
        "name": "pocketci", "url": wanted.url, "active": true, "events": EVENTS,
        "configuration": { "secret": wanted.secret },
    })
}
