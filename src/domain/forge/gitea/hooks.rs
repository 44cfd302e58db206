//! The webhooks of a repository.

use http::Request;
use serde::Deserialize;
use serde_json::json;

use super::super::hook::{Wanted, Webhook};
use super::super::wire::{Field, Id, List, Object, Part};
use super::rest;
use crate::domain::ids::{RepoName, Vendor};

/// What functions can ask for; `pull_request` and `issues` are all that happens to them.
pub const EVENTS: [&str; 5] = ["push", "pull_request", "issues", "issue_comment", "release"];

#[derive(Default, Deserialize)]
#[serde(default)]
struct HookBody {
    id: Field<Id>,
    active: Field<bool>,
    events: List<String>,
    config: Part<Config>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Config {
    url: Field<String>,
    content_type: Field<String>,
}

/// The request for a page of them, from 1; the last page is the empty one.
pub fn webhooks_request(api: &str, repo: &RepoName, page: usize) -> Request<Vec<u8>> {
    rest::get(&format!("{}/hooks?limit=50&page={page}", rest::repository(api, repo)))
}

/// Reads its answer; none when it is no such answer.
pub fn webhooks(body: &[u8]) -> Option<Vec<Webhook>> {
    let hooks: List<Object<HookBody>> = serde_json::from_slice(body).ok()?;
    hooks.get()?;
    let hook = |Object(hook): &Object<HookBody>| {
        let nothing = Config::default();
        let config = hook.config.part().unwrap_or(&nothing);
        Some(Webhook {
            id: hook.id.get()?.0.clone(),
            url: config.url.text(),
            active: hook.active.is_set(),
            events: hook.events.items().cloned().collect(),
            content_type: config.content_type.text(),
        })
    };
    Some(hooks.items().filter_map(hook).collect())
}

/// The request that makes one.
pub fn webhook_request(
    vendor: Vendor,
    api: &str,
    repo: &RepoName,
    wanted: Wanted<'_>,
    events: &[&str],
) -> Request<Vec<u8>> {
    let config = json!({
        "url": wanted.url, "content_type": "json", "http_method": "post", "secret": wanted.secret,
    });
    let body = json!({
        "type": vendor.as_str(), "active": true, "events": events, "config": config,
    });
    rest::post(&format!("{}/hooks", rest::repository(api, repo)), &body)
}

/// The request that removes one.
pub fn webhook_removal_request(api: &str, repo: &RepoName, id: &str) -> Request<Vec<u8>> {
    rest::delete(&format!("{}/hooks/{id}", rest::repository(api, repo)))
}

/// The request that has one send a push of what is there already.
pub fn webhook_test_request(api: &str, repo: &RepoName, id: &str) -> Request<Vec<u8>> {
    rest::post(&format!("{}/hooks/{id}/tests", rest::repository(api, repo)), &json!({}))
}
