//! A pretend GitLab: its webhooks, and its API with the limits of its statuses.

use axum::body::Body;
use axum::http::Response;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::face::{message, respond};
use super::super::{Ledger, Status, USERNAME, payload};
use super::{Asked, at, has_commit, is_on_a_branch, keep, newest, writers};

/// GitLab's most, in characters, for most texts of a status.
const LONGEST: usize = 255;

pub(super) fn told(event: &str, body: &Value) -> (&'static str, Value) {
    match event {
        "push" => push(body),
        "pull_request" => ("Merge Request Hook", merge_request(body)),
        "issue_comment" => ("Note Hook", note(body)),
        "release" => ("Release Hook", release(body)),
        other => panic!("GitLab has no {other}"),
    }
}

/// A secret of the newer kind signs, any other is shown.
pub(super) fn headers(
    secret: &str,
    id: &str,
    event: &str,
    body: &[u8],
) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("User-Agent", "GitLab/18.11.0".to_owned()),
        ("X-Gitlab-Event", event.to_owned()),
        ("X-Gitlab-Webhook-UUID", "0b1b9b0a-6a0b-4f3e-8f2e-000000000001".to_owned()),
        ("Idempotency-Key", id.to_owned()),
    ];
    match secret.strip_prefix("whsec_") {
        None => headers.push(("X-Gitlab-Token", secret.to_owned())),
        Some(key) => {
            let at = Timestamp::now().as_second().to_string();
            let signature = signature(key, &format!("{id}.{at}."), body);
            headers.push(("webhook-id", id.to_owned()));
            headers.push(("webhook-timestamp", at));
            headers.push(("webhook-signature", format!("v1,{signature}")));
        }
    }
    headers
}

fn signature(key: &str, head: &str, body: &[u8]) -> String {
    use base64::Engine as _;
    use hmac::{KeyInit as _, Mac as _};
    let base64 = base64::engine::general_purpose::STANDARD;
    let key = base64.decode(key).unwrap();
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
    mac.update(head.as_bytes());
    mac.update(body);
    base64.encode(mac.finalize().into_bytes())
}

fn push(body: &Value) -> (&'static str, Value) {
    let tag = at(body, "/ref").starts_with("refs/tags/");
    let (kind, name) = if tag { ("tag_push", "Tag Push Hook") } else { ("push", "Push Hook") };
    let commits: Vec<Value> =
        body["head_commit"].as_object().map(|_| commit(body)).into_iter().collect();
    let json = json!({
        "object_kind": kind, "event_name": kind,
        "before": body["before"], "after": body["after"], "ref": body["ref"],
        "checkout_sha": body.pointer("/head_commit/id"),
        "user_id": body["sender"]["id"], "user_name": body["sender"]["login"],
        "user_username": body["sender"]["login"], "user_email": "",
        "project_id": body["repository"]["id"], "project": project(&body["repository"]),
        "total_commits_count": commits.len(), "commits": commits,
    });
    (name, json)
}

fn commit(body: &Value) -> Value {
    let head = &body["head_commit"];
    json!({
        "id": head["id"], "message": head["message"], "timestamp": head["timestamp"],
        "url": head["url"],
        "author": {"name": head["author"]["name"], "email": head["author"]["email"]},
    })
}

fn project(repository: &Value) -> Value {
    json!({
        "id": repository["id"], "name": repository["name"], "web_url": repository["html_url"],
        "git_http_url": repository["clone_url"], "visibility_level": 0,
        "path_with_namespace": repository["full_name"],
        "default_branch": repository["default_branch"],
    })
}

fn user(user: &Value) -> Value {
    json!({"id": user["id"], "name": user["login"], "username": user["login"]})
}

fn merge_request(body: &Value) -> Value {
    let pull = &body["pull_request"];
    let merged = pull["merged"] == true;
    let action = match at(body, "/action") {
        "opened" => "open",
        "closed" if merged => "merge",
        "closed" => "close",
        _ => "update",
    };
    let mut attributes = json!({
        "id": pull["id"], "iid": pull["number"], "title": pull["title"], "action": action,
        "state": if merged { json!("merged") } else { pull["state"].clone() },
        "author_id": pull["user"]["id"], "draft": pull["draft"], "url": pull["html_url"],
        "source_branch": pull["head"]["ref"], "target_branch": pull["base"]["ref"],
        "source_project_id": pull["head"]["repo"]["id"],
        "target_project_id": pull["base"]["repo"]["id"],
        "source": project(&pull["head"]["repo"]), "target": project(&pull["base"]["repo"]),
        "last_commit": {"id": pull["head"]["sha"], "message": "Work", "timestamp": "", "url": ""},
    });
    let mut changes = json!({});
    match at(body, "/action") {
        "synchronize" => attributes["oldrev"] = body["before"].clone(),
        "edited" => changes = json!({"title": {"previous": "a", "current": "b"}}),
        _ => {}
    }
    json!({
        "object_kind": "merge_request", "event_type": "merge_request",
        "user": user(&body["sender"]), "project": project(&body["repository"]),
        "object_attributes": attributes, "labels": [], "changes": changes,
    })
}

fn note(body: &Value) -> Value {
    let (comment, issue) = (&body["comment"], &body["issue"]);
    let at: Timestamp = at(comment, "/created_at").parse().unwrap();
    json!({
        "object_kind": "note", "event_type": "note",
        "user": user(&body["sender"]), "project": project(&body["repository"]),
        "object_attributes": {
            "id": comment["id"], "note": comment["body"], "noteable_type": "MergeRequest",
            "author_id": comment["user"]["id"], "system": false, "action": "create",
            "created_at": at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
            "url": comment["html_url"],
        },
        "merge_request": {"id": issue["id"], "iid": issue["number"], "title": issue["title"]},
    })
}

fn release(body: &Value) -> Value {
    let release = &body["release"];
    json!({
        "object_kind": "release", "action": "create", "tag": release["tag_name"],
        "name": release["name"], "description": release["body"], "url": release["html_url"],
        "project": project(&body["repository"]),
        "commit": {"id": body["sha"], "message": "Work"},
    })
}

pub(super) async fn answer(ledger: &Ledger, asked: &Asked<'_>) -> Option<Response<Body>> {
    let parts: Vec<&str> = asked.parts.iter().map(String::as_str).collect();
    Some(match (asked.method, parts.as_slice()) {
        ("GET", ["version"]) => respond(200, &json!({"version": "17.11.0"})),
        ("POST", ["projects", name, "statuses", sha]) => status(ledger, name, sha, asked).await,
        ("GET", ["projects", name, "repository", "commits", sha, "statuses"]) => {
            let shown = newest(ledger, name, sha).into_iter().map(|status| {
                json!({
                    "id": status.id, "name": status.context, "status": word(&status.state),
                    "description": status.description, "target_url": status.target_url,
                })
            });
            respond(200, &shown.collect())
        }
        ("GET", ["projects", name, "members", "all", id]) => {
            let all = writers(ledger, name);
            let member = all.iter().find(|(_, own)| own.to_string() == *id)?;
            let (login, id) = member;
            respond(
                200,
                &json!({"id": id, "username": login, "state": "active", "access_level": 40}),
            )
        }
        ("GET", ["projects", _, "merge_requests", number]) => {
            let number: usize = number.parse().ok()?;
            let pull = ledger.state().pulls.get(number - 1)?.clone();
            respond(200, &json!({"iid": number, "sha": pull.head_sha}))
        }
        (_, ["projects", _, "merge_requests", number, "notes", rest @ ..]) => {
            notes(ledger, number.parse().ok()?, rest, asked)?
        }
        _ => return None,
    })
}

fn word(state: &str) -> &str {
    if state == "failure" { "failed" } else { state }
}

async fn status(ledger: &Ledger, name: &str, sha: &str, asked: &Asked<'_>) -> Response<Body> {
    if !has_commit(ledger, name, sha).await {
        return message(404, "404 Commit Not Found");
    }
    let reference = asked.text("ref");
    if reference.is_empty() && !is_on_a_branch(ledger, name, sha) {
        return message(404, "404 References for commit Not Found");
    }
    let state = match asked.text("state").as_str() {
        "failed" => "failure".to_owned(),
        other => other.to_owned(),
    };
    let status = Status {
        id: 0,
        repository: name.to_owned(),
        sha: sha.to_owned(),
        state,
        context: asked.text("name"),
        description: asked.text("description"),
        target_url: asked.text("target_url"),
    };
    let texts = [&status.context, &status.description, &status.target_url];
    if texts.iter().any(|text| text.chars().count() > LONGEST) {
        return message(400, "name is too long (maximum is 255 characters)");
    }
    let known = newest(ledger, name, sha);
    let pending = |one: &&Status| one.context == status.context && one.state == "pending";
    if status.state == "pending" && known.iter().any(|one| pending(&one)) {
        let why = "Cannot transition status via :enqueue from :pending (Reason(s): Status cannot \
                   transition via \"enqueue\")";
        return message(400, why);
    }
    let id = keep(ledger, status);
    respond(201, &json!({"id": id, "name": asked.text("name"), "status": asked.text("state")}))
}

fn notes(ledger: &Ledger, pull: u64, rest: &[&str], asked: &Asked<'_>) -> Option<Response<Body>> {
    let shown = |id: u64, body: &str| json!({"id": id, "body": body, "system": false});
    ledger.change(|state| {
        let known = &mut state.conversation;
        Some(match (asked.method, rest) {
            ("GET", []) => {
                let all = known.of(pull).into_iter().rev();
                respond(200, &all.map(|one| shown(one.id, &one.body)).collect())
            }
            ("POST", []) => {
                let text = asked.text("body");
                let id = known.write(pull, USERNAME, &text, Timestamp::now()).id;
                respond(201, &shown(id, &text))
            }
            ("PUT", [id]) => {
                let comment = known.find(id.parse().ok()?)?;
                comment.body = asked.text("body");
                respond(200, &shown(comment.id, &comment.body))
            }
            ("POST", [id, "award_emoji"]) => {
                let (comment, name) = (known.find(id.parse().ok()?)?, asked.text("name"));
                if comment.reactions.contains(&name) {
                    return Some(message(
                        404,
                        "404 Award Emoji Name has already been taken Not Found",
                    ));
                }
                comment.reactions.push(name.clone());
                respond(
                    201,
                    &json!({"id": 1, "name": name, "user": {"id": payload::id_of(USERNAME)}}),
                )
            }
            _ => return None,
        })
    })
}
