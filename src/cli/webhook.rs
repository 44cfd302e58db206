//! A saved webhook, as `event` and `plan --payload` read it.

use std::fs;
use std::path::Path;

use clap::Args;
use serde_json::Value;

use super::Failure;
use crate::domain::event::Event;
use crate::domain::forge::{self, Headers};
use crate::domain::ids::Vendor;

/// The largest body that is read, as of the server.
pub(super) const MAX_BYTES: u64 = 25 * 1024 * 1024;

/// What is not in the body.
#[derive(Debug, Args)]
pub(super) struct Envelope {
    /// The forge that sent it
    #[arg(long, value_name = "FORGE", default_value_t = Vendor::Github)]
    pub(super) vendor: Vendor,
    /// The event's name, where the headers do not say
    #[arg(long = "event", value_name = "NAME")]
    pub(super) event_name: Option<String>,
    /// The request's headers: a JSON object of names and values
    #[arg(long, value_name = "FILE")]
    pub(super) headers: Option<std::path::PathBuf>,
}

/// A webhook that has been understood.
pub(super) struct Webhook {
    pub(super) event: Event,
    pub(super) delivery_id: String,
    /// The forge's JSON, out of its form where it came in one.
    pub(super) json: Vec<u8>,
}

/// Reads an event from a body and what came with it. Nobody's signature is checked here.
pub(super) fn read(envelope: &Envelope, body: &[u8]) -> Result<Webhook, Failure> {
    let pairs = envelope.headers.as_deref().map(header_pairs).transpose()?.unwrap_or_default();
    let headers = Headers::from_pairs(pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())));
    let header = forge::event_header(envelope.vendor);
    let name = envelope.event_name.as_deref().or_else(|| headers.get(header));
    let Some(name) = name.map(str::trim).filter(|name| !name.is_empty()) else {
        let text = format!("A body alone does not say which event it is of: no `{header}`");
        let hint = "pass --event NAME, or --headers FILE with the request's headers";
        return Err(Failure::bad_input(text).hint(hint));
    };
    // A saved body often comes without its headers: the two kinds are easily told apart.
    let form = body.starts_with(b"payload=");
    let guess = if form { "application/x-www-form-urlencoded" } else { "application/json" };
    let content_type = headers.get("Content-Type").unwrap_or(guess);
    let bad = |error: forge::PayloadError| Failure::bad_input(error.to_string());
    let json = forge::payload(Some(content_type), body).map_err(bad)?.into_owned();
    let event = forge::event(envelope.vendor, name, &json).map_err(bad)?;
    Ok(Webhook { event, delivery_id: forge::delivery_id(envelope.vendor, &headers, body), json })
}

/// The pairs of a file that holds `{"X-GitHub-Event": "push", …}`; a value may be a list too.
fn header_pairs(path: &Path) -> Result<Vec<(String, String)>, Failure> {
    let shown = path.display();
    let text = fs::read(path).map_err(|error| {
        Failure::bad_input(format!("Failed to read the headers from `{shown}`: {error}"))
    })?;
    let object: serde_json::Map<String, Value> =
        serde_json::from_slice(&text).map_err(|error| {
            let hint = "it should look like {\"X-GitHub-Event\": \"push\"}";
            Failure::bad_input(format!("`{shown}` is not a JSON object of headers: {error}"))
                .hint(hint)
        })?;
    let mut pairs = Vec::new();
    for (name, value) in object {
        let values = match value {
            Value::Array(values) => values,
            value => vec![value],
        };
        for value in values {
            let text = match value {
                Value::String(text) => text,
                Value::Null => continue,
                other => other.to_string(),
            };
            pairs.push((name.clone(), text));
        }
    }
    Ok(pairs)
}
