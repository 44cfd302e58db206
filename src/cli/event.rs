//! `event`: what a webhook means, as functions will see it.

use std::io::{self, Read};

use clap::Args;
use serde_json::Value;

use super::webhook::{self, Envelope, MAX_BYTES};
use super::{Failure, output};
use crate::domain::trigger::{self, TriggerExtra};

/// Reads a webhook's body on standard input and prints the event trigger, also of events that are
/// never planned. No signature is checked.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    envelope: Envelope,
}

pub(super) fn event(options: Options) -> Result<(), Failure> {
    let mut body = Vec::new();
    let read = io::stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut body);
    read.map_err(|error| Failure::bad_input(format!("Failed to read standard input: {error}")))?;
    if body.len() as u64 > MAX_BYTES {
        let text = format!("The body is longer than {} MiB", MAX_BYTES / (1024 * 1024));
        return Err(Failure::bad_input(text));
    }
    if body.is_empty() {
        let hint = "pass a webhook's body: `pocketci-agent event --event push < body.json`";
        return Err(Failure::bad_input("Standard input is empty").hint(hint));
    }
    let webhook = webhook::read(&options.envelope, &body)?;
    let extra =
        TriggerExtra { delivery_id: &webhook.delivery_id, run_id: None, attempt: 1, changes: &[] };
    let mut trigger = trigger::value(&webhook.event, extra);
    let payload: Value = serde_json::from_slice(&webhook.json)
        .map_err(|error| Failure::bad_input(format!("The body is not JSON: {error}")))?;
    if let Value::Object(fields) = &mut trigger {
        fields.insert("payload".to_owned(), payload);
    }
    output::json(&trigger)?;
    Ok(())
}
