//! OpenID Connect: what a provider publishes of itself, the code flow, and what its token says.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use jiff::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::grants::Claims;
use super::{Attempt, form, get, name, post, refusal};

/// Seconds that clocks may differ.
const LEEWAY: f64 = 60.0;
/// The longest `sub` that its standard allows.
const LONGEST_SUBJECT: usize = 255;

/// What the agent is at the provider.
#[derive(Clone)]
pub struct Client {
    /// As the provider writes it.
    pub issuer: String,
    pub id: String,
    pub secret: SecretString,
}

/// What a provider publishes of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// As it stands in its tokens.
    pub issuer: String,
    pub authorization: Url,
    pub token: Url,
    pub keys: Url,
    pub userinfo: Option<Url>,
    /// What is asked for.
    scope: String,
    /// The secret goes into a header, not into the form.
    pub basic: bool,
}

#[derive(Deserialize)]
struct Published {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    #[serde(default)]
    scopes_supported: Vec<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// The request for what a provider publishes.
pub fn discovery_request(issuer: &str) -> Request<Vec<u8>> {
    get(&format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/')))
}

impl Provider {
    /// Reads what it publishes.
    ///
    /// # Errors
    /// What is missing or wrong; above all when it speaks for somebody else.
    pub fn parse(issuer: &str, body: &[u8]) -> Result<Self, String> {
        let published: Published = serde_json::from_slice(body).map_err(|error| {
            format!("what `{issuer}` publishes of itself is not as written: {error}")
        })?;
        let said = &published.issuer;
        if said.trim_end_matches('/') != issuer.trim_end_matches('/') {
            return Err(format!(
                "`{issuer}` calls itself `{said}`: set POCKETCI_OIDC_ISSUER to that"
            ));
        }
        let home = Url::parse(issuer).map_err(|_| format!("`{issuer}` is not an address"))?;
        let place = |text: &str| {
            let url = Url::parse(text).ok();
            // Where the provider itself has TLS, everything of it has.
            let fits = |url: &Url| {
                url.scheme() == "https"
                    || (home.scheme() == "http" && url.origin() == home.origin())
            };
            url.filter(fits)
                .ok_or_else(|| format!("`{issuer}` names the address `{text}`, which is not https"))
        };
        let methods = published.token_endpoint_auth_methods_supported;
        let groups = published.scopes_supported.iter().any(|scope| scope == "groups");
        Ok(Self {
            authorization: place(&published.authorization_endpoint)?,
            token: place(&published.token_endpoint)?,
            keys: place(&published.jwks_uri)?,
            userinfo: published.userinfo_endpoint.as_deref().map(place).transpose()?,
            scope: if groups { "openid profile email groups" } else { "openid profile email" }
                .to_owned(),
            // What counts where nothing is said.
            basic: methods
                .is_none_or(|methods| methods.iter().any(|it| it == "client_secret_basic")),
            issuer: published.issuer,
        })
    }

    /// Where a browser goes.
    pub fn address(&self, client: &str, attempt: &Attempt, back: &str) -> String {
        let mut url = self.authorization.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", client)
            .append_pair("redirect_uri", back)
            .append_pair("scope", &self.scope)
            .append_pair("state", &attempt.state)
            .append_pair("nonce", &attempt.nonce)
            .append_pair("code_challenge", &attempt.challenge)
            .append_pair("code_challenge_method", "S256");
        url.into()
    }

    /// The request that exchanges the code; the secret is in it unless it goes into a header, see
    /// [`Provider::basic`] and [`basic`].
    pub fn token_request(
        &self,
        client: (&str, &str),
        attempt: &Attempt,
        back: &str,
        code: &str,
    ) -> Request<Vec<u8>> {
        let mut pairs = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", back),
            ("code_verifier", attempt.verifier.as_str()),
        ];
        if !self.basic {
            pairs.extend([("client_id", client.0), ("client_secret", client.1)]);
        }
        post(self.token.as_str(), form(&pairs))
    }
}

/// A client's name and secret for a header, each as in a form.
pub fn basic(id: &str, secret: &str) -> SecretString {
    let part = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    SecretString::from(STANDARD.encode(format!("{}:{}", part(id), part(secret))))
}

/// What a provider gives for a code.
pub struct Tokens {
    /// Says who somebody is.
    pub id: String,
    /// Opens what else the provider says of them.
    pub access: Option<SecretString>,
}

/// The tokens in an answer.
///
/// # Errors
/// What the provider says instead.
pub fn tokens(body: &[u8]) -> Result<Tokens, String> {
    let body: Value =
        serde_json::from_slice(body).map_err(|_| "the answer is not JSON".to_owned())?;
    if let Some(refusal) = refusal(&body) {
        return Err(refusal);
    }
    let id = body["id_token"].as_str().ok_or("the answer holds no id_token")?.to_owned();
    Ok(Tokens { id, access: body["access_token"].as_str().map(SecretString::from) })
}

/// The request for a provider's keys, or for what it says of somebody.
pub fn request(address: &Url) -> Request<Vec<u8>> {
    get(address.as_str())
}

/// Whether what a token claims is about this attempt of this client, at this moment.
///
/// # Errors
/// What is wrong.
pub fn check(
    claims: &Claims,
    issuer: &str,
    client: &str,
    nonce: &str,
    now: Timestamp,
) -> Result<(), String> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let time = |name: &str| claims.get(name).and_then(Value::as_f64);
    let now = now.as_second() as f64;
    if text("iss") != Some(issuer) {
        return Err("the token is another issuer's".to_owned());
    }
    let (mine, others) = match claims.get("aud") {
        Some(Value::String(one)) => (one == client, false),
        Some(Value::Array(some)) => {
            (some.iter().any(|it| it == client), some.iter().any(|it| it != client))
        }
        _ => (false, false),
    };
    let party = text("azp");
    if !mine || party.is_some_and(|party| party != client) || (others && party.is_none()) {
        return Err("the token is for another client".to_owned());
    }
    if !time("exp").is_some_and(|end| now < end + LEEWAY) {
        return Err("the token is too old".to_owned());
    }
    if time("nbf").into_iter().chain(time("iat")).any(|from| from > now + LEEWAY) {
        return Err("the token is of the future: compare the clocks".to_owned());
    }
    if text("nonce") != Some(nonce) {
        return Err("the token is for another attempt".to_owned());
    }
    if subject(claims).is_none() {
        return Err("the token names nobody".to_owned());
    }
    Ok(())
}

/// The provider's id of somebody.
pub fn subject(claims: &Claims) -> Option<&str> {
    let subject = claims.get("sub")?.as_str()?;
    let fits = |c: char| !c.is_control();
    (!subject.is_empty() && subject.len() <= LONGEST_SUBJECT && subject.chars().all(fits))
        .then_some(subject)
}

/// What the provider says elsewhere of the same person; what is signed counts more.
pub fn add(claims: &mut Claims, body: &[u8]) {
    let Ok(more) = serde_json::from_slice::<Claims>(body) else { return };
    if more.get("sub").is_none() || more.get("sub") != claims.get("sub") {
        return;
    }
    // An address and whether it is proven belong together.
    let email = claims.contains_key("email") || claims.contains_key("email_verified");
    for (name, value) in more {
        if !(email && name.starts_with("email")) {
            claims.entry(name).or_insert(value);
        }
    }
}

/// What somebody is called: by themselves, by their address, or by their id.
pub fn login(claims: &Claims) -> String {
    let names = ["preferred_username", "nickname", "email", "name", "sub"];
    let names = names.iter().filter_map(|it| claims.get(*it)?.as_str()).map(name);
    names.into_iter().find(|name| !name.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
