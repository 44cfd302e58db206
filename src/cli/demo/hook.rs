//! The webhooks that the demo sends itself, as GitHub would.

use std::io::Read as _;
use std::time::Duration;

use anyhow::{Context as _, bail};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::sample::{Commits, FEATURE, FIRST, NAME, SECOND};

/// How long the answer to a webhook may take; GitHub itself waits for ten seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// One event, ready to be sent.
pub(super) struct Hook {
    pub(super) event: &'static str,
    /// What happened, in words.
    pub(super) title: String,
    body: Value,
}

/// Random digits: a secret, a token, a delivery's id.
pub(super) fn random() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .context("Cannot read random bytes from `/dev/urandom`")?;
    Ok(hex::encode(bytes))
}

/// A push of the first commit to `main`.
pub(super) fn push(commits: &Commits) -> Hook {
    let body = json!({
        "ref": "refs/heads/main",
        "before": "0".repeat(40),
        "after": commits.first,
        "created": true, "deleted": false, "forced": false,
        "head_commit": {
            "id": commits.first, "message": FIRST, "timestamp": "", "url": "",
            "author": {"name": "Ada", "email": "ada@example.com"},
        },
        "repository": repository(), "sender": sender(),
    });
    Hook { event: "push", title: format!("Ada pushes {} to main", commits.first.short()), body }
}

/// A pull request from a branch of the same repository.
pub(super) fn pull_request(commits: &Commits) -> Hook {
    let body = json!({
        "action": "opened",
        "number": 1,
        "pull_request": {
            "number": 1, "title": SECOND, "draft": false, "merged": false, "labels": [],
            "html_url": format!("https://github.example/{NAME}/pull/1"), "user": sender(),
            "head": {"ref": FEATURE, "sha": commits.second, "repo": repository()},
            "base": {"ref": "main", "sha": commits.first, "repo": repository()},
        },
        "repository": repository(), "sender": sender(),
    });
    let title = format!("Ada opens #1, {} on {FEATURE} → main", commits.second.short());
    Hook { event: "pull_request", title, body }
}

fn repository() -> Value {
    let (owner, name) = NAME.split_once('/').unwrap_or_default();
    json!({
        "full_name": NAME, "name": name, "owner": {"login": owner}, "private": false,
        "html_url": format!("https://github.example/{NAME}"),
        "clone_url": format!("https://github.example/{NAME}.git"),
        "default_branch": "main",
    })
}

fn sender() -> Value {
    json!({"login": "ada", "id": 1})
}

/// Sends webhooks to the agent, as the forge would.
pub(super) struct Sender {
    client: reqwest::Client,
    url: String,
    secret: String,
}

impl Sender {
    pub(super) fn new(url: String, secret: String) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
        Ok(Self { client, url, secret })
    }

    /// Sends an event, signed; gives the status of the answer.
    pub(super) async fn send(&self, hook: &Hook) -> anyhow::Result<u16> {
        let body = hook.body.to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes())?;
        mac.update(body.as_bytes());
        let signature = hex::encode(mac.finalize().into_bytes());
        let request = self
            .client
            .post(&self.url)
            .header("Content-Type", "application/json")
            .header("User-Agent", "GitHub-Hookshot/demo")
            .header("X-GitHub-Event", hook.event)
            .header("X-GitHub-Delivery", random()?)
            .header("X-Hub-Signature-256", format!("sha256={signature}"))
            .body(body);
        let answer = request.send().await.context("The agent does not take the webhook")?;
        let status = answer.status().as_u16();
        if status != 202 {
            let text = answer.text().await.unwrap_or_default();
            bail!("The agent answers the webhook with {status}, not 202: {text}");
        }
        Ok(status)
    }
}
