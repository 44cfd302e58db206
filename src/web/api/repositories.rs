//! Repositories: which there are, and how their newest run ended, for badges and desktops.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use serde::Deserialize;
use utoipa::IntoParams;

use super::shape;
use crate::domain::ids::{ForgeId, RepoName};
use crate::domain::rights::Deed;
use crate::domain::run::Verdict;
use crate::store::{RunQuery, RunStateQuery, RunSummary};
use crate::web::Site;
use crate::web::problem::Problem;
use crate::web::who::Asker;

/// Specs of a repository that `cc.xml` lists at most.
const SPECS: usize = 200;

/// The repositories that have runs.
#[utoipa::path(
    get, path = "/repositories",
    responses(
        (status = 200, description = "Those that the asker may see", body = shape::Repositories),
        (status = 304, description = "The asker has it already: `If-None-Match`"),
        (status = 401, description = "Nobody has signed in", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The database does not answer", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(
    State(site): State<Arc<Site>>,
    asker: Asker,
) -> Result<Json<shape::Repositories>, Problem> {
    let visible = site.visible(&asker).await?;
    let all = site.app.store.repositories().await?;
    let seen = |it: &(ForgeId, RepoName)| visible.as_ref().is_none_or(|some| some.contains(it));
    let repositories = all.into_iter().filter(seen).map(|(forge, name)| shape::Repository {
        forge: forge.to_string(),
        name: name.to_string(),
    });
    Ok(Json(shape::Repositories { repositories: repositories.collect() }))
}

/// Which of a repository's runs count.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wish {
    /// Of this branch alone.
    branch: Option<String>,
    /// Of the spec with this name alone.
    name: Option<String>,
}

/// How the newest finished run of pushes ended, as a picture.
#[utoipa::path(
    get, path = "/badge/{forge}/{*repository}",
    params(("forge" = String, Path, description = "`github`, `gitea`, …"),
           ("repository" = String, Path, description = "`owner/name`, with `.svg` behind it"), Wish),
    responses(
        (status = 200, description = "A picture", content((String = "image/svg+xml"))),
        (status = 304, description = "The asker has it already: `If-None-Match`"),
        (status = 400, description = "A wish that cannot be understood", body = Problem,
         content_type = "application/problem+json"),
        (status = 401, description = "Nobody has signed in", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "No such repository", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The database does not answer", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn badge(
    State(site): State<Arc<Site>>,
    asker: Asker,
    Path((forge, path)): Path<(String, String)>,
    wish: Result<Query<Wish>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(wish) = wish.map_err(|error| Problem::bad(error.body_text()))?;
    let name = path.strip_suffix(".svg").unwrap_or(&path);
    let runs = site.ended(&asker, &forge, name, &wish, 1).await?;
    let (word, colour) = match runs.first().and_then(|run| run.state.verdict()) {
        Some(Verdict::Passed) => ("passed", "#1a7f37"),
        Some(Verdict::Failed) => ("failed", "#cf222e"),
        Some(Verdict::Cancelled) => ("cancelled", "#57606a"),
        Some(Verdict::Errored) => ("error", "#9a6700"),
        None => ("no runs", "#57606a"),
    };
    let kind = HeaderValue::from_static("image/svg+xml");
    let fresh = HeaderValue::from_static("no-cache");
    Ok(([(CONTENT_TYPE, kind), (CACHE_CONTROL, fresh)], picture(word, colour)).into_response())
}

/// The newest finished run of each spec, for desktop watchers that read CruiseControl's feed.
#[utoipa::path(
    get, path = "/cc/{forge}/{*repository}",
    params(("forge" = String, Path, description = "`github`, `gitea`, …"),
           ("repository" = String, Path, description = "`owner/name`, with `.xml` behind it"), Wish),
    responses(
        (status = 200, description = "The feed", content((String = "application/xml"))),
        (status = 304, description = "The asker has it already: `If-None-Match`"),
        (status = 400, description = "A wish that cannot be understood", body = Problem,
         content_type = "application/problem+json"),
        (status = 401, description = "Nobody has signed in", body = Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "No such repository", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The database does not answer", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn cc(
    State(site): State<Arc<Site>>,
    asker: Asker,
    Path((forge, path)): Path<(String, String)>,
    wish: Result<Query<Wish>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(wish) = wish.map_err(|error| Problem::bad(error.body_text()))?;
    let name = path.strip_suffix(".xml").unwrap_or(&path);
    let mut runs = site.ended(&asker, &forge, name, &wish, SPECS).await?;
    let mut seen = std::collections::HashSet::new();
    runs.retain(|run| seen.insert(run.spec_name.clone()));
    let root = site.app.public_url.trim_end_matches('/');
    let projects: String = runs.iter().map(|run| project(run, root)).collect();
    let xml =
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Projects>\n{projects}</Projects>\n");
    let kind = HeaderValue::from_static("application/xml; charset=utf-8");
    Ok(([(CONTENT_TYPE, kind)], xml).into_response())
}

impl Site {
    /// The newest finished runs of a repository's branches; pull requests are nobody's badge.
    async fn ended(
        &self,
        asker: &Asker,
        forge: &str,
        name: &str,
        wish: &Wish,
        limit: usize,
    ) -> Result<Vec<RunSummary>, Problem> {
        let none = || Problem::not_found("There is no such repository");
        let repository: (ForgeId, RepoName) =
            (forge.parse().map_err(|_| none())?, name.parse().map_err(|_| none())?);
        self.demand(asker, Deed::See, Some((repository.0, &repository.1))).await?;
        let query = RunQuery {
            repository: Some(repository),
            branch: wish.branch.clone(),
            event: Some("push".to_owned()),
            state: Some(RunStateQuery::Finished),
            spec: wish.name.clone(),
            ..RunQuery::default()
        };
        Ok(self.app.store.find_runs(&query, limit).await?.runs)
    }
}

/// A badge as wide as its words; both are ours, nothing in it is a stranger's.
fn picture(word: &str, colour: &str) -> String {
    let left = 62;
    let right = 14 + 7 * word.len();
    let (width, middle) = (left + right, left + right / 2);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"20\" role=\"img\" \
         aria-label=\"pocketci: {word}\"><title>pocketci: {word}</title>\
         <clipPath id=\"r\"><rect width=\"{width}\" height=\"20\" rx=\"3\"/></clipPath>\
         <g clip-path=\"url(#r)\"><rect width=\"{left}\" height=\"20\" fill=\"#24292f\"/>\
         <rect x=\"{left}\" width=\"{right}\" height=\"20\" fill=\"{colour}\"/></g>\
         <g fill=\"#fff\" text-anchor=\"middle\" font-family=\"Verdana,DejaVu Sans,sans-serif\" \
         font-size=\"11\"><text x=\"31\" y=\"14\">pocketci</text>\
         <text x=\"{middle}\" y=\"14\">{word}</text></g></svg>"
    )
}

fn project(run: &RunSummary, root: &str) -> String {
    let status = match run.state.verdict() {
        Some(Verdict::Passed) => "Success",
        Some(Verdict::Failed) => "Failure",
        Some(Verdict::Errored) => "Exception",
        _ => "Unknown",
    };
    let name = match run.spec_name.as_str() {
        "" => run.repository.to_string(),
        spec => format!("{}/{spec}", run.repository),
    };
    let at = run.finished_at.unwrap_or(run.created_at);
    format!(
        "  <Project name=\"{}\" activity=\"Sleeping\" lastBuildStatus=\"{status}\" \
         lastBuildLabel=\"{}\" lastBuildTime=\"{at:.0}\" webUrl=\"{}/runs/{}\"/>\n",
        attribute(&name),
        run.id,
        attribute(root),
        run.id,
    )
}

/// Text inside of an attribute's quotes.
fn attribute(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
