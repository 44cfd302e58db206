//! GitHub's Apps: who the App is, its tokens for installations, and what may be asked with which.
//!
//! An App signs a short-lived token of its own (a JWT) with its private key; with that it asks
//! for a token of one installation, made for one repository, and everything about the repository
//! is asked with the latter. It knows no clock and sends nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Request;
use jiff::Timestamp;
use openssl::hash::MessageDigest;
use openssl::pkey::{Id, PKey, Private};
use openssl::sign::Signer;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

use super::super::wire::{Field, Id as AnyId, Object, Part};
use super::rest;
use crate::domain::ids::{BadName, RepoName};

/// What the agent asks for in a repository, where the installation grants it.
pub const WANTED: [(&str, &str); 5] = [
    ("checks", "write"),
    ("contents", "read"),
    ("issues", "write"),
    ("metadata", "read"),
    ("pull_requests", "write"),
];

/// The events that an App of ours subscribes to; `installation`, `installation_repositories` and
/// the buttons of check runs come without being asked for.
pub const EVENTS: [&str; 16] = [
    "check_run",
    "check_suite",
    "commit_comment",
    "create",
    "delete",
    "deployment",
    "issue_comment",
    "issues",
    "merge_group",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "push",
    "release",
    "repository_dispatch",
    "workflow_dispatch",
];

/// The permissions of an App of ours: [`WANTED`], and those without which GitHub does not let it
/// subscribe to [`EVENTS`].
pub const PERMISSIONS: [(&str, &str); 8] = [
    ("actions", "read"),
    ("checks", "write"),
    ("contents", "read"),
    ("deployments", "read"),
    ("issues", "write"),
    ("merge_queues", "read"),
    ("metadata", "read"),
    ("pull_requests", "write"),
];

/// How long before now a JWT says that it was made: clocks differ.
const BEFORE: i64 = 60;
/// How long it is valid; GitHub takes none of more than ten minutes, by its own clock.
const VALID: i64 = 9 * 60;
/// The shortest key that GitHub has ever made.
const BITS: u32 = 2048;

/// An App's number, or its client id (`Iv23li…`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AppId(String);

impl AppId {
    /// The whole of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for AppId {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let number = text.parse::<u64>().is_ok_and(|number| number > 0);
        let client = text.len() <= 40
            && (text.starts_with("Iv1.") || text.starts_with("Iv2"))
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.');
        match number || client {
            true => Ok(Self(text.to_owned())),
            false => Err(BadName::new(text, "an App's number or its client id (`Iv…`)")),
        }
    }
}

/// An App's private key.
#[derive(Clone)]
pub struct AppKey(PKey<Private>);

/// Why a text is no key; it never shows the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    #[error("is no private key in PEM form (it begins with `-----BEGIN RSA PRIVATE KEY-----`)")]
    NotPem,
    #[error("is not an RSA key of at least 2048 bits: generate one on the App's page")]
    NotRsa,
}

impl AppKey {
    /// Reads a key as GitHub makes it. `\n` may stand for its line breaks, as some programs that
    /// pass on variables write them.
    ///
    /// # Errors
    /// When it is no RSA key, or has a passphrase.
    pub fn parse(pem: &str) -> Result<Self, BadKey> {
        let text = match pem.trim().contains('\n') {
            true => pem.trim().to_owned(),
            false => pem.trim().replace("\\n", "\n"),
        };
        // Nobody is there to be asked for a passphrase.
        let key = PKey::private_key_from_pem_callback(text.as_bytes(), |_| Ok(0));
        let key = key.map_err(|_| BadKey::NotPem)?;
        match key.id() == Id::RSA && key.bits() >= BITS {
            true => Ok(Self(key)),
            false => Err(BadKey::NotRsa),
        }
    }

    /// The token by which GitHub knows the App.
    ///
    /// # Errors
    /// What OpenSSL says.
    pub fn token(&self, app: &AppId, now: Timestamp) -> Result<SecretString, String> {
        let iss = match app.0.parse::<u64>() {
            Ok(number) => json!(number),
            Err(_) => json!(app.0),
        };
        let (iat, exp) = (now.as_second() - BEFORE, now.as_second() + VALID);
        let head = URL_SAFE_NO_PAD.encode(json!({"alg": "RS256", "typ": "JWT"}).to_string());
        let claims = json!({"iat": iat, "exp": exp, "iss": iss}).to_string();
        let signed = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims));
        let signature = Signer::new(MessageDigest::sha256(), &self.0)
            .and_then(|mut signer| signer.sign_oneshot_to_vec(signed.as_bytes()))
            .map_err(|error| format!("Cannot sign with the App's private key: {error}"))?;
        Ok(SecretString::from(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }
}

impl fmt::Debug for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppKey(…)")
    }
}

/// With whose token something is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// The App's own.
    App,
    /// The one of the installation that has the repository.
    Repository(RepoName),
    /// With none.
    Anyone,
}

/// With whose token this address of the API is asked; `api` is the API's base.
pub fn audience(api: &str, address: &str) -> Audience {
    let path = address.strip_prefix(api).unwrap_or_default();
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut parts = path.split('/').skip(1);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some("app"), ..) => Audience::App,
        (Some("repos"), Some(_), Some(_), Some("installation")) => Audience::App,
        (Some("repos"), Some(owner), Some(name), _) => match format!("{owner}/{name}").parse() {
            Ok(repository) => Audience::Repository(repository),
            Err(_) => Audience::Anyone,
        },
        _ => Audience::Anyone,
    }
}

/// The request for what GitHub knows of the App itself.
pub fn self_request(api: &str) -> Request<Vec<u8>> {
    rest::get(&format!("{api}/app"))
}

/// The request for the first of the App's installations; they show whether there are any.
pub fn installations_request(api: &str) -> Request<Vec<u8>> {
    rest::get(&format!("{api}/app/installations?per_page={}", rest::PER_PAGE))
}

/// The request for the installation that has a repository.
pub fn installation_request(api: &str, repository: &RepoName) -> Request<Vec<u8>> {
    rest::get(&format!("{}/installation", rest::repository(api, repository)))
}

/// What there is to say when GitHub does not take the App's own token.
pub fn refused_key(app: &AppId, said: &str) -> String {
    format!(
        "GitHub refuses the key of the App `{app}` (`{said}`): POCKETCI_GITHUB_APP_ID and the key \
         belong to different Apps, the key was deleted, or this clock is wrong"
    )
}

/// The App as GitHub knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registered {
    pub slug: String,
    pub permissions: BTreeMap<String, String>,
    pub events: Vec<String>,
}

/// An installation of the App.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    pub id: u64,
    /// What whoever installed it has granted.
    pub permissions: BTreeMap<String, String>,
    /// Whose it is.
    pub account: String,
    pub suspended: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RegisteredBody {
    slug: Field<String>,
    permissions: BTreeMap<String, String>,
    events: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct InstallationBody {
    id: Field<u64>,
    permissions: BTreeMap<String, String>,
    account: Part<Account>,
    suspended_at: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Account {
    login: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TokenBody {
    token: Field<String>,
    expires_at: Field<String>,
}

/// Reads the answer to a [`self_request`].
pub fn registered(body: &[u8]) -> Option<Registered> {
    let body: RegisteredBody = serde_json::from_slice(body).ok()?;
    let RegisteredBody { slug, permissions, events } = body;
    Some(Registered { slug: slug.text(), permissions, events })
}

/// Reads the answer to an [`installation_request`].
pub fn installation(body: &[u8]) -> Option<Installation> {
    read(serde_json::from_slice(body).ok()?)
}

/// Reads the answer to an [`installations_request`].
pub fn installations(body: &[u8]) -> Option<Vec<Installation>> {
    let bodies: Vec<InstallationBody> = serde_json::from_slice(body).ok()?;
    Some(bodies.into_iter().filter_map(read).collect())
}

fn read(body: InstallationBody) -> Option<Installation> {
    Some(Installation {
        id: *body.id.get()?,
        account: body.account.part().map(|it| it.login.text()).unwrap_or_default(),
        suspended: body.suspended_at.filled().is_some(),
        permissions: body.permissions,
    })
}

/// What of [`WANTED`] is not granted, as `checks: write`.
pub fn missing(granted: &BTreeMap<String, String>) -> Vec<String> {
    let lacks = |(name, level): &&(&str, &str)| !grants(granted, name, level);
    WANTED.iter().filter(lacks).map(|(name, level)| format!("{name}: {level}")).collect()
}

fn grants(granted: &BTreeMap<String, String>, name: &str, level: &str) -> bool {
    match granted.get(name).map(String::as_str) {
        Some("write" | "admin") => true,
        Some("read") => level == "read",
        _ => false,
    }
}

/// The request for a token that is good for one repository, and for no more than [`WANTED`].
///
/// GitHub refuses to make one with more than is granted, so that what is not is left out.
pub fn token_request(
    api: &str,
    installation: &Installation,
    repository: &RepoName,
) -> Request<Vec<u8>> {
    let granted = WANTED.iter().filter_map(|(name, level)| {
        let less = grants(&installation.permissions, name, "read").then_some("read");
        let level =
            if grants(&installation.permissions, name, level) { Some(*level) } else { less };
        level.map(|level| ((*name).to_owned(), json!(level)))
    });
    let permissions: serde_json::Map<String, serde_json::Value> = granted.collect();
    let body = json!({"repositories": [repository.name()], "permissions": permissions});
    let url = format!("{api}/app/installations/{}/access_tokens", installation.id);
    rest::post(&url, body.to_string().into_bytes())
}

/// Reads its answer: the token, and until when it is good.
pub fn token(body: &[u8]) -> Option<(SecretString, Timestamp)> {
    let body: Field<Object<TokenBody>> = serde_json::from_slice(body).ok()?;
    let Object(body) = body.take()?;
    Some((SecretString::from(body.token.filled()?), body.expires_at.parsed()?))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NewsBody {
    action: Field<String>,
    installation: Part<InstallationId>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct InstallationId {
    id: Field<AnyId>,
}

/// The installation whose tokens are good no longer, or for other repositories, after this event.
pub fn changed_installation(event_name: &str, body: &[u8]) -> Option<u64> {
    if !matches!(event_name, "installation" | "installation_repositories") {
        return None;
    }
    let body: Field<Object<NewsBody>> = serde_json::from_slice(body).ok()?;
    let Object(body) = body.take()?;
    body.action.filled()?;
    let AnyId(id) = body.installation.part()?.id.get()?;
    id.parse().ok()
}

#[cfg(test)]
mod tests;
