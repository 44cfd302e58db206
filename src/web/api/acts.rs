//! Acting on runs: rerun, cancel, approve; and what waits for an approval.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use http::StatusCode;
use jiff::Timestamp;

use super::shape::{self, Which};
use crate::domain::ids::{CallId, Sha};
use crate::domain::rights::Deed;
use crate::store::Rerun;
use crate::web::Site;
use crate::web::problem::Problem;
use crate::web::who::Asker;

/// Waiting runs that are listed at most.
const WAITING: usize = 500;

/// Begins calls of a finished run again.
#[utoipa::path(
    post, path = "/runs/{id}/rerun", params(("id" = i64, Path, description = "The run's number")),
    request_body = shape::Rerun,
    responses(
        (status = 200, description = "It is queued", body = shape::Reran),
        (status = 400, description = "A wish that cannot be understood", body = Problem,
         content_type = "application/problem+json"),
        (status = 401, description = "Nobody has signed in", body = Problem,
         content_type = "application/problem+json"),
        (status = 403, description = "The asker may not", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "No such run", body = Problem,
         content_type = "application/problem+json"),
        (status = 408, description = "The body did not come", body = Problem,
         content_type = "application/problem+json"),
        (status = 409, description = "Not as things are", body = Problem,
         content_type = "application/problem+json"),
        (status = 413, description = "The body is too long", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The database does not answer", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn rerun(
    State(site): State<Arc<Site>>,
    asker: Asker,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<shape::Reran>, Problem> {
    let run = site.run(&asker, &id, Deed::Act).await?;
    let wish: shape::Rerun = site.wish(body).await?;
    let wanted = match &wish.which {
        Which::Call(id) => Rerun::Call(CallId(*id)),
        Which::Word(word) => match (word.as_str(), word.parse()) {
            ("all", _) => Rerun::All,
            ("failed", _) => Rerun::Failed,
            (_, Ok(id)) => Rerun::Call(id),
            (_, Err(_)) => {
                let words = "`which` is `all`, `failed`, or the number of a call";
                return Err(Problem::bad(words));
            }
        },
    };
    let reran = site.app.store.rerun(run.id, &wanted, &asker.actor()?, Timestamp::now()).await?;
    site.acted();
    Ok(Json(shape::Reran {
        run: reran.run.0,
        attempt: reran.attempt,
        calls: reran.calls.iter().map(|id| id.0).collect(),
    }))
}

/// Ends what of a run is not finished.
#[utoipa::path(
    post, path = "/runs/{id}/cancel", params(("id" = i64, Path, description = "The run's number")),
    responses(
        (status = 204, description = "What runs is being ended"),
        (status = 401, description = "Nobody has signed in", body = Problem,
         content_type = "application/problem+json"),
        (status = 403, description = "The asker may not", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "No such run", body = Problem,
         content_type = "application/problem+json"),
        (status = 409, description = "Not as things are", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The database does not answer", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn cancel(
    State(site): State<Arc<Site>>,
    asker: Asker,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let run = site.run(&asker, &id, Deed::Act).await?;
    site.app.store.cancel_run_by(run.id, &asker.actor()?, Timestamp::now()).await?;
    site.acted();
    Ok(StatusCode::NO_CONTENT)
}

/// Lets the commit of a held run go, with every run of it that waits at the same place.
#[utoipa::path(
    post, path = "/runs/{id}/approve", params(("id" = i64, Path, description = "The run's number")),
    request_body = shape::Approval,
    responses(
        (status = 200, description = "What was let go", body = shape::Approved),
        (status = 400, description = "A wish that cannot be understood", body = Problem,
         content_type = "application/problem+json"),
        (status = 401, description = "Nobody has signed in", body = Problem,
         content_type = "application/problem+json"),
        (status = 403, description = "The asker may not", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "No such run", body = Problem,
         content_type = "application/problem+json"),
        (status = 408, description = "The body did not come", body = Problem,
         content_type = "application/problem+json"),
        (status = 409, description = "Not as things are", body = Problem,
         content_type = "application/problem+json"),
        (status = 413, description = "The body is too long", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The database does not answer", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn approve(
    State(site): State<Arc<Site>>,
    asker: Asker,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<shape::Approved>, Problem> {
    let run = site.run(&asker, &id, Deed::Act).await?;
    let wish: shape::Approval = site.wish(body).await?;
    let sha: Sha = wish.sha.parse().map_err(|error| Problem::bad(format!("`sha`: {error}")))?;
    let approved = site.app.store.approve(run.id, &sha, &asker.actor()?, Timestamp::now()).await?;
    site.acted();
    Ok(Json(shape::Approved { released: approved.released.iter().map(|id| id.0).collect() }))
}

/// The runs that wait for an approval.
#[utoipa::path(
    get, path = "/waiting",
    responses(
        (status = 200, description = "Those that the asker may see", body = shape::Waiting),
        (status = 401, description = "Nobody has signed in", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The database does not answer", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn waiting(
    State(site): State<Arc<Site>>,
    asker: Asker,
) -> Result<Json<shape::Waiting>, Problem> {
    let visible = site.visible(&asker).await?;
    let mut held = site.app.store.held(WAITING).await?;
    if let Some(visible) = visible {
        held.retain(|it| {
            visible
                .iter()
                .any(|(forge, name)| *forge == it.place.forge && *name == it.place.repository)
        });
    }
    let root = site.app.public_url.trim_end_matches('/');
    let waiting = held.iter().map(|held| shape::WaitingRun::new(held, root)).collect();
    Ok(Json(shape::Waiting { waiting }))
}
