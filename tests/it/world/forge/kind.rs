//! Which forge it pretends to be: its addresses, its headers, and its own bodies for what is told
//! in GitHub's.
//!
//! What happens is written as GitHub's webhook writes it and translated on the way out; what
//! arrives at another forge's API is kept in GitHub's words.

mod cloud;
mod data_center;
mod gitea;
mod gitlab;

use axum::body::Body;
use axum::http::Response;
use serde_json::Value;

use super::super::git;
use super::face::message;
use super::{Ledger, Status, hook, hooks, payload};

/// A forge that the world can pretend to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Github,
    Gitlab,
    Gitea,
    Forgejo,
    Gogs,
    Cloud,
    DataCenter,
}

/// A delivery in the forge's own form.
pub(super) struct Wire {
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

/// A request at the API: its path's parts, decoded, its query and its JSON.
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    pub(super) parts: Vec<String>,
    pub(super) query: &'a str,
    pub(super) body: Value,
}

impl Kind {
    pub const ALL: [Self; 7] = [
        Self::Github,
        Self::Gitlab,
        Self::Gitea,
        Self::Forgejo,
        Self::Gogs,
        Self::Cloud,
        Self::DataCenter,
    ];

    /// The agent's name of it.
    pub fn vendor(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Gitea => "gitea",
            Self::Forgejo => "forgejo",
            Self::Gogs => "gogs",
            Self::Cloud => "bitbucket",
            Self::DataCenter => "bitbucket-server",
        }
    }

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Github => "GitHub",
            Self::Gitlab => "GitLab",
            Self::Gitea => "Gitea",
            Self::Forgejo => "Forgejo",
            Self::Gogs => "Gogs",
            Self::Cloud => "Bitbucket Cloud",
            Self::DataCenter => "Bitbucket Data Center",
        }
    }

    pub fn has_releases(self) -> bool {
        !self.is_bitbucket()
    }

    /// Gogs has none, so that nothing of what became of a run shows there.
    pub fn has_statuses(self) -> bool {
        self != Self::Gogs
    }

    pub fn has_reactions(self) -> bool {
        !self.is_bitbucket() && self != Self::Gogs
    }

    /// Gitea and its relatives.
    pub(super) fn is_gitea(self) -> bool {
        matches!(self, Self::Gitea | Self::Forgejo | Self::Gogs)
    }

    pub fn is_bitbucket(self) -> bool {
        matches!(self, Self::Cloud | Self::DataCenter)
    }

    /// Where its API is.
    pub(super) fn api(self) -> &'static str {
        match self {
            Self::Github => "/api/v3",
            Self::Gitlab => "/api/v4",
            Self::Gitea | Self::Forgejo | Self::Gogs => "/api/v1",
            Self::Cloud => "/2.0",
            Self::DataCenter => "/rest",
        }
    }

    /// The user that git names beside a token.
    pub(super) fn username(self) -> &'static str {
        match self {
            Self::Github => super::USERNAME,
            Self::Gitlab => "oauth2",
            Self::Gitea | Self::Forgejo | Self::Gogs => "pocketci",
            Self::Cloud | Self::DataCenter => "x-token-auth",
        }
    }

    /// A path of git's as `/owner/name.git/…`.
    pub(super) fn git_path(self, path: &str) -> &str {
        match self {
            Self::DataCenter => path.strip_prefix("/scm").unwrap_or(path),
            _ => path,
        }
    }

    /// The reference with a pull request's head; none: there is only its branch.
    pub(super) fn pull_reference(self, number: u64) -> Option<String> {
        match self {
            Self::Github | Self::Gitea | Self::Forgejo | Self::Gogs => {
                Some(format!("refs/pull/{number}/head"))
            }
            Self::Gitlab => Some(format!("refs/merge-requests/{number}/head")),
            Self::DataCenter => Some(format!("refs/pull-requests/{number}/from")),
            Self::Cloud => None,
        }
    }

    /// What GitHub tells by this event and body, as this forge does: by one delivery, or by
    /// several of which the last one counts.
    pub(super) fn wires(self, secret: &str, id: &str, event: &str, body: &Value) -> Vec<Wire> {
        match self {
            Self::Github => unreachable!("it is GitHub's already"),
            Self::Gitlab => {
                let (name, json) = gitlab::told(event, body);
                vec![self.wire(secret, id, name, &json)]
            }
            Self::Gitea | Self::Forgejo | Self::Gogs => {
                let all = gitea::told(self, event, body);
                let last = all.len() - 1;
                let numbered = all.into_iter().enumerate();
                let wire = |(place, (name, json)): (usize, (&str, Value))| {
                    let id = if place == last { id.to_owned() } else { hook::new_id() };
                    self.wire(secret, &id, name, &json)
                };
                numbered.map(wire).collect()
            }
            Self::Cloud => {
                let (name, json) = cloud::told(event, body);
                vec![self.wire(secret, id, name, &json)]
            }
            Self::DataCenter => {
                let (name, json) = data_center::told(event, body);
                vec![self.wire(secret, id, name, &json)]
            }
        }
    }

    /// A body of the forge's own with its headers.
    pub(super) fn wire(self, secret: &str, id: &str, event: &str, json: &Value) -> Wire {
        let body = json.to_string().into_bytes();
        let signature = hook::sign(secret, &body);
        let own: Vec<(&'static str, String)> = match self {
            Self::Github => hook::headers(id, event, "application/json", &signature),
            Self::Gitlab => gitlab::headers(secret, id, event, &body),
            Self::Gitea | Self::Forgejo | Self::Gogs => gitea::headers(self, id, event, &signature),
            Self::Cloud => vec![
                ("User-Agent", "Bitbucket-Webhooks/2.0".to_owned()),
                ("X-Event-Key", event.to_owned()),
                ("X-Hook-UUID", "{b1}".to_owned()),
                ("X-Request-UUID", id.to_owned()),
                ("X-Attempt-Number", "1".to_owned()),
                ("X-Hub-Signature", signature),
            ],
            Self::DataCenter => vec![
                ("X-Event-Key", event.to_owned()),
                ("X-Request-Id", id.to_owned()),
                ("X-Hub-Signature", signature),
            ],
        };
        let charset = if self == Self::DataCenter { "; charset=utf-8" } else { "" };
        let mut headers = vec![("Content-Type", format!("application/json{charset}"))];
        headers.extend(own.into_iter().filter(|(name, _)| *name != "Content-Type"));
        Wire { headers, body }
    }

    /// A request about a repository's webhooks.
    fn hooks<'a>(self, asked: &'a Asked<'_>) -> Option<hooks::Asked<'a>> {
        let parts: Vec<&str> = asked.parts.iter().map(String::as_str).collect();
        let (repository, rest) = match (self, parts.as_slice()) {
            (Self::Gitlab, ["projects", name, "hooks", rest @ ..]) => ((*name).to_owned(), rest),
            (Self::Cloud, ["repositories", owner, name, "hooks", rest @ ..]) => {
                (format!("{owner}/{name}"), rest)
            }
            (
                Self::DataCenter,
                ["api", "latest", "projects", owner, "repos", name, "webhooks", rest @ ..],
            ) => (format!("{owner}/{name}"), rest),
            (_, ["repos", owner, name, "hooks", rest @ ..]) if self.is_gitea() => {
                (format!("{owner}/{name}"), rest)
            }
            _ => return None,
        };
        // The one that a test names, where it is not in the path.
        let page = asked.parameter("webhookId").or_else(|| asked.parameter("page"));
        Some(hooks::Asked {
            method: asked.method,
            repository,
            rest: rest.to_vec(),
            page: page.unwrap_or_default(),
            body: asked.body.clone(),
        })
    }

    /// What the forge's API answers.
    pub(super) async fn answer(self, ledger: &Ledger, asked: &Asked<'_>) -> Response<Body> {
        if let Some(asked) = self.hooks(asked) {
            let answer = hooks::answer(ledger, &asked);
            return answer.unwrap_or_else(|| message(404, "Not Found"));
        }
        let answer = match self {
            Self::Github => None,
            Self::Gitlab => gitlab::answer(ledger, asked).await,
            Self::Gitea | Self::Forgejo | Self::Gogs => gitea::answer(ledger, asked).await,
            Self::Cloud => cloud::answer(ledger, asked).await,
            Self::DataCenter => data_center::answer(ledger, asked).await,
        };
        answer.unwrap_or_else(|| message(404, "Not Found"))
    }
}

impl<'a> Asked<'a> {
    pub(super) fn new(method: &'a str, path: &str, query: &'a str, body: &[u8]) -> Self {
        let parts = path.trim_start_matches('/').split('/').map(decoded).collect();
        Self { method, parts, query, body: serde_json::from_slice(body).unwrap_or_default() }
    }

    fn text(&self, field: &str) -> String {
        self.body[field].as_str().unwrap_or_default().to_owned()
    }

    fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = form_urlencoded::parse(self.query.as_bytes());
        pairs.find(|(own, _)| own == name).map(|(_, value)| value.into_owned())
    }
}

fn decoded(part: &str) -> String {
    let text = part.replace('+', "%2B");
    let pair = format!("a={text}");
    form_urlencoded::parse(pair.as_bytes()).next().unwrap().1.into_owned()
}

/// `YYYY…` of a body in GitHub's shape: a text at a path.
fn at<'v>(body: &'v Value, path: &str) -> &'v str {
    body.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// The newest status of each context, of a commit in a repository.
fn newest(ledger: &Ledger, repository: &str, sha: &str) -> Vec<Status> {
    let mut newest: Vec<Status> = Vec::new();
    for status in ledger.state().statuses_of(sha) {
        if status.repository == repository {
            newest.retain(|known| known.context != status.context);
            newest.push(status);
        }
    }
    newest
}

/// Keeps a status; gives its number.
fn keep(ledger: &Ledger, mut status: Status) -> u64 {
    status.id = ledger.change(super::State::next_post);
    let id = status.id;
    ledger.change(|state| state.statuses.push(status));
    id
}

/// The people who may push to a repository, with their ids.
fn writers(ledger: &Ledger, repository: &str) -> Vec<(String, u64)> {
    let state = ledger.state();
    let owner = repository.split('/').next().unwrap().to_owned();
    let granted = state.conversation.granted();
    let mut logins = vec![owner, "ada".to_owned()];
    logins.extend(granted.into_iter().filter(|(_, word)| word != "read").map(|(login, _)| login));
    logins.sort();
    logins.dedup();
    logins.into_iter().map(|login| (login.clone(), payload::id_of(&login))).collect()
}

/// Whether a commit is on a branch of the repository.
fn is_on_a_branch(ledger: &Ledger, repository: &str, sha: &str) -> bool {
    let Some(folder) = ledger.repository(repository) else { return false };
    let found = git::try_git(&folder, &["for-each-ref", "--contains", sha, "refs/heads"]);
    found.is_ok_and(|text| !text.trim().is_empty())
}

/// Whether anything with this commit in it belongs to the repository or to a fork of it.
async fn has_commit(ledger: &Ledger, repository: &str, sha: &str) -> bool {
    let name = repository.rsplit('/').next().unwrap().to_owned();
    let all: Vec<_> = {
        let state = ledger.state();
        let same = state.repositories.values().filter(|repo| repo.short_name() == name);
        same.map(|repo| repo.path().to_owned()).collect()
    };
    for folder in all {
        if super::face::has_commit(&folder, sha).await {
            return true;
        }
    }
    false
}
