//! What waits for somebody's word.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;

use super::super::text::{inert, sentence};
use super::words::{Link, When};
use super::{Site, Trouble, event, page};
use crate::domain::rights::Deed;
use crate::store::{Held, RunQuery, RunStateQuery};
use crate::web::who::Asker;

/// Runs on the list.
const NEWEST: usize = 100;

#[derive(Template)]
#[template(path = "waiting.html")]
struct WaitingPage {
    runs: Vec<WaitingLine>,
}

/// A run that waits.
struct WaitingLine {
    id: i64,
    title: String,
    subject: Option<String>,
    places: Vec<Link>,
    commit: Link,
    direction: Option<String>,
    sha: String,
    short: String,
    why: String,
    since: When,
    may: bool,
}

/// `GET /waiting`.
pub(in crate::web) async fn waiting(
    State(site): State<Arc<Site>>,
    asker: Asker,
) -> Result<Response, Trouble> {
    let store = &site.app.store;
    let now = Timestamp::now();
    let visible = site.visible(&asker).await?;
    let state = Some(RunStateQuery::Held);
    let query = RunQuery { state, visible, ..RunQuery::default() };
    let found = store.find_runs(&query, NEWEST).await?;
    let held = store.held(NEWEST).await?;
    let mut runs = Vec::new();
    for run in &found.runs {
        // Its event knows where its changes are to be seen.
        let Some(whole) = store.run(run.id).await? else { continue };
        let about = Some((run.forge, &run.repository));
        let why = |held: &&Held| held.run == run.id;
        runs.push(WaitingLine {
            id: run.id.0,
            title: inert(&run.headline),
            subject: run.subject.as_deref().map(inert),
            places: event::places(&whole.event),
            commit: event::commit(&whole.event, &run.sha),
            direction: event::direction(&whole.event),
            sha: run.sha.to_string(),
            short: run.sha.short().to_owned(),
            why: held.iter().find(why).map(|held| sentence(&held.why)).unwrap_or_default(),
            since: When::new(run.created_at, now),
            may: site.offers(&asker, Deed::Act, about).await,
        });
    }
    page(&asker, &WaitingPage { runs })
}
