//! The webhooks of a project.

use http::Request;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::ask;
use super::super::hook::{Wanted, Webhook};
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

fn settings(wanted: Wanted<'_>) -> Value {
    // A secret of the newer kind signs; sent as a token, it would be told to whoever listens.
    let name = if wanted.secret.starts_with("whsec_") { "signing_token" } else { "token" };
    let mut body = json!({
        "name": "pocketci", "url": wanted.url, "enable_ssl_verification": true,
    });
    body[name] = wanted.secret.into();
    for event in EVENTS {
        body[event] = true.into();
    }
    body
}
