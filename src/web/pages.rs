//! Pages for people: HTML that says everything without a script, where nothing that a stranger
//! wrote is markup.

mod act;
pub(super) mod assets;
mod call;
mod deliveries;
mod event;
mod health;
mod json;
mod list;
mod run;
mod steps;
mod waiting;
mod words;

use askama::Template;
use axum::Router;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use tracing::error;

use super::Site;
use super::problem::Problem;
use super::who::Asker;
use crate::domain::actor::Actor;
use crate::domain::ids::RunId;
use crate::domain::rights::Deed;
use crate::store::{RunView, StoreError};

/// Nothing inline, no frame, nothing from elsewhere; forms and streams lead back here alone.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                      img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The pages' own routes; `/` is shared with the webhooks.
pub(super) fn router() -> Router<std::sync::Arc<Site>> {
    Router::new()
        .route("/runs", get(list::runs))
        .route("/repositories/{forge}/{*name}", get(list::repository))
        .route("/runs/{id}", get(run::run))
        .route("/runs/{id}/event.json", get(run::event_json))
        .route("/runs/{id}/calls/{call}", get(call::call))
        .route("/runs/{id}/calls/{call}/steps", get(steps::all))
        .route("/runs/{id}/calls/{call}/steps/{span}", get(steps::one))
        .route("/runs/{id}/calls/{call}/steps/{span}/log", get(steps::log))
        .route("/runs/{id}/rerun", post(act::rerun))
        .route("/runs/{id}/cancel", post(act::cancel))
        .route("/runs/{id}/approve", post(act::approve))
        .route("/deliveries", get(deliveries::deliveries))
        .route("/deliveries/{id}", get(deliveries::delivery))
        .route("/deliveries/{id}/replay", post(act::replay))
        .route("/waiting", get(waiting::waiting))
        .route("/health", get(health::health))
        .route("/assets/{hash}/{name}", get(assets::asset))
}

pub(super) use list::runs;

/// A page that is not there, and what to do instead.
#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    heading: &'static str,
    words: String,
}

/// What a page cannot be shown for.
pub(super) enum Trouble {
    NoSuchPage,
    NoSuchRun(String),
    NoSuchCall(RunId),
    NoSuchDelivery(String),
    /// In the words of whoever refused it.
    Refused(Problem),
    Store(StoreError),
    Template(askama::Error),
}

/// Whatever has no page.
pub(super) async fn no_such_page() -> Trouble {
    Trouble::NoSuchPage
}

/// A run that the asker may do this with.
async fn run_of(site: &Site, asker: &Asker, id: &str, deed: Deed) -> Result<RunView, Trouble> {
    site.run(asker, id, deed).await.map_err(|problem| match problem.status {
        404 => Trouble::NoSuchRun(id.to_owned()),
        _ => Trouble::Refused(problem),
    })
}

/// Whether the asker may do this with a run.
async fn may(site: &Site, asker: &Asker, run: &RunView, deed: Deed) -> bool {
    let name = run.event.repository.as_ref().map(|it| &it.full_name);
    site.offers(asker, deed, name.map(|name| (run.event.forge(), name))).await
}

/// What the head of every page says of whoever looks at it; [`who.html`] asks for it by its key.
///
/// [`who.html`]: ../../../templates/who.html
pub(super) struct Viewer {
    /// None: nobody has signed in.
    pub(super) name: Option<String>,
}

impl Viewer {
    const KEY: &str = "viewer";

    fn new(asker: &Asker) -> Self {
        let name = asker.actor().ok().map(|actor| match actor {
            Actor::Forge { login, .. } | Actor::Person { login, .. } => login,
            Actor::Token(name) => name,
            Actor::Local => actor.name(),
        });
        Self { name: name.map(|name| super::text::inert(&name)) }
    }
}

impl askama::Values for Viewer {
    fn get_value<'a>(&'a self, key: &str) -> Option<&'a dyn std::any::Any> {
        (key == Self::KEY).then_some(self)
    }
}

fn page(asker: &Asker, template: &impl Template) -> Result<Response, Trouble> {
    let html = template.render_with_values(&Viewer::new(asker)).map_err(Trouble::Template)?;
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

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
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
            Self::NoSuchCall(run) => (
                StatusCode::NOT_FOUND,
                "There is no such call",
                format!("Run {run} has no such call: its page lists those it has."),
            ),
            Self::Refused(problem) => (
                StatusCode::from_u16(problem.status).unwrap_or(StatusCode::FORBIDDEN),
                match problem.status {
                    400 => "That cannot be understood",
                    401 => "Sign in first",
                    403 => "You may not do that",
                    404 => "There is no such page",
                    409 => "Nothing was done",
                    503 => "The database does not answer",
                    _ => problem.title,
                },
                super::text::sentence(&problem.detail),
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
        let html = ProblemPage { heading, words }.render().unwrap_or_else(|_| heading.to_owned());
        (status, guards(), Html(html)).into_response()
    }
}

/// What was asked for, short enough to be shown.
fn short(text: &str) -> String {
    super::text::inert(text).chars().take(40).collect()
}

#[cfg(test)]
mod tests;
