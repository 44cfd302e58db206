//! Runs and their calls.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::shape;
use crate::domain::ids::{CallId, ForgeId, RepoName, RunId, Vendor};
use crate::domain::rights::Deed;
use crate::store::{RunQuery, RunStateQuery, RunView};
use crate::web::Site;
use crate::web::problem::Problem;
use crate::web::who::Asker;

/// Runs on a page where nobody says how many.
const PAGE: usize = 50;
/// Runs on the largest page.
const LARGEST_PAGE: usize = 200;

const NONE: &str = "There is no such run";

/// What a list of runs is narrowed to; the pages take the same words.
#[derive(Debug, Default, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::web) struct Narrowed {
    /// `owner/name`; of another forge than GitHub with the forge in front: `gitea/owner/name`.
    pub(in crate::web) repository: Option<String>,
    /// The number of a delivery.
    pub(in crate::web) delivery: Option<String>,
    pub(in crate::web) branch: Option<String>,
    /// The number of a pull request.
    pub(in crate::web) pull: Option<String>,
    /// `push`, `pull_request`, ….
    pub(in crate::web) event: Option<String>,
    /// `held`, `queued`, `running`, `finished`, `passed`, `failed`, `cancelled`, `errored`.
    pub(in crate::web) state: Option<String>,
    /// A part of the headline, the subject, the commit, the repository or the spec's name.
    pub(in crate::web) q: Option<String>,
    /// Where the page before ended.
    pub(in crate::web) cursor: Option<String>,
    /// At most 200; 50 where nothing is said.
    pub(in crate::web) limit: Option<String>,
}

impl Narrowed {
    /// What the store is asked, and for how many.
    ///
    /// # Errors
    /// What cannot be understood, by its name.
    pub(in crate::web) fn query(&self) -> Result<(RunQuery, usize), Problem> {
        let limit = match self.given(&self.limit) {
            None => PAGE,
            Some(text) => number(text, "limit")?,
        };
        let repository = self.given(&self.repository).map(repository).transpose()?;
        let state = match self.given(&self.state) {
            None => None,
            Some(word) => Some(RunStateQuery::named(word).ok_or_else(|| {
                let words: Vec<_> = RunStateQuery::ALL.iter().map(|it| it.as_str()).collect();
                Problem::bad(format!("`state` is one of {}", words.join(", ")))
            })?),
        };
        let delivery = self.given(&self.delivery).map(|text| number(text, "delivery"));
        let before = self.given(&self.cursor).map(|text| number(text, "cursor"));
        let query = RunQuery {
            repository,
            visible: None,
            among: None,
            spec: None,
            delivery: delivery.transpose()?,
            branch: self.given(&self.branch).map(str::to_owned),
            pull: self.given(&self.pull).map(|text| number(text, "pull")).transpose()?,
            event: self.given(&self.event).map(str::to_owned),
            state,
            text: self.given(&self.q).map(str::to_owned),
            before: before.transpose()?,
        };
        Ok((query, limit.clamp(1, LARGEST_PAGE)))
    }

    /// An empty field of a form is one that was left alone.
    fn given<'a>(&self, field: &'a Option<String>) -> Option<&'a str> {
        field.as_deref().map(str::trim).filter(|text| !text.is_empty())
    }
}

fn number<T: std::str::FromStr>(text: &str, name: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::bad(format!("`{name}` is a number")))
}

/// `owner/name`, or `forge/owner/name`.
pub(in crate::web) fn repository(text: &str) -> Result<(ForgeId, RepoName), Problem> {
    let pinned = text.split_once('/').and_then(|(forge, rest)| Some((forge.parse().ok()?, rest)));
    let (forge, name) = match pinned {
        Some((forge, rest)) if rest.contains('/') => (forge, rest),
        _ => (Vendor::Github.into(), text),
    };
    let name = name.parse().map_err(|error| Problem::bad(format!("`repository`: {error}")))?;
    Ok((forge, name))
}

/// The newest runs.
#[utoipa::path(
    get, path = "/runs", params(Narrowed),
    responses(
        (status = 200, description = "A page of runs, the newest first", body = shape::Runs),
        (status = 304, description = "The asker has it already: `If-None-Match`"),
        (status = 400, description = "A filter that cannot be understood", body = Problem,
         content_type = "application/problem+json"),
        (status = 401, description = "Nobody has signed in", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The database does not answer", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(
    State(site): State<Arc<Site>>,
    asker: Asker,
    narrowed: Result<Query<Narrowed>, QueryRejection>,
) -> Result<Json<shape::Runs>, Problem> {
    let Query(narrowed) = narrowed.map_err(|error| Problem::bad(error.body_text()))?;
    let (mut query, limit) = narrowed.query()?;
    query.visible = site.visible(&asker).await?;
    let page = site.app.store.find_runs(&query, limit).await?;
    Ok(Json(shape::Runs {
        runs: page.runs.iter().map(shape::RunSummary::from).collect(),
        next: page.next.map(|id| id.to_string()),
    }))
}

/// A run with its plan and its calls.
#[utoipa::path(
    get, path = "/runs/{id}", params(("id" = i64, Path, description = "The run's number")),
    responses(
        (status = 200, description = "The run", body = shape::Run),
        (status = 304, description = "The asker has it already: `If-None-Match`"),
        (status = 401, description = "Nobody has signed in", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "No such run", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The database does not answer", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(site): State<Arc<Site>>,
    asker: Asker,
    Path(id): Path<String>,
) -> Result<Json<shape::Run>, Problem> {
    let run = site.run(&asker, &id, Deed::See).await?;
    let attempts = site.app.store.attempts(run.id).await?;
    let root = site.app.public_url.trim_end_matches('/');
    Ok(Json(shape::Run::new(&run, &attempts, root, site.engine_trouble().as_deref())))
}

/// A call of a run.
#[utoipa::path(
    get, path = "/runs/{id}/calls/{call}",
    params(("id" = i64, Path, description = "The run's number"),
           ("call" = i64, Path, description = "The call's number")),
    responses(
        (status = 200, description = "The call", body = shape::Call),
        (status = 304, description = "The asker has it already: `If-None-Match`"),
        (status = 401, description = "Nobody has signed in", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "No such run, or no such call in it", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The database does not answer", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn call(
    State(site): State<Arc<Site>>,
    asker: Asker,
    Path((id, call)): Path<(String, String)>,
) -> Result<Json<shape::Call>, Problem> {
    let run = site.run(&asker, &id, Deed::See).await?;
    let call = find_call(&run, &call)?;
    let attempts = site.app.store.attempts(run.id).await?;
    let (root, engine) = (site.app.public_url.trim_end_matches('/'), site.engine_trouble());
    Ok(Json(shape::Call::new(run.id.0, call, &attempts, root, engine.as_deref())))
}

/// A call of a run, by what stands in an address.
pub(super) fn find_call<'a>(
    run: &'a RunView,
    text: &str,
) -> Result<&'a crate::store::CallView, Problem> {
    let id: Option<CallId> = text.parse().ok();
    let call = run.calls.iter().find(|call| Some(call.id) == id);
    call.ok_or_else(|| Problem::not_found(format!("Run {} has no such call", run.id)))
}

impl Site {
    /// A run that the asker may do this with.
    ///
    /// # Errors
    /// As [`Site::demand`]; 404 where there is no such run.
    pub(in crate::web) async fn run(
        &self,
        asker: &Asker,
        id: &str,
        deed: Deed,
    ) -> Result<RunView, Problem> {
        let found = match id.parse::<RunId>() {
            Ok(id) => self.app.store.run(id).await?,
            Err(_) => None,
        };
        let about = found.as_ref().and_then(|run| {
            let repository = run.event.repository.as_ref()?;
            Some((run.event.forge(), &repository.full_name))
        });
        // Whoever may see none is not told which there are.
        self.demand_of(asker, deed, about, NONE).await?;
        found.ok_or_else(|| Problem::not_found(NONE))
    }
}
