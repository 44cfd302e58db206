//! The forge as somebody whom people sign in through: by GitHub's OAuth, and below `/oidc` as an
//! OpenID provider. Codes are good once, for who asked, with the verifier that belongs to them.

use std::collections::HashMap;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Response, Uri, header};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::sign::Signer;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

use super::face::{message, respond};
use super::{Forge, Ledger, app, payload};

/// What the agent is at the forge, and what only the two know.
pub const CLIENT: (&str, &str) = ("Iv1.pocketci", "the-client-secret-of-pocketci");
/// How the tokens begin that people's codes are exchanged for.
pub const PERSONS_TOKEN: &str = "gho_TheTokenOf";

/// Who is signed in there, and what was given out.
#[derive(Default)]
pub struct SignIn {
    /// None: whoever comes says no.
    person: Option<String>,
    codes: HashMap<String, Code>,
    made: usize,
    down: bool,
    key: Option<PKey<Private>>,
    /// What the provider says of whoever comes, beside what it must.
    claims: Value,
}

struct Code {
    person: String,
    challenge: String,
    back: String,
    nonce: String,
}

impl Forge {
    /// Somebody at the browser is signed in at the forge, and lets the agent know.
    pub fn be_visited_by(&self, login: &str) {
        self.ledger.change(|state| state.sign_in.person = Some(login.to_owned()));
    }

    /// Somebody at the browser does not let the agent know who they are.
    pub fn be_visited_by_nobody(&self) {
        self.ledger.change(|state| state.sign_in.person = None);
    }

    /// Whether codes are exchanged.
    pub fn exchange_codes(&self, does: bool) {
        self.ledger.change(|state| state.sign_in.down = !does);
    }

    /// What the OpenID provider says of people from now on; what is here wins.
    pub fn claim(&self, claims: Value) {
        self.ledger.change(|state| state.sign_in.claims = claims);
    }

    /// The OpenID provider's address, as in `POCKETCI_OIDC_ISSUER`.
    pub fn issuer(&self) -> String {
        format!("{}/oidc", self.url())
    }
}

/// Answers what lies below `/login/oauth` and `/oidc`, and who has one of the tokens.
pub(super) fn answer(
    ledger: &Ledger,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
) -> Option<Response<Body>> {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    let query = uri.query().unwrap_or_default().as_bytes();
    Some(match (method.as_str(), uri.path()) {
        ("GET", "/login/oauth/authorize" | "/oidc/authorize") => authorize(ledger, query),
        ("POST", "/login/oauth/access_token") => exchange(ledger, body, None),
        ("POST", "/oidc/token") => exchange(ledger, body, Some(authorization.unwrap_or_default())),
        ("GET", "/oidc/.well-known/openid-configuration") => {
            let root = format!("{}/oidc", ledger.url);
            respond(
                200,
                &json!({
                    "issuer": root,
                    "authorization_endpoint": format!("{root}/authorize"),
                    "token_endpoint": format!("{root}/token"),
                    "jwks_uri": format!("{root}/keys"),
                }),
            )
        }
        ("GET", "/oidc/keys") => {
            let number = |it: &openssl::bn::BigNumRef| URL_SAFE_NO_PAD.encode(it.to_vec());
            let rsa = key(ledger).rsa().unwrap();
            let key = json!({"kty": "RSA", "kid": "1", "n": number(rsa.n()), "e": number(rsa.e())});
            respond(200, &json!({ "keys": [key] }))
        }
        ("GET", "/api/v3/user") => {
            let login = authorization?.strip_prefix("Bearer ")?.strip_prefix(PERSONS_TOKEN)?;
            respond(200, &payload::user(&ledger.url, login))
        }
        _ => return None,
    })
}

fn fields(form: &[u8]) -> HashMap<String, String> {
    form_urlencoded::parse(form).into_owned().collect()
}

/// The browser comes, and is sent back.
fn authorize(ledger: &Ledger, query: &[u8]) -> Response<Body> {
    let asked = fields(query);
    let field = |name: &str| asked.get(name).cloned().unwrap_or_default();
    let back = field("redirect_uri");
    let way = if asked.contains_key("nonce") { "oidc" } else { "github" };
    if field("client_id") != CLIENT.0 || back != format!("http://ci.example/sign-in/{way}/back") {
        return message(404, "The redirect_uri is not associated with this application");
    }
    assert_eq!(field("code_challenge_method"), "S256");
    let answer = ledger.change(|state| {
        let sign_in = &mut state.sign_in;
        let Some(person) = sign_in.person.clone() else { return "error=access_denied".to_owned() };
        sign_in.made += 1;
        let code = format!("code{}", sign_in.made);
        let (challenge, nonce) = (field("code_challenge"), field("nonce"));
        let kept = Code { person, challenge, back: back.clone(), nonce };
        sign_in.codes.insert(code.clone(), kept);
        format!("code={code}")
    });
    let mut response = respond(302, &json!({}));
    let to = format!("{back}?{answer}&state={}", field("state"));
    response.headers_mut().insert(header::LOCATION, to.parse().unwrap());
    response
}

/// The agent brings a code; to the OpenID provider with its secret in the header.
fn exchange(ledger: &Ledger, body: &[u8], basic: Option<&str>) -> Response<Body> {
    let asked = fields(body);
    let field = |name: &str| asked.get(name).cloned().unwrap_or_default();
    if ledger.state().sign_in.down {
        return message(503, "Down for maintenance");
    }
    let expected = format!("Basic {}", STANDARD.encode(format!("{}:{}", CLIENT.0, CLIENT.1)));
    let known = match basic {
        Some(header) => header == expected && !asked.contains_key("client_secret"),
        None => (&*field("client_id"), &*field("client_secret")) == CLIENT,
    };
    let refuse = |error: &str| respond(200, &json!({ "error": error }));
    if !known {
        return refuse("incorrect_client_credentials");
    }
    let code = ledger.change(|state| state.sign_in.codes.remove(&field("code")));
    let right = code.filter(|code| {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(field("code_verifier")));
        challenge == code.challenge && field("redirect_uri") == code.back
    });
    let Some(code) = right else { return refuse("bad_verification_code") };
    let mut tokens = json!({
        "access_token": format!("{PERSONS_TOKEN}{}", code.person), "token_type": "bearer",
    });
    if basic.is_some() {
        tokens["id_token"] = id_token(ledger, &code).into();
    }
    respond(200, &tokens)
}

fn id_token(ledger: &Ledger, code: &Code) -> String {
    let mut claims = json!({
        "iss": format!("{}/oidc", ledger.url),
        "aud": CLIENT.0,
        "sub": format!("f81d:{}", code.person),
        "preferred_username": code.person,
        "nonce": code.nonce,
        "exp": jiff::Timestamp::now().as_second() + 300,
    });
    if let Some(more) = ledger.state().sign_in.claims.as_object() {
        claims.as_object_mut().unwrap().extend(more.clone());
    }
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&json!({"alg": "RS256", "kid": "1"})), part(&claims));
    let key = key(ledger);
    let mut signer = Signer::new(MessageDigest::sha256(), &key).unwrap();
    let signature = signer.sign_oneshot_to_vec(text.as_bytes()).unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn key(ledger: &Ledger) -> PKey<Private> {
    ledger.change(|state| state.sign_in.key.get_or_insert_with(|| app::new_key().0).clone())
}
