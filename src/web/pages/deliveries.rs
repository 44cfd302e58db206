//! What came, and what became of it.

use std::sync::Arc;

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;

use super::super::text::{count, inert, lines, moment, sentence};
use super::list::RunLine;
use super::words::{Badge, When};
use super::{Site, Trouble, json, page};
use crate::domain::ids::{DeliveryId, ForgeId, RepoName};
use crate::domain::rights::Deed;
use crate::domain::space::Size;
use crate::store::{
    DeliveryQuery, DeliveryState, DeliveryView, OutcomeQuery, Part, RunQuery, Settled, Store,
    StoreError,
};
use crate::web::problem::Problem;
use crate::web::who::Asker;

/// Deliveries on a page of the list.
const PAGE: usize = 50;
/// Runs of one delivery.
const NEWEST: usize = 100;
/// Characters of a body that its page shows.
const SHOWN: usize = 64 * 1024;

/// A delivery and what became of it.
pub(super) struct DeliveryLine {
    pub id: i64,
    pub forge_id: String,
    pub forge: String,
    pub event: String,
    pub title: String,
    pub repository: String,
    pub when: When,
    pub badge: Badge,
    pub fate: String,
    pub tries: u32,
    pub waiting: bool,
    /// Each of several things that it tells of.
    parts: Vec<PartLine>,
}

/// One of several things that a delivery tells of, and what came of it.
struct PartLine {
    title: String,
    fate: String,
}

impl PartLine {
    fn new(part: &Part) -> Self {
        let fate = match &part.reason {
            Some(reason) => sentence(&reason.text),
            None => format!("It became {}.", count(part.runs, "run")),
        };
        Self { title: inert(&part.title), fate }
    }
}

impl DeliveryLine {
    pub(super) fn new(delivery: &DeliveryView, now: Timestamp) -> Self {
        let (badge, fate) = fate(delivery, now);
        Self {
            id: delivery.id.0,
            forge_id: inert(&delivery.forge_id),
            forge: delivery.forge.to_string(),
            event: inert(&delivery.event_name),
            title: inert(&delivery.title),
            repository: inert(delivery.repository.as_deref().unwrap_or_default()),
            when: When::new(delivery.received_at, now),
            badge,
            fate,
            tries: delivery.tries,
            waiting: !matches!(delivery.state, DeliveryState::Settled { .. }),
            parts: delivery.parts.iter().map(PartLine::new).collect(),
        }
    }
}

fn fate(delivery: &DeliveryView, now: Timestamp) -> (Badge, String) {
    match &delivery.state {
        DeliveryState::Received { retry_at: Some(at) } if *at > now => {
            let why = delivery.note.as_deref().map(|note| format!(": {}", inert(note)));
            let why = why.unwrap_or_default();
            let words =
                format!("It could not be planned yet{why}. The next try is at {}.", moment(*at));
            (Badge::new("waiting", "warn"), words)
        }
        DeliveryState::Received { .. } => {
            (Badge::new("received", "idle"), "It waits to be planned.".to_owned())
        }
        DeliveryState::Claimed { .. } => {
            (Badge::new("planning", "busy"), "It is being planned.".to_owned())
        }
        DeliveryState::Settled { settled, .. } => match settled {
            Settled::Planned => {
                let words = format!("It became {}.", count(delivery.runs, "run"));
                (Badge::new("planned", "good"), words)
            }
            Settled::Skipped(reason) => (Badge::new("skipped", "idle"), sentence(&reason.text)),
            Settled::Faulty { text, .. } => (Badge::new("error", "bad"), sentence(text)),
        },
    }
}

/// Whether the asker may know of a delivery.
pub(super) async fn demand(
    site: &Site,
    asker: &Asker,
    delivery: &DeliveryView,
) -> Result<(), Trouble> {
    let name: Option<RepoName> = delivery.repository.as_deref().and_then(|it| it.parse().ok());
    let about = name.as_ref().map(|name| (delivery.forge, name));
    allowed(site, asker, about, &delivery.id.to_string()).await
}

/// Whoever may not see any is not told which there are.
pub(super) async fn demand_unknown(site: &Site, asker: &Asker, id: &str) -> Trouble {
    let none = || Trouble::NoSuchDelivery(id.to_owned());
    allowed(site, asker, None, id).await.map_or_else(|trouble| trouble, |()| none())
}

async fn allowed(
    site: &Site,
    asker: &Asker,
    about: Option<(ForgeId, &RepoName)>,
    id: &str,
) -> Result<(), Trouble> {
    let allowed = site.demand_of(asker, Deed::See, about, "There is no such delivery").await;
    allowed.map_err(|problem| match problem.status {
        404 => Trouble::NoSuchDelivery(id.to_owned()),
        _ => Trouble::Refused(problem),
    })
}

#[derive(Template)]
#[template(path = "deliveries.html")]
pub(super) struct DeliveriesPage {
    refresh: bool,
    deliveries: Vec<DeliveryLine>,
    hook: String,
    /// Those that the list may be narrowed to, and whether it is.
    outcomes: Vec<(&'static str, String, bool)>,
    narrowed: bool,
    /// The addresses of the first page, from another one, and of the next.
    newest: Option<String>,
    older: Option<String>,
}

/// What the list may be asked for.
#[derive(Debug, Default, Deserialize)]
pub(in crate::web) struct Wish {
    outcome: Option<String>,
    cursor: Option<String>,
}

/// The words for outcomes, each with the address's.
const OUTCOMES: [(&str, &str); 5] = [
    ("All", ""),
    ("Waiting", "waiting"),
    ("Planned", "planned"),
    ("Skipped", "skipped"),
    ("Errors", "faulty"),
];

/// `GET /deliveries`: the newest, with what became of each; for those who may see what was sent, as
/// in the API.
pub(in crate::web) async fn deliveries(
    State(site): State<Arc<Site>>,
    asker: Asker,
    wish: Result<Query<Wish>, QueryRejection>,
) -> Result<Response, Trouble> {
    let visible = site.delivers_to(&asker).await?;
    let Query(wish) = wish.map_err(|error| Problem::bad(error.body_text()))?;
    let outcome = wish.outcome.as_deref().map(str::trim).filter(|word| !word.is_empty());
    let outcome = outcome.map(|word| {
        OutcomeQuery::named(word).ok_or_else(|| Problem::bad("No such outcome of a delivery"))
    });
    let outcome = outcome.transpose()?;
    let before = wish.cursor.as_deref().filter(|text| !text.is_empty()).map(|text| {
        let number = text.parse::<i64>().ok().filter(|number| *number > 0);
        number.map(DeliveryId).ok_or_else(|| Problem::bad("`cursor` is a number"))
    });
    let before = before.transpose()?;
    let query = DeliveryQuery { visible, outcome, before, ..DeliveryQuery::default() };
    let found = site.app.store.find_deliveries(&query, PAGE).await?;
    let now = Timestamp::now();
    let deliveries: Vec<_> = found.deliveries.iter().map(|it| DeliveryLine::new(it, now)).collect();
    let word = outcome.map_or("", OutcomeQuery::as_str);
    let at = |word: &str, cursor: Option<DeliveryId>| {
        let parts = [
            ("outcome", word.to_owned()),
            ("cursor", cursor.map_or(String::new(), |it| it.to_string())),
        ];
        let parts: Vec<_> = parts
            .iter()
            .filter(|it| !it.1.is_empty())
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if parts.is_empty() {
            "/deliveries".to_owned()
        } else {
            format!("/deliveries?{}", parts.join("&"))
        }
    };
    page(
        &asker,
        &DeliveriesPage {
            refresh: deliveries.iter().any(|delivery| delivery.waiting),
            deliveries,
            hook: site.app.public_url.trim_end_matches('/').to_owned(),
            outcomes: OUTCOMES.map(|(name, of)| (name, at(of, None), of == word)).into(),
            narrowed: outcome.is_some() || before.is_some(),
            newest: before.map(|_| at(word, None)),
            older: found.next.map(|next| at(word, Some(next))),
        },
    )
}

#[derive(Template)]
#[template(path = "delivery.html")]
pub(super) struct DeliveryPage {
    refresh: bool,
    delivery: DeliveryLine,
    runs: Vec<RunLine>,
    /// For those who may see it.
    sent: Option<Sent>,
    /// It may be played again by whoever asks.
    replay: bool,
}

/// What the forge sent, as far as it is still kept.
struct Sent {
    headers: Vec<(String, String)>,
    body: Option<SentBody>,
}

/// JSON as one reads it.
struct SentBody {
    text: String,
    size: Size,
    cut: bool,
}

impl Sent {
    async fn read(store: &Store, id: DeliveryId) -> Result<Self, StoreError> {
        let headers = match store.delivery_headers(id).await {
            Err(StoreError::Missing(_)) => return Ok(Self { headers: Vec::new(), body: None }),
            headers => headers?,
        };
        let body = match store.delivery_body(id).await {
            Err(StoreError::Missing(_)) => None,
            body => Some(SentBody::new(&body?)),
        };
        let inert = |(name, value): &(String, String)| (inert(name), inert(value));
        Ok(Self { headers: headers.iter().map(inert).collect(), body })
    }
}

impl SentBody {
    fn new(body: &[u8]) -> Self {
        // The order of the keys is the forge's, not ours.
        let json: Option<Box<serde_json::value::RawValue>> = serde_json::from_slice(body).ok();
        let text = json.map_or_else(
            || String::from_utf8_lossy(body).into_owned(),
            |json| json::indented(json.get(), SHOWN),
        );
        let cut = text.chars().nth(SHOWN).is_some();
        let shown: String = text.chars().take(SHOWN).collect();
        Self { text: lines(&shown), size: Size(body.len() as u64), cut }
    }
}

/// `GET /deliveries/{id}`: what became of one delivery.
pub(in crate::web) async fn delivery(
    State(site): State<Arc<Site>>,
    asker: Asker,
    Path(id): Path<String>,
) -> Result<Response, Trouble> {
    let store = &site.app.store;
    let found = match id.parse() {
        Ok(number) => store.delivery(number).await?,
        Err(_) => None,
    };
    let Some(delivery) = found else { return Err(demand_unknown(&site, &asker, &id).await) };
    let number = delivery.id;
    demand(&site, &asker, &delivery).await?;
    let visible = site.visible(&asker).await?;
    let query = RunQuery { delivery: Some(number), visible, ..RunQuery::default() };
    let found = store.find_runs(&query, NEWEST).await?;
    let now = Timestamp::now();
    let name: Option<RepoName> = delivery.repository.as_deref().and_then(|it| it.parse().ok());
    let about = name.as_ref().map(|name| (delivery.forge, name));
    let may = async |deed| site.offers(&asker, deed, about).await;
    let sent = match may(Deed::SeeDelivery).await {
        true => Some(Sent::read(store, number).await?),
        false => None,
    };
    let replay = may(Deed::Start).await && sent.as_ref().is_some_and(|it| it.body.is_some());
    let delivery = DeliveryLine::new(&delivery, now);
    let runs: Vec<_> = found.runs.iter().map(|run| RunLine::new(run, now)).collect();
    let refresh = delivery.waiting || runs.iter().any(|run| run.moving);
    page(&asker, &DeliveryPage { refresh, delivery, runs, sent, replay })
}
