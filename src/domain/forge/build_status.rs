//! Build statuses as both Bitbuckets have them: a key, a name, a state and an address.

use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::wire::{Field, List, Object};
use crate::domain::mend::Posted;
use crate::domain::run::{CommitState, Status, description};

/// The longest key; a post with a longer one is refused.
const LONGEST_KEY: usize = 40;

/// The longest name.
const LONGEST_NAME: usize = 255;

/// The longest address.
const LONGEST_URL: usize = 450;

/// How many digits of its hash tell a context that is too long for a key from others like it.
const DIGITS: usize = 8;

/// What identifies a status on a commit: its context, or, where that is too long, the beginning of
/// it and a hash of the whole. Nothing that is not ASCII gets in: what the forge would count is
/// not documented.
pub(super) fn key(context: &str) -> String {
    if context.len() <= LONGEST_KEY && context.is_ascii() {
        return context.to_owned();
    }
    let kept: String = context.chars().filter(char::is_ascii).collect();
    let kept: String = kept.chars().take(LONGEST_KEY - DIGITS - 1).collect();
    let hash = hex::encode(Sha256::digest(context));
    format!("{kept}-{}", &hash[..DIGITS])
}

/// The body of a post. The address must be there, and be one: `page` stands in for a link that we
/// do not have.
pub(super) fn body(status: &Status, target_url: &str, page: &str) -> Value {
    let fits = !target_url.is_empty() && target_url.chars().count() <= LONGEST_URL;
    json!({
        "key": key(&status.context),
        "state": state(status.state),
        "name": status.context.chars().take(LONGEST_NAME).collect::<String>(),
        "description": description(&status.description),
        "url": if fits { target_url } else { page },
    })
}

/// Bitbucket has one word for what failed and what could not be judged.
fn state(state: CommitState) -> &'static str {
    match state {
        CommitState::Pending => "INPROGRESS",
        CommitState::Success => "SUCCESSFUL",
        CommitState::Failure | CommitState::Error => "FAILED",
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Page {
    values: List<Object<Entry>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    key: Field<String>,
    name: Field<String>,
    state: Field<String>,
    description: Field<String>,
    url: Field<String>,
}

/// Reads a page of what a commit shows, in GitHub's words for states.
pub(super) fn shown(body: &[u8]) -> Option<Vec<Posted>> {
    let page: Field<Object<Page>> = serde_json::from_slice(body).ok()?;
    let values = &page.part()?.values;
    values.get()?;
    let posted = |Object(entry): &Object<Entry>| {
        let (own, name) = (entry.key.text(), entry.name.text());
        Posted {
            post: None,
            // Of ours, the name is the context that the key was made from.
            context: if key(&name) == own { name } else { own },
            state: match entry.state.text().as_str() {
                "INPROGRESS" => "pending",
                "SUCCESSFUL" => "success",
                "FAILED" | "STOPPED" | "CANCELLED" => "failure",
                other => other,
            }
            .to_owned(),
            description: entry.description.text(),
            target_url: entry.url.text(),
        }
    };
    Some(values.items().map(posted).collect())
}

#[cfg(test)]
mod tests;
