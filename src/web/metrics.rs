//! `GET /metrics`: figures in the text format of Prometheus. No label has more than a few values.

use std::fmt::{Display, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use jiff::Timestamp;

use super::Site;
use crate::health::Health;
use crate::store::{BOUNDS, Figures};

/// Deliveries that were not taken since the start, by the status of the answer.
#[derive(Debug, Default)]
pub(super) struct Refused([AtomicU64; STATUSES.len()]);

/// What a refusal can be answered with; the last is anything else.
const STATUSES: [u16; 8] = [400, 401, 408, 413, 415, 429, 503, 0];

impl Refused {
    pub(super) fn count(&self, status: StatusCode) {
        let place = STATUSES.iter().position(|known| *known == status.as_u16());
        if let Some(count) = self.0.get(place.unwrap_or(STATUSES.len() - 1)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn counts(&self) -> impl Iterator<Item = (String, u64)> {
        let name = |status: u16| if status == 0 { "other".to_owned() } else { status.to_string() };
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        STATUSES.map(name).into_iter().zip(counts)
    }
}

/// `GET /metrics`. What the database does not tell at the moment is left out.
pub(super) async fn metrics(State(site): State<Arc<Site>>) -> Response {
    let figures = site.app.store.figures().await;
    if let Err(error) = &figures {
        tracing::warn!(%error, "Cannot read the figures of the database");
    }
    let mut text = page(figures.ok().as_ref(), &site.app.health, &site.refused, Timestamp::now());
    if let Some(onward) = &site.app.onward {
        text.push_str(&passed_on(onward.counts()));
    }
    text.push_str(&connections(site.seats.open() as u64, site.seats.dropped()));
    let mut response = text.into_response();
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

fn page(figures: Option<&Figures>, health: &Health, refused: &Refused, now: Timestamp) -> String {
    let mut page = Page(String::new());
    page.family("pocketci_build_info", "gauge", "The version that runs.");
    page.value("pocketci_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    page.family(
        "pocketci_deliveries_refused_total",
        "counter",
        "Deliveries that were not taken since the start, by the status of the answer.",
    );
    for (status, count) in refused.counts() {
        page.value("pocketci_deliveries_refused_total", &[("status", &status)], count);
    }
    if let Some(figures) = figures {
        page.stored(figures, now);
    }
    page.family("pocketci_condition", "gauge", "1: this works, 0: it does not; see /readyz.");
    for (name, condition) in health.snapshot() {
        page.value("pocketci_condition", &[("name", &*name)], u8::from(condition.ok));
    }
    for (name, value) in health.figures() {
        let name = format!("pocketci_{name}");
        page.family(&name, "gauge", "As it was measured last.");
        page.value(&name, &[], value);
    }
    page.0
}

fn passed_on((sent, dropped): (u64, u64)) -> String {
    let mut page = Page(String::new());
    let name = "pocketci_trace_exports_total";
    page.family(name, "counter", "Exports for the collector of traces since the start, by end.");
    page.value(name, &[("end", "sent")], sent);
    page.value(name, &[("end", "dropped")], dropped);
    page.0
}

fn connections(open: u64, dropped: u64) -> String {
    let mut page = Page(String::new());
    page.family("pocketci_connections", "gauge", "Connections that are open.");
    page.value("pocketci_connections", &[], open);
    let name = "pocketci_connections_dropped_total";
    page.family(name, "counter", "Connections that had to make room for others since the start.");
    page.value(name, &[], dropped);
    page.0
}

struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    /// Labels and values are words of ours, with nothing in them to be escaped.
    fn value(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (at, (label, word)) in labels.iter().enumerate() {
            let open = if at == 0 { '{' } else { ',' };
            let _ = write!(self.0, "{open}{label}=\"{word}\"");
        }
        let close = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{close} {value}");
    }

    /// One family with a label for each word; the words that are always there come first, so
    /// that a rate can be taken from the first event on.
    fn words(
        &mut self,
        figures: &Figures,
        what: &str,
        (name, kind, help): (&str, &str, &str),
        label: &str,
        always: &[&str],
    ) {
        self.family(name, kind, help);
        for word in always {
            self.value(name, &[(label, word)], figures.count(what, word));
        }
        for (word, count) in figures.all(what).filter(|(word, _)| !always.contains(word)) {
            self.value(name, &[(label, word)], count);
        }
    }

    fn age(&mut self, name: &str, help: &str, since: Option<Timestamp>, now: Timestamp) {
        self.family(name, "gauge", help);
        let age = since.map_or(0.0, |since| now.duration_since(since).as_secs_f64().max(0.0));
        self.value(name, &[], format_args!("{age:.3}"));
    }

    fn stored(&mut self, figures: &Figures, now: Timestamp) {
        let (counter, gauge) = ("counter", "gauge");
        let family = ("pocketci_deliveries_total", counter, "Deliveries settled, by outcome.");
        self.words(figures, "delivery_total", family, "outcome", &["planned", "skipped", "faulty"]);
        let family = ("pocketci_deliveries", gauge, "Deliveries kept, by state.");
        self.words(figures, "delivery", family, "state", &["received", "claimed", "settled"]);
        let name = "pocketci_oldest_delivery_seconds";
        let help = "Age of the oldest delivery that is not settled; 0 without one.";
        self.age(name, help, figures.oldest_delivery, now);

        let family = ("pocketci_calls_total", counter, "Calls that ended, by outcome.");
        let outcomes = ["passed", "failed", "timed_out", "cancelled", "lost", "errored"];
        self.words(figures, "call_total", family, "outcome", &outcomes);
        let family = (
            "pocketci_calls",
            gauge,
            "Calls kept, by state; held ones wait for a word or their group.",
        );
        self.words(figures, "call", family, "state", &["held", "queued", "running", "finished"]);
        let name = "pocketci_oldest_queued_call_seconds";
        let help = "How long the oldest queued call has waited; 0 without one.";
        self.age(name, help, figures.oldest_call, now);
        self.durations(figures);

        let family = ("pocketci_statuses", gauge, "Statuses kept, by state.");
        self.words(figures, "report", family, "state", &["owed", "sent", "dropped"]);
        let family = ("pocketci_statuses_total", counter, "Statuses that were dealt with, by end.");
        self.words(figures, "report_total", family, "end", &["sent", "dropped"]);
        let name = "pocketci_oldest_owed_status_seconds";
        let help = "How long the oldest status is owed; 0 without one.";
        self.age(name, help, figures.oldest_report, now);

        let family =
            ("pocketci_taken_up_total", counter, "What restarts found unfinished and took up.");
        self.words(figures, "taken_up", family, "what", &["deliveries", "calls", "reports"]);
        let family = (
            "pocketci_watchdog_mended_total",
            counter,
            "What was under way in nobody's hands: a mistake of the agent, please report it.",
        );
        self.words(figures, "watchdog", family, "what", &["calls", "runs", "deliveries", "loops"]);
    }

    fn durations(&mut self, figures: &Figures) {
        let name = "pocketci_call_duration_seconds";
        self.family(name, "histogram", "How long calls took from their start to their end.");
        let (mut sum, bucket) = (0, format!("{name}_bucket"));
        for bound in BOUNDS {
            sum += figures.count("call_seconds", bound);
            self.value(&bucket, &[("le", bound)], sum);
        }
        let microseconds = figures.count("call_microseconds", "sum");
        self.value(&format!("{name}_sum"), &[], format_args!("{:.3}", microseconds as f64 / 1e6));
        self.value(&format!("{name}_count"), &[], sum);
    }
}

#[cfg(test)]
mod tests;
