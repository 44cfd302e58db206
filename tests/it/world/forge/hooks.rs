//! The webhooks that were made by the forge's API: kept as they were sent, listed in the forge's own
//! words, and tested as it does it.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

use super::super::http;
use super::face::{message, respond};
use super::hook::{self, Delivery, as_text, new_id};
use super::kind::Wire;
use super::{Forge, Kind, Ledger, payload};

/// A webhook as it was made.
#[derive(Debug, Clone)]
pub struct Hook {
    /// In braces on Bitbucket Cloud.
    pub id: String,
    pub repository: String,
    /// What was sent to make and to change it.
    pub settings: Value,
}

/// Below a repository's webhooks.
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    pub(super) repository: String,
    pub(super) rest: Vec<&'a str>,
    pub(super) page: String,
    pub(super) body: Value,
}

impl Hook {
    pub fn url(&self) -> &str {
        let own = self.settings["url"].as_str();
        own.or_else(|| self.settings["config"]["url"].as_str()).unwrap()
    }

    /// What it signs with.
    pub fn secret(&self) -> &str {
        let places =
            ["/signing_token", "/token", "/secret", "/config/secret", "/configuration/secret"];
        let found = places.iter().find_map(|place| self.settings.pointer(place)?.as_str());
        found.unwrap_or_default()
    }
}

impl Forge {
    /// The webhooks that were made for a repository and are there still.
    pub fn made_hooks(&self, repository: &str) -> Vec<Hook> {
        let state = self.state();
        state.made_hooks.iter().filter(|hook| hook.repository == repository).cloned().collect()
    }

    /// A GitLab from before it signed, or a Bitbucket that does not sign its pings.
    pub fn sign_less(&self) {
        self.state().signs_less = true;
    }
}

/// What somebody without the right to administer the repository is answered.
fn may_not(kind: Kind) -> Response<Body> {
    match kind {
        Kind::DataCenter => {
            let why = "You are not permitted to access this resource";
            respond(401, &json!({"errors": [{"message": why}]}))
        }
        Kind::Cloud => {
            let why = "Access denied. You must have write or admin access.";
            respond(403, &json!({"type": "error", "error": {"message": why}}))
        }
        _ => message(403, "403 Forbidden"),
    }
}

fn nothing() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

pub(super) fn answer(ledger: &Ledger, asked: &Asked<'_>) -> Option<Response<Body>> {
    let kind = ledger.kind;
    if ledger.state().hooks_hidden {
        return Some(may_not(kind));
    }
    let found = |id: &str| {
        let state = ledger.state();
        let mut hooks = state.made_hooks.iter();
        hooks.find(|hook| hook.id == id && hook.repository == asked.repository).cloned()
    };
    Some(match (asked.method, asked.rest.as_slice()) {
        ("GET", []) => respond(200, &list(ledger, asked)),
        ("POST", []) => make(ledger, asked),
        ("POST", ["test"]) if kind == Kind::DataCenter => ping(ledger, &found(&asked.page)?),
        ("PATCH", [id]) if kind == Kind::Github => change(ledger, &found(id)?, &asked.body),
        // These keep the secret that one was made with.
        ("PATCH", [_]) if kind.is_gitea() => respond(200, &json!({})),
        ("PUT", [id]) if !kind.is_gitea() => change(ledger, &found(id)?, &asked.body),
        ("DELETE", [id]) => {
            let hook = found(id)?;
            ledger.change(|state| state.made_hooks.retain(|one| one.id != hook.id));
            nothing()
        }
        ("POST", [id, "pings"]) if kind == Kind::Github => {
            begin(ledger, &found(id)?, "ping");
            nothing()
        }
        ("POST", [id, "tests"]) if matches!(kind, Kind::Gitea | Kind::Forgejo) => {
            begin(ledger, &found(id)?, "push");
            nothing()
        }
        ("POST", [id, "test", "push_events"]) if kind == Kind::Gitlab => {
            let delivery = send(ledger, &found(id)?, "Push Hook", true);
            match delivery.status {
                200..=299 => message(201, "201 Created"),
                _ => message(422, &delivery.answer),
            }
        }
        ("GET", [id, "events"]) if kind == Kind::Gitlab => {
            let sent = sent(ledger, &found(id)?.id);
            let shown = sent.iter().zip((1..=sent.len()).rev()).map(|(one, id)| {
                json!({"id": id, "trigger": "push_hooks", "response_status": one.status.to_string()})
            });
            respond(200, &shown.collect())
        }
        ("GET", [id, "latest"]) if kind == Kind::DataCenter => {
            let sent = sent(ledger, &found(id)?.id);
            match sent.first() {
                None => nothing(),
                Some(one) => {
                    let outcome = if one.status < 300 { "SUCCESS" } else { "FAILURE" };
                    let result = json!({"description": one.status.to_string(), "outcome": outcome});
                    let start = one.at.as_millisecond();
                    respond(
                        200,
                        &json!({"id": sent.len(), "event": one.event, "start": start, "result": result}),
                    )
                }
            }
        }
        _ => return None,
    })
}

/// What one sent, the newest first.
fn sent(ledger: &Ledger, id: &str) -> Vec<Delivery> {
    let state = ledger.state();
    state.deliveries.iter().rev().filter(|one| one.hook == id).cloned().collect()
}

fn list(ledger: &Ledger, asked: &Asked<'_>) -> Value {
    let kind = ledger.kind;
    let state = ledger.state();
    let hooks = state.made_hooks.iter().filter(|hook| hook.repository == asked.repository);
    let shown: Vec<Value> = hooks.map(|hook| shown(ledger, hook, state.signs_less)).collect();
    let first = asked.page.is_empty() || asked.page == "1";
    match kind {
        // Whatever part of them is asked for.
        Kind::DataCenter => json!({"values": shown, "isLastPage": true}),
        Kind::Cloud if first => json!({"values": shown, "pagelen": 100}),
        Kind::Cloud => json!({"values": [], "pagelen": 100}),
        _ if first => json!(shown),
        _ => json!([]),
    }
}

/// Those of a repository, as the API shows them.
pub(super) fn made(ledger: &Ledger, repository: &str) -> Vec<Value> {
    let hooks = ledger.state().made_hooks.clone().into_iter();
    let own = hooks.filter(|hook| hook.repository == repository);
    own.map(|hook| shown(ledger, &hook, false)).collect()
}

/// One as the API shows it: without its secret.
fn shown(ledger: &Ledger, hook: &Hook, signs_less: bool) -> Value {
    let mut shown = hook.settings.clone();
    let whole = shown.as_object_mut().unwrap();
    let secrets: Vec<_> = ["token", "signing_token", "secret"].map(|it| whole.remove(it)).into();
    for place in ["config", "configuration"] {
        if let Some(config) = whole.get_mut(place).and_then(Value::as_object_mut) {
            config.remove("secret");
        }
    }
    match ledger.kind {
        Kind::Cloud => shown["uuid"] = json!(hook.id),
        Kind::Gitlab => {
            shown["id"] = json!(hook.id.parse::<u64>().unwrap());
            shown["alert_status"] = json!("executable");
            if !signs_less {
                shown["signing_token_present"] = json!(secrets[1].is_some());
            }
        }
        _ => shown["id"] = json!(hook.id.parse::<u64>().unwrap()),
    }
    shown
}

fn make(ledger: &Ledger, asked: &Asked<'_>) -> Response<Body> {
    let mut settings = asked.body.clone();
    if let Some(refused) = refused(ledger, &mut settings) {
        return refused;
    }
    let number = 7000 + ledger.change(super::State::next_post);
    let id = match ledger.kind {
        Kind::Cloud => format!("{{hook-{number}}}"),
        _ => number.to_string(),
    };
    let hook = Hook { id, repository: asked.repository.clone(), settings };
    let taken = |known: &Hook| known.repository == hook.repository && known.url() == hook.url();
    if ledger.kind == Kind::Github && ledger.state().made_hooks.iter().any(taken) {
        return message(422, "Hook already exists on this repository");
    }
    let less = ledger.change(|state| {
        state.made_hooks.push(hook.clone());
        state.signs_less
    });
    respond(201, &shown(ledger, &hook, less))
}

fn change(ledger: &Ledger, hook: &Hook, body: &Value) -> Response<Body> {
    let mut changes = body.clone();
    if let Some(refused) = refused(ledger, &mut changes) {
        return refused;
    }
    let mut changed = hook.clone();
    let settings = changed.settings.as_object_mut().unwrap();
    settings.extend(changes.as_object().unwrap().clone());
    let less = ledger.change(|state| {
        let known = state.made_hooks.iter_mut().find(|one| one.id == hook.id).unwrap();
        known.settings.clone_from(&changed.settings);
        state.signs_less
    });
    respond(200, &shown(ledger, &changed, less))
}

/// What GitLab asks of a signing token, and that one from before them passes over it.
fn refused(ledger: &Ledger, settings: &mut Value) -> Option<Response<Body>> {
    use base64::Engine as _;
    let token = settings["signing_token"].as_str()?;
    let key = token
        .strip_prefix("whsec_")
        .map(|key| base64::engine::general_purpose::STANDARD.decode(key).unwrap_or_default().len());
    if ledger.state().signs_less {
        settings.as_object_mut().unwrap().remove("signing_token");
    } else if key != Some(32) {
        return Some(message(400, "signing_token must be whsec_ and 32 bytes in base64"));
    }
    None
}

/// Sends a test some time after this.
fn begin(ledger: &Ledger, hook: &Hook, event: &'static str) {
    let (ledger, hook) = (ledger.me.upgrade().unwrap(), hook.clone());
    std::thread::spawn(move || send(&ledger, &hook, event, true));
}

/// Sends a ping at once, and says what was answered.
fn ping(ledger: &Ledger, hook: &Hook) -> Response<Body> {
    let signed = !ledger.state().signs_less;
    let delivery = send(ledger, hook, "diagnostics:ping", signed);
    let status = delivery.status;
    respond(200, &json!({"request": {"method": "POST"}, "response": {"statusCode": status}}))
}

fn send(ledger: &Ledger, hook: &Hook, event: &str, signed: bool) -> Delivery {
    let repo = ledger.state().repositories[&hook.repository].clone();
    let head = repo.pushed(repo.default_branch()).expect("a test tells of a commit");
    let again = payload::Push {
        reference: "refs/heads/main",
        before: Some(&head),
        after: Some(&head),
        head: Some(&head),
        forced: false,
    };
    let pushed = payload::push(&ledger.url, &repo, &again);
    let id = new_id();
    let wire = match event {
        "ping" => ledger.kind.wire(hook.secret(), &id, event, &payload::ping(&ledger.url, &repo)),
        "diagnostics:ping" => ledger.kind.wire(hook.secret(), &id, event, &json!({"test": true})),
        _ => ledger.kind.wires(hook.secret(), &id, "push", &pushed).pop().unwrap(),
    };
    let Wire { mut headers, body } = wire;
    if !signed {
        headers.retain(|(name, _)| *name != "X-Hub-Signature");
    }
    let (status, answer) = match http::send("POST", hook.url(), &as_text(&headers), &body) {
        Ok(answer) => (answer.status, answer.body),
        Err(why) => (0, why.to_string()),
    };
    let (event, hook) = (event.to_owned(), hook.id.clone());
    let at = jiff::Timestamp::now();
    let delivery = hook::Delivery { id, event, body, status, answer, at, hook };
    ledger.change(|state| state.deliveries.push(delivery.clone()));
    delivery
}
