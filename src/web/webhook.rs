//! Deliveries: checked, understood, kept, answered, in this order and never in another.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::json;
use tokio::time::timeout;
use tracing::{Instrument, debug, error, info, info_span, warn};

use super::refusal::Refusal;
use super::{App, Site, body};
use crate::domain::event::{Disposition, Event};
use crate::domain::forge::{self, Headers, github};
use crate::domain::ids::{DeliveryId, Vendor};
use crate::domain::plan::Reason;
use crate::domain::signature::Authentic;
use crate::health::DISK;
use crate::store::{NewDelivery, Recorded};

/// How long the store may take: a forge that hears nothing for ten seconds gives up, and is
/// better told to come again.
const STORE_LIMIT: Duration = Duration::from_secs(8);

/// `POST /webhooks/{vendor}`.
pub(super) async fn receive(
    State(site): State<Arc<Site>>,
    Path(vendor): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    match vendor.parse::<Vendor>() {
        Ok(Vendor::Github) => receive_github(State(site), request).await,
        Ok(vendor) => Err(Refusal::NotSupported(vendor)),
        Err(_) => Err(Refusal::NoSuchForge),
    }
}

/// `POST /` and `POST /webhooks/github`.
pub(super) async fn receive_github(
    State(site): State<Arc<Site>>,
    request: Request,
) -> Result<Response, Refusal> {
    let answer = take(&site, request).await;
    if let Err(refusal) = &answer {
        site.refused.count(refusal.status());
    }
    answer
}

async fn take(site: &Site, request: Request) -> Result<Response, Refusal> {
    let app = &site.app;
    let (head, body) = request.into_parts();
    let headers = Headers::from_pairs(legible(&head.headers));
    // What costs nothing comes before the first byte of the body, and before any `100 Continue`.
    if !is_signed(&headers, app.allow_sha1) {
        debug!("Refused a delivery without a signature");
        return Err(Refusal::Unsigned);
    }
    if body::declares_too_much(&head.headers) {
        return Err(Refusal::TooLarge);
    }
    let raw = body::read(&head.headers, body, &site.large_bodies, site.limits.body).await?;
    let authentic =
        github::authenticate(&app.secrets, &headers, app.allow_sha1, &raw).inspect_err(|_| {
            warn!("Refused a delivery with a wrong signature: compare the webhook's secret with X_HUB_SIGNATURE");
        })?;

    let forge_id = github::delivery_id(&headers, &raw);
    let event_name = headers.get("x-github-event").unwrap_or_default().to_owned();
    let span = info_span!(
        "delivery",
        delivery = %forge_id,
        event = %event_name,
        repository = tracing::field::Empty
    );
    let (event, json) = span.in_scope(|| {
        understand(&headers, &event_name, authentic).inspect_err(|refusal| {
            warn!(?refusal, "Refused a signed delivery");
        })
    })?;
    let repository = event.repository.as_ref().map(|repository| repository.full_name.to_string());
    span.record("repository", repository.as_deref());
    let delivery = NewDelivery {
        vendor: Vendor::Github,
        forge_id: forge_id.clone(),
        event_name,
        repository,
        title: event.title(),
        headers: kept(&head.headers),
        body: json.unwrap_or(raw),
        received_at: Timestamp::now(),
        skip: skip(&event),
    };
    keep(app, forge_id, delivery).instrument(span).await
}

/// Whether there is a signature to check at all.
fn is_signed(headers: &Headers, allow_sha1: bool) -> bool {
    headers.get("x-hub-signature-256").is_some()
        || allow_sha1 && headers.get("x-hub-signature").is_some()
}

/// What a checked body means; with its JSON text where that is not the body itself.
fn understand(
    headers: &Headers,
    event_name: &str,
    authentic: Authentic<'_>,
) -> Result<(Event, Option<Vec<u8>>), Refusal> {
    let payload = forge::payload(headers.get("content-type"), authentic.body())?;
    if event_name.is_empty() {
        return Err(Refusal::Unreadable("The header `X-GitHub-Event` is missing".to_owned()));
    }
    let event = github::event(event_name, &payload)?;
    let json = match payload {
        Cow::Borrowed(json) if json.len() == authentic.body().len() => None,
        other => Some(other.into_owned()),
    };
    Ok((event, json))
}

/// Stores a delivery and says so; nobody is told before it is on disk.
async fn keep(app: &App, forge_id: String, delivery: NewDelivery) -> Result<Response, Refusal> {
    if let Some(disk) = app.health.condition(DISK).filter(|disk| !disk.ok) {
        debug!(why = disk.detail, "Refused a delivery: there is no room to keep it");
        return Err(Refusal::NotStored);
    }
    let skipped = delivery.skip.is_some();
    let stored = timeout(STORE_LIMIT, app.store.record(delivery)).await;
    let recorded = match stored {
        Ok(Ok(recorded)) => recorded,
        Ok(Err(error)) => {
            error!(%error, "Cannot store a delivery, its sender is told to come again");
            return Err(Refusal::NotStored);
        }
        Err(_) => {
            error!("Cannot store a delivery in time, its sender is told to come again");
            return Err(Refusal::NotStored);
        }
    };
    crate::crash::point("intake.before-answer");
    match recorded {
        Recorded::New(_) if skipped => {
            info!("Kept a delivery that starts nothing");
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        Recorded::New(id) => {
            info!(id = id.0, "Accepted a delivery");
            app.wake.notify_one();
            Ok(accepted(app, StatusCode::ACCEPTED, &forge_id, id))
        }
        Recorded::Replay { skipped: true, .. } => Ok(StatusCode::NO_CONTENT.into_response()),
        Recorded::Replay { id, skipped: false } => {
            info!(id = id.0, "Already had this delivery");
            Ok(accepted(app, StatusCode::OK, &forge_id, id))
        }
    }
}

fn accepted(app: &App, status: StatusCode, forge_id: &str, id: DeliveryId) -> Response {
    let runs_url = format!("{}/runs?delivery={id}", app.public_url.trim_end_matches('/'));
    (status, Json(json!({ "delivery": forge_id, "runs_url": runs_url }))).into_response()
}

fn skip(event: &Event) -> Option<Reason> {
    match event.disposition {
        Disposition::Planned => None,
        Disposition::Skipped(skip) => Some(skip.into()),
    }
}

/// The headers that are text; the others cannot be any that we know.
fn legible(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
}

/// The headers that are stored: what the forge says about the delivery, and nothing that proves
/// or grants anything.
fn kept(headers: &HeaderMap) -> Vec<(String, String)> {
    let wanted = |name: &str| {
        let about = name.starts_with("x-github-")
            && !["signature", "token", "secret"].iter().any(|word| name.contains(word));
        about || matches!(name, "content-type" | "user-agent")
    };
    legible(headers)
        .filter(|(name, _)| wanted(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests;
