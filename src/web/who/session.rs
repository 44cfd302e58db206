//! Sessions of people: a cookie, its page, and its end.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::header::{COOKIE, HeaderValue, LOCATION, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;

use super::Asker;
use crate::domain::sign_in::Way;
use crate::domain::token::Fingerprint;
use crate::web::Site;
use crate::web::pages;
use crate::web::problem::Problem;

/// How long a session lasts.
pub(super) const LASTS: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Where to go when nobody has said.
const HOME: &str = "/runs";

/// The way in.
#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    /// Where to go then.
    next: String,
    /// Who is signed in already.
    name: Option<String>,
    /// What one can sign in through.
    ways: Vec<WayLink>,
    /// Why somebody is not signed in.
    trouble: Option<String>,
}

/// Something that one can sign in through.
struct WayLink {
    name: String,
    address: String,
}

/// `GET /sign-in`.
pub(in crate::web) async fn page(
    State(site): State<Arc<Site>>,
    asker: Asker,
    RawQuery(query): RawQuery,
) -> Response {
    let next = field(query.unwrap_or_default().as_bytes(), "next");
    site.sign_in_page(StatusCode::OK, place(next), asker.name(), None)
}

/// `POST /sign-in`: a token for a cookie.
pub(in crate::web) async fn sign_in(
    State(site): State<Arc<Site>>,
    body: Body,
) -> Result<Response, Problem> {
    let form = site.bytes(body).await?;
    let next = place(field(&form, "next"));
    let text = field(&form, "token").unwrap_or_default();
    let Some(token) = site.app.store.token(Fingerprint::of(text.trim())).await? else {
        let words = "That token is not known here, or it was revoked".to_owned();
        return Ok(site.sign_in_page(StatusCode::FORBIDDEN, next, None, Some(words)));
    };
    let (cookie, now) = (random()?, Timestamp::now());
    let fingerprint = Fingerprint::of(&cookie);
    site.app.store.begin_session(fingerprint, token.id, now, now + LASTS).await?;
    tracing::info!(token = token.name, "Somebody has signed in");
    Ok(going(&next, Some(&site.set_cookie(&cookie, LASTS))))
}

/// `POST /sign-out`.
pub(in crate::web) async fn sign_out(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if let Some(cookie) = site.cookie(&headers) {
        site.app.store.end_session(Fingerprint::of(cookie)).await?;
        site.ended.send_replace(());
    }
    Ok(going("/sign-in", Some(&site.set_cookie("", Duration::ZERO))))
}

/// Shows the way in, and back from there; what was no question for a page is refused.
pub(super) fn sign_in_first(back: Option<String>) -> Response {
    match back {
        Some(back) => {
            let next: String = form_urlencoded::byte_serialize(back.as_bytes()).collect();
            going(&format!("/sign-in?next={next}"), None)
        }
        None => Problem::new(StatusCode::UNAUTHORIZED, super::SIGN_IN).into_response(),
    }
}

impl Site {
    /// Whether browsers come by https.
    fn is_secure(&self) -> bool {
        self.app.tls.is_some() || self.app.public_url.starts_with("https://")
    }

    pub(super) fn cookie_name(&self) -> &'static str {
        // The prefix wants `Secure`, and such a cookie is not kept of plain http.
        if self.is_secure() { "__Host-pocketci" } else { "pocketci" }
    }

    /// The session's cookie of a request.
    pub(super) fn cookie<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        self.cookie_of(headers, self.cookie_name())
    }

    pub(super) fn cookie_of<'a>(&self, headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
        let values = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pairs = values.flat_map(|value| value.split(';'));
        let mut pairs = pairs.filter_map(|pair| pair.trim().split_once('='));
        let (_, value) = pairs.find(|(found, _)| *found == name)?;
        Some(value).filter(|value| !value.is_empty())
    }

    pub(super) fn set_cookie(&self, value: &str, lasts: Duration) -> String {
        self.cookie_text(self.cookie_name(), value, lasts)
    }

    pub(super) fn cookie_text(&self, name: &str, value: &str, lasts: Duration) -> String {
        let seconds = lasts.as_secs();
        let secure = if self.is_secure() { "; Secure" } else { "" };
        format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
    }

    /// The way in, also with why somebody is not in yet.
    pub(super) fn sign_in_page(
        &self,
        status: StatusCode,
        next: String,
        name: Option<String>,
        trouble: Option<String>,
    ) -> Response {
        let then: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let link = |way: &Arc<dyn Way>| WayLink {
            name: way.name().to_owned(),
            address: format!("/sign-in/{}?next={then}", way.word()),
        };
        let ways = self.app.ways.iter().map(link).collect();
        let page = SignInPage { next, name, ways, trouble };
        match page.render() {
            Ok(html) => (status, pages::guards(), axum::response::Html(html)).into_response(),
            Err(error) => pages::Trouble::Template(error).into_response(),
        }
    }
}

/// A text that nobody can guess.
pub(in crate::web) fn random() -> Result<String, Problem> {
    random_bytes().map(hex::encode)
}

/// What nobody can guess.
pub(in crate::web) fn random_bytes() -> Result<[u8; 32], Problem> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| {
        tracing::error!(%error, "The system gives no random bytes");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "The system gives no random bytes")
    })?;
    Ok(random)
}

pub(super) fn field(form: &[u8], name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(form);
    pairs.find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}

/// A place of ours, whatever an address asks for: nobody is sent elsewhere from here.
pub(super) fn place(next: Option<String>) -> String {
    let ours = |text: &String| {
        let inert = text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
        text.starts_with('/') && !text.starts_with("//") && inert
    };
    next.filter(ours).unwrap_or_else(|| HOME.to_owned())
}

pub(super) fn going(to: &str, cookie: Option<&str>) -> Response {
    let mut response = (StatusCode::SEE_OTHER, pages::guards()).into_response();
    let value = |text: &str| HeaderValue::from_str(text).ok();
    let to = value(to).unwrap_or(HeaderValue::from_static(HOME));
    response.headers_mut().insert(LOCATION, to);
    if let Some(cookie) = cookie.and_then(value) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests;
