//! GitHub's own way (OAuth, without OpenID): a code for a token, the token for a name, and the
//! token is forgotten.

use http::Request;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::{Attempt, form, get, name, post, refusal};
use crate::domain::event::Sender;

/// An OAuth App, or the OAuth side of a GitHub App.
#[derive(Debug, Clone)]
pub struct OAuthApp {
    pub id: String,
    pub secret: SecretString,
}

/// Where a browser goes. Nothing is asked for: who somebody is can be seen without a scope.
pub fn address(root: &Url, app: &str, attempt: &Attempt, back: &str) -> String {
    let mut url = root.clone();
    url.set_path(&format!("{}/login/oauth/authorize", root.path().trim_end_matches('/')));
    url.query_pairs_mut()
        .append_pair("client_id", app)
        .append_pair("redirect_uri", back)
        .append_pair("state", &attempt.state)
        .append_pair("code_challenge", &attempt.challenge)
        .append_pair("code_challenge_method", "S256")
        .append_pair("allow_signup", "false");
    url.into()
}

/// The request that exchanges the code.
pub fn token_request(
    root: &Url,
    app: (&str, &str),
    attempt: &Attempt,
    back: &str,
    code: &str,
) -> Request<Vec<u8>> {
    let address = format!("{}/login/oauth/access_token", root.as_str().trim_end_matches('/'));
    let body = form(&[
        ("client_id", app.0),
        ("client_secret", app.1),
        ("code", code),
        ("redirect_uri", back),
        ("code_verifier", &attempt.verifier),
    ]);
    post(&address, body)
}

/// The token in its answer.
///
/// # Errors
/// What GitHub says instead; it answers 200 all the same.
pub fn token(body: &[u8]) -> Result<SecretString, String> {
    let body: Value =
        serde_json::from_slice(body).map_err(|_| "the answer is not JSON".to_owned())?;
    if let Some(refusal) = refusal(&body) {
        return Err(refusal);
    }
    let token = body["access_token"].as_str().filter(|token| !token.is_empty());
    token.map(SecretString::from).ok_or_else(|| "the answer holds no token".to_owned())
}

/// The request for whose token it is.
pub fn user_request(api: &str) -> Request<Vec<u8>> {
    get(&format!("{api}/user"))
}

#[derive(Deserialize)]
struct User {
    id: u64,
    login: String,
}

/// Who they are; none when the answer does not say.
pub fn user(body: &[u8]) -> Option<Sender> {
    let user: User = serde_json::from_slice(body).ok()?;
    let login = name(&user.login);
    (user.id > 0 && !login.is_empty()).then(|| Sender { login, id: user.id.to_string() })
}

#[cfg(test)]
mod tests;
