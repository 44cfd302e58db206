//! Pages for people: plain HTML without a script, where nothing that a stranger wrote is markup.

mod event;
mod view;

use std::path::PathBuf;
use std::sync::Arc;

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{Html, IntoResponse, Response};
use http::StatusCode;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use jiff::Timestamp;
use serde::Deserialize;
use tracing::error;

use self::view::{DeliveryPage, RunPage, RunsPage};
use super::Site;
use super::log::Tail;
use crate::domain::ids::{DeliveryId, RunId};
use crate::store::{RunView, StoreError};

/// Runs on the list.
const NEWEST: usize = 100;
/// Logs whose ends one page shows; a run with more calls links to the others.
const LOGS_SHOWN: usize = 24;

const STYLE: &str = include_str!("../../templates/style.css");

/// No script at all, no frame, nothing from elsewhere.
const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A page that is not there, and what to do instead.
#[derive(Template)]
#[template(path = "problem.html")]
pub(super) struct Problem {
    heading: &'static str,
    words: String,
}

/// What a page cannot be shown for.
pub(super) enum Trouble {
    NoSuchPage,
    NoSuchRun(String),
    NoSuchDelivery(String),
    Store(StoreError),
    Template(askama::Error),
}

/// What the list of runs may be narrowed to.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Wish {
    delivery: Option<String>,
}

/// `GET /` and `GET /runs`: the newest runs, of one delivery when it is named.
pub(super) async fn runs(
    State(site): State<Arc<Site>>,
    wish: Result<Query<Wish>, QueryRejection>,
) -> Result<Response, Trouble> {
    let store = &site.app.store;
    let of = match wish.ok().and_then(|Query(wish)| wish.delivery) {
        None => None,
        Some(text) => {
            let id: DeliveryId = text.parse().map_err(|_| Trouble::NoSuchDelivery(text.clone()))?;
            Some(store.delivery(id).await?.ok_or(Trouble::NoSuchDelivery(text))?)
        }
    };
    let runs = store.runs(NEWEST, of.as_ref().map(|delivery| delivery.id)).await?;
    page(&RunsPage::new(of.as_ref(), &runs, Timestamp::now()))
}

/// `GET /runs/{id}`: everything about one run.
pub(super) async fn run(
    State(site): State<Arc<Site>>,
    Path(id): Path<String>,
) -> Result<Response, Trouble> {
    let number: RunId = id.parse().map_err(|_| Trouble::NoSuchRun(id.clone()))?;
    let run = site.app.store.run(number).await?.ok_or(Trouble::NoSuchRun(id))?;
    let tails = tails(&site, &run).await;
    page(&RunPage::new(&run, tails, Timestamp::now()))
}

/// `GET /deliveries/{id}`: what became of one delivery.
pub(super) async fn delivery(
    State(site): State<Arc<Site>>,
    Path(id): Path<String>,
) -> Result<Response, Trouble> {
    let store = &site.app.store;
    let number: DeliveryId = id.parse().map_err(|_| Trouble::NoSuchDelivery(id.clone()))?;
    let delivery = store.delivery(number).await?.ok_or(Trouble::NoSuchDelivery(id))?;
    let runs = store.runs(NEWEST, Some(number)).await?;
    page(&DeliveryPage::new(&delivery, &runs, Timestamp::now()))
}

/// `GET /assets/style.css`.
pub(super) async fn style() -> Response {
    let css = HeaderValue::from_static("text/css; charset=utf-8");
    let cached = HeaderValue::from_static("max-age=3600");
    ([(CONTENT_TYPE, css), (CACHE_CONTROL, cached), NOSNIFF], STYLE).into_response()
}

/// Whatever has no page.
pub(super) async fn no_such_page() -> Trouble {
    Trouble::NoSuchPage
}

/// The end of each call's log, in the order of the calls.
async fn tails(site: &Site, run: &RunView) -> Vec<Option<Tail>> {
    let path = |id, attempt| site.app.store.log_path(run.id, id, attempt);
    let paths: Vec<PathBuf> =
        run.calls.iter().take(LOGS_SHOWN).map(|call| path(call.id, call.attempt)).collect();
    let read = move || {
        let tail = |path: PathBuf| {
            Tail::read(&path).unwrap_or_else(|error| {
                error!(%error, path = %path.display(), "Cannot read a log");
                None
            })
        };
        paths.into_iter().map(tail).collect()
    };
    tokio::task::spawn_blocking(read).await.unwrap_or_default()
}

fn page(template: &impl Template) -> Result<Response, Trouble> {
    let html = template.render().map_err(Trouble::Template)?;
    Ok((guards(), Html(html)).into_response())
}

const NOSNIFF: (HeaderName, HeaderValue) =
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));

/// The headers of every page.
fn guards() -> [(HeaderName, HeaderValue); 4] {
    [
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        NOSNIFF,
    ]
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let (status, heading, words) = match self {
            Self::NoSuchPage => (
                StatusCode::NOT_FOUND,
                "There is no such page",
                "Webhooks are sent to / or to /webhooks/github; runs are at /runs.".to_owned(),
            ),
            Self::NoSuchRun(id) => (
                StatusCode::NOT_FOUND,
                "There is no such run",
                format!(
                    "No run is known as “{}”. It may belong to another agent, or its number was mistyped: look for it among the newest runs.",
                    short(&id)
                ),
            ),
            Self::NoSuchDelivery(id) => (
                StatusCode::NOT_FOUND,
                "There is no such delivery",
                format!(
                    "No delivery is known as “{}”. If the forge shows it as delivered, it went to another agent: compare the webhook's address with this one, and redeliver it from the forge's webhook settings.",
                    short(&id)
                ),
            ),
            Self::Store(error) => {
                error!(%error, "Cannot read from the database for a page");
                let words = "Runs go on meanwhile. Load the page again in a moment; the agent's log says what is wrong.";
                (StatusCode::SERVICE_UNAVAILABLE, "The database does not answer", words.to_owned())
            }
            Self::Template(error) => {
                error!(%error, "Cannot write a page");
                let words = "The agent's log says what is wrong.";
                (StatusCode::INTERNAL_SERVER_ERROR, "The page cannot be shown", words.to_owned())
            }
        };
        let html = Problem { heading, words }.render().unwrap_or_else(|_| heading.to_owned());
        (status, guards(), Html(html)).into_response()
    }
}

/// What was asked for, short enough to be shown.
fn short(text: &str) -> String {
    super::text::inert(text).chars().take(40).collect()
}

#[cfg(test)]
mod tests;
