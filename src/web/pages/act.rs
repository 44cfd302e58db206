//! What the buttons do. That a request comes from our own page is checked before it gets here.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use jiff::Timestamp;

use super::super::problem::Problem;
use super::super::text::sentence;
use super::{Site, Trouble, run_of};
use crate::domain::ids::Sha;
use crate::domain::rights::Deed;
use crate::store::{ActError, Rerun};
use crate::web::who::Asker;

/// `POST /runs/{id}/rerun` with `which`: `all`, `failed`, or a call's number.
pub(in crate::web) async fn rerun(
    State(site): State<Arc<Site>>,
    asker: Asker,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Trouble> {
    let run = run_of(&site, &asker, &id, Deed::Act).await?;
    let which = match field(&body, "which").as_deref() {
        None | Some("" | "all") => Rerun::All,
        Some("failed") => Rerun::Failed,
        Some(call) => Rerun::Call(call.parse().map_err(|_| Trouble::NoSuchCall(run.id))?),
    };
    site.app.store.rerun(run.id, &which, &asker.actor()?, Timestamp::now()).await?;
    site.acted();
    Ok(back(&id))
}

/// `POST /runs/{id}/cancel`.
pub(in crate::web) async fn cancel(
    State(site): State<Arc<Site>>,
    asker: Asker,
    Path(id): Path<String>,
) -> Result<Response, Trouble> {
    let run = run_of(&site, &asker, &id, Deed::Act).await?;
    site.app.store.cancel_run_by(run.id, &asker.actor()?, Timestamp::now()).await?;
    site.acted();
    Ok(back(&id))
}

/// `POST /runs/{id}/approve` with `sha`, the commit that the page showed.
pub(in crate::web) async fn approve(
    State(site): State<Arc<Site>>,
    asker: Asker,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Trouble> {
    let run = run_of(&site, &asker, &id, Deed::Act).await?;
    let sha: Option<Sha> = field(&body, "sha").and_then(|sha| sha.parse().ok());
    let sha =
        sha.ok_or_else(|| Problem::bad("Say which commit is approved: load the page again"))?;
    site.app.store.approve(run.id, &sha, &asker.actor()?, Timestamp::now()).await?;
    site.acted();
    Ok(back(&id))
}

/// `POST /deliveries/{id}/replay`: shows the delivery that came of it.
pub(in crate::web) async fn replay(
    State(site): State<Arc<Site>>,
    asker: Asker,
    Path(id): Path<String>,
) -> Result<Response, Trouble> {
    let (replay, _) = site.play_again(&asker, &id).await?;
    Ok(Redirect::to(&format!("/deliveries/{replay}")).into_response())
}

/// A field of a form.
fn field(body: &[u8], name: &str) -> Option<String> {
    url::form_urlencoded::parse(body)
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

fn back(id: &str) -> Response {
    Redirect::to(&format!("/runs/{id}")).into_response()
}

impl From<ActError> for Trouble {
    fn from(error: ActError) -> Self {
        match error {
            ActError::Refused(refused) => {
                let words = sentence(&refused.to_string());
                Self::Refused(Problem::new(StatusCode::CONFLICT, words))
            }
            ActError::Store(error) => Self::Store(error),
        }
    }
}
