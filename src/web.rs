//! The face over HTTP: webhooks in, pages out. The only place that knows status codes.
//!
//! It plans, fetches and runs nothing. It meets the worker in the store, in one `Notify` that
//! says that there is something to look at, and in the [`Health`] value.

mod api;
mod body;
mod compress;
mod door;
mod follow;
mod guards;
mod log;
mod log_json;
mod metrics;
pub mod otlp;
mod pages;
mod probes;
mod problem;
mod refusal;
mod said;
mod server;
mod socket;
mod steps;
mod text;
mod waits;
mod webhook;
mod who;

pub use api::shape;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

pub use self::server::Tls;
use self::server::{CONNECTIONS, Front, Seats};
pub use self::socket::{LocalSocket, NAME as SOCKET};
use crate::domain::forge::github::app::AppId;
use crate::domain::ids::ForgeId;
use crate::domain::network::Proxies;
use crate::domain::rights::{Forges, Readers};
use crate::domain::sign_in::Way;
use crate::domain::sign_in::admins::Admins;
use crate::domain::signature::WebhookSecret;
use crate::health::Health;
use crate::onward::Onward;
use crate::store::Store;

/// What the web needs of the rest.
#[derive(Clone)]
pub struct App {
    pub store: Store,
    /// The forges whose deliveries are taken.
    pub doors: Arc<[Door]>,
    /// A lone `X-Hub-Signature: sha1=…` is good enough.
    pub allow_sha1: bool,
    /// Told when a new delivery waits to be planned.
    pub wake: Arc<Notify>,
    /// Told when somebody has acted on a run.
    pub wake_calls: Arc<Notify>,
    pub health: Arc<Health>,
    /// What the world calls this agent, for links in answers.
    pub public_url: String,
    /// Where bodies go that are too long for a buffer and not checked yet; only as files without
    /// a name.
    pub spool: PathBuf,
    /// Who may see runs without having signed in.
    pub readers: Readers,
    /// What forges say that people may do.
    pub forges: Arc<dyn Forges>,
    /// What people sign in through, beside tokens.
    pub ways: Arc<[Arc<dyn Way>]>,
    /// Whom of them the operator lets do everything.
    pub admins: Arc<Admins>,
    /// Whose `X-Forwarded-For` is believed.
    pub proxies: Arc<Proxies>,
    /// None for plain HTTP.
    pub tls: Option<Arc<Tls>>,
    /// Where traces are passed on to, for its figures.
    pub onward: Option<Onward>,
}

/// What proves that a delivery comes from one of the forges.
#[derive(Debug, Clone)]
pub struct Door {
    pub forge: ForgeId,
    /// Any of them may have signed; several while one is being rotated.
    pub secrets: Vec<WebhookSecret>,
    /// Which setting that is, for the log.
    pub secret_name: String,
    /// The App that we are there: what people ask of it is work.
    pub app: Option<AppId>,
}

/// How long a client may take; tests are less patient.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Bounds the wait for a request's head, also of a kept connection's next one.
    head: Duration,
    /// Bounds the reading of a body, however the sender spreads it; GitHub itself gives up after
    /// this.
    body: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { head: Duration::from_secs(5), body: Duration::from_secs(10) }
    }
}

/// What every request sees.
struct Site {
    app: App,
    limits: Limits,
    /// Permits for bodies that take much memory; see [`body`].
    large_bodies: Semaphore,
    refused: metrics::Refused,
    watched: follow::Watched,
    door: door::Counter,
    seats: Arc<Seats>,
    said: said::Said,
    known: who::Known,
    people: Arc<who::People>,
    /// Told when a session or a token has ended.
    ended: tokio::sync::watch::Sender<()>,
    /// Permits for those who are on their way back from where they sign in.
    arrivals: Semaphore,
}

impl Site {
    /// Somebody has acted on a run: whoever carries calls out looks at once.
    fn acted(&self) {
        crate::crash::point("act.before-answer");
        self.app.wake_calls.notify_one();
    }
}

/// Answers on `listener`, and the agent's own user on `local`, until `shutdown`, then finishes what is in flight, for a few seconds.
///
/// # Errors
/// None at the moment; what goes wrong with one connection is that connection's alone.
pub async fn serve(
    listener: TcpListener,
    local: Option<LocalSocket>,
    app: App,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let tls = app.tls.clone();
    let health = Arc::clone(&app.health);
    let watch = async {
        match &tls {
            Some(tls) => tls.watch(&health, shutdown.clone()).await,
            None => shutdown.cancelled().await,
        }
    };
    let front = front(app, Limits::default());
    let local = async {
        if let Some(local) = local {
            socket::run(local, front.clone(), shutdown.clone()).await;
        }
    };
    tokio::join!(server::run(listener, front.clone(), shutdown.clone()), local, watch);
    Ok(())
}

fn front(app: App, limits: Limits) -> Front {
    let seats = Arc::new(Seats::new(CONNECTIONS, body::FILES));
    let tls = app.tls.clone();
    let router = router(app, limits, Arc::clone(&seats));
    Front { router, seats, tls, head_limit: limits.head }
}

fn router(app: App, limits: Limits, seats: Arc<Seats>) -> Router {
    let guard = guards::Guard { tls: app.tls.is_some() };
    let people = Arc::new(who::People::new(Arc::clone(&app.forges)));
    let site = Arc::new(Site {
        app,
        limits,
        large_bodies: Semaphore::new(body::LARGE_AT_ONCE),
        watched: follow::Watched::default(),
        refused: metrics::Refused::default(),
        door: door::Counter::new(Instant::now()),
        seats,
        said: said::Said::default(),
        known: who::Known::default(),
        people,
        ended: tokio::sync::watch::Sender::new(()),
        arrivals: Semaphore::new(who::AT_ONCE),
    });
    Router::new()
        .route("/", get(webhook::front).post(webhook::receive_any))
        .route("/webhooks/{vendor}", post(webhook::receive).get(webhook::refuse_get))
        .route("/webhooks/{vendor}/{name}", post(webhook::receive_named).get(webhook::refuse_get))
        .route("/runs/{id}/calls/{call}/log", get(log::text))
        .route("/healthz", get(probes::healthz))
        .route("/readyz", get(probes::readyz))
        .route("/metrics", get(metrics::metrics))
        .route("/version", get(probes::version))
        .route("/sign-in", get(who::page).post(who::sign_in))
        .route("/sign-in/{way}", get(who::leave))
        .route("/sign-in/{way}/back", get(who::back))
        .route("/sign-out", post(who::sign_out))
        .merge(pages::router())
        .merge(api::router())
        .fallback(pages::no_such_page)
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&site), who::identify))
        .with_state(site)
        .layer(axum::middleware::from_fn(compress::compress))
        .layer(axum::middleware::map_response(move |response| async move { guard.on(response) }))
}

#[cfg(test)]
mod tests;
