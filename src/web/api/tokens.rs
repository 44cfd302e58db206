//! Tokens: made, listed, revoked.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use http::StatusCode;
use jiff::Timestamp;

use super::shape;
use crate::domain::rights::{Deed, Scope};
use crate::domain::token::{self, Fingerprint};
use crate::web::Site;
use crate::web::problem::Problem;
use crate::web::who::{Asker, random_bytes};

/// All tokens.
#[utoipa::path(
    get, path = "/tokens",
    responses(
        (status = 200, description = "The tokens", body = shape::Tokens),
        (status = 401, description = "Nobody has signed in", body = Problem,
         content_type = "application/problem+json"),
        (status = 403, description = "The asker may not", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The database does not answer", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(
    State(site): State<Arc<Site>>,
    asker: Asker,
) -> Result<Json<shape::Tokens>, Problem> {
    site.demand(&asker, Deed::Administer, None).await?;
    let tokens = site.app.store.tokens().await?;
    Ok(Json(shape::Tokens { tokens: tokens.iter().map(shape::Token::from).collect() }))
}

/// Makes a token; its text is in the answer and nowhere else.
#[utoipa::path(
    post, path = "/tokens", request_body = shape::NewToken,
    responses(
        (status = 201, description = "The token", body = shape::MadeToken),
        (status = 400, description = "A wish that cannot be understood", body = Problem,
         content_type = "application/problem+json"),
        (status = 401, description = "Nobody has signed in", body = Problem,
         content_type = "application/problem+json"),
        (status = 403, description = "The asker may not", body = Problem,
         content_type = "application/problem+json"),
        (status = 408, description = "The body did not come", body = Problem,
         content_type = "application/problem+json"),
        (status = 409, description = "The name is in use", body = Problem,
         content_type = "application/problem+json"),
        (status = 413, description = "The body is too long", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The database does not answer", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn make(
    State(site): State<Arc<Site>>,
    asker: Asker,
    body: Body,
) -> Result<(StatusCode, Json<shape::MadeToken>), Problem> {
    site.demand(&asker, Deed::Administer, None).await?;
    let wish: shape::NewToken = site.wish(body).await?;
    let name = token::name(&wish.name).map_err(|error| Problem::bad(error.to_string()))?;
    let scope: Scope = wish.scope.parse().map_err(|error| Problem::bad(format!("{error}")))?;
    let (text, by) = (token::written(&random_bytes()?), asker.actor()?);
    let fingerprint = Fingerprint::of(&text);
    let made = site.app.store.make_token(&name, scope, fingerprint, &by, Timestamp::now()).await?;
    let Some(made) = made else {
        let words = format!("A token `{name}` is in use: revoke it, or choose another name");
        return Err(Problem::new(StatusCode::CONFLICT, words));
    };
    tracing::info!(name, %scope, by = by.name(), "A token was made");
    let about = shape::Token::from(&made);
    Ok((StatusCode::CREATED, Json(shape::MadeToken { about, token: text })))
}

/// Revokes a token, and ends the sessions that were begun with it.
#[utoipa::path(
    delete, path = "/tokens/{token}",
    params(("token" = i64, Path, description = "The token's number")),
    responses(
        (status = 204, description = "It opens nothing any more"),
        (status = 401, description = "Nobody has signed in", body = Problem,
         content_type = "application/problem+json"),
        (status = 403, description = "The asker may not", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "No such token", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The database does not answer", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn revoke(
    State(site): State<Arc<Site>>,
    asker: Asker,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    site.demand(&asker, Deed::Administer, None).await?;
    let none = || Problem::not_found("There is no such token");
    let id: i64 = id.parse().map_err(|_| none())?;
    if !site.app.store.revoke_token(id, Timestamp::now()).await? {
        return Err(none());
    }
    site.ended.send_replace(());
    tracing::info!(id, by = asker.name(), "A token was revoked");
    Ok(StatusCode::NO_CONTENT)
}
