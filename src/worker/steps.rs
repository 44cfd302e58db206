//! What a call is told of where its steps go, and what the operator's collector is told of the
//! call itself.

use std::ffi::OsString;

use jiff::Timestamp;

use super::Worker;
use crate::domain::headline;
use crate::domain::plan::Action;
use crate::domain::run::{Outcome, Verdict};
use crate::domain::trace::Lineage;
use crate::domain::trace::forward::{self, OwnSpan};
use crate::onward::{Onward, Signal};
use crate::store::trace::OpenTrace;
use crate::store::{ClaimedCall, RunState, RunView, StoreError};

/// Where calls send their steps.
#[derive(Debug, Clone)]
pub struct Steps {
    /// The receiver's address.
    pub endpoint: String,
    /// The header that it knows a call by.
    pub token_header: &'static str,
}

impl Worker {
    /// Opens the door for a call's steps; none where there is no receiver, or the call has no
    /// steps: a command is one.
    pub(super) fn open_steps(&self, call: &ClaimedCall) -> Option<OpenTrace> {
        self.settings.steps.as_ref()?;
        if !matches!(call.call.action, Action::Dagger { .. }) {
            return None;
        }
        let (masks, limit) = (self.settings.masks.clone(), self.settings.log_limit);
        let attempt = (call.run, call.id, call.attempt);
        let opened = self.store.open_trace(attempt, self.lineage(call).trace(), masks, limit);
        opened
            .map_err(|error| tracing::warn!(%error, "A call's steps are not kept, only its log"))
            .ok()
    }

    /// The variables that make `dagger` send its steps as they happen. Traces go where logs go:
    /// the CLI wants to be told of each.
    pub(super) fn steps_environment(
        &self,
        call: &ClaimedCall,
        open: &OpenTrace,
    ) -> Vec<(String, OsString)> {
        let Some(steps) = &self.settings.steps else { return Vec::new() };
        let lineage = self.lineage(call);
        let parent = lineage.traceparent(lineage.call(call.id, call.attempt));
        let protocol = "http/protobuf".to_owned();
        [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", steps.endpoint.clone()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol.clone()),
            ("OTEL_EXPORTER_OTLP_TRACES_LIVE", "1".to_owned()),
            ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", format!("{}/v1/logs", steps.endpoint)),
            ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", protocol),
            ("OTEL_EXPORTER_OTLP_HEADERS", format!("{}={}", steps.token_header, open.token())),
            ("TRACEPARENT", parent),
        ]
        .map(|(name, value)| (name.to_owned(), value.into()))
        .into()
    }

    fn lineage(&self, call: &ClaimedCall) -> Lineage {
        Lineage::new(&self.settings.public_url, call.delivery, &call.delivery_forge_id)
    }

    /// Tells the operator's collector of a call that has ended, and of its run and its delivery
    /// when it was the run's last.
    pub(super) async fn pass_on(&self, call: &ClaimedCall, began: Timestamp, outcome: &Outcome) {
        let Some(onward) = &self.settings.onward else { return };
        if let Err(error) = self.pass_on_to(onward, call, began, outcome).await {
            tracing::warn!(%error, "The collector is not told of a call");
        }
    }

    async fn pass_on_to(
        &self,
        onward: &Onward,
        call: &ClaimedCall,
        began: Timestamp,
        outcome: &Outcome,
    ) -> Result<(), StoreError> {
        let Some(run) = self.store.run(call.run).await? else { return Ok(()) };
        let lineage = self.lineage(call);
        let above = lineage.run(call.run, run.attempt);
        let mut spans = vec![OwnSpan {
            trace: lineage.trace(),
            id: lineage.call(call.id, call.attempt),
            parent: Some(above),
            name: format!("call {}", call.call.kebab),
            start: began,
            end: Timestamp::now(),
            failure: (*outcome != Outcome::Passed).then(|| outcome.code().to_owned()),
            attributes: vec![
                ("pocketci.call", call.id.to_string()),
                ("pocketci.attempt", call.attempt.to_string()),
                ("pocketci.outcome", outcome.code().to_owned()),
            ],
        }];
        if let (RunState::Finished(verdict), Some(end)) = (&run.state, run.finished_at) {
            spans.push(OwnSpan {
                trace: lineage.trace(),
                id: above,
                parent: Some(lineage.delivery()),
                name: format!("run {}", run.spec_path),
                start: run.created_at,
                end,
                failure: (*verdict != Verdict::Passed).then(|| format!("{verdict:?}")),
                attributes: self.about(&run),
            });
            if let Some(delivery) = self.store.delivery(call.delivery).await? {
                spans.push(OwnSpan {
                    trace: lineage.trace(),
                    id: lineage.delivery(),
                    parent: None,
                    name: format!("delivery {}", delivery.event_name),
                    start: delivery.received_at,
                    // Its runs are what it came to.
                    end,
                    failure: None,
                    attributes: vec![("pocketci.delivery", delivery.forge_id)],
                });
            }
        }
        onward.send(Signal::Traces, forward::own(&spans, &self.settings.masks.redactor()));
        Ok(())
    }

    fn about(&self, run: &RunView) -> Vec<(&'static str, String)> {
        let name = run.event.repository.as_ref().map(|it| it.full_name.to_string());
        vec![
            ("pocketci.run", run.id.to_string()),
            ("pocketci.url", format!("{}/runs/{}", self.settings.public_url, run.id)),
            ("vcs.repository.name", name.unwrap_or_default()),
            ("vcs.ref.head.revision", run.sha.as_str().to_owned()),
            ("pocketci.event", headline::sentence(&run.event)),
        ]
    }
}
