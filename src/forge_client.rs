//! Sends requests to a forge's API, with the operator's token and to that forge alone.
//!
//! It does not know what the requests mean: `domain::forge` builds them and reads the answers.
//! It never follows a redirect, because a redirect decides where a token goes.

mod app;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::header::{AUTHORIZATION, HeaderValue};
use http::{Request, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Origin, Url};

use crate::domain::forge::{Answer, TokenScheme};
use crate::domain::ids::RepoName;

pub use app::{App, Watcher};

/// Bounds name lookup, TCP and TLS together.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Bounds a whole request, its answer included.
const TOTAL_LIMIT: Duration = Duration::from_secs(30);
/// Bounds what is kept of an answer; the answers that we read have a few kilobytes.
const ANSWER_LIMIT: usize = 1024 * 1024;

/// A forge's API with the credentials for it.
pub struct ForgeClient {
    /// Scheme, host and port that the token may be sent to: those of `api`.
    home: Origin,
    access: Access,
    scheme: TokenScheme,
    /// Built at the first request: TLS roots and buffers cost an idle agent two megabytes.
    http: OnceLock<reqwest::Client>,
}

/// What requests are sent with.
enum Access {
    Nothing,
    Token(SecretString),
    /// The token that fits what is asked for.
    App(Arc<App>),
}

/// The forge gave no answer, or no token to ask it with; why, without a token and without the
/// query of the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreachable(Answer);

impl Unreachable {
    fn new(why: String) -> Self {
        Self(Answer::Retry { why })
    }

    /// What it means for what we owe the forge.
    pub fn into_answer(self) -> Answer {
        self.0
    }
}

impl std::error::Error for Unreachable {}

impl std::fmt::Display for Unreachable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Answer::NotYet { why }
            | Answer::Retry { why }
            | Answer::Limited { why, .. }
            | Answer::Refused { why, .. }
            | Answer::Never { why } => f.write_str(why),
            Answer::Done { .. } => Ok(()),
        }
    }
}

impl ForgeClient {
    /// A client for the API at `api` (a base address) of the forge at `origin`; nothing is
    /// opened yet. An `api` that is no address falls back to `origin`.
    pub fn new(origin: Url, api: String, token: Option<SecretString>) -> Self {
        let home = Url::parse(&api).map_or_else(|_| origin.origin(), |api| api.origin());
        let access = token.map_or(Access::Nothing, Access::Token);
        Self { home, access, scheme: TokenScheme::Bearer, http: OnceLock::new() }
    }

    /// The same, showing its token in another way.
    pub fn with_scheme(self, scheme: TokenScheme) -> Self {
        Self { scheme, ..self }
    }

    /// A client that asks as an App, with the token that fits what is asked for.
    pub fn of_app(origin: Url, api: String, app: Arc<App>) -> Self {
        Self { access: Access::App(app), ..Self::new(origin, api, None) }
    }

    /// Whether there is a token to send.
    pub fn has_token(&self) -> bool {
        !matches!(self.access, Access::Nothing)
    }

    /// The App that it asks as.
    pub fn app(&self) -> Option<&App> {
        match &self.access {
            Access::App(app) => Some(app),
            Access::Nothing | Access::Token(_) => None,
        }
    }

    /// The App's token for a repository, where it asks as an App.
    ///
    /// # Errors
    /// When the forge gives none.
    pub async fn token_of(
        &self,
        repository: &RepoName,
    ) -> Result<Option<SecretString>, Unreachable> {
        match &self.access {
            Access::App(app) => app.token(self, repository).await.map(Some),
            Access::Nothing | Access::Token(_) => Ok(None),
        }
    }

    /// Sends a request to the API and returns whatever it answers, redirects and errors too.
    ///
    /// # Errors
    /// A request to another scheme, host or port is not sent at all; else the network's failure.
    pub async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Unreachable> {
        self.send_for(request, ANSWER_LIMIT).await
    }

    /// The same for an answer of up to `limit` bytes.
    ///
    /// # Errors
    /// As [`ForgeClient::send`].
    pub async fn send_for(
        &self,
        request: Request<Vec<u8>>,
        limit: usize,
    ) -> Result<Response<Vec<u8>>, Unreachable> {
        let address = request.uri().to_string();
        // Before anything is made for it: what leads elsewhere gets no token.
        self.address(request.uri())?;
        let app = match &self.access {
            Access::Nothing => return self.exchange(request, None, limit).await,
            Access::Token(token) => return self.exchange(request, Some(token), limit).await,
            Access::App(app) => app,
        };
        let Some(token) = app.token_for(self, &address).await? else {
            return self.exchange(request, None, limit).await;
        };
        let answer = self.exchange(request.clone(), Some(&token), limit).await?;
        // Tokens are revoked before they end: once more, with a new one.
        if answer.status() != StatusCode::UNAUTHORIZED || !app.refused(&address, &token).await {
            return Ok(answer);
        }
        let Some(token) = app.token_for(self, &address).await? else { return Ok(answer) };
        self.exchange(request, Some(&token), limit).await
    }

    /// Sends a request with credentials that are not the agent's own.
    ///
    /// # Errors
    /// As [`ForgeClient::send`].
    pub async fn send_with(
        &self,
        request: Request<Vec<u8>>,
        scheme: TokenScheme,
        token: &SecretString,
    ) -> Result<Response<Vec<u8>>, Unreachable> {
        self.exchange_with(request, scheme, Some(token), ANSWER_LIMIT).await
    }

    /// Sends a request with this token.
    async fn exchange(
        &self,
        request: Request<Vec<u8>>,
        token: Option<&SecretString>,
        limit: usize,
    ) -> Result<Response<Vec<u8>>, Unreachable> {
        self.exchange_with(request, self.scheme, token, limit).await
    }

    async fn exchange_with(
        &self,
        request: Request<Vec<u8>>,
        scheme: TokenScheme,
        token: Option<&SecretString>,
        limit: usize,
    ) -> Result<Response<Vec<u8>>, Unreachable> {
        let (mut head, body) = request.into_parts();
        let url = self.address(&head.uri)?;
        head.headers.remove(AUTHORIZATION);
        if let Some(token) = token {
            head.headers.insert(AUTHORIZATION, authorization(scheme, token)?);
        }
        let place = format!("{} {}", head.method, shown(&url));
        let failed =
            |error: reqwest::Error| Unreachable::new(format!("{place}: {}", reason(error)));

        let request = self.http()?.request(head.method, url).headers(head.headers).body(body);
        let mut answer = request.send().await.map_err(failed)?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > limit {
                let mib = limit / (1024 * 1024);
                return Err(Unreachable::new(format!("{place}: The answer is over {mib} MiB")));
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = Response::new(body);
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }

    /// The request's address, if it lies at home.
    fn address(&self, uri: &http::Uri) -> Result<Url, Unreachable> {
        let url = Url::parse(&uri.to_string())
            .map_err(|error| Unreachable::new(format!("`{uri}` is not an address: {error}")))?;
        if url.origin() == self.home && url.username().is_empty() && url.password().is_none() {
            return Ok(url);
        }
        let (there, home) = (shown(&url), self.home.ascii_serialization());
        Err(Unreachable::new(format!(
            "Did not send a request to `{there}`: only `{home}` is configured as the forge's API"
        )))
    }

    fn http(&self) -> Result<&reqwest::Client, Unreachable> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let builder = reqwest::Client::builder();
        // A proxy of the environment would look for this machine's own addresses at its own place.
        let builder = if is_loopback(&self.home) { builder.no_proxy() } else { builder };
        let built = builder
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_LIMIT)
            .timeout(TOTAL_LIMIT)
            .user_agent(concat!("pocketci-agent/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Unreachable::new(format!("Cannot set up TLS: {}", reason(error))))?;
        Ok(self.http.get_or_init(|| built))
    }
}

impl std::fmt::Debug for ForgeClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ForgeClient").field("home", &self.home).finish_non_exhaustive()
    }
}

/// Whether it is an address of this machine that no other can reach.
fn is_loopback(origin: &Origin) -> bool {
    let Origin::Tuple(_, host, _) = origin else { return false };
    match host {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
        Host::Domain(name) => name == "localhost",
    }
}

/// The header for a token; marked so that no library prints it.
fn authorization(scheme: TokenScheme, token: &SecretString) -> Result<HeaderValue, Unreachable> {
    let scheme = match scheme {
        TokenScheme::Bearer => "Bearer",
        TokenScheme::Token => "token",
        TokenScheme::Basic => "Basic",
    };
    let mut value = HeaderValue::from_str(&format!("{scheme} {}", token.expose_secret()))
        .map_err(|_| Unreachable::new("The forge token holds a line break or other control character: set it again, without one".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// An address without what may be private: user, password, query.
fn shown(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

/// An error with everything beneath it; reqwest's own text says little and repeats the address.
fn reason(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return "No answer in time".to_owned();
    }
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(below) = cause {
        text = format!("{text}: {below}");
        cause = below.source();
    }
    text
}

#[cfg(test)]
mod tests;
