//! Lists of runs: everything, one repository's, one delivery's.

use std::sync::Arc;

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use jiff::Timestamp;
use url::form_urlencoded::Serializer;

use super::super::text::inert;
use super::deliveries::DeliveryLine;
use super::words::{Badge, Took, When, call_badge, is_moving, run_badge};
use super::{Site, Trouble, page};
use crate::domain::ids::{ForgeId, RepoName};
use crate::store::{RunQuery, RunStateQuery, RunSummary};
use crate::web::api::Narrowed;
use crate::web::who::Asker;

/// Marks of calls that a line has room for; the rest is counted.
const MARKS: usize = 16;
/// The events that the filter offers; others can be typed into the address.
const EVENTS: [&str; 6] =
    ["push", "tag", "pull_request", "release", "merge_group", "issue_comment"];

/// A run in a list.
pub(super) struct RunLine {
    pub id: i64,
    pub badge: Badge,
    pub title: String,
    pub subject: Option<String>,
    pub repository: String,
    /// The repository's own list.
    pub home: String,
    pub spec: String,
    pub place: Option<String>,
    pub sha: String,
    pub marks: Vec<Mark>,
    /// Calls that have no room.
    pub more: usize,
    pub when: When,
    pub took: Option<Took>,
    pub waited: Option<Took>,
    pub attempt: u32,
    pub moving: bool,
}

/// A call in a list.
pub(super) struct Mark {
    pub id: i64,
    pub badge: Badge,
    pub name: String,
}

impl RunLine {
    pub(super) fn new(run: &RunSummary, now: Timestamp) -> Self {
        let pull = run.pull.map(|number| format!("#{number}"));
        let place = pull.or_else(|| run.branch.as_deref().map(inert));
        let mark = |call: &crate::store::CallMark| Mark {
            id: call.id.0,
            badge: call_badge(&run.state, &call.state),
            name: inert(&call.kebab),
        };
        let ended = run.finished_at;
        // One that never began waits no longer than it lasts; what is begun at once did not wait.
        let waits = run.started_at.or(ended);
        let at_once = waits.is_some_and(|at| at.duration_since(run.created_at).as_secs() < 1);
        Self {
            id: run.id.0,
            badge: run_badge(&run.state),
            title: inert(&run.headline),
            subject: run.subject.as_deref().map(inert).filter(|text| !text.is_empty()),
            repository: run.repository.to_string(),
            home: home(run.forge, &run.repository),
            spec: inert(&run.spec_name),
            place,
            sha: run.sha.short().to_owned(),
            marks: run.calls.iter().take(MARKS).map(mark).collect(),
            more: run.calls.len().saturating_sub(MARKS),
            when: When::new(run.created_at, now),
            took: Took::new(run.started_at, ended, now),
            waited: Took::new((run.attempt == 1 && !at_once).then_some(run.created_at), waits, now),
            attempt: run.attempt,
            moving: is_moving(&run.state),
        }
    }
}

/// The list of one repository.
pub(super) fn home(forge: ForgeId, name: &RepoName) -> String {
    format!("/repositories/{forge}/{name}")
}

/// What the list is narrowed to, as the form shows it.
pub(super) struct Filter {
    pub repository: String,
    pub branch: String,
    pub pull: String,
    pub q: String,
    pub events: Vec<Choice>,
    pub states: Vec<Choice>,
    /// Anything at all.
    pub set: bool,
}

pub(super) struct Choice {
    pub word: String,
    pub chosen: bool,
}

impl Filter {
    fn new(narrowed: &Narrowed) -> Self {
        let text = |field: &Option<String>| field.as_deref().map(inert).unwrap_or_default();
        let choices = |words: &[&str], chosen: &str| {
            let known = words.contains(&chosen) || chosen.is_empty();
            let own = (!known).then_some(chosen);
            let all = words.iter().copied().chain(own);
            all.map(|word| Choice { word: word.to_owned(), chosen: word == chosen }).collect()
        };
        let (event, state) = (text(&narrowed.event), text(&narrowed.state));
        let states = RunStateQuery::ALL.map(RunStateQuery::as_str);
        let fields = [
            &narrowed.repository,
            &narrowed.branch,
            &narrowed.pull,
            &narrowed.event,
            &narrowed.state,
            &narrowed.q,
        ];
        Self {
            repository: text(&narrowed.repository),
            branch: text(&narrowed.branch),
            pull: text(&narrowed.pull),
            q: text(&narrowed.q),
            events: choices(&EVENTS, &event),
            states: choices(&states, &state),
            set: fields.iter().any(|field| field.as_deref().is_some_and(|it| !it.is_empty())),
        }
    }
}

#[derive(Template)]
#[template(path = "runs.html")]
pub(super) struct RunsPage {
    heading: String,
    /// The address of the stream of what changes here.
    events: String,
    icon: &'static str,
    refresh: bool,
    delivery: Option<DeliveryLine>,
    filter: Filter,
    repositories: Vec<String>,
    runs: Vec<RunLine>,
    older: Option<String>,
    newest: Option<String>,
    hook: String,
}

/// `GET /` and `GET /runs`: the newest runs, narrowed by the query.
pub(in crate::web) async fn runs(
    State(site): State<Arc<Site>>,
    asker: Asker,
    narrowed: Result<Query<Narrowed>, QueryRejection>,
) -> Result<Response, Trouble> {
    let narrowed = narrowed.map(|Query(it)| it).unwrap_or_default();
    list(&site, &asker, narrowed, None).await
}

/// `GET /repositories/{forge}/{owner…}/{name}`: the same of one repository.
pub(in crate::web) async fn repository(
    State(site): State<Arc<Site>>,
    asker: Asker,
    Path((forge, name)): Path<(String, String)>,
    narrowed: Result<Query<Narrowed>, QueryRejection>,
) -> Result<Response, Trouble> {
    let mut narrowed = narrowed.map(|Query(it)| it).unwrap_or_default();
    let forge: ForgeId = forge.parse().map_err(|_| Trouble::NoSuchPage)?;
    let name: RepoName = name.parse().map_err(|_| Trouble::NoSuchPage)?;
    narrowed.repository = Some(format!("{forge}/{name}"));
    list(&site, &asker, narrowed, Some((forge, name))).await
}

async fn list(
    site: &Site,
    asker: &Asker,
    mut narrowed: Narrowed,
    of: Option<(ForgeId, RepoName)>,
) -> Result<Response, Trouble> {
    let store = &site.app.store;
    let now = Timestamp::now();
    let visible = site.visible(asker).await?;
    let delivery = match narrowed.delivery.as_deref().filter(|text| !text.is_empty()) {
        None => None,
        Some(text) => {
            let found = match text.parse() {
                Ok(id) => store.delivery(id).await?,
                Err(_) => None,
            };
            let Some(delivery) = found else {
                return Err(super::deliveries::demand_unknown(site, asker, text).await);
            };
            super::deliveries::demand(site, asker, &delivery).await?;
            Some(DeliveryLine::new(&delivery, now))
        }
    };
    narrowed.limit = None;
    let (mut query, limit) = narrowed.query()?;
    query.visible.clone_from(&visible);
    let found = store.find_runs(&query, limit).await?;
    let runs: Vec<RunLine> = found.runs.iter().map(|run| RunLine::new(run, now)).collect();
    let seen = |it: &(ForgeId, RepoName)| visible.as_ref().is_none_or(|some| some.contains(it));
    let repositories = store.repositories().await?;
    let waiting = delivery.as_ref().is_some_and(|delivery| delivery.waiting);
    let path = of.as_ref().map_or_else(|| "/runs".to_owned(), |(forge, name)| home(*forge, name));
    let shown = Narrowed { repository: narrowed.repository.clone(), ..narrowed.clone() };
    if of.is_some() {
        narrowed.repository = None;
    }
    let page_at = |cursor: Option<String>| address(&path, &narrowed, cursor);
    page(
        asker,
        &RunsPage {
            heading: of.map_or_else(|| "Runs".to_owned(), |(_, name)| name.to_string()),
            events: events(&query),
            icon: icon(&runs),
            refresh: waiting || runs.iter().any(|run| run.moving),
            delivery,
            filter: Filter::new(&shown),
            repositories: repositories
                .iter()
                .filter(|it| seen(it))
                .map(|(forge, name)| format!("{forge}/{name}"))
                .collect(),
            older: found.next.map(|next| page_at(Some(next.to_string()))),
            newest: query.before.map(|_| page_at(None)),
            runs,
            hook: site.app.public_url.trim_end_matches('/').to_owned(),
        },
    )
}

fn events(query: &RunQuery) -> String {
    match &query.repository {
        None => "/api/v1/events".to_owned(),
        Some((forge, name)) => {
            let name = format!("{forge}/{name}");
            let query = Serializer::new(String::new()).append_pair("repository", &name).finish();
            format!("/api/v1/events?{query}")
        }
    }
}

/// Something under way, or how the newest ended.
fn icon(runs: &[RunLine]) -> &'static str {
    if runs.iter().any(|run| run.badge.class == "busy") {
        return "busy";
    }
    runs.first().map_or("idle", |run| run.badge.class)
}

/// The same list, elsewhere.
fn address(path: &str, narrowed: &Narrowed, cursor: Option<String>) -> String {
    let mut query = Serializer::new(String::new());
    let fields = [
        ("repository", &narrowed.repository),
        ("delivery", &narrowed.delivery),
        ("branch", &narrowed.branch),
        ("pull", &narrowed.pull),
        ("event", &narrowed.event),
        ("state", &narrowed.state),
        ("q", &narrowed.q),
        ("cursor", &cursor),
    ];
    for (name, value) in fields {
        if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
            query.append_pair(name, value);
        }
    }
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}
