//! People and what they say: who may write, comments on pull requests, reactions to them.

use std::collections::HashMap;

use axum::body::Body;
use axum::http::Response;
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};

use super::face::{message, respond};
use super::{Delivery, Forge, Ledger, Refusal, USERNAME, payload};

/// A comment on a pull request.
#[derive(Debug, Clone)]
pub struct Comment {
    pub id: u64,
    pub pull: u64,
    pub author: String,
    pub body: String,
    pub created_at: Timestamp,
    pub reactions: Vec<String>,
    /// Counts its changes.
    pub version: u64,
}

/// What the forge knows of people and what they said.
#[derive(Default)]
pub(super) struct Conversation {
    /// What somebody may do, beside the owners of repositories and Ada, who administer them.
    permissions: HashMap<String, String>,
    /// Logins that belong to another account by now.
    renamed: HashMap<String, u64>,
    comments: Vec<Comment>,
    /// Comments that were ever written.
    written: u64,
    /// What is answered to questions about permissions instead.
    refusal: Option<Refusal>,
}

/// How long after everything else a comment comes: its author has looked.
const LOOKED: i64 = 300;

impl Forge {
    /// Lets somebody push to every repository.
    pub fn may_write(&self, login: &str) {
        self.grant(login, "write");
    }

    /// What somebody may do in every repository, in the API's words.
    pub fn grant(&self, login: &str, permission: &str) {
        let (login, permission) = (login.to_owned(), permission.to_owned());
        self.ledger.change(|state| state.conversation.permissions.insert(login, permission));
    }

    /// A login has gone to another account.
    pub fn rename(&self, login: &str) {
        let login = login.to_owned();
        self.ledger.change(|state| state.conversation.renamed.insert(login, 999));
    }

    /// Answers questions about permissions with this; none: as they should be.
    pub fn refuse_permissions_with(&self, refusal: Option<Refusal>) {
        self.ledger.change(|state| state.conversation.refusal = refusal);
    }

    /// Somebody who has looked at everything so far comments on a pull request; gives the
    /// comment's id.
    #[track_caller]
    pub fn comment(&self, pull: u64, author: &str, body: &str) -> u64 {
        self.comment_at(pull, author, body, Timestamp::now() + LOOKED.seconds())
    }

    /// Comments at a time of the forge's clock.
    #[track_caller]
    pub fn comment_at(&self, pull: u64, author: &str, body: &str, at: Timestamp) -> u64 {
        let (comment, hook) = self.commented(pull, author, body, at);
        self.deliver("issue_comment", &hook).accepted();
        comment
    }

    /// The same, with the webhook kept for the story to send.
    pub fn commented(&self, pull: u64, author: &str, body: &str, at: Timestamp) -> (u64, Value) {
        let comment = self.ledger.change(|state| state.conversation.write(pull, author, body, at));
        let hook =
            payload::comment(self.url(), &self.pull_request(pull), &comment, ("created", author));
        (comment.id, hook)
    }

    /// Somebody changes a comment.
    #[track_caller]
    pub fn edit_comment(&self, id: u64, editor: &str, body: &str) -> Delivery {
        let comment = self.ledger.change(|state| {
            let comment = state.conversation.find(id).unwrap();
            comment.body = body.to_owned();
            comment.clone()
        });
        let pull = self.pull_request(comment.pull);
        let hook = payload::comment(self.url(), &pull, &comment, ("edited", editor));
        self.deliver("issue_comment", &hook).accepted()
    }

    /// The webhook of a comment, as if it had been written now: for those of the agent.
    #[track_caller]
    pub fn tell_of_comment(&self, id: u64) -> Delivery {
        let comment = self.ledger.change(|state| state.conversation.find(id).unwrap().clone());
        let pull = self.pull_request(comment.pull);
        let by = ("created", comment.author.as_str());
        self.deliver("issue_comment", &payload::comment(self.url(), &pull, &comment, by)).accepted()
    }

    pub fn delete_comment(&self, id: u64) {
        self.ledger.change(|state| state.conversation.comments.retain(|one| one.id != id));
    }

    /// Waits until a comment has a reaction, and gives its word.
    #[track_caller]
    pub fn expect_reaction(&self, id: u64) -> String {
        let found = self.wait(|state| {
            let comment = state.conversation.comments.iter().find(|one| one.id == id)?;
            comment.reactions.first().cloned()
        });
        found.unwrap_or_else(|| panic!("waited in vain for a reaction to {id}\n{}", self.told()))
    }

    pub fn reactions(&self, id: u64) -> Vec<String> {
        self.ledger.change(|state| state.conversation.find(id).unwrap().reactions.clone())
    }

    /// What the agent wrote on a pull request.
    pub fn own_comments(&self, pull: u64) -> Vec<Comment> {
        let state = self.state();
        let comments = state.conversation.comments.iter();
        comments.filter(|one| one.pull == pull && one.author == USERNAME).cloned().collect()
    }

    /// Waits until one comment of the agent on a pull request holds this.
    #[track_caller]
    pub fn expect_own_comment(&self, pull: u64, text: &str) -> Comment {
        let found = self.wait(|state| {
            let mut comments = state.conversation.comments.iter();
            let own = |one: &&Comment| one.pull == pull && one.author == USERNAME;
            comments.find(|one| own(one) && one.body.contains(text)).cloned()
        });
        found.unwrap_or_else(|| {
            panic!("waited in vain for {text:?} in {:?}\n{}", self.own_comments(pull), self.told())
        })
    }
}

impl Conversation {
    pub(super) fn write(&mut self, pull: u64, author: &str, body: &str, at: Timestamp) -> Comment {
        self.written += 1;
        let id = 5000 + self.written;
        let (author, body) = (author.to_owned(), body.to_owned());
        let comment =
            Comment { id, pull, author, body, created_at: at, reactions: Vec::new(), version: 0 };
        self.comments.push(comment.clone());
        comment
    }

    /// The comments on a pull request, the oldest first.
    pub(super) fn of(&self, pull: u64) -> Vec<Comment> {
        self.comments.iter().filter(|one| one.pull == pull).cloned().collect()
    }

    /// Who may do what, beside owners and Ada.
    pub(super) fn granted(&self) -> Vec<(String, String)> {
        self.permissions.iter().map(|(login, word)| (login.clone(), word.clone())).collect()
    }

    pub(super) fn find(&mut self, id: u64) -> Option<&mut Comment> {
        self.comments.iter_mut().find(|one| one.id == id)
    }
}

/// Answers what lies below a repository's `collaborators`, `issues` and `pulls`.
pub(super) fn answer(
    ledger: &Ledger,
    method: &str,
    repository: &str,
    parts: &[&str],
    body: &[u8],
) -> Result<Response<Body>, Refusal> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = body["body"].as_str().unwrap_or_default();
    let url = ledger.url.clone();
    ledger.change(|state| match (method, parts) {
        ("GET", ["collaborators", login, "permission"]) => {
            if let Some(refusal) = state.conversation.refusal {
                return Err(refusal);
            }
            let known = &state.conversation;
            let owner = repository.split('/').next() == Some(login) || *login == "ada";
            let default = if owner { "admin" } else { "read" };
            let permission = known.permissions.get(*login).map_or(default, String::as_str);
            let mut user = payload::user(&url, login);
            if let Some(id) = known.renamed.get(*login) {
                user["id"] = json!(id);
            }
            let answer = json!({"permission": permission, "role_name": permission, "user": user});
            Ok(respond(200, &answer))
        }
        ("GET", ["pulls"]) => {
            let open =
                state.pulls.iter().rev().filter(|it| it.open && it.base.name() == repository);
            let shown = open.map(|pull| {
                let mut body = payload::shown_pull(&url, pull);
                body["created_at"] = pull.opened_at.to_string().into();
                body["updated_at"] = Timestamp::now().to_string().into();
                body
            });
            Ok(respond(200, &shown.collect()))
        }
        ("GET", ["pulls", number]) => {
            let number: usize = number.parse().unwrap();
            let pull = state.pulls.get(number - 1).filter(|it| it.base.name() == repository);
            Ok(match pull {
                Some(pull) => respond(200, &payload::shown_pull(&url, pull)),
                None => message(404, "Not Found"),
            })
        }
        ("GET", ["issues", number, "comments"]) => {
            let pull: u64 = number.parse().unwrap();
            let comments = state.conversation.comments.iter().filter(|one| one.pull == pull);
            let shown: Value = comments.map(shown).collect();
            Ok(respond(200, &shown))
        }
        ("POST", ["issues", number, "comments"]) => {
            let (pull, now) = (number.parse().unwrap(), Timestamp::now());
            let comment = state.conversation.write(pull, USERNAME, text, now);
            Ok(respond(201, &shown(&comment)))
        }
        ("PATCH", ["issues", "comments", id]) => {
            Ok(match state.conversation.find(id.parse().unwrap()) {
                Some(comment) => {
                    comment.body = text.to_owned();
                    respond(200, &shown(comment))
                }
                None => message(404, "Not Found"),
            })
        }
        ("POST", ["issues", "comments", id, "reactions"]) => {
            let word = body["content"].as_str().unwrap_or_default().to_owned();
            Ok(match state.conversation.find(id.parse().unwrap()) {
                Some(comment) => {
                    let new = !comment.reactions.contains(&word);
                    if new {
                        comment.reactions.push(word.clone());
                    }
                    respond(if new { 201 } else { 200 }, &json!({"id": 1, "content": word}))
                }
                None => message(404, "Not Found"),
            })
        }
        _ => Ok(message(404, "Not Found")),
    })
}

fn shown(comment: &Comment) -> Value {
    json!({
        "id": comment.id,
        "body": comment.body,
        "user": {"login": comment.author, "id": payload::id_of(&comment.author)},
        "created_at": comment.created_at.to_string(),
    })
}
