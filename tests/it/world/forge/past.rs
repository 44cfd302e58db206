//! What the forge remembers: statuses, webhooks with what they sent, branches and commits.

use axum::body::Body;
use axum::http::{Response, header};
use serde_json::{Value, json};

use super::super::git;
use super::face::{message, respond};
use super::hook::{Delivery, HOOK, ORGANISATION_HOOK, headers};
use super::{Ledger, Repo, Status, hooks, payload};

/// Attempts in a page, so that few make several pages.
const ATTEMPTS: usize = 2;

/// A webhook of the same repositories that sends elsewhere.
const FOREIGN_HOOK: &str = "5";

/// Answers `GET /{parts}?{query}`.
pub(super) fn answer(ledger: &Ledger, parts: &[&str], query: &str) -> Response<Body> {
    if let ["orgs", organisation, "hooks", rest @ ..] = parts {
        return of_organisation(ledger, organisation, rest, query);
    }
    let ["repos", owner, name, rest @ ..] = parts else { return message(404, "Not Found") };
    let state = ledger.state();
    let Some(repo) = state.repositories.get(&format!("{owner}/{name}")).cloned() else {
        return message(404, "Not Found");
    };
    let hidden = state.hooks_hidden;
    drop(state);
    match rest {
        [] => respond(200, &repository(&ledger.url, &repo)),
        ["commits", sha, "status"] => respond(200, &combined(ledger, sha)),
        ["commits", sha] => match git::try_git(repo.path(), &["cat-file", "-e", sha]) {
            Ok(_) => respond(200, &commit(&ledger.url, &repo, sha)),
            Err(_) => message(422, "No commit found for SHA"),
        },
        ["branches"] => respond(200, &named(&repo, "refs/heads")),
        ["tags"] => respond(200, &named(&repo, "refs/tags")),
        ["hooks", ..] if hidden => message(403, "Resource not accessible by personal access token"),
        ["hooks"] => {
            let mut all = vec![hook(HOOK, "ci"), hook(FOREIGN_HOOK, "elsewhere")];
            let page = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "page");
            let first = page.is_none_or(|(_, page)| page == "1");
            all.extend(hooks::made(ledger, repo.name()));
            respond(200, &if first { json!(all) } else { json!([]) })
        }
        ["hooks", id, "deliveries"] if *id == HOOK => {
            let about = |body: &Value| body["repository"]["full_name"] == repo.name();
            attempts(ledger, HOOK, about, query)
        }
        ["hooks", id, "deliveries", number] if *id == HOOK => sent(ledger, HOOK, number),
        ["hooks", id, "deliveries"] => attempts(ledger, id, |_| true, query),
        _ => message(404, "Not Found"),
    }
}

/// The newest post of each context.
fn combined(ledger: &Ledger, sha: &str) -> Value {
    let state = ledger.state();
    let mut newest: Vec<&Status> = Vec::new();
    for status in state.statuses.iter().rev().filter(|status| status.sha == sha) {
        if newest.iter().all(|newer| newer.context != status.context) {
            newest.push(status);
        }
    }
    let shown = newest.iter().map(|status| {
        json!({
            "id": status.id, "state": status.state, "context": status.context,
            "description": status.description, "target_url": status.target_url,
        })
    });
    json!({"sha": sha, "statuses": shown.collect::<Vec<_>>(), "total_count": newest.len()})
}

fn repository(url: &str, repo: &Repo) -> Value {
    let mut shown = payload::repository(url, repo);
    shown["pushed_at"] = jiff::Timestamp::now().to_string().into();
    shown
}

fn commit(url: &str, repo: &Repo, sha: &str) -> Value {
    let message = git::git(repo.path(), &["log", "-1", "--format=%B", sha]);
    let person = json!({"name": git::AUTHOR.0, "email": git::AUTHOR.1, "date": git::TIMESTAMP});
    json!({
        "sha": sha,
        "html_url": format!("{url}/{}/commit/{sha}", repo.name()),
        "commit": {"message": message, "author": person, "committer": person},
    })
}

/// The references below this, with their commits.
fn named(repo: &Repo, below: &str) -> Value {
    let format = format!("--format=%(refname:lstrip={})", below.split('/').count());
    let listed = git::git(repo.path(), &["for-each-ref", &format, below]);
    let one = |name: &str| {
        let sha = git::git(repo.path(), &["rev-parse", &format!("{below}/{name}^{{commit}}")]);
        json!({"name": name, "commit": {"sha": sha, "url": ""}, "protected": false})
    };
    listed.lines().map(one).collect()
}

fn hook(id: &str, host: &str) -> Value {
    json!({
        "type": "Repository", "id": id.parse::<u64>().unwrap(), "active": true, "events": ["*"],
        "config": {"url": format!("http://{host}.example/"), "content_type": "json"},
    })
}

/// The webhook of an organisation, where it has one, and what that sent of all repositories.
fn of_organisation(ledger: &Ledger, name: &str, rest: &[&str], query: &str) -> Response<Body> {
    if ledger.state().organisation.as_deref() != Some(name) {
        return message(404, "Not Found");
    }
    match rest {
        [] => respond(200, &json!([hook(ORGANISATION_HOOK, "ci")])),
        [id, "deliveries"] if *id == ORGANISATION_HOOK => {
            let about = |body: &Value| body["repository"]["owner"]["login"] == name;
            attempts(ledger, ORGANISATION_HOOK, about, query)
        }
        [id, "deliveries", number] if *id == ORGANISATION_HOOK => {
            sent(ledger, ORGANISATION_HOOK, number)
        }
        _ => message(404, "Not Found"),
    }
}

/// What the App's own webhook sent.
pub(super) fn of_app(ledger: &Ledger, rest: &[&str], query: &str) -> Response<Body> {
    match rest {
        ["deliveries"] => attempts(ledger, HOOK, |_| true, query),
        ["deliveries", number] => sent(ledger, HOOK, number),
        _ => message(404, "Not Found"),
    }
}

/// A delivery as it was sent.
fn sent(ledger: &Ledger, hook: &str, number: &str) -> Response<Body> {
    let number: usize = number.parse().unwrap();
    let delivery = ledger.state().deliveries[number - 1].clone();
    let sent = headers(&delivery.id, &delivery.event, "application/json", "sha256=0");
    let sent = sent.into_iter().map(|(name, value)| {
        let value = if name == "X-GitHub-Hook-ID" { hook.to_owned() } else { value };
        (name.to_owned(), json!(value))
    });
    let mut body = attempt(&delivery, number);
    body["request"] = json!({
        "headers": Value::Object(sent.collect()),
        "payload": serde_json::from_slice::<Value>(&delivery.body).unwrap(),
    });
    respond(200, &body)
}

/// A page of what a webhook sent about some repositories, the newest first.
fn attempts(
    ledger: &Ledger,
    hook: &str,
    about: impl Fn(&Value) -> bool,
    query: &str,
) -> Response<Body> {
    let state = ledger.state();
    let about = |delivery: &Delivery| {
        delivery.hook == hook
            && serde_json::from_slice::<Value>(&delivery.body).is_ok_and(|body| about(&body))
    };
    let numbered = state.deliveries.iter().zip(1..);
    let all: Vec<(&Delivery, usize)> =
        numbered.filter(|(delivery, _)| about(delivery)).collect::<Vec<_>>();
    let cursor = query.split('&').find_map(|pair| pair.strip_prefix("cursor=v1_"));
    let from: usize = cursor.map_or(0, |cursor| cursor.parse().unwrap());
    let page = all.iter().rev().skip(from).take(ATTEMPTS);
    let page: Vec<Value> = page.map(|(delivery, number)| attempt(delivery, *number)).collect();
    let mut response = respond(200, &json!(page));
    if from + ATTEMPTS < all.len() {
        let next = from + ATTEMPTS;
        let link = format!(
            "<{}/api/v3/hooks/{hook}/deliveries?per_page=100&cursor=v1_{next}>; rel=\"next\"",
            ledger.url
        );
        response.headers_mut().insert(header::LINK, link.parse().unwrap());
    }
    response
}

fn attempt(delivery: &Delivery, number: usize) -> Value {
    json!({
        "id": number,
        "guid": delivery.id,
        "delivered_at": delivery.at.to_string(),
        "redelivery": false,
        "duration": 0.1,
        "status": if delivery.status == 0 { "failed to connect to host" } else { "OK" },
        "status_code": delivery.status,
        "event": delivery.event,
        "action": null,
    })
}
