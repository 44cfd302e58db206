//! A GitHub of the demo's own: it takes statuses and says which came.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use jiff::Timestamp;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// A status as it was posted.
#[derive(Debug, Clone)]
pub(super) struct Posted {
    pub(super) at: Timestamp,
    pub(super) status: Body,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Body {
    pub(super) context: String,
    pub(super) state: String,
    #[serde(default)]
    pub(super) description: String,
}

/// Serves until the program ends; every status that is posted comes out of the channel.
pub(super) fn serve(listener: TcpListener) -> mpsc::UnboundedReceiver<Posted> {
    let (sender, posted) = mpsc::unbounded_channel();
    let app = Router::new()
        .route("/api/v3/repos/{owner}/{name}/statuses/{sha}", post(take))
        .with_state(sender);
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, app).await {
            tracing::error!(%error, "The demo's forge has stopped");
        }
    });
    posted
}

async fn take(
    State(sender): State<mpsc::UnboundedSender<Posted>>,
    Json(status): Json<Body>,
) -> (StatusCode, &'static str) {
    // The demo may have ended; nobody minds the last status then.
    let _ = sender.send(Posted { at: Timestamp::now(), status });
    (StatusCode::CREATED, "{}")
}
