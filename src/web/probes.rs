//! What machines ask: is it alive, is it ready, which version.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Map, json};

use super::Site;
use super::who::Asker;
use crate::domain::rights::Deed;

/// `GET /healthz`: deliveries are taken. Whether anything else works is `/readyz`'s matter, so
/// that nobody restarts an agent because its engine is away.
pub(super) async fn healthz() -> &'static str {
    "ok"
}

/// `GET /readyz`: 200 when everything that the agent needs works, 503 and what does not and why.
/// Which repository a reason is about is told to those who may see every run.
pub(super) async fn readyz(State(site): State<Arc<Site>>, asker: Asker) -> Response {
    let conditions = site.app.health.snapshot();
    let names = site.offers(&asker, Deed::See, None).await;
    let ready = conditions.values().all(|condition| condition.ok);
    let checks: Map<_, _> = conditions
        .into_iter()
        .map(|(name, condition)| {
            let since = condition.since.to_string();
            let detail = if names { condition.detail } else { condition.told_to_anybody() };
            let value = json!({ "ok": condition.ok, "detail": detail, "since": since });
            (name.into_owned(), value)
        })
        .collect();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": ready, "checks": checks }))).into_response()
}

/// `GET /version`.
pub(super) async fn version() -> Response {
    let version = env!("CARGO_PKG_VERSION");
    Json(json!({ "name": "pocketci-agent", "version": version })).into_response()
}

#[cfg(test)]
mod tests;
