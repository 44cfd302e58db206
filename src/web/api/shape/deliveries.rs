//! What came from forges, and what became of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Reason;
use crate::store::{DeliveryState, DeliveryView, Part, Settled};

/// A page of deliveries.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Deliveries {
    pub deliveries: Vec<Delivery>,
    /// The `cursor` of the next page; null: this is the last.
    pub next: Option<String>,
}

/// A delivery.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Delivery {
    pub id: i64,
    pub forge: String,
    /// The forge's own id of it; `replay:7:1` of the first replay of delivery 7.
    pub forge_id: String,
    /// As the forge names it.
    pub event: String,
    /// The event in two words.
    pub title: String,
    /// `owner/name`, where it is about one.
    pub repository: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
    /// `waiting`, `planned`, `skipped`, `faulty`.
    pub outcome: String,
    /// Why it was skipped, or what is wrong with it.
    pub reason: Option<Reason>,
    /// Why it could not be planned the last time.
    pub note: Option<String>,
    /// How often it was begun to be planned.
    pub tries: u32,
    /// How many runs came of it.
    pub runs: u64,
    /// What came of each of several things that it tells of; empty where it tells of one.
    #[serde(default)]
    pub parts: Vec<DeliveryPart>,
    /// Its page.
    pub url: String,
}

/// One of several things that a delivery tells of: a branch of those that were pushed together.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeliveryPart {
    /// The event in two words.
    pub title: String,
    /// How many runs came of it.
    pub runs: u64,
    /// Why there are none.
    pub reason: Option<Reason>,
}

/// A delivery with what it came with.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeliveryDetails {
    #[serde(flatten)]
    pub delivery: Delivery,
    /// Without signatures and tokens; empty once they are no longer kept.
    pub headers: Vec<Header>,
}

/// A header of a request.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Header {
    pub name: String,
    pub value: String,
}

/// The delivery that a replay is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Replayed {
    pub delivery: i64,
    pub forge_id: String,
    /// Its page.
    pub url: String,
}

impl DeliveryPart {
    fn new(part: &Part) -> Self {
        let reason = part.reason.as_ref();
        let reason = reason.map(|it| Reason { code: it.code.clone(), text: it.text.clone() });
        Self { title: part.title.clone(), runs: part.runs as u64, reason }
    }
}

impl Delivery {
    /// `root`: what the world calls the agent.
    pub fn new(delivery: &DeliveryView, root: &str) -> Self {
        let (outcome, reason) = match &delivery.state {
            DeliveryState::Received { .. } | DeliveryState::Claimed { .. } => ("waiting", None),
            DeliveryState::Settled { settled, .. } => match settled {
                Settled::Planned => ("planned", None),
                Settled::Skipped(reason) => {
                    let (code, text) = (reason.code.clone(), reason.text.clone());
                    ("skipped", Some(Reason { code, text }))
                }
                Settled::Faulty { whose, text } => {
                    let code = whose.as_str().to_owned();
                    ("faulty", Some(Reason { code, text: text.clone() }))
                }
            },
        };
        Self {
            id: delivery.id.0,
            forge: delivery.forge.to_string(),
            forge_id: delivery.forge_id.clone(),
            event: delivery.event_name.clone(),
            title: delivery.title.clone(),
            repository: delivery.repository.clone(),
            received_at: delivery.received_at,
            outcome: outcome.to_owned(),
            reason,
            note: delivery.note.clone(),
            tries: delivery.tries,
            runs: delivery.runs as u64,
            parts: delivery.parts.iter().map(DeliveryPart::new).collect(),
            url: format!("{root}/deliveries/{}", delivery.id),
        }
    }
}
