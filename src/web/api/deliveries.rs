//! Deliveries: what came, with its body, what became of it, and once more.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;

use super::runs::repository;
use super::shape;
use crate::domain::forge;
use crate::domain::ids::{DeliveryId, ForgeId, RepoName};
use crate::domain::rights::Deed;
use crate::store::StoreError;
use crate::store::{DeliveryQuery, DeliveryView, NewDelivery, OutcomeQuery, REPLAY, Recorded};
use crate::web::Site;
use crate::web::problem::Problem;
use crate::web::webhook::skip;
use crate::web::who::Asker;

/// Deliveries on a page where nobody says how many.
const PAGE: usize = 50;
/// Deliveries on the largest page.
const LARGEST_PAGE: usize = 200;
/// How many replays of one delivery may be begun at the same moment.
const AT_ONCE: u64 = 50;

const NONE: &str = "There is no such delivery";

/// What a list of deliveries is narrowed to.
#[derive(Debug, Default, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Narrowed {
    /// `owner/name`; of another forge than GitHub with the forge in front: `gitea/owner/name`.
    repository: Option<String>,
    /// The event as the forge names it.
    event: Option<String>,
    /// `waiting`, `planned`, `skipped`, `faulty`.
    outcome: Option<String>,
    /// Where the page before ended.
    cursor: Option<String>,
    /// At most 200; 50 where nothing is said.
    limit: Option<String>,
}

impl Narrowed {
    fn query(&self) -> Result<(DeliveryQuery, usize), Problem> {
        let given = |field: &Option<String>| {
            field.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let number = |field: &Option<String>, name: &str| {
            let parse = |text: String| text.parse::<i64>().ok().filter(|number| *number > 0);
            let wrong = || Problem::bad(format!("`{name}` is a number"));
            given(field).map(|text| parse(text).ok_or_else(wrong)).transpose()
        };
        let outcome = match given(&self.outcome) {
            None => None,
            Some(word) => Some(OutcomeQuery::named(&word).ok_or_else(|| {
                let words: Vec<_> = OutcomeQuery::ALL.iter().map(|it| it.as_str()).collect();
                Problem::bad(format!("`outcome` is one of {}", words.join(", ")))
            })?),
        };
        let query = DeliveryQuery {
            repository: given(&self.repository).map(|text| repository(&text)).transpose()?,
            visible: None,
            event: given(&self.event),
            outcome,
            before: number(&self.cursor, "cursor")?.map(DeliveryId),
        };
        let limit = number(&self.limit, "limit")?.map_or(PAGE, |limit| limit as usize);
        Ok((query, limit.clamp(1, LARGEST_PAGE)))
    }
}

/// The newest deliveries.
#[utoipa::path(
    get, path = "/deliveries", params(Narrowed),
    responses(
        (status = 200, description = "A page, the newest first", body = shape::Deliveries),
        (status = 400, description = "A filter that cannot be understood", body = Problem,
         content_type = "application/problem+json"),
        (status = 401, description = "Nobody has signed in", body = Problem,
         content_type = "application/problem+json"),
        (status = 403, description = "The asker may not", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "No such repository", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The database does not answer", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(
    State(site): State<Arc<Site>>,
    asker: Asker,
    narrowed: Result<Query<Narrowed>, QueryRejection>,
) -> Result<Json<shape::Deliveries>, Problem> {
    let Query(narrowed) = narrowed.map_err(|error| Problem::bad(error.body_text()))?;
    let (mut query, limit) = narrowed.query()?;
    match &query.repository {
        Some((forge, name)) => site.demand(&asker, Deed::SeeDelivery, Some((*forge, name))).await?,
        None => query.visible = site.delivers_to(&asker).await?,
    }
    let page = site.app.store.find_deliveries(&query, limit).await?;
    let root = site.app.public_url.trim_end_matches('/');
    Ok(Json(shape::Deliveries {
        deliveries: page.deliveries.iter().map(|it| shape::Delivery::new(it, root)).collect(),
        next: page.next.map(|id| id.to_string()),
    }))
}

/// A delivery with its headers.
#[utoipa::path(
    get, path = "/deliveries/{id}",
    params(("id" = i64, Path, description = "The delivery's number")),
    responses(
        (status = 200, description = "The delivery", body = shape::DeliveryDetails),
        (status = 401, description = "Nobody has signed in", body = Problem,
         content_type = "application/problem+json"),
        (status = 403, description = "The asker may not", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "No such delivery", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The database does not answer", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(site): State<Arc<Site>>,
    asker: Asker,
    Path(id): Path<String>,
) -> Result<Json<shape::DeliveryDetails>, Problem> {
    let delivery = site.delivery(&asker, &id, Deed::SeeDelivery).await?;
    let headers = match site.app.store.delivery_headers(delivery.id).await {
        Ok(headers) => headers,
        Err(StoreError::Missing(_)) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let root = site.app.public_url.trim_end_matches('/');
    let headers = headers.into_iter().map(|(name, value)| shape::Header { name, value }).collect();
    Ok(Json(shape::DeliveryDetails { delivery: shape::Delivery::new(&delivery, root), headers }))
}

/// The JSON of a delivery, byte by byte.
#[utoipa::path(
    get, path = "/deliveries/{id}/body",
    params(("id" = i64, Path, description = "The delivery's number")),
    responses(
        (status = 200, description = "What the forge sent",
         content((serde_json::Value = "application/json"))),
        (status = 401, description = "Nobody has signed in", body = Problem,
         content_type = "application/problem+json"),
        (status = 403, description = "The asker may not", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "No such delivery, or its body is no longer kept",
         body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The database does not answer", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn body(
    State(site): State<Arc<Site>>,
    asker: Asker,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let delivery = site.delivery(&asker, &id, Deed::SeeDelivery).await?;
    let body = kept(site.app.store.delivery_body(delivery.id).await, delivery.id)?;
    let kind = HeaderValue::from_static("application/json");
    let fresh = HeaderValue::from_static("no-store");
    Ok(([(CONTENT_TYPE, kind), (CACHE_CONTROL, fresh)], body).into_response())
}

/// Plays a delivery again: what was recorded is recorded once more, and planned anew.
#[utoipa::path(
    post, path = "/deliveries/{id}/replay",
    params(("id" = i64, Path, description = "The delivery's number")),
    responses(
        (status = 202, description = "It waits to be planned", body = shape::Replayed),
        (status = 401, description = "Nobody has signed in", body = Problem,
         content_type = "application/problem+json"),
        (status = 403, description = "The asker may not", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "No such delivery, or its body is no longer kept",
         body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Nothing can be made of it", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The database does not answer", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn replay(
    State(site): State<Arc<Site>>,
    asker: Asker,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<shape::Replayed>), Problem> {
    let (id, forge_id) = site.play_again(&asker, &id).await?;
    let url = format!("{}/deliveries/{id}", site.app.public_url.trim_end_matches('/'));
    Ok((StatusCode::ACCEPTED, Json(shape::Replayed { delivery: id.0, forge_id, url })))
}

/// Bodies go before their deliveries do.
fn kept<T>(read: Result<T, StoreError>, id: DeliveryId) -> Result<T, Problem> {
    read.map_err(|error| match error {
        StoreError::Missing(_) => {
            Problem::not_found(format!("The body of delivery {id} is no longer kept"))
        }
        error => error.into(),
    })
}

impl Site {
    /// Records a delivery once more, with the id that it has then, and the forge's would be.
    ///
    /// # Errors
    /// As [`Self::delivery`]; 409 where nothing can be made of it.
    pub(in crate::web) async fn play_again(
        &self,
        asker: &Asker,
        id: &str,
    ) -> Result<(DeliveryId, String), Problem> {
        let store = &self.app.store;
        let of = self.delivery(asker, id, Deed::Start).await?;
        let by = asker.actor()?;
        let body = kept(store.delivery_body(of.id).await, of.id)?;
        let headers = kept(store.delivery_headers(of.id).await, of.id)?;
        let events = forge::events(of.forge, &of.event_name, &body).map_err(|error| {
            let words = format!("Delivery {} cannot be understood: {error}", of.id);
            Problem::new(StatusCode::CONFLICT, words)
        })?;
        let event = events.iter().find(|event| skip(event).is_none()).or(events.first());
        let first = store.replays(of.forge, of.id).await? + 1;
        // Of those who ask at the same moment, each gets a number of its own.
        for number in first..first + AT_ONCE {
            let forge_id = format!("{REPLAY}{}:{number}", of.id);
            let delivery = NewDelivery {
                forge: of.forge,
                forge_id: forge_id.clone(),
                event_name: of.event_name.clone(),
                repository: of.repository.clone(),
                title: of.title.clone(),
                headers: headers.clone(),
                body: body.clone(),
                received_at: Timestamp::now(),
                skip: event.and_then(skip),
            };
            if let Recorded::New(id) = store.record(delivery).await? {
                let (of, by) = (of.id.0, by.name());
                tracing::info!(id = id.0, of, by, "A delivery is played again");
                crate::crash::point("replay.before-answer");
                self.app.wake.notify_one();
                return Ok((id, forge_id));
            }
        }
        Err(Problem::new(StatusCode::CONFLICT, "It is being played again by others just now"))
    }

    /// A delivery that the asker may do this with.
    ///
    /// # Errors
    /// As [`Site::demand`]; 404 where there is no such delivery.
    pub(in crate::web) async fn delivery(
        &self,
        asker: &Asker,
        id: &str,
        deed: Deed,
    ) -> Result<DeliveryView, Problem> {
        let number: Option<DeliveryId> = id.parse().ok();
        let found = match number {
            Some(number) => self.app.store.delivery(number).await?,
            None => None,
        };
        let name: Option<RepoName> =
            found.as_ref().and_then(|it| it.repository.as_deref()?.parse().ok());
        let forge: Option<ForgeId> = found.as_ref().map(|it| it.forge);
        // Whoever may see none is not told which there are.
        self.demand_of(asker, deed, forge.zip(name.as_ref()), NONE).await?;
        found.ok_or_else(|| Problem::not_found(NONE))
    }
}
