//! How the agent does: what it needs, what waits, since when.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;

use super::super::text::{ago, inert, sentence};
use super::words::{Badge, When};
use super::{Site, Trouble, page};
use crate::domain::rights::Deed;
use crate::domain::space::Size;
use crate::store::Figures;
use crate::web::who::Asker;

#[derive(Template)]
#[template(path = "health.html")]
pub(super) struct HealthPage {
    well: bool,
    conditions: Vec<ConditionLine>,
    queues: Vec<Fact>,
    past: Vec<Fact>,
    space: Vec<Fact>,
    version: &'static str,
}

struct ConditionLine {
    name: String,
    badge: Badge,
    detail: String,
    since: When,
}

/// A figure with its name, and what else is to be said about it.
struct Fact {
    name: &'static str,
    value: String,
    aside: Option<String>,
}

/// `GET /health`: for people; probes have `/readyz`.
pub(in crate::web) async fn health(
    State(site): State<Arc<Site>>,
    asker: Asker,
) -> Result<Response, Trouble> {
    site.demand(&asker, Deed::See, None).await?;
    let now = Timestamp::now();
    let figures = site.app.store.figures().await?;
    let conditions: Vec<_> = site
        .app
        .health
        .snapshot()
        .into_iter()
        .map(|(name, condition)| ConditionLine {
            name: inert(&name.replace(['_', ':'], " ")),
            badge: if condition.ok {
                Badge::new("works", "good")
            } else {
                Badge::new("does not work", "bad")
            },
            detail: sentence(&condition.detail),
            since: When::new(condition.since, now),
        })
        .collect();
    page(
        &asker,
        &HealthPage {
            well: conditions.iter().all(|condition| condition.badge.class == "good"),
            conditions,
            queues: queues(&figures, now),
            past: past(&figures),
            space: space(&site),
            version: env!("CARGO_PKG_VERSION"),
        },
    )
}

fn queues(figures: &Figures, now: Timestamp) -> Vec<Fact> {
    let since = |at: Option<Timestamp>| at.map(|at| format!("the oldest {}", ago(now, at)));
    let deliveries = figures.count("delivery", "received") + figures.count("delivery", "claimed");
    [
        ("Deliveries to plan", deliveries, since(figures.oldest_delivery)),
        ("Calls that wait", figures.count("call", "queued"), since(figures.oldest_call)),
        ("Calls that run", figures.count("call", "running"), None),
        ("Calls that wait for an approval", figures.count("call", "held"), None),
        ("Statuses owed to forges", figures.count("report", "owed"), since(figures.oldest_report)),
    ]
    .map(|(name, value, aside)| Fact { name, value: value.to_string(), aside })
    .into()
}

fn past(figures: &Figures) -> Vec<Fact> {
    let all = |what: &str| {
        let mut words: Vec<_> = figures.all(what).filter(|(_, count)| *count > 0).collect();
        words.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let words = words.iter().map(|(word, count)| format!("{count} {}", word.replace('_', " ")));
        let words = words.collect::<Vec<_>>().join(", ");
        if words.is_empty() { "none yet".to_owned() } else { words }
    };
    [("Deliveries", all("delivery_total")), ("Calls", all("call_total"))]
        .map(|(name, value)| Fact { name, value, aside: None })
        .into()
}

fn space(site: &Site) -> Vec<Fact> {
    let names = [
        ("disk_free_bytes", "Free on the disk"),
        ("disk_size_bytes", "Size of the disk"),
        ("log_bytes", "Logs"),
    ];
    let figures = site.app.health.figures();
    let fact = |(key, name)| {
        let value = Size(*figures.get(key)?).to_string();
        Some(Fact { name, value, aside: None })
    };
    names.into_iter().filter_map(fact).collect()
}
