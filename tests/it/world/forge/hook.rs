//! Webhooks: what happens on the forge is written down, signed and sent as GitHub does it.

use std::sync::atomic::{AtomicU64, Ordering};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::super::git;
use super::super::http::{self, Answer};
use super::kind::Wire;
use super::payload::{self, Push};
use super::{Forge, Kind, PullRequest, Repo};

/// The webhook's secret.
pub const SECRET: &str = "It's a Secret to Everybody";

/// The webhook's id.
pub const HOOK: &str = "292430182";

/// That of an organisation's webhook.
pub const ORGANISATION_HOOK: &str = "292430183";

/// A webhook that was sent, and what the agent said.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// `X-GitHub-Delivery`.
    pub id: String,
    pub event: String,
    pub body: Vec<u8>,
    /// 0: nobody answered.
    pub status: u16,
    pub answer: String,
    pub at: jiff::Timestamp,
    /// Which webhook sent it.
    pub hook: String,
}

/// `sha256=…` over these bytes.
pub fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

impl Forge {
    /// Pushes a branch: new, forward or forced, as its commits say.
    #[track_caller]
    pub fn push(&self, repo: &Repo, branch: &str) -> Delivery {
        let body = self.pushed(repo, branch);
        self.deliver("push", &body).accepted()
    }

    /// Pushes a branch while nobody listens: the webhook does not arrive.
    #[track_caller]
    pub fn push_unheard(&self, repo: &Repo, branch: &str) -> Delivery {
        let delivery = self.deliver("push", &self.pushed(repo, branch));
        assert_eq!(delivery.status, 0, "somebody listened: {}", delivery.answer);
        delivery
    }

    /// Moves the branch and writes the webhook, but keeps it for the story to send.
    pub fn pushed(&self, repo: &Repo, branch: &str) -> Value {
        let before = repo.pushed(branch);
        let after = repo.publish(branch);
        let forced = before.as_ref().is_some_and(|before| repo.is_forced(before, &after));
        let reference = format!("refs/heads/{branch}");
        let push = Push {
            reference: &reference,
            before: before.as_deref(),
            after: Some(&after),
            head: Some(&after),
            forced,
        };
        payload::push(self.url(), repo, &push)
    }

    /// Tags the head of the default branch and pushes the tag; gives the tagged commit too.
    #[track_caller]
    pub fn push_tag(&self, repo: &Repo, name: &str, annotated: bool) -> (Delivery, String) {
        let (body, commit) = self.tagged(repo, name, annotated);
        (self.deliver("push", &body).accepted(), commit)
    }

    /// Tags it and writes the webhook, but keeps that for the story to send.
    pub fn tagged(&self, repo: &Repo, name: &str, annotated: bool) -> (Value, String) {
        let (object, commit) = repo.tag(name, annotated);
        let reference = format!("refs/tags/{name}");
        let push = Push {
            reference: &reference,
            before: None,
            after: Some(&object),
            head: Some(&commit),
            forced: false,
        };
        (payload::push(self.url(), repo, &push), commit)
    }

    pub fn delete_branch(&self, repo: &Repo, branch: &str) -> Delivery {
        let before = repo.pushed(branch);
        repo.delete(branch);
        let reference = format!("refs/heads/{branch}");
        let before = before.as_deref();
        let push = Push { reference: &reference, before, after: None, head: None, forced: false };
        self.deliver("push", &payload::push(self.url(), repo, &push))
    }

    /// Opens a pull request from a branch of the same repository.
    #[track_caller]
    pub fn open_pull_request(&self, repo: &Repo, head: &str, base: &str) -> u64 {
        self.open(repo, head, repo, base)
    }

    /// Opens a pull request from another owner's repository.
    #[track_caller]
    pub fn open_pull_request_from_fork(
        &self,
        fork: &Repo,
        head: &str,
        repo: &Repo,
        base: &str,
    ) -> u64 {
        self.open(fork, head, repo, base)
    }

    #[track_caller]
    fn open(&self, head: &Repo, head_branch: &str, base: &Repo, base_branch: &str) -> u64 {
        let (number, body) = self.opened(head, head_branch, base, base_branch);
        self.deliver("pull_request", &body).accepted();
        number
    }

    /// Opens a pull request and writes the webhook, but keeps it for the story to send.
    pub fn opened(
        &self,
        head: &Repo,
        head_branch: &str,
        base: &Repo,
        base_branch: &str,
    ) -> (u64, Value) {
        let number = self.state().pulls.len() as u64 + 1;
        let mut pull = PullRequest {
            number,
            base: base.clone(),
            base_branch: base_branch.to_owned(),
            base_sha: base.pushed(base_branch).expect("the base is pushed"),
            head: head.clone(),
            head_branch: head_branch.to_owned(),
            head_sha: String::new(),
            author: head.owner().to_owned(),
            pusher: head.owner().to_owned(),
            draft: false,
            merged: false,
            open: true,
            opened_at: jiff::Timestamp::now(),
        };
        pull.publish(self.kind());
        self.state().pulls.push(pull.clone());
        (number, payload::pull_request(self.url(), &pull, "opened", None))
    }

    /// Pushes new commits to a pull request's branch.
    #[track_caller]
    pub fn synchronize(&self, number: u64) -> Delivery {
        let body = self.synchronized(number);
        self.deliver("pull_request", &body).accepted()
    }

    /// The same, with the webhook kept for the story to send.
    pub fn synchronized(&self, number: u64) -> Value {
        let mut pull = self.pull_request(number);
        let before = pull.head_sha.clone();
        pull.publish(self.kind());
        self.state().pulls[number as usize - 1] = pull.clone();
        payload::pull_request(self.url(), &pull, "synchronize", Some(&before))
    }

    /// Something else happens to a pull request: `edited`, `labeled`, `closed`, …
    #[track_caller]
    pub fn act_on_pull_request(&self, number: u64, action: &str) -> Delivery {
        let mut pull = self.pull_request(number);
        pull.open = action != "closed";
        self.state().pulls[number as usize - 1] = pull.clone();
        let body = payload::pull_request(self.url(), &pull, action, None);
        self.deliver("pull_request", &body).accepted()
    }

    /// As if it had been opened in another year.
    pub fn age_pull_request(&self, number: u64) {
        self.state().pulls[number as usize - 1].opened_at = git::TIMESTAMP.parse().unwrap();
    }

    /// Changes what the forge knows of one, without a word to anybody.
    pub fn put_pull_request(&self, pull: PullRequest) {
        let index = pull.number as usize - 1;
        self.state().pulls[index] = pull;
    }

    /// Merges a pull request whose base has not moved, and deletes its branch: a push, the merge,
    /// and a deletion.
    #[track_caller]
    pub fn merge(&self, number: u64) {
        let mut pull = self.pull_request(number);
        (pull.merged, pull.open) = (true, false);
        self.state().pulls[number as usize - 1] = pull.clone();
        pull.base.reset(&pull.base_branch, &pull.head_sha);
        self.push(&pull.base, &pull.base_branch);
        let body = payload::pull_request(self.url(), &pull, "closed", None);
        self.deliver("pull_request", &body).accepted();
        assert_eq!(self.delete_branch(&pull.head, &pull.head_branch).status, 204);
    }

    /// Pushes several branches at once, where the forge tells that by one delivery.
    #[track_caller]
    pub fn push_together(&self, repo: &Repo, branches: &[&str]) -> Delivery {
        let pushes: Vec<Value> = branches.iter().map(|branch| self.pushed(repo, branch)).collect();
        let (repository, sender) = (&pushes[0]["repository"], &pushes[0]["sender"]);
        let body = serde_json::json!({
            "repository": repository, "sender": sender, "pushes": pushes,
        });
        self.deliver("pushes", &body).accepted()
    }

    /// Makes a release of a tag.
    #[track_caller]
    pub fn release(&self, repo: &Repo, tag: &str, sha: &str) -> Delivery {
        let mut body = payload::plain(self.url(), repo, "published");
        body["release"] = serde_json::json!({
            "id": 1, "tag_name": tag, "name": tag, "body": "", "draft": false,
            "prerelease": false, "html_url": format!("{}/releases/{tag}", self.url()),
            "target_commitish": "main",
        });
        body["sha"] = sha.into();
        self.deliver("release", &body).accepted()
    }

    pub fn pull_request(&self, number: u64) -> PullRequest {
        self.state().pulls[number as usize - 1].clone()
    }

    pub fn ping(&self, repo: &Repo) -> Delivery {
        self.deliver("ping", &payload::ping(self.url(), repo))
    }

    /// An event about a repository that has no verb here.
    pub fn tell(&self, event: &str, repo: &Repo, action: &str) -> Delivery {
        self.deliver(event, &payload::plain(self.url(), repo, action))
    }

    /// Sends a body under a new delivery id, as JSON.
    pub fn deliver(&self, event: &str, body: &Value) -> Delivery {
        self.send(&new_id(), event, "application/json", body.to_string().into_bytes())
    }

    /// Sends a body under a new delivery id, as a form.
    pub fn deliver_form(&self, event: &str, body: &Value) -> Delivery {
        let mut form = form_urlencoded::Serializer::new(String::new());
        let form = form.append_pair("payload", &body.to_string()).finish();
        self.send(&new_id(), event, "application/x-www-form-urlencoded", form.into_bytes())
    }

    /// Sends the same again under the same id, as the button on GitHub's page does.
    pub fn redeliver(&self, id: &str) -> Delivery {
        let first = self.state().deliveries.iter().find(|one| one.id == id).cloned().unwrap();
        self.send(id, &first.event, "application/json", first.body)
    }

    fn send(&self, id: &str, event: &str, content_type: &str, body: Vec<u8>) -> Delivery {
        self.send_by(HOOK, id, event, content_type, body)
    }

    /// Sends a body by the organisation's webhook.
    pub fn deliver_by_organisation(&self, event: &str, body: &Value) -> Delivery {
        let (id, body) = (new_id(), body.to_string().into_bytes());
        self.send_by(ORGANISATION_HOOK, &id, event, "application/json", body)
    }

    fn send_by(
        &self,
        hook: &'static str,
        id: &str,
        event: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> Delivery {
        let (headers, sent) = match self.kind() {
            Kind::Github => {
                let signature = sign(&self.ledger.secret, &body);
                let mut headers = headers(id, event, content_type, &signature);
                let named = headers.iter_mut().find(|(name, _)| *name == "X-GitHub-Hook-ID");
                hook.clone_into(&mut named.unwrap().1);
                (headers, body.clone())
            }
            kind => {
                let told = serde_json::from_slice(&body).unwrap();
                let mut wires = kind.wires(&self.ledger.secret, id, event, &told);
                let last = wires.pop().unwrap();
                for Wire { headers, body } in wires {
                    let answer = http::send("POST", &self.hook(), &as_text(&headers), &body);
                    // What counts comes behind it, and is not what starts nothing.
                    assert!(answer.is_err() || answer.is_ok_and(|it| it.status == 204));
                }
                (last.headers, last.body)
            }
        };
        let answer = http::send("POST", &self.hook(), &as_text(&headers), &sent);
        let (status, answer) = match answer {
            Ok(answer) => (answer.status, answer.body),
            Err(why) => (0, why.to_string()),
        };
        let (id, event) = (id.to_owned(), event.to_owned());
        let at = jiff::Timestamp::now();
        let hook = hook.to_owned();
        let delivery = Delivery { id, event, body, status, answer, at, hook };
        self.ledger.change(|state| state.deliveries.push(delivery.clone()));
        delivery
    }

    /// Sends exactly this to the hook.
    #[track_caller]
    pub fn deliver_raw(&self, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        http::post(&self.hook(), headers, body)
    }

    /// Where hooks go.
    #[track_caller]
    pub fn hook(&self) -> String {
        self.state().hook.clone().expect("the forge knows where its hooks go")
    }
}

impl Delivery {
    /// Fails when the agent did not take it for work.
    #[track_caller]
    pub fn accepted(self) -> Self {
        assert_eq!(self.status, 202, "{} was not accepted: {}", self.event, self.answer);
        self
    }
}

pub(super) fn as_text<'h>(headers: &'h [(&'static str, String)]) -> Vec<(&'static str, &'h str)> {
    headers.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// The headers of a delivery, in GitHub's order.
pub fn headers(
    id: &str,
    event: &str,
    content_type: &str,
    signature: &str,
) -> Vec<(&'static str, String)> {
    vec![
        ("Accept", "*/*".to_owned()),
        ("Content-Type", content_type.to_owned()),
        ("User-Agent", "GitHub-Hookshot/044aadd".to_owned()),
        ("X-GitHub-Delivery", id.to_owned()),
        ("X-GitHub-Event", event.to_owned()),
        ("X-GitHub-Hook-ID", HOOK.to_owned()),
        ("X-GitHub-Hook-Installation-Target-ID", "79929171".to_owned()),
        ("X-GitHub-Hook-Installation-Target-Type", "repository".to_owned()),
        ("X-Hub-Signature-256", signature.to_owned()),
    ]
}

/// A new GUID.
pub fn new_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{:08x}-6a0b-11ef-8f2e-{number:012x}", std::process::id())
}
