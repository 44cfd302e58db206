//! Who asks, and whether they may.
//!
//! Every request but a forge's goes through [`identify`] before anything else looks at it; what is
//! not known to be for everybody is a page, and pages are for those who have signed in.

mod elsewhere;
mod lasting;
mod origin;
mod reach;
mod rights;
mod session;

pub(super) use elsewhere::{AT_ONCE, back, leave};
pub(super) use reach::People;
pub(super) use rights::Known;
pub(super) use session::{page, random, random_bytes, sign_in, sign_out};

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, HOST, HeaderName};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;

use super::Site;
use super::problem::Problem;
use crate::domain::actor::Actor;
use crate::domain::forge::{self, Headers};
use crate::domain::rights::Scope;
use crate::domain::sign_in::Person;
use crate::domain::token::{Fingerprint, PREFIX};
use crate::store::{PersonSession, StoreError};

const SIGN_IN: &str = "Sign in at /sign-in, or send a token as `Authorization: Bearer pci_…`; \
                       `pocketci-agent tokens create` makes one";

/// What proxies add: whoever they speak for is elsewhere.
const FORWARDED: [HeaderName; 4] = [
    http::header::FORWARDED,
    http::header::VIA,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-real-ip"),
];

/// Whoever sent a request, as far as they have proven it.
#[derive(Debug, Clone)]
pub(super) struct Asker {
    proven: Proven,
    /// The request was made on this machine, as far as its headers tell.
    here: bool,
    /// What they have proven it with.
    key: Option<Key>,
}

#[derive(Debug, Clone)]
enum Proven {
    Nothing,
    Token {
        name: String,
        scope: Scope,
    },
    Local,
    /// With what the operator gives them in every repository, beside what their forge does.
    Person {
        person: Arc<Person>,
        scope: Option<Scope>,
    },
}

/// Something that is shown with each request.
#[derive(Debug, Clone, Copy)]
enum Key {
    Token(Fingerprint),
    Session(Fingerprint),
}

/// Marks a request that came by the agent's own socket, from the agent's own user.
#[derive(Debug, Clone, Copy)]
pub(super) struct OwnUser;

/// For everybody, and more of it for those who may see more.
const READY: &str = "/readyz";

/// Whom a path is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    /// Forges, who prove themselves otherwise, and those who look whether the agent is there.
    Everybody,
    /// Whoever wants to sign in or out.
    Strangers,
    Programs,
    People,
}

impl For {
    fn of(request: &Request) -> Self {
        let path = request.uri().path();
        let below = |folder: &str| path.starts_with(folder);
        match path {
            "/" if request.method() == Method::POST => Self::Everybody,
            // A forge that is told to send its webhooks so, and told that this does not work.
            "/" if forge::recognised(&Headers::from_http(request.headers())).is_some() => {
                Self::Everybody
            }
            "/healthz" | READY | "/metrics" | "/version" => Self::Everybody,
            "/sign-in" | "/sign-out" => Self::Strangers,
            _ if below("/sign-in/") => Self::Strangers,
            _ if below("/webhooks/") || below("/assets/") => Self::Everybody,
            _ if below("/api/") => Self::Programs,
            _ => Self::People,
        }
    }
}

/// Finds out who asks, and shows people without a name the way in.
pub(super) async fn identify(
    State(site): State<Arc<Site>>,
    mut request: Request,
    next: Next,
) -> Response {
    let whom = For::of(&request);
    if whom == For::Everybody {
        if request.uri().path() == READY {
            // A name that counts no longer is none here: whoever probes is told all the same.
            let own = request.extensions().get::<OwnUser>().is_some();
            if let Ok(asker) = site.asker(request.headers(), own).await {
                request.extensions_mut().insert(asker);
            }
        }
        return next.run(request).await;
    }
    if !request.method().is_safe()
        && let Err(problem) = origin::same(request.headers(), &site.app.public_url)
    {
        return problem.into_response();
    }
    let own = request.extensions().get::<OwnUser>().is_some();
    let asker = match site.asker(request.headers(), own).await {
        Ok(asker) => asker,
        Err(problem) => return problem.into_response(),
    };
    let page = whom == For::People && request.method().is_safe();
    let back = page.then(|| request.uri().path_and_query().map(ToString::to_string)).flatten();
    if whom == For::People && !site.has_readers(&asker) {
        return session::sign_in_first(back);
    }
    request.extensions_mut().insert(asker);
    let response = next.run(request).await;
    if page && response.status() == StatusCode::UNAUTHORIZED {
        return session::sign_in_first(back);
    }
    response
}

impl<S: Send + Sync> FromRequestParts<S> for Asker {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let asker = parts.extensions.get::<Self>().cloned();
        Ok(asker.unwrap_or(Self { proven: Proven::Nothing, here: false, key: None }))
    }
}

impl Asker {
    /// Whom an act is put down to.
    ///
    /// # Errors
    /// 401 where nobody has signed in.
    pub(super) fn actor(&self) -> Result<Actor, Problem> {
        match &self.proven {
            Proven::Nothing => Err(Problem::new(StatusCode::UNAUTHORIZED, SIGN_IN)),
            Proven::Token { name, .. } => Ok(Actor::Token(name.clone())),
            Proven::Local => Ok(Actor::Local),
            Proven::Person { person, .. } => Ok(person.actor()),
        }
    }

    /// What people call them; none: nobody has signed in.
    pub(super) fn name(&self) -> Option<String> {
        self.actor().ok().map(|actor| actor.name())
    }
}

impl Site {
    /// # Errors
    /// 401 for a token that is not known any more.
    async fn asker(&self, headers: &HeaderMap, own_user: bool) -> Result<Asker, Problem> {
        let here = is_here(headers);
        if own_user {
            return Ok(Asker { proven: Proven::Local, here, key: None });
        }
        let key = match (bearer(headers), self.cookie(headers)) {
            (Some(text), _) => Key::Token(Fingerprint::of(text)),
            (None, Some(cookie)) => Key::Session(Fingerprint::of(cookie)),
            (None, None) => return Ok(Asker { proven: Proven::Nothing, here, key: None }),
        };
        let proven = self.proof(&key).await?;
        if matches!((&key, &proven), (Key::Token(_), Proven::Nothing)) {
            let unknown = "The token is not known here, or was revoked: see `tokens list`";
            return Err(Problem::new(StatusCode::UNAUTHORIZED, unknown));
        }
        Ok(Asker { proven, here, key: Some(key) })
    }

    /// What somebody proves with what they show.
    async fn proof(&self, key: &Key) -> Result<Proven, StoreError> {
        let store = &self.app.store;
        let token = match key {
            Key::Token(of) => store.token(*of).await?,
            Key::Session(of) => store.session(*of, Timestamp::now()).await?,
        };
        if let Some(token) = token {
            // Nobody waits for this to be on the disk.
            let (store, used) = (store.clone(), token.clone());
            tokio::spawn(async move {
                if let Err(error) = store.note_token(&used, Timestamp::now()).await {
                    tracing::warn!(%error, "Cannot write down that a token was used");
                }
            });
            return Ok(Proven::Token { name: token.name, scope: token.scope });
        }
        let Key::Session(of) = key else { return Ok(Proven::Nothing) };
        let session = store.person_session(*of, Timestamp::now()).await?;
        // What the operator has set up otherwise since then counts.
        let stands = |session: &PersonSession| {
            let way = self.app.ways.iter().find(|way| way.word() == session.way);
            way.is_some_and(|way| Fingerprint::of(&way.basis()) == session.basis)
        };
        Ok(session.filter(stands).map_or(Proven::Nothing, |session| {
            let admin = self.app.admins.has(&session.person).then_some(Scope::Admin);
            let scope = admin.max(session.person.scope);
            Proven::Person { person: Arc::new(session.person), scope }
        }))
    }
}

/// The token of ours that a request brings; other credentials are somebody else's.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, text) = value.split_once(' ')?;
    let text = text.trim();
    (scheme.eq_ignore_ascii_case("bearer") && text.starts_with(PREFIX)).then_some(text)
}

/// Whether a request to a loopback address was made here and for here: not passed on by a proxy,
/// and not by a page whose name somebody has pointed at this machine.
fn is_here(headers: &HeaderMap) -> bool {
    if FORWARDED.iter().any(|name| headers.contains_key(name)) {
        return false;
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
