//! A pretend Gitea, Forgejo or Gogs: GitHub's shapes with other headers, words and addresses.

use axum::body::Body;
use axum::http::Response;
use serde_json::{Value, json};

use super::super::face::respond;
use super::super::{Ledger, USERNAME, payload};
use super::{Asked, Kind, at};

/// What is sent, the delivery that counts last: a new branch is created and pushed, a deletion is
/// no push, and Gogs does not push its tags.
pub(super) fn told<'e>(kind: Kind, event: &'e str, body: &Value) -> Vec<(&'e str, Value)> {
    let mut body = body.clone();
    if body["action"] == "synchronize" {
        body["action"] = json!("synchronized");
    }
    match event {
        "push" => pushed(kind, body),
        "issue_comment" => {
            if kind != Kind::Gogs {
                body["is_pull"] = json!(true);
            }
            vec![(event, body)]
        }
        "pull_request" if kind == Kind::Gogs => {
            let pull = &mut body["pull_request"];
            for side in ["head", "base"] {
                let whole = pull.as_object_mut().unwrap().remove(side).unwrap();
                pull[format!("{side}_branch")] = whole["ref"].clone();
                pull[format!("{side}_repo")] = whole["repo"].clone();
            }
            for own in ["before", "after"] {
                body.as_object_mut().unwrap().remove(own);
            }
            vec![(event, body)]
        }
        "release" => {
            body.as_object_mut().unwrap().remove("sha");
            vec![(event, body)]
        }
        _ => vec![(event, body)],
    }
}

fn pushed<'e>(kind: Kind, body: Value) -> Vec<(&'e str, Value)> {
    let full = at(&body, "/ref");
    let tag = full.strip_prefix("refs/tags/");
    let short = tag.unwrap_or(full.trim_start_matches("refs/heads/"));
    let about = json!({
        // A webhook of the kind Forgejo has the full name here.
        "ref": if kind == Kind::Forgejo { full } else { short },
        "ref_type": if tag.is_some() { "tag" } else { "branch" },
        "sha": body["after"], "repository": body["repository"], "sender": body["sender"],
    });
    match (body["created"] == true, body["deleted"] == true) {
        (_, true) => vec![("delete", about)],
        (true, _) if kind == Kind::Gogs && tag.is_some() => vec![("create", about)],
        (true, _) => vec![("create", about), ("push", without_flags(body))],
        _ => vec![("push", without_flags(body))],
    }
}

/// None of them says what a push did to the branch.
fn without_flags(mut body: Value) -> Value {
    for flag in ["created", "deleted", "forced", "base_ref"] {
        body.as_object_mut().unwrap().remove(flag);
    }
    body
}

/// Each sends the headers of those that it comes from, too.
pub(super) fn headers(
    kind: Kind,
    id: &str,
    event: &str,
    signature: &str,
) -> Vec<(&'static str, String)> {
    let bare = signature.trim_start_matches("sha256=");
    let (id, event) = (id.to_owned(), event.to_owned());
    let mut headers = vec![
        ("X-GitHub-Delivery", id.clone()),
        ("X-GitHub-Event", event.clone()),
        ("X-Gogs-Delivery", id.clone()),
        ("X-Gogs-Event", event.clone()),
        ("X-Gogs-Signature", bare.to_owned()),
    ];
    if kind != Kind::Gogs {
        headers.extend([
            ("X-Gitea-Delivery", id.clone()),
            ("X-Gitea-Event", event.clone()),
            ("X-Gitea-Signature", bare.to_owned()),
            ("X-Hub-Signature-256", signature.to_owned()),
        ]);
    }
    if kind == Kind::Forgejo {
        headers.extend([
            ("X-Forgejo-Delivery", id),
            ("X-Forgejo-Event", event),
            ("X-Forgejo-Signature", bare.to_owned()),
        ]);
    }
    headers
}

pub(super) async fn answer(ledger: &Ledger, asked: &Asked<'_>) -> Option<Response<Body>> {
    let parts: Vec<&str> = asked.parts.iter().map(String::as_str).collect();
    let body = asked.body.to_string().into_bytes();
    let gogs = ledger.kind == Kind::Gogs;
    Some(match (asked.method, parts.as_slice()) {
        ("GET", ["user"]) => respond(200, &json!({"login": USERNAME, "id": 42})),
        // What follows, Gogs has no address for.
        (_, ["version"] | ["repos", _, _, "statuses" | "pulls", ..]) if gogs => return None,
        (_, ["repos", _, _, "collaborators", _, "permission"]) if gogs => return None,
        (_, ["repos", _, _, "issues", "comments", _, "reactions"]) if gogs => return None,
        ("GET", ["repos", _, _, "commits", _, "status" | "statuses"]) if gogs => return None,
        ("GET", ["repos", owner, name]) if gogs => {
            let repo = ledger.state().repositories.get(&format!("{owner}/{name}"))?.clone();
            respond(200, &payload::repository(&ledger.url, &repo))
        }
        ("GET", ["repos", owner, name, "collaborators"]) if gogs => {
            let all = super::writers(ledger, &format!("{owner}/{name}")).into_iter();
            let permissions = json!({"admin": false, "push": true, "pull": true});
            let others = all.filter(|(login, _)| login != owner).map(|(login, id)| {
                json!({"id": id, "login": login, "username": login, "permissions": permissions})
            });
            respond(200, &others.collect())
        }
        ("GET", ["version"]) => respond(200, &json!({"version": "1.27.3"})),
        ("POST", ["repos", owner, name, "statuses", sha]) => {
            super::super::face::status(ledger, &format!("{owner}/{name}"), sha, &body).await
        }
        ("GET", ["repos", owner, name, "commits", sha, "status"]) => {
            let newest = super::newest(ledger, &format!("{owner}/{name}"), sha);
            let first = asked.parameter("page").is_none_or(|page| page == "1");
            let shown = newest.iter().filter(|_| first).map(|status| {
                json!({
                    "id": status.id, "status": status.state, "context": status.context,
                    "description": status.description, "target_url": status.target_url,
                })
            });
            let shown: Vec<Value> = shown.collect();
            respond(200, &json!({"sha": sha, "total_count": shown.len(), "statuses": shown}))
        }
        (_, ["repos", owner, name, "collaborators" | "issues" | "pulls", ..]) => {
            let repository = format!("{owner}/{name}");
            let answer = super::super::conversation::answer;
            answer(ledger, asked.method, &repository, &parts[3..], &body).ok()?
        }
        _ => return None,
    })
}
