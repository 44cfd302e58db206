//! What a queued call waits for, in words.

use crate::store::{CallView, Waits};
use crate::web::Site;

impl Site {
    /// Why no call can start that needs the engine; none: it answers, as far as is known.
    pub(in crate::web) fn engine_trouble(&self) -> Option<String> {
        let engine = self.app.health.condition("engine")?;
        (!engine.ok).then_some(engine.detail)
    }
}

/// `waits for …`; none: it waits for nothing. `engine`: why the engine cannot be used.
pub(in crate::web) fn words(call: &CallView, engine: Option<&str>) -> Option<String> {
    Some(match (call.waits.as_ref()?, engine) {
        (Waits::Word, _) => "waits for an approval".to_owned(),
        (Waits::Group(words), _) => words.clone(),
        (Waits::Until(at), _) => format!("waits until {at:.0} to be tried again"),
        (Waits::Spec(1), _) => "waits for the one call of its spec that may run".to_owned(),
        (Waits::Spec(calls), _) => {
            format!("waits for one of the {calls} calls of its spec that may run at once")
        }
        (Waits::Turn { needs_engine: true }, Some(why)) => format!("waits: {why}"),
        (Waits::Turn { .. }, _) => "waits for its turn".to_owned(),
    })
}
