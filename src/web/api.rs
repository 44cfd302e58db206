//! `/api/v1`: the facts of the pages for programs, described by an OpenAPI document that is made
//! from the routes themselves.

mod acts;
mod deliveries;
mod events;
mod fresh;
mod log;
mod repositories;
mod runs;
mod said;
pub mod shape;
mod steps;
mod tokens;
mod trigger;

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, HeaderValue};
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) use self::runs::Narrowed;
use super::Site;
use super::problem::Problem;

/// What the document says beside the routes.
#[derive(OpenApi)]
#[openapi(
    info(title = "pocketci-agent", description = "Runs, their plans, calls and logs"),
    components(schemas(Problem))
)]
struct About;

/// The routes with their description.
fn described() -> OpenApiRouter<Arc<Site>> {
    OpenApiRouter::with_openapi(About::openapi())
        .routes(routes!(repositories::list))
        .routes(routes!(runs::list))
        .routes(routes!(runs::show))
        .routes(routes!(runs::call))
        .routes(routes!(repositories::badge))
        .routes(routes!(repositories::cc))
        // Those above are asked for again and again.
        .layer(axum::middleware::from_fn(fresh::tagged))
        .routes(routes!(log::read))
        .routes(routes!(steps::list))
        .routes(routes!(steps::log))
        .routes(routes!(events::follow))
        .routes(routes!(acts::rerun))
        .routes(routes!(acts::cancel))
        .routes(routes!(acts::approve))
        .routes(routes!(acts::waiting))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::show))
        .routes(routes!(deliveries::body))
        .routes(routes!(deliveries::replay))
        .routes(routes!(trigger::begin))
        .routes(routes!(tokens::list))
        .routes(routes!(tokens::make))
        .routes(routes!(tokens::revoke))
}

/// Everything below `/api/v1`.
pub(super) fn router() -> Router<Arc<Site>> {
    let (routes, document) = OpenApiRouter::new().nest("/api/v1", described()).split_for_parts();
    routes
        .route("/api/v1/openapi.json", get(move || async move { described_in(&document) }))
        .route("/api/v1/{*rest}", get(nothing))
}

/// What the routes are described by.
#[cfg(test)]
pub(super) fn document() -> Document {
    OpenApiRouter::new().nest("/api/v1", described()).split_for_parts().1
}

fn described_in(document: &Document) -> Response {
    let cached = HeaderValue::from_static("max-age=300");
    ([(CACHE_CONTROL, cached)], Json(document)).into_response()
}

async fn nothing() -> Problem {
    Problem::not_found("There is no such address: see /api/v1/openapi.json for those there are")
}

#[cfg(test)]
mod tests;
