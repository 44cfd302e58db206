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
use super::who::Asker;
use crate::domain::ids::DeliveryId;
use crate::domain::rights::Deed;
use crate::store::{RunView, StoreError};

/// Runs on the list.
const NEWEST: usize = 100;
/// Logs whose ends one page shows; a run with more calls links to the others.
const LOGS_SHOWN: usize = 24;

const STYLE: &str = include_str!("../../templates/style.css");

/// No script at all, no frame, nothing from elsewhere.
const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The same, with forms.
const FORM_POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

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
    /// The asker may not see it.
    Refused(super::problem::Problem),
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
    asker: Asker,
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
    let visible = site.visible(&asker).await?;
    let mut runs = store.runs(NEWEST, of.as_ref().map(|delivery| delivery.id)).await?;
    if let Some(visible) = visible {
        runs.retain(|run| {
            let name = run.event.repository.as_ref().map(|it| &it.full_name);
            visible.iter().any(|it| it.0 == run.event.forge() && Some(&it.1) == name)
        });
    }
    page(&RunsPage::new(of.as_ref(), &runs, Timestamp::now()))
}

/// `GET /runs/{id}`: everything about one run.
pub(super) async fn run(
    State(site): State<Arc<Site>>,
    asker: Asker,
    Path(id): Path<String>,
) -> Result<Response, Trouble> {
    let run = site.run(&asker, &id, Deed::See).await.map_err(|problem| match problem.status {
        404 => Trouble::NoSuchRun(id),
        _ => problem.into(),
    })?;
    let tails = tails(&site, &run).await;
    page(&RunPage::new(&run, tails, Timestamp::now()))
}

/// `GET /deliveries/{id}`: what became of one delivery.
pub(super) async fn delivery(
    State(site): State<Arc<Site>>,
    asker: Asker,
    Path(id): Path<String>,
) -> Result<Response, Trouble> {
    let delivery = site.delivery(&asker, &id, Deed::See).await;
    let delivery = delivery.map_err(|problem| match problem.status {
        404 => Trouble::NoSuchDelivery(id),
        _ => problem.into(),
    })?;
    let runs = site.app.store.runs(NEWEST, Some(delivery.id)).await?;
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
pub(super) fn guards() -> [(HeaderName, HeaderValue); 4] {
    [
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        NOSNIFF,
    ]
}

/// The same of a page with a form of ours.
pub(super) fn form_guards() -> [(HeaderName, HeaderValue); 4] {
    let mut guards = guards();
    guards[0].1 = HeaderValue::from_static(FORM_POLICY);
    guards
}

impl From<super::problem::Problem> for Trouble {
    fn from(problem: super::problem::Problem) -> Self {
        Self::Refused(problem)
    }
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
            Self::Refused(problem) => {
                let status = StatusCode::from_u16(problem.status);
                (status.unwrap_or(StatusCode::FORBIDDEN), problem.title, problem.detail)
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
