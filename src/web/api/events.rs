//! A stream of what changes: runs, calls and deliveries.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::broadcast::{self, error::RecvError};
use utoipa::IntoParams;

use super::log::{event, stream_of};
use super::runs::repository;
use super::shape;
use crate::domain::ids::{ForgeId, RepoName};
use crate::store::{Change, RunQuery, StoreError};
use crate::web::Site;
use crate::web::problem::Problem;
use crate::web::who::Asker;

/// How often it is found out anew what the asker may see.
const LOOK: Duration = Duration::from_secs(10);

/// Whose changes.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wish {
    /// `owner/name`; of another forge than GitHub with the forge in front.
    repository: Option<String>,
    /// The number of a run.
    run: Option<i64>,
}

/// What changes, as it changes.
///
/// Events `run` with the run as in a list; `delivery` with its number; and `reload` when something
/// may have been missed.
#[utoipa::path(
    get, path = "/events", params(Wish),
    responses(
        (status = 200, description = "A stream of events", content((String = "text/event-stream"))),
        (status = 400, description = "A wish that cannot be understood", body = Problem,
         content_type = "application/problem+json"),
        (status = 401, description = "Nobody has signed in", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The database does not answer", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn follow(
    State(site): State<Arc<Site>>,
    asker: Asker,
    wish: Result<Query<Wish>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(wish) = wish.map_err(|error| Problem::bad(error.body_text()))?;
    let only = wish.repository.as_deref().filter(|text| !text.is_empty()).map(repository);
    let listener = Listener {
        changes: site.app.store.changes(),
        only: only.transpose()?,
        run: wish.run,
        visible: site.visible(&asker).await?,
        looked: Instant::now(),
        asker: asker.clone(),
        site: Arc::clone(&site),
        // A client that comes back may have missed something: what it shows is looked up anew.
        ready: VecDeque::from([event("reload", &json!({}))]),
    };
    let events = stream::unfold(listener, |mut listener| async {
        let event = listener.next().await?;
        Some((event, listener))
    });
    Ok(stream_of(events, site.until_ended(asker, None)))
}

struct Listener {
    site: Arc<Site>,
    changes: broadcast::Receiver<Arc<[Change]>>,
    only: Option<(ForgeId, RepoName)>,
    run: Option<i64>,
    visible: Option<Vec<(ForgeId, RepoName)>>,
    /// When that was found out.
    looked: Instant,
    asker: Asker,
    ready: VecDeque<Bytes>,
}

impl Listener {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            match self.changes.recv().await {
                Ok(changes) => {
                    if let Err(error) = self.tell(&changes).await {
                        tracing::warn!(%error, "Cannot read what has changed");
                        self.ready.push_back(event("reload", &json!({})));
                    }
                }
                Err(RecvError::Lagged(_)) => self.ready.push_back(event("reload", &json!({}))),
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// The newest state of what was touched; of a call its run's.
    async fn tell(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        if self.looked.elapsed() > LOOK {
            // Whoever may see nothing any more is told nothing.
            self.visible = self.site.visible(&self.asker).await.unwrap_or(Some(Vec::new()));
            self.looked = Instant::now();
        }
        let runs = self.site.app.store.runs_of(changes).await?;
        let runs: Vec<_> = match self.run {
            Some(only) => runs.into_iter().filter(|run| run.0 == only).collect(),
            None => runs,
        };
        if !runs.is_empty() {
            let all = runs.len();
            let query = RunQuery {
                repository: self.only.clone(),
                visible: self.visible.clone(),
                among: Some(runs),
                ..RunQuery::default()
            };
            let page = self.site.app.store.find_runs(&query, all).await?;
            let told = page.runs.iter().rev();
            self.ready.extend(told.map(|run| event("run", &shape::RunSummary::from(run))));
        }
        if self.run.is_none() && self.only.is_none() && self.visible.is_none() {
            for change in changes {
                if let Change::Delivery(id) = change {
                    self.ready.push_back(event("delivery", &json!({ "id": id })));
                }
            }
        }
        Ok(())
    }
}
