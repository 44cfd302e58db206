//! Signing in through a provider: there, and back.
//!
//! Of an attempt nothing is kept here. The browser has a random text in a cookie, which goes after
//! ten minutes, and everything that the attempt is recognised by is made from it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{HeaderValue, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use tokio::time::timeout;

use super::origin;
use super::session::{self, LASTS, field, going, place};
use crate::domain::sign_in::{Arrival, Attempt, Failed, Way};
use crate::domain::token::Fingerprint;
use crate::store::PersonSession;
use crate::web::problem::Problem;
use crate::web::{Site, pages};

/// How many may be on their way at once: each makes us ask a provider.
pub(in crate::web) const AT_ONCE: usize = 16;
/// How long a browser may be away.
const AWAY: Duration = Duration::from_secs(10 * 60);
/// How long a provider is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a session lasts whose rights the provider is not asked for again.
const GIVEN: Duration = Duration::from_secs(12 * 60 * 60);
/// The longest code that any provider makes.
const LONGEST: usize = 4096;

/// What a browser keeps of an attempt while it is away.
struct Away {
    secret: String,
    way: String,
    next: String,
}

impl Away {
    fn written(&self) -> String {
        format!("{}.{}.{}", self.secret, self.way, URL_SAFE_NO_PAD.encode(&self.next))
    }

    fn read(cookie: &str) -> Option<Self> {
        let mut parts = cookie.split('.');
        let (secret, way, next) = (parts.next()?, parts.next()?, parts.next()?);
        let next = String::from_utf8(URL_SAFE_NO_PAD.decode(next).ok()?).ok();
        let secret = Some(secret).filter(|it| it.len() == 64)?.to_owned();
        Some(Self { secret, way: way.to_owned(), next: place(next) })
    }
}

/// Why somebody is not signed in, with the status and the words for them.
struct Trouble(StatusCode, String);

impl Trouble {
    fn again(why: &str) -> Self {
        Self(StatusCode::BAD_REQUEST, format!("{why}. Begin again"))
    }

    fn of(failed: Failed, way: &dyn Way) -> Self {
        let name = way.name();
        match failed {
            Failed::Unreachable(why) => {
                tracing::warn!(way = way.word(), why, "A provider cannot be asked who somebody is");
                let words = format!(
                    "{name} does not answer as it should. Try again in a moment; the agent's log says more"
                );
                Self(StatusCode::BAD_GATEWAY, words)
            }
            Failed::Refused(why) => {
                tracing::warn!(way = way.word(), why, "Somebody was not signed in");
                let words = format!(
                    "{name} does not confirm who you are. Begin again; if it stays so, the agent's log says why"
                );
                Self(StatusCode::FORBIDDEN, words)
            }
            Failed::NoRights { login } => {
                tracing::info!(
                    way = way.word(),
                    login,
                    "Somebody was not signed in: no right of POCKETCI_OIDC_RIGHTS is theirs"
                );
                let words = format!(
                    "{name} knows you as {login}, who may see nothing here. Whoever runs this agent can change that"
                );
                Self(StatusCode::FORBIDDEN, words)
            }
        }
    }
}

/// `GET /sign-in/{way}`: to the provider.
pub(in crate::web) async fn leave(
    State(site): State<Arc<Site>>,
    Path(word): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Some(way) = site.way(&word) else { return Ok(pages::Trouble::NoSuchPage.into_response()) };
    origin::same(&headers, &site.app.public_url)?;
    let next = place(field(query.unwrap_or_default().as_bytes(), "next"));
    let away = Away { secret: session::random()?, way: word, next };
    let attempt = Attempt::of(&away.secret);
    let address = match site.to(&*way, &attempt).await {
        Ok(address) => address,
        Err(trouble) => return Ok(site.not_signed_in(trouble, away.next)),
    };
    let cookie = site.cookie_text(&site.away_name(), &away.written(), AWAY);
    Ok(going(&address, Some(&cookie)))
}

/// `GET /sign-in/{way}/back`: from the provider.
pub(in crate::web) async fn back(
    State(site): State<Arc<Site>>,
    Path(word): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Some(way) = site.way(&word) else { return Ok(pages::Trouble::NoSuchPage.into_response()) };
    let query = query.unwrap_or_default();
    let away = site.cookie_of(&headers, &site.away_name()).and_then(Away::read);
    let next = away.as_ref().map_or_else(|| place(None), |away| away.next.clone());
    let person = match site.from(&*way, away.filter(|away| away.way == word), &query).await {
        Ok(person) => person,
        Err(trouble) => return Ok(site.not_signed_in(trouble, next)),
    };
    let (cookie, now) = (session::random()?, Timestamp::now());
    let lasts = if person.scope.is_some() { GIVEN } else { LASTS };
    let basis = Fingerprint::of(&way.basis());
    let session = PersonSession { way: word, basis, person };
    let store = &site.app.store;
    if let Some(old) = site.cookie(&headers) {
        store.end_session(Fingerprint::of(old)).await?;
    }
    store.begin_person_session(Fingerprint::of(&cookie), &session, now, now + lasts).await?;
    tracing::info!(way = session.way, login = session.person.login, "Somebody has signed in");
    let mut response = going(&next, Some(&site.set_cookie(&cookie, lasts)));
    site.forget_away(&mut response);
    Ok(response)
}

impl Site {
    fn way(&self, word: &str) -> Option<Arc<dyn Way>> {
        self.app.ways.iter().find(|way| way.word() == word).map(Arc::clone)
    }

    /// The address that a provider sends browsers back to, letter by letter as it is known there.
    fn back_from(&self, way: &dyn Way) -> String {
        format!("{}/sign-in/{}/back", self.app.public_url.trim_end_matches('/'), way.word())
    }

    async fn to(&self, way: &dyn Way, attempt: &Attempt) -> Result<String, Trouble> {
        self.asking(way, way.leave(attempt, &self.back_from(way))).await
    }

    async fn asking<T>(
        &self,
        way: &dyn Way,
        answer: impl Future<Output = Result<T, Failed>>,
    ) -> Result<T, Trouble> {
        let Ok(_permit) = self.arrivals.try_acquire() else {
            let words = "Too many people are signing in at this moment. Try again in a moment";
            return Err(Trouble(StatusCode::SERVICE_UNAVAILABLE, words.to_owned()));
        };
        let late = || Err(Failed::Unreachable("no answer in time".to_owned()));
        let answer = timeout(PATIENCE, answer).await.unwrap_or_else(|_| late());
        answer.map_err(|failed| Trouble::of(failed, way))
    }

    /// Who came back, if it was to a question of ours to this browser.
    async fn from(
        &self,
        way: &dyn Way,
        away: Option<Away>,
        query: &str,
    ) -> Result<crate::domain::sign_in::Person, Trouble> {
        let Some(away) = away else {
            let root = self.app.public_url.trim_end_matches('/');
            return Err(Trouble::again(&format!(
                "You were away for too long, or this browser did not begin at {root}"
            )));
        };
        let attempt = Attempt::of(&away.secret);
        let value = |name: &str| field(query.as_bytes(), name);
        if value("state").is_none_or(|state| !is_same(&state, &attempt.state)) {
            return Err(Trouble::again("This is the answer to another attempt"));
        }
        if let Some(error) = value("error") {
            let name = way.name();
            return Err(match error.as_str() {
                "access_denied" => Trouble(
                    StatusCode::FORBIDDEN,
                    format!("You have not let {name} say who you are"),
                ),
                _ => Trouble::of(Failed::Refused(error.chars().take(80).collect()), way),
            });
        }
        let code = value("code").filter(|code| (1..=LONGEST).contains(&code.len()));
        let Some(code) = code else {
            return Err(Trouble::again("The answer is not whole"));
        };
        let issuer = value("iss");
        let arrival = Arrival { code: &code, issuer: issuer.as_deref(), now: Timestamp::now() };
        self.asking(way, way.arrive(&attempt, &self.back_from(way), arrival)).await
    }

    fn not_signed_in(&self, Trouble(status, words): Trouble, next: String) -> Response {
        let mut response = self.sign_in_page(status, next, None, Some(words));
        self.forget_away(&mut response);
        response
    }

    fn away_name(&self) -> String {
        format!("{}-sign-in", self.cookie_name())
    }

    /// An attempt counts once.
    fn forget_away(&self, response: &mut Response) {
        let cookie = self.cookie_text(&self.away_name(), "", Duration::ZERO);
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    }
}

fn is_same(one: &str, other: &str) -> bool {
    one.len() == other.len() && openssl::memcmp::eq(one.as_bytes(), other.as_bytes())
}
