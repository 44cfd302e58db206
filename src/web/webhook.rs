//! Deliveries: checked, understood, kept, answered, in this order and never in another.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::json;
use tokio::time::timeout;
use tracing::{Instrument, debug, error, info, info_span, warn};

use super::refusal::Refusal;
use super::server::Seat;
use super::who::Asker;
use super::{App, Door, Site, api, body, pages};
use crate::domain::event::{Disposition, Event};
use crate::domain::forge::{self, Checks, Headers, github};
use crate::domain::ids::{DeliveryId, ForgeId, Vendor};
use crate::domain::network::Sender;
use crate::domain::plan::Reason;
use crate::domain::signature::Authentic;
use crate::health::DISK;
use crate::store::{NewDelivery, Recorded};

/// How long the store may take: a forge that hears nothing for ten seconds gives up, and is
/// better told to come again.
const STORE_LIMIT: Duration = Duration::from_secs(8);

/// Whose delivery it may be.
#[derive(Debug, Clone, Copy)]
enum Pinned {
    /// Any forge's: its headers tell the vendor.
    No,
    Vendor(Vendor),
    Forge(ForgeId),
}

/// `POST /`.
pub(super) async fn receive_any(
    State(site): State<Arc<Site>>,
    request: Request,
) -> Result<Response, Refusal> {
    counted(&site, Pinned::No, request).await
}

/// `POST /webhooks/{vendor}` and `POST /webhooks/{vendor:name}`.
pub(super) async fn receive(
    State(site): State<Arc<Site>>,
    Path(place): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    // Nobody can have signed for a forge that cannot be, and which there are is not for strangers.
    let Ok(forge) = place.parse::<ForgeId>() else { return Err(refused(&site, Refusal::Unsigned)) };
    let pinned = match forge.instance() {
        Some(_) => Pinned::Forge(forge),
        None => Pinned::Vendor(forge.vendor()),
    };
    counted(&site, pinned, request).await
}

/// `POST /webhooks/{vendor}/{name}`.
pub(super) async fn receive_named(
    State(site): State<Arc<Site>>,
    Path((vendor, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Refusal> {
    let Ok(forge) = format!("{vendor}:{name}").parse() else {
        return Err(refused(&site, Refusal::Unsigned));
    };
    counted(&site, Pinned::Forge(forge), request).await
}

/// `GET /webhooks/…`: some forges can be told to send their webhooks so.
pub(super) async fn refuse_get() -> Refusal {
    Refusal::ByGet
}

/// `GET /`: the list of runs, unless it is a webhook.
pub(super) async fn front(
    site: State<Arc<Site>>,
    asker: Asker,
    headers: HeaderMap,
    narrowed: Result<Query<api::Narrowed>, QueryRejection>,
) -> Response {
    if forge::recognised(&Headers::from_http(&headers)).is_some() {
        return Refusal::ByGet.into_response();
    }
    pages::runs(site, asker, narrowed).await.into_response()
}

async fn counted(site: &Site, pinned: Pinned, request: Request) -> Result<Response, Refusal> {
    take(site, pinned, request).await.map_err(|refusal| refused(site, refusal))
}

fn refused(site: &Site, refusal: Refusal) -> Refusal {
    site.refused.count(refusal.status());
    refusal
}

async fn take(site: &Site, pinned: Pinned, request: Request) -> Result<Response, Refusal> {
    let app = &site.app;
    let (mut head, body) = request.into_parts();
    let seat = head.extensions.remove::<Arc<Seat>>().unwrap_or_default();
    let sender = sender(site, &seat, &head.headers);
    let headers = Headers::from_pairs(legible(&head.headers));
    // What costs nothing comes before the first byte of the body, and before any `100 Continue`.
    site.door.admit(sender, Instant::now()).map_err(|wait| {
        site.said.now(|more| warn!(%sender, more, "Refused deliveries: too many are not signed"));
        Refusal::TooMany(wait)
    })?;
    let (vendor, doors) = doors(app, pinned, &headers);
    let claim = forge::claim(vendor, &headers, app.allow_sha1);
    let claim = claim.ok().filter(|_| !doors.is_empty()).ok_or_else(|| {
        site.said.now(|more| {
            warn!(%sender, %vendor, more, "Refused a delivery without a signature, or of a forge that is not set up");
        });
        Refusal::Unsigned
    })?;
    if body::declares_too_much(&head.headers) {
        return Err(Refusal::TooLarge);
    }
    let wrong = || {
        let settings: Vec<_> = doors.iter().map(|door| door.secret_name.as_str()).collect();
        let settings = settings.join(", ");
        site.said.now(|more| {
            warn!(%sender, %vendor, more, "Refused a delivery with a wrong signature: compare the webhook's secret with {settings}");
        });
    };
    let check = claim.check(doors.iter().flat_map(|door| &door.secrets)).map_err(|_| {
        wrong();
        Refusal::Unsigned
    })?;
    let seats = (&*site.seats, &*seat);
    let raw = body::read(&head.headers, body, check, seats, &app.spool, site.limits.body).await;
    let raw = raw.inspect_err(|refusal| {
        if *refusal == Refusal::Unsigned {
            wrong();
        }
    })?;
    let _permit = match raw.is_large() {
        true => {
            let waited = timeout(site.limits.body / 2, site.large_bodies.acquire()).await;
            Some(waited.map_err(|_| Refusal::Busy)?)
        }
        false => None,
    };
    // What was read back from a file is what counts, so that it is what is checked.
    let raw = raw.bytes().await?;
    let checks = Checks { allow_sha1: app.allow_sha1, now: Timestamp::now() };
    let proven = doors.iter().find_map(|door| {
        let checked = forge::authenticate(vendor, &door.secrets, &headers, checks, &raw);
        Some((door.forge, door.app.as_ref(), checked.ok()?))
    });
    let Some((forge, own, authentic)) = proven else {
        wrong();
        return Err(Refusal::Unsigned);
    };
    seat.prove();
    site.door.proved(sender, Instant::now());

    let forge_id = forge::delivery_id(vendor, &headers, &raw);
    let header = forge::event_header(vendor);
    let event_name = headers.get(header).unwrap_or_default().to_owned();
    let span = info_span!(
        "delivery",
        delivery = %forge_id,
        event = %event_name,
        repository = tracing::field::Empty
    );
    let (events, json) = span.in_scope(|| {
        understand(forge, &headers, &event_name, &authentic).inspect_err(|refusal| {
            warn!(?refusal, "Refused a signed delivery");
        })
    })?;
    drop(authentic);
    // Of several, the first that something comes of stands for all.
    let event = events.iter().find(|event| skip(event).is_none()).or(events.first());
    let Some(event) = event else { return Err(Refusal::Unreadable("It tells of nothing".into())) };
    let repository = event.repository.as_ref().map(|repository| repository.full_name.to_string());
    span.record("repository", repository.as_deref());
    let read = json.as_deref().unwrap_or(&raw);
    let is_for_app = own.is_some_and(|own| github::ask::is_for_app(&event_name, read, own));
    let delivery = NewDelivery {
        forge,
        forge_id: forge_id.clone(),
        event_name,
        repository,
        title: title(&events),
        headers: kept(vendor, &head.headers),
        skip: if is_for_app { None } else { skip(event) },
        body: json.unwrap_or(raw),
        received_at: Timestamp::now(),
    };
    keep(app, forge_id, delivery).instrument(span).await
}

/// The longest title of a delivery that tells of several events.
const LONGEST_TITLE: usize = 200;

/// Everything that a delivery tells of, in a few words each.
fn title(events: &[Event]) -> String {
    let mut title = String::new();
    for (place, event) in events.iter().enumerate() {
        let next = event.title();
        if place > 0 && title.len() + next.len() > LONGEST_TITLE {
            return format!("{title}, and {} more", events.len() - place);
        }
        title = if place == 0 { next } else { format!("{title}, {next}") };
    }
    title
}

/// Whose limits count: the connection's other end, or whom a trusted proxy names.
fn sender(site: &Site, seat: &Seat, headers: &HeaderMap) -> Sender {
    let forwarded = headers.get_all("x-forwarded-for");
    let values: Vec<&str> = forwarded.iter().filter_map(|value| value.to_str().ok()).collect();
    let sender = Sender::new(site.app.proxies.sender(seat.address(), values.into_iter()));
    seat.speaks_for(sender);
    sender
}

/// Which vendor's delivery it is, and the forges that it may be of.
fn doors<'a>(app: &'a App, pinned: Pinned, headers: &Headers) -> (Vendor, Vec<&'a Door>) {
    let (vendor, only) = match pinned {
        // GitHub is who is there where no header tells: it is told what is missing.
        Pinned::No => (forge::recognised(headers).unwrap_or(Vendor::Github), None),
        Pinned::Vendor(vendor) => (vendor, None),
        Pinned::Forge(forge) => (forge.vendor(), Some(forge)),
    };
    let fits = |door: &&Door| {
        let forge = only.is_none_or(|only| only == door.forge);
        forge && door.forge.vendor() == vendor && !door.secrets.is_empty()
    };
    (vendor, app.doors.iter().filter(fits).collect())
}

/// What a checked body means; with its JSON text where that is not the body itself.
fn understand(
    forge: ForgeId,
    headers: &Headers,
    event_name: &str,
    authentic: &Authentic<'_>,
) -> Result<(Vec<Event>, Option<Vec<u8>>), Refusal> {
    let vendor = forge.vendor();
    let (payload, packed) = forge::json(vendor, headers.get("content-type"), authentic)?;
    if event_name.is_empty() {
        let header = forge::event_header(vendor);
        return Err(Refusal::Unreadable(format!("The header `{header}` is missing")));
    }
    if event_name == forge::manual::EVENT {
        return Err(Refusal::Unreadable(format!("The event `{event_name}` is the agent's own")));
    }
    let events = forge::events(forge, event_name, &payload)?;
    Ok((events, packed.then(|| payload.into_owned())))
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

pub(super) fn skip(event: &Event) -> Option<Reason> {
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
fn kept(vendor: Vendor, headers: &HeaderMap) -> Vec<(String, String)> {
    legible(headers)
        .filter(|(name, _)| forge::is_kept(vendor, name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests;
