//! A pretend Bitbucket Cloud: commits of pull requests by twelve digits, keys of forty characters,
//! and one event for new commits and new words.

use axum::body::Body;
use axum::http::Response;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::super::git;
use super::super::face::{message, respond};
use super::super::{Comment, Ledger, PullRequest, Status, USERNAME};
use super::{Asked, at, has_commit, keep, newest, writers};

const LONGEST_KEY: usize = 40;

pub(super) fn told(event: &str, body: &Value) -> (&'static str, Value) {
    let mut json = match event {
        "push" => json!({"push": {"changes": [change(body)]}}),
        "pushes" => {
            let changes: Vec<Value> =
                body["pushes"].as_array().unwrap().iter().map(change).collect();
            json!({"push": {"changes": changes}})
        }
        "pull_request" => json!({"pullrequest": pull_request(&body["pull_request"])}),
        "issue_comment" => {
            let (comment, issue) = (&body["comment"], &body["issue"]);
            json!({
                "comment": {
                    "id": comment["id"], "content": {"raw": comment["body"]},
                    "user": user(&comment["user"]), "created_on": comment["created_at"],
                },
                "pullrequest": {"id": issue["number"], "title": issue["title"], "state": "OPEN"},
            })
        }
        other => panic!("Bitbucket has no {other}"),
    };
    json["actor"] = user(&body["sender"]);
    json["repository"] = repository(&body["repository"]);
    let key = match (event, at(body, "/action")) {
        ("push" | "pushes", _) => "repo:push",
        ("issue_comment", _) => "pullrequest:comment_created",
        (_, "opened") => "pullrequest:created",
        (_, "closed") if body["pull_request"]["merged"] == true => "pullrequest:fulfilled",
        (_, "closed") => "pullrequest:rejected",
        _ => "pullrequest:updated",
    };
    (key, json)
}

fn uuid(id: &str) -> String {
    format!("{{00000000-0000-0000-0000-{id:0>12}}}")
}

fn user(user: &Value) -> Value {
    json!({"type": "user", "account_id": user["login"], "nickname": user["login"],
           "uuid": uuid(&user["id"].to_string())})
}

fn repository(repository: &Value) -> Value {
    json!({"full_name": repository["full_name"], "name": repository["name"], "is_private": true})
}

fn change(body: &Value) -> Value {
    let full = at(body, "/ref");
    let (kind, name) = match full.strip_prefix("refs/tags/") {
        Some(tag) => ("tag", tag),
        None => ("branch", full.trim_start_matches("refs/heads/")),
    };
    let place = |hash: &Value, message: &Value| {
        json!({"type": kind, "name": name, "target": {
            "hash": hash, "message": message, "date": git::TIMESTAMP,
            "author": {"raw": format!("{} <{}>", git::AUTHOR.0, git::AUTHOR.1)},
        }})
    };
    let head = &body["head_commit"];
    json!({
        "new": if body["deleted"] == true { Value::Null } else { place(&head["id"], &head["message"]) },
        "old": if body["created"] == true { Value::Null } else { place(&body["before"], &Value::Null) },
        "created": body["created"], "closed": body["deleted"], "forced": body["forced"],
    })
}

fn side(side: &Value) -> Value {
    let sha = side["sha"].as_str().unwrap();
    json!({
        "branch": {"name": side["ref"]}, "commit": {"hash": sha[..12]},
        "repository": repository(&side["repo"]),
    })
}

fn pull_request(pull: &Value) -> Value {
    let state = match (pull["merged"] == true, at(pull, "/state")) {
        (true, _) => "MERGED",
        (_, "open") => "OPEN",
        _ => "DECLINED",
    };
    json!({
        "id": pull["number"], "title": pull["title"], "state": state, "draft": pull["draft"],
        "author": user(&pull["user"]), "source": side(&pull["head"]),
        "destination": side(&pull["base"]), "links": {"html": {"href": pull["html_url"]}},
    })
}

pub(super) async fn answer(ledger: &Ledger, asked: &Asked<'_>) -> Option<Response<Body>> {
    let parts: Vec<&str> = asked.parts.iter().map(String::as_str).collect();
    Some(match (asked.method, parts.as_slice()) {
        ("GET", ["user"]) => respond(200, &json!({"nickname": USERNAME})),
        ("GET", ["workspaces", workspace, "permissions", "repositories", name]) => {
            let query = asked.parameter("q")?;
            let all = writers(ledger, &format!("{workspace}/{name}"));
            let found = all.into_iter().map(|(login, id)| (login, uuid(&id.to_string())));
            let found = found.filter(|(_, uuid)| query == format!("user.uuid=\"{uuid}\""));
            let values: Vec<Value> = found
                .map(|(login, uuid)| {
                    json!({"permission": "write", "user": {"account_id": login, "uuid": uuid}})
                })
                .collect();
            respond(200, &json!({"values": values}))
        }
        ("POST", ["repositories", owner, name, "commit", sha, "statuses", "build"]) => {
            status(ledger, &format!("{owner}/{name}"), sha, asked).await
        }
        ("GET", ["repositories", owner, name, "commit", sha, "statuses"]) => {
            let newest = newest(ledger, &format!("{owner}/{name}"), sha);
            let first = asked.parameter("page").is_none_or(|page| page == "1");
            let values: Vec<Value> = newest.iter().filter(|_| first).map(shown_status).collect();
            respond(200, &json!({"values": values}))
        }
        ("GET", ["repositories", owner, name, "commit", short]) => {
            let folder = ledger.repository(&format!("{owner}/{name}"))?;
            let hash = git::resolve(&folder, &format!("{short}^{{commit}}"))?;
            respond(200, &json!({"type": "commit", "hash": hash}))
        }
        ("GET", ["repositories", _, _, "pullrequests", number]) => {
            let number: usize = number.parse().ok()?;
            let pull: PullRequest = ledger.state().pulls.get(number - 1)?.clone();
            respond(
                200,
                &json!({"id": number, "source": {
                    "commit": {"hash": pull.head_sha[..12]},
                    "repository": {"full_name": pull.head.name()},
                }}),
            )
        }
        (_, ["repositories", _, _, "pullrequests", number, "comments", rest @ ..]) => {
            comments(ledger, number.parse().ok()?, rest, asked)?
        }
        _ => return None,
    })
}

/// A status in the words of both Bitbuckets.
pub(super) fn shown_status(status: &Status) -> Value {
    let state = match status.state.as_str() {
        "pending" => "INPROGRESS",
        "success" => "SUCCESSFUL",
        _ => "FAILED",
    };
    json!({
        "key": key(&status.context), "name": status.context, "state": state,
        "description": status.description, "url": status.target_url,
    })
}

/// The keys are the agent's choice; what it chose for a short context is the context.
fn key(context: &str) -> &str {
    context.get(..LONGEST_KEY).unwrap_or(context)
}

/// What both Bitbuckets ask of a status; with the key.
pub(super) fn read_status(
    repository: &str,
    sha: &str,
    asked: &Asked<'_>,
) -> Result<Status, String> {
    let (key, url, name) = (asked.text("key"), asked.text("url"), asked.text("name"));
    if key.is_empty() || key.chars().count() > LONGEST_KEY {
        let length = key.chars().count();
        return Err(format!("key: Ensure this value has at most 40 characters (it has {length})."));
    }
    if !url.starts_with("http") || url.chars().count() > 450 {
        return Err("url: Enter a valid URL.".to_owned());
    }
    if name.chars().count() > 255 {
        return Err("name: Ensure this value has at most 255 characters.".to_owned());
    }
    let state = match asked.text("state").as_str() {
        "INPROGRESS" => "pending",
        "SUCCESSFUL" => "success",
        "FAILED" => "failure",
        other => return Err(format!("state: `{other}` is not a valid choice.")),
    };
    Ok(Status {
        id: 0,
        repository: repository.to_owned(),
        sha: sha.to_owned(),
        state: state.to_owned(),
        context: name,
        description: asked.text("description"),
        target_url: url,
    })
}

async fn status(ledger: &Ledger, name: &str, sha: &str, asked: &Asked<'_>) -> Response<Body> {
    if !has_commit(ledger, name, sha).await {
        return respond(404, &json!({"type": "error", "error": {"message": "Commit not found"}}));
    }
    match read_status(name, sha, asked) {
        Ok(status) => {
            keep(ledger, status);
            respond(201, &asked.body)
        }
        Err(why) => respond(400, &json!({"type": "error", "error": {"message": why}})),
    }
}

fn comments(
    ledger: &Ledger,
    pull: u64,
    rest: &[&str],
    asked: &Asked<'_>,
) -> Option<Response<Body>> {
    let shown = |one: &Comment| json!({"id": one.id, "content": {"raw": one.body}});
    let text = at(&asked.body, "/content/raw").to_owned();
    ledger.change(|state| {
        let known = &mut state.conversation;
        Some(match (asked.method, rest) {
            ("GET", []) => {
                let values: Vec<Value> = known.of(pull).iter().rev().map(shown).collect();
                respond(200, &json!({"values": values}))
            }
            ("POST", []) => {
                respond(201, &shown(&known.write(pull, USERNAME, &text, Timestamp::now())))
            }
            ("PUT", [id]) => match known.find(id.parse().ok()?) {
                Some(comment) => {
                    comment.body = text;
                    respond(200, &shown(comment))
                }
                None => message(404, "Not Found"),
            },
            _ => return None,
        })
    })
}
