//! A pretend Gitea: GitHub's shapes with other headers, words and addresses.

use axum::body::Body;
use axum::http::Response;
use serde_json::{Value, json};

use super::super::Ledger;
use super::super::face::respond;
use super::Asked;

pub(super) fn told<'e>(event: &'e str, body: &Value) -> (&'e str, Value) {
    let mut body = body.clone();
    if body["action"] == "synchronize" {
        body["action"] = json!("synchronized");
    }
    if event == "issue_comment" {
        body["is_pull"] = json!(true);
    }
    (event, body)
}

pub(super) async fn answer(ledger: &Ledger, asked: &Asked<'_>) -> Option<Response<Body>> {
    let parts: Vec<&str> = asked.parts.iter().map(String::as_str).collect();
    let body = asked.body.to_string().into_bytes();
    Some(match (asked.method, parts.as_slice()) {
        ("GET", ["version"]) => respond(200, &json!({"version": "1.27.3"})),
        ("POST", ["repos", owner, name, "statuses", sha]) => {
            super::super::face::status(ledger, &format!("{owner}/{name}"), sha, &body).await
        }
        ("GET", ["repos", owner, name, "commits", sha, "statuses"]) => {
            let newest = super::newest(ledger, &format!("{owner}/{name}"), sha);
            let first = asked.parameter("page").is_none_or(|page| page == "1");
            let shown = newest.iter().filter(|_| first).map(|status| {
                json!({
                    "id": status.id, "status": status.state, "context": status.context,
                    "description": status.description, "target_url": status.target_url,
                })
            });
            respond(200, &shown.collect())
        }
        (_, ["repos", owner, name, "collaborators" | "issues" | "pulls", ..]) => {
            let repository = format!("{owner}/{name}");
            let answer = super::super::conversation::answer;
            answer(ledger, asked.method, &repository, &parts[3..], &body).ok()?
        }
        _ => return None,
    })
}
