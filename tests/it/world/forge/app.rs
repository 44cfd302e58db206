//! The forge's Apps: real signatures are checked with the App's public key, tokens are good for
//! one repository and for a while, and check runs are kept as they are told.

mod checks;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private, Public};
use openssl::rsa::Rsa;
use openssl::sign::Verifier;
use serde_json::{Value, json};

use super::face::{message, refuse, respond};
use super::sign_in::CLIENT;
use super::{Delivery, Forge, Ledger, Refusal, Repo, Status, conversation, payload};

/// The App's number.
pub const ID: u64 = 4711;
const INSTALLATION: u64 = 99;

/// What the forge knows of its one App.
pub struct App {
    key: PKey<Public>,
    /// Each with the repository that it is for, and until when it is good.
    tokens: Vec<(String, String, jiff::Timestamp)>,
    made: usize,
    /// How long tokens are good from now on, in seconds.
    good_for: i64,
    suspended: bool,
    /// The next check run that is made is kept, and nobody hears of it.
    lose_answer: bool,
    pub checks: Vec<Check>,
}

/// A check run.
#[derive(Debug, Clone)]
pub struct Check {
    pub id: u64,
    pub sha: String,
    pub name: String,
    /// As it was told last.
    pub body: Value,
    pub annotations: Vec<Value>,
    /// `queued in_progress completed/success`.
    pub history: String,
}

/// A new private key, and its PEM text.
pub fn new_key() -> (PKey<Private>, String) {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let pem = String::from_utf8(key.rsa().unwrap().private_key_to_pem().unwrap()).unwrap();
    (key, pem)
}

impl Forge {
    /// Takes requests of an App alone; gives the App's private key.
    pub fn have_an_app(&self) -> String {
        let (key, pem) = new_key();
        let key = PKey::public_key_from_pem(&key.public_key_to_pem().unwrap()).unwrap();
        self.ledger.change(|state| {
            state.app = Some(App {
                key,
                tokens: Vec::new(),
                made: 0,
                good_for: 3600,
                suspended: false,
                lose_answer: false,
                checks: Vec::new(),
            });
        });
        pem
    }

    /// Has an App, and gives its key to whoever brings this code, once.
    pub fn make_an_app_for(&self, code: &str) {
        let pem = self.have_an_app();
        let made = json!({
            "id": ID, "slug": "ci", "html_url": format!("{}/apps/ci", self.url()),
            "webhook_secret": super::SECRET, "pem": pem,
            "client_id": CLIENT.0, "client_secret": CLIENT.1,
        });
        self.ledger.change(|state| state.conversion = Some((code.to_owned(), made)));
    }

    fn app<T>(&self, change: impl FnOnce(&mut App) -> T) -> T {
        self.ledger.change(|state| change(state.app.as_mut().expect("the forge has an App")))
    }

    /// Makes tokens that are good for so many seconds.
    pub fn make_tokens_for(&self, seconds: i64) {
        self.app(|app| app.good_for = seconds);
    }

    /// Takes no token any more that was made until now.
    pub fn revoke_tokens(&self) {
        self.app(|app| app.tokens.clear());
    }

    /// Revokes the tokens, and makes no more.
    pub fn suspend_installation(&self, suspended: bool) {
        self.app(|app| {
            app.suspended = suspended;
            app.tokens.clear();
        });
    }

    /// Every token that was ever made.
    pub fn tokens(&self) -> Vec<String> {
        let made = self.app(|app| app.made);
        (1..=made).map(token).collect()
    }

    /// Keeps the next check run that is made, and hangs up instead of an answer.
    pub fn lose_an_answer(&self) {
        self.app(|app| app.lose_answer = true);
    }

    /// The check runs of a name on a commit, oldest first.
    pub fn checks(&self, sha: &str, name: &str) -> Vec<Check> {
        self.app(|app| {
            let of = |check: &&Check| check.sha == sha && check.name == name;
            app.checks.iter().filter(of).cloned().collect()
        })
    }

    /// Waits for a check run that is like this.
    #[track_caller]
    pub fn expect_check(&self, sha: &str, name: &str, is_it: impl Fn(&Check) -> bool) -> Check {
        let found = self.wait(|state| {
            let checks = &state.app.as_ref()?.checks;
            let of = |check: &&Check| check.sha == sha && check.name == name && is_it(check);
            checks.iter().find(of).cloned()
        });
        found.unwrap_or_else(|| panic!("waited in vain for the check run {name}\n{}", self.told()))
    }
}

impl Forge {
    /// Somebody presses a button of a check run.
    pub fn press(&self, repo: &Repo, check: &Check, login: &str, button: &str) -> Delivery {
        let mut body = self.about(repo, login, "requested_action");
        body["check_run"] = shown(check);
        body["requested_action"] = json!({"identifier": button});
        self.deliver("check_run", &body)
    }

    /// Somebody wants to see a check run again.
    pub fn rerequest(&self, repo: &Repo, check: &Check, login: &str) -> Delivery {
        let mut body = self.about(repo, login, "rerequested");
        body["check_run"] = shown(check);
        self.deliver("check_run", &body)
    }

    /// Somebody wants to see all of a commit again.
    pub fn rerequest_all(&self, repo: &Repo, sha: &str, login: &str) -> Delivery {
        let mut body = self.about(repo, login, "rerequested");
        body["check_suite"] = json!({"head_sha": sha, "app": {"id": ID}});
        self.deliver("check_suite", &body)
    }

    fn about(&self, repo: &Repo, login: &str, action: &str) -> Value {
        json!({
            "action": action,
            "installation": {"id": INSTALLATION},
            "repository": payload::repository(self.url(), repo),
            "sender": payload::user(self.url(), login),
        })
    }
}

fn shown(check: &Check) -> Value {
    json!({
        "id": check.id, "name": check.name, "head_sha": check.sha,
        "external_id": check.body["external_id"], "app": {"id": ID},
    })
}

fn token(number: usize) -> String {
    format!("ghs_TheTokenOfTheAppNumber{number:04}")
}

impl App {
    /// Whether this is the App's own token: made by its key, for it, for a short while about now.
    fn is_own(&self, jwt: &str) -> bool {
        let Some((signed, signature)) = jwt.rsplit_once('.') else { return false };
        let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else { return false };
        let mut verifier = Verifier::new(MessageDigest::sha256(), &self.key).unwrap();
        if !verifier.verify_oneshot(&signature, signed.as_bytes()).unwrap_or(false) {
            return false;
        }
        let claims = signed.split_once('.').and_then(|(_, it)| URL_SAFE_NO_PAD.decode(it).ok());
        let claims: Value = serde_json::from_slice(&claims.unwrap()).unwrap();
        let now = jiff::Timestamp::now().as_second();
        let (iat, exp) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
        claims["iss"] == ID && iat <= now && now < exp && exp <= now + 600
    }

    fn admits(&self, token: &str, repository: &str) -> bool {
        let now = jiff::Timestamp::now();
        self.tokens.iter().any(|(own, of, until)| own == token && of == repository && *until > now)
    }
}

/// Whether a header carries a token that is good for this repository; none where the forge has
/// no App.
pub(super) fn admits(ledger: &Ledger, header: &str, repository: &str) -> Option<bool> {
    let state = ledger.state();
    let app = state.app.as_ref()?;
    let (scheme, value) = header.split_once(' ')?;
    Some(match scheme.to_ascii_lowercase().as_str() {
        "bearer" | "token" => app.admits(value, repository),
        _ => {
            let text = STANDARD.decode(value).unwrap_or_default();
            let text = String::from_utf8(text).unwrap_or_default();
            let token = text.strip_prefix("x-access-token:");
            token.is_some_and(|token| app.admits(token, repository))
        }
    })
}

/// Answers what is for an App; none: it is for anybody.
pub(super) async fn answer(
    ledger: &Ledger,
    method: &Method,
    (parts, query): (&[&str], &str),
    headers: &HeaderMap,
    body: &[u8],
) -> Option<Response<Body>> {
    ledger.state().app.as_ref()?;
    let header = headers.get("authorization").and_then(|it| it.to_str().ok()).unwrap_or("");
    let own = header
        .strip_prefix("Bearer ")
        .is_some_and(|jwt| ledger.state().app.as_ref().is_some_and(|app| app.is_own(jwt)));
    if let ("POST", ["app-manifests", code, "conversions"]) = (method.as_str(), parts) {
        let made = ledger.change(|state| state.conversion.take_if(|(known, _)| known == code));
        return Some(
            made.map_or_else(|| message(404, "Not Found"), |(_, made)| respond(201, &made)),
        );
    }
    let for_app = matches!(parts, ["app", ..] | ["repos", _, _, "installation"]);
    if for_app && !own {
        return Some(message(401, "A JSON web token could not be decoded"));
    }
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    Some(match (method.as_str(), parts) {
        ("GET", ["app"]) => respond(
            200,
            &json!({"id": ID, "slug": "ci", "permissions": permissions(), "events": ["push"]}),
        ),
        ("GET", ["app", "hook", rest @ ..]) => super::past::of_app(ledger, rest, query),
        ("GET", ["app", "installations"]) => {
            let suspended = ledger.state().app.as_ref().unwrap().suspended;
            respond(200, &json!([installation(suspended)]))
        }
        ("GET", ["repos", owner, name, "installation"]) => {
            if ledger.repository(&format!("{owner}/{name}")).is_none() {
                return Some(message(404, "Not Found"));
            }
            let suspended = ledger.state().app.as_ref().unwrap().suspended;
            respond(200, &installation(suspended))
        }
        ("POST", ["app", "installations", _, "access_tokens"]) => make(ledger, &body),
        (_, ["repos", owner, name, rest @ ..]) => {
            let repository = format!("{owner}/{name}");
            if admits(ledger, header, &repository) != Some(true) {
                return Some(message(401, "Bad credentials"));
            }
            match (method.as_str(), rest) {
                ("POST", ["check-runs"]) => checks::create(ledger, &repository, body).await,
                ("PATCH", ["check-runs", id]) => {
                    checks::change(ledger, &repository, id, body).await
                }
                ("GET", ["commits", sha, "check-runs"]) => {
                    respond(200, &checks::listed(ledger, sha, query))
                }
                ("POST", ["statuses", ..]) => {
                    message(403, "Resource not accessible by integration")
                }
                (_, ["collaborators" | "issues" | "pulls", ..]) => {
                    let body = body.to_string();
                    let rest = &parts[3..];
                    match conversation::answer(
                        ledger,
                        method.as_str(),
                        &repository,
                        rest,
                        body.as_bytes(),
                    ) {
                        Ok(answer) => answer,
                        Err(refusal) => refuse(refusal, "").await,
                    }
                }
                ("GET", _) => super::past::answer(ledger, parts, query),
                _ => message(404, "Not Found"),
            }
        }
        _ => message(404, "Not Found"),
    })
}

fn permissions() -> Value {
    json!({"checks": "write", "contents": "read", "metadata": "read", "issues": "write",
           "pull_requests": "write"})
}

fn installation(suspended: bool) -> Value {
    let since = suspended.then_some("2026-01-01T00:00:00Z");
    json!({"id": INSTALLATION, "account": {"login": "ada"}, "suspended_at": since,
           "permissions": permissions()})
}

fn make(ledger: &Ledger, body: &Value) -> Response<Body> {
    let name = body["repositories"][0].as_str().unwrap_or_default().to_owned();
    if body["permissions"].get("administration").is_some() {
        return message(422, "The permissions requested are not granted to this installation.");
    }
    let names: Vec<String> = ledger.state().repositories.keys().cloned().collect();
    let Some(repository) = names.into_iter().find(|full| full.ends_with(&format!("/{name}")))
    else {
        return message(422, "There is at least one repository that does not exist");
    };
    ledger.change(|state| {
        let app = state.app.as_mut().unwrap();
        if app.suspended {
            return message(403, "This installation has been suspended");
        }
        app.made += 1;
        let text = token(app.made);
        let until = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(app.good_for);
        app.tokens.push((text.clone(), repository, until));
        respond(201, &json!({"token": text, "expires_at": until.to_string()}))
    })
}
