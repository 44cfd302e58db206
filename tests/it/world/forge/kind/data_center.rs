//! A pretend Bitbucket Data Center: projects, build statuses, and comments with versions.

use axum::body::Body;
use axum::http::Response;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::face::respond;
use super::super::{Comment, Ledger, PullRequest, USERNAME};
use super::cloud::{read_status, shown_status};
use super::{Asked, at, has_commit, keep, newest, writers};

pub(super) fn told(event: &str, body: &Value) -> (&'static str, Value) {
    let mut json = match event {
        "push" => json!({
            "repository": repository(&body["repository"]), "changes": [change(body)],
            "toCommit": to_commit(body),
        }),
        "pushes" => {
            let changes: Vec<Value> =
                body["pushes"].as_array().unwrap().iter().map(change).collect();
            json!({"repository": repository(&body["repository"]), "changes": changes})
        }
        "pull_request" => json!({"pullRequest": pull_request(&body["pull_request"])}),
        "issue_comment" => {
            let (comment, issue) = (&body["comment"], &body["issue"]);
            let written: Timestamp = at(comment, "/created_at").parse().unwrap();
            json!({
                "comment": {
                    "id": comment["id"], "version": 0, "text": comment["body"],
                    "author": user(&comment["user"]),
                    "createdDate": written.as_millisecond(),
                },
                "pullRequest": {
                    "id": issue["number"], "title": issue["title"], "state": "OPEN",
                    "toRef": {"repository": repository(&body["repository"])},
                },
            })
        }
        other => panic!("Bitbucket has no {other}"),
    };
    let key = match (event, at(body, "/action")) {
        ("push" | "pushes", _) => "repo:refs_changed",
        ("issue_comment", _) => "pr:comment:added",
        (_, "opened") => "pr:opened",
        (_, "synchronize") => "pr:from_ref_updated",
        (_, "closed") if body["pull_request"]["merged"] == true => "pr:merged",
        (_, "closed") => "pr:declined",
        _ => "pr:modified",
    };
    if key == "pr:from_ref_updated" {
        json["previousFromHash"] = body["before"].clone();
    }
    json["actor"] = user(&body["sender"]);
    json["eventKey"] = key.into();
    (key, json)
}

fn user(user: &Value) -> Value {
    json!({"name": user["login"], "slug": user["login"], "id": user["id"], "active": true})
}

fn repository(repository: &Value) -> Value {
    let (owner, name) = at(repository, "/full_name").split_once('/').unwrap();
    json!({"slug": name, "name": name, "project": {"key": owner, "public": false}, "public": false})
}

fn change(body: &Value) -> Value {
    let kind = match (body["created"] == true, body["deleted"] == true) {
        (true, _) => "ADD",
        (_, true) => "DELETE",
        _ => "UPDATE",
    };
    let id = at(body, "/ref");
    json!({
        "ref": {"id": id, "displayId": id.rsplit('/').next(), "type": if id.starts_with("refs/tags/") { "TAG" } else { "BRANCH" }},
        "refId": id, "fromHash": body["before"], "toHash": body["after"], "type": kind,
    })
}

fn to_commit(body: &Value) -> Value {
    let head = &body["head_commit"];
    if head.is_null() {
        return Value::Null;
    }
    let author = json!({"name": head["author"]["name"], "emailAddress": head["author"]["email"]});
    json!({"id": head["id"], "message": head["message"], "author": author, "authorTimestamp": 0})
}

fn pull_request(pull: &Value) -> Value {
    let state = match (pull["merged"] == true, at(pull, "/state")) {
        (true, _) => "MERGED",
        (_, "open") => "OPEN",
        _ => "DECLINED",
    };
    let side = |side: &Value| {
        json!({
            "id": format!("refs/heads/{}", at(side, "/ref")), "displayId": side["ref"],
            "latestCommit": side["sha"], "repository": repository(&side["repo"]),
        })
    };
    json!({
        "id": pull["number"], "title": pull["title"], "state": state, "draft": pull["draft"],
        "author": {"user": user(&pull["user"])},
        "fromRef": side(&pull["head"]), "toRef": side(&pull["base"]),
    })
}

pub(super) async fn answer(ledger: &Ledger, asked: &Asked<'_>) -> Option<Response<Body>> {
    let parts: Vec<&str> = asked.parts.iter().map(String::as_str).collect();
    Some(match (asked.method, parts.as_slice()) {
        ("GET", ["api", "latest", "application-properties"]) => {
            respond(200, &json!({"version": "8.19.0"}))
        }
        ("GET", ["api", "latest", "users"]) => {
            let (filter, permission) = (asked.parameter("filter")?, asked.parameter("permission")?);
            assert_eq!(permission, "REPO_WRITE");
            let project = asked.parameter("permission.projectKey")?;
            let name = asked.parameter("permission.repositorySlug")?;
            let all = writers(ledger, &format!("{project}/{name}")).into_iter();
            let values: Vec<Value> = all
                .filter(|(login, _)| login.contains(&filter))
                .map(|(login, id)| json!({"name": login, "slug": login, "id": id, "active": true}))
                .collect();
            respond(200, &json!({"values": values, "isLastPage": true}))
        }
        (_, ["api", "latest", "projects", owner, "repos", name, rest @ ..]) => {
            below(ledger, &format!("{owner}/{name}"), rest, asked).await?
        }
        ("GET", ["build-status", "latest", "commits", sha]) => {
            let state = ledger.state().statuses_of(sha);
            let all = state.first().map(|one| newest(ledger, &one.repository, sha));
            let first = asked.parameter("start").is_none_or(|start| start == "0");
            let all = all.filter(|_| first).unwrap_or_default();
            let values: Vec<Value> = all.iter().map(shown_status).collect();
            respond(200, &json!({"values": values, "isLastPage": true}))
        }
        _ => return None,
    })
}

async fn below(
    ledger: &Ledger,
    repository: &str,
    rest: &[&str],
    asked: &Asked<'_>,
) -> Option<Response<Body>> {
    let fault = |status, why: &str| respond(status, &json!({"errors": [{"message": why}]}));
    Some(match (asked.method, rest) {
        ("POST", ["commits", sha, "builds"]) => {
            if !has_commit(ledger, repository, sha).await {
                return Some(fault(404, "Commit does not exist in this repository."));
            }
            match read_status(repository, sha, asked) {
                Ok(status) => {
                    keep(ledger, status);
                    let mut response = Response::new(Body::empty());
                    *response.status_mut() = axum::http::StatusCode::NO_CONTENT;
                    response
                }
                Err(why) => fault(400, &why),
            }
        }
        ("GET", ["pull-requests", number]) => {
            let number: usize = number.parse().ok()?;
            let pull: PullRequest = ledger.state().pulls.get(number - 1)?.clone();
            respond(200, &json!({"id": number, "fromRef": {"latestCommit": pull.head_sha}}))
        }
        ("GET", ["pull-requests", number, "activities"]) => {
            let all = ledger.change(|state| state.conversation.of(number.parse().unwrap()));
            let values: Vec<Value> = all
                .iter()
                .rev()
                .map(|one| json!({"action": "COMMENTED", "comment": shown(one)}))
                .collect();
            respond(200, &json!({"values": values, "isLastPage": true}))
        }
        (_, ["pull-requests", number, "comments", rest @ ..]) => {
            let number: u64 = number.parse().ok()?;
            let text = asked.text("text");
            ledger.change(|state| {
                let known = &mut state.conversation;
                Some(match (asked.method, rest) {
                    ("POST", []) => respond(
                        201,
                        &shown(&known.write(number, USERNAME, &text, Timestamp::now())),
                    ),
                    ("GET", [id]) => respond(200, &shown(known.find(id.parse().ok()?)?)),
                    ("PUT", [id]) => {
                        let comment = known.find(id.parse().ok()?)?;
                        if asked.body["version"] != comment.version {
                            return Some(fault(409, "The comment was changed meanwhile."));
                        }
                        comment.version += 1;
                        comment.body = text;
                        respond(200, &shown(comment))
                    }
                    _ => return None,
                })
            })?
        }
        _ => return None,
    })
}

fn shown(comment: &Comment) -> Value {
    json!({"id": comment.id, "version": comment.version, "text": comment.body})
}
