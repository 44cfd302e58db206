//! Check runs: taken as they are told, or refused as GitHub refuses them.

use axum::body::Body;
use axum::http::Response;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::super::face::{has_commit, message, refusal, refuse, respond};
use super::super::{Ledger, Refusal, Status};
use super::{Check, ID};

pub(super) async fn create(ledger: &Ledger, repository: &str, body: Value) -> Response<Body> {
    let sha = body["head_sha"].as_str().unwrap_or_default().to_owned();
    if let Some(refusal) = refusal(ledger) {
        return refuse(refusal, &sha).await;
    }
    let Some(folder) = ledger.repository(repository) else { return message(404, "Not Found") };
    if !has_commit(&folder, &sha).await {
        return message(422, &format!("No commit found for SHA: {sha}"));
    }
    if let Some(why) = fault(&body) {
        return message(422, why);
    }
    let (id, lost) = ledger.change(|state| {
        let id = state.next_post();
        let app = state.app.as_mut().unwrap();
        let name = body["name"].as_str().unwrap().to_owned();
        let (annotations, history) = (Vec::new(), String::new());
        app.checks.push(Check { id, sha, name, body: json!({}), annotations, history });
        (id, std::mem::take(&mut app.lose_answer))
    });
    told(ledger, repository, id, body);
    if lost {
        return refuse(Refusal::Drop, "").await;
    }
    respond(201, &json!({"id": id}))
}

pub(super) async fn change(
    ledger: &Ledger,
    repository: &str,
    id: &str,
    body: Value,
) -> Response<Body> {
    if let Some(refusal) = refusal(ledger) {
        return refuse(refusal, "").await;
    }
    let id: u64 = id.parse().unwrap();
    let there = ledger.state().app.as_ref().unwrap().checks.iter().any(|check| check.id == id);
    if !there {
        return message(404, "Not Found");
    }
    if let Some(why) = fault(&body) {
        return message(422, why);
    }
    told(ledger, repository, id, body);
    respond(200, &json!({"id": id}))
}

/// What GitHub finds wrong with a check run.
fn fault(body: &Value) -> Option<&'static str> {
    let completed = body["status"] == "completed";
    let long = |value: &Value| value.as_str().map_or(0, |text| text.chars().count());
    let output = &body["output"];
    let actions = body["actions"].as_array().map_or(&[][..], Vec::as_slice);
    if completed != body.get("conclusion").is_some() {
        Some("Invalid request: conclusion and status")
    } else if long(&output["summary"]) > 65_535 || long(&output["text"]) > 65_535 {
        Some("Invalid request: output is too long")
    } else if output["annotations"].as_array().is_some_and(|marks| marks.len() > 50) {
        Some("Invalid request: more than 50 annotations")
    } else if actions.len() > 3
        || actions.iter().any(|it| {
            long(&it["label"]) > 20 || long(&it["identifier"]) > 20 || long(&it["description"]) > 40
        })
    {
        Some("Invalid request: actions")
    } else {
        None
    }
}

/// Keeps it, and shows it among the statuses too, in their words.
fn told(ledger: &Ledger, repository: &str, id: u64, body: Value) {
    ledger.change(|state| {
        let app = state.app.as_mut().unwrap();
        let check = app.checks.iter_mut().find(|check| check.id == id).unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (status, conclusion) = (text(&body["status"]), text(&body["conclusion"]));
        let word = match conclusion.as_str() {
            "" => status.clone(),
            conclusion => format!("{status}/{conclusion}"),
        };
        check.history = format!("{} {word}", check.history).trim().to_owned();
        if let Some(marks) = body["output"]["annotations"].as_array() {
            check.annotations.extend(marks.iter().cloned());
        }
        let told = Status {
            id,
            repository: repository.to_owned(),
            sha: check.sha.clone(),
            state: match conclusion.as_str() {
                "" | "action_required" => "pending",
                "success" => "success",
                _ => "failure",
            }
            .to_owned(),
            context: check.name.clone(),
            description: text(&body["output"]["title"]),
            target_url: text(&body["details_url"]),
        };
        check.body = body;
        state.statuses.push(told);
    });
}

pub(super) fn listed(ledger: &Ledger, sha: &str, query: &str) -> Value {
    let pairs: Vec<(String, String)> =
        form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let wish = |key: &str| pairs.iter().find(|(name, _)| name == key).map(|(_, it)| it.as_str());
    let state = ledger.state();
    let all = &state.app.as_ref().unwrap().checks;
    let newest = |check: &&Check| {
        wish("filter") == Some("all")
            || !all.iter().any(|it| it.sha == sha && it.name == check.name && it.id > check.id)
    };
    let shown = all
        .iter()
        .filter(|check| check.sha == sha)
        .filter(|check| wish("check_name").is_none_or(|name| name == check.name))
        .filter(newest)
        .map(|check| {
            json!({
                "id": check.id, "name": check.name, "head_sha": sha,
                "status": check.body["status"], "conclusion": check.body["conclusion"],
                "details_url": check.body["details_url"],
                "external_id": check.body["external_id"],
                "output": {"title": check.body["output"]["title"],
                           "annotations_count": check.annotations.len()},
                "app": {"id": ID},
            })
        });
    let shown: Vec<Value> = shown.collect();
    json!({"total_count": shown.len(), "check_runs": shown})
}
