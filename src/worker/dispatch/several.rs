//! Several events of one delivery, each planned for itself, settled together.

use crate::domain::plan::{Reason, ReasonCode};
use crate::store::Settlement;

/// One settlement of all: what is at fault first, then whatever runs, then why nothing does, with
/// each event's name.
pub(super) fn together(mut planned: Vec<(String, Settlement)>) -> Settlement {
    if planned.len() == 1 {
        return planned.remove(0).1;
    }
    let (mut all, mut skipped) = (Vec::new(), Vec::<(String, Reason)>::new());
    let mut ran = false;
    for (title, settlement) in planned {
        match settlement {
            Settlement::Planned { runs } => {
                ran = true;
                all.extend(runs);
            }
            Settlement::Skipped(reason) => skipped.push((title, reason)),
            faulty @ Settlement::Faulty { .. } => return faulty,
        }
    }
    let texts = skipped.iter().map(|(title, reason)| format!("{title}: {}", reason.text));
    let text = texts.collect::<Vec<_>>().join("; ");
    if ran {
        if !text.is_empty() {
            tracing::info!(skipped = text, "Some of what the delivery tells of starts nothing");
        }
        return Settlement::Planned { runs: all };
    }
    let code = skipped.first().map(|(_, reason)| reason.code.clone());
    match code.filter(|code| skipped.iter().all(|(_, reason)| reason.code == *code)) {
        Some(code) => Settlement::Skipped(Reason { code, text }),
        None => Settlement::Skipped(ReasonCode::NoSpec.because(text)),
    }
}
