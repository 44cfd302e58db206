//! Who asks, and whether they may.
//!
//! Every request but a forge's goes through [`identify`] before anything else looks at it; what is
//! not known to be for everybody is a page, and pages are for those who have signed in.

mod origin;
mod session;

pub(super) use session::{page, sign_in, sign_out};

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, HOST, HeaderName};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use tokio::sync::Mutex;

use super::Site;
use super::problem::Problem;
use crate::domain::actor::Actor;
use crate::domain::forge::{self, Headers};
use crate::domain::ids::{ForgeId, RepoName};
use crate::domain::rights::{Deed, Readers, Scope, Who, may};
use crate::domain::token::{Fingerprint, PREFIX};
use crate::store::{StoreError, TokenView};

/// How long it is remembered which repositories are public.
const REMEMBERED: Duration = Duration::from_secs(10);

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
}

#[derive(Debug, Clone)]
enum Proven {
    Nothing,
    Token { name: String, scope: Scope },
    Local,
}

/// Marks a request that came by the agent's own socket, from the agent's own user.
#[derive(Debug, Clone, Copy)]
pub(super) struct OwnUser;

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
            "/healthz" | "/readyz" | "/metrics" | "/version" => Self::Everybody,
            "/sign-in" | "/sign-out" => Self::Strangers,
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
        Ok(asker.unwrap_or(Self { proven: Proven::Nothing, here: false }))
    }
}

impl Asker {
    fn token(token: &TokenView, here: bool) -> Self {
        let (name, scope) = (token.name.clone(), token.scope);
        Self { proven: Proven::Token { name, scope }, here }
    }

    /// With what rights, where it is about this repository.
    fn who(&self) -> Who {
        match &self.proven {
            Proven::Nothing => Who::Anyone,
            Proven::Token { scope, .. } => Who::Scoped(*scope),
            Proven::Local => Who::Local,
        }
    }

    /// Whom an act is put down to.
    ///
    /// # Errors
    /// 401 where nobody has signed in.
    pub(super) fn actor(&self) -> Result<Actor, Problem> {
        match &self.proven {
            Proven::Nothing => Err(Problem::new(StatusCode::UNAUTHORIZED, SIGN_IN)),
            Proven::Token { name, .. } => Ok(Actor::Token(name.clone())),
            Proven::Local => Ok(Actor::Local),
        }
    }

    /// What people call them; none: nobody has signed in.
    pub(super) fn name(&self) -> Option<String> {
        self.actor().ok().map(|actor| actor.name())
    }
}

/// Which repositories are public, as of a moment ago.
#[derive(Debug, Default)]
pub(super) struct Public(Mutex<Option<(Instant, Repositories)>>);

type Repositories = Arc<Vec<(ForgeId, RepoName)>>;

impl Site {
    /// # Errors
    /// 401 for a token that is not known any more.
    async fn asker(&self, headers: &HeaderMap, own_user: bool) -> Result<Asker, Problem> {
        let here = is_here(headers);
        if own_user {
            return Ok(Asker { proven: Proven::Local, here });
        }
        let store = &self.app.store;
        let token = if let Some(text) = bearer(headers) {
            let token = store.token(Fingerprint::of(text)).await?;
            let unknown = "The token is not known here, or was revoked: see `tokens list`";
            Some(token.ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, unknown))?)
        } else if let Some(cookie) = self.cookie(headers) {
            store.session(Fingerprint::of(cookie), Timestamp::now()).await?
        } else {
            None
        };
        let Some(token) = token else { return Ok(Asker { proven: Proven::Nothing, here }) };
        // Nobody waits for this to be on the disk.
        let (store, used) = (store.clone(), token.clone());
        tokio::spawn(async move {
            if let Err(error) = store.note_token(&used, Timestamp::now()).await {
                tracing::warn!(%error, "Cannot write down that a token was used");
            }
        });
        Ok(Asker::token(&token, here))
    }

    /// Whether there is anything that the asker may read.
    fn has_readers(&self, asker: &Asker) -> bool {
        asker.who() != Who::Anyone
            || match self.app.readers {
                Readers::None => false,
                Readers::ThisMachine => asker.here,
                Readers::Public | Readers::All => true,
            }
    }

    /// Whether everybody may read the runs of this repository; of all, where none is named.
    async fn is_open(
        &self,
        asker: &Asker,
        about: Option<(ForgeId, &RepoName)>,
    ) -> Result<bool, StoreError> {
        Ok(match (self.app.readers, about) {
            (Readers::All, _) => true,
            (Readers::ThisMachine, _) => asker.here,
            (Readers::None, _) | (Readers::Public, None) => false,
            (Readers::Public, Some((forge, name))) => {
                self.public().await?.iter().any(|it| it.0 == forge && it.1 == *name)
            }
        })
    }

    async fn public(&self) -> Result<Repositories, StoreError> {
        let mut known = self.public.0.lock().await;
        match &*known {
            Some((at, public)) if at.elapsed() < REMEMBERED => Ok(Arc::clone(public)),
            _ => {
                let public = Arc::new(self.app.store.public_repositories().await?);
                *known = Some((Instant::now(), Arc::clone(&public)));
                Ok(public)
            }
        }
    }

    /// Whether the asker may do this, with a repository where it is about one.
    ///
    /// # Errors
    /// 401 where signing in may help, 403 where it does not, and 404 where the asker may not know
    /// that there is such a repository.
    pub(super) async fn demand(
        &self,
        asker: &Asker,
        deed: Deed,
        about: Option<(ForgeId, &RepoName)>,
    ) -> Result<(), Problem> {
        let open = deed == Deed::See && self.is_open(asker, about).await?;
        if may(&asker.who(), deed, open) {
            return Ok(());
        }
        Err(match &asker.proven {
            Proven::Token { name, scope } => Problem::new(
                StatusCode::FORBIDDEN,
                format!("The token `{name}` has the scope `{scope}`, which is not enough for this"),
            ),
            Proven::Nothing | Proven::Local => Problem::new(StatusCode::UNAUTHORIZED, SIGN_IN),
        })
    }

    /// The repositories that the asker may see; none: all.
    pub(super) async fn visible(
        &self,
        asker: &Asker,
    ) -> Result<Option<Vec<(ForgeId, RepoName)>>, Problem> {
        let open = self.is_open(asker, None).await?;
        if may(&asker.who(), Deed::See, open) {
            return Ok(None);
        }
        if self.app.readers == Readers::Public {
            return Ok(Some(self.public().await?.to_vec()));
        }
        Err(Problem::new(StatusCode::UNAUTHORIZED, SIGN_IN))
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
