//! Several events of one delivery, each planned for itself, settled together.

use crate::domain::plan::{Reason, ReasonCode};
use crate::store::{Part, Settlement};

/// One settlement of all: what is at fault first, then whatever runs, with what came of each, then
/// why nothing does, with each event's name.
pub(super) fn together(mut planned: Vec<(String, Settlement)>) -> Settlement {
    if planned.len() == 1 {
        return planned.remove(0).1;
    }
    let (mut all, mut parts) = (Vec::new(), Vec::new());
    for (title, settlement) in planned {
        match settlement {
            Settlement::Planned { runs, .. } => {
                parts.push(Part { title, runs: runs.len(), reason: None });
                all.extend(runs);
            }
            Settlement::Skipped(reason) => {
                parts.push(Part { title, runs: 0, reason: Some(reason) });
            }
            faulty @ Settlement::Faulty { .. } => return faulty,
        }
    }
    if parts.iter().any(|part| part.reason.is_none()) {
        return Settlement::Planned { runs: all, parts };
    }
    let reasons = || parts.iter().filter_map(|part| part.reason.as_ref());
    let texts =
        parts.iter().zip(reasons()).map(|(part, why)| format!("{}: {}", part.title, why.text));
    let text = texts.collect::<Vec<_>>().join("; ");
    let code = reasons().next().map(|reason| reason.code.clone());
    match code.filter(|code| reasons().all(|reason| reason.code == *code)) {
        Some(code) => Settlement::Skipped(Reason { code, text }),
        None => Settlement::Skipped(ReasonCode::NoSpec.because(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skipped(code: ReasonCode, text: &str) -> Settlement {
        Settlement::Skipped(code.because(text))
    }

    #[test]
    fn what_came_of_each_is_kept_beside_what_runs() {
        let planned = vec![
            ("push one".to_owned(), Settlement::Planned { runs: Vec::new(), parts: Vec::new() }),
            ("push two".to_owned(), skipped(ReasonCode::SkipCi, "its message says so")),
        ];
        let Settlement::Planned { parts, .. } = together(planned) else { panic!("it is planned") };
        let told: Vec<_> = parts
            .iter()
            .map(|part| (&*part.title, part.reason.as_ref().map(|it| &*it.text)))
            .collect();
        assert_eq!(told, [("push one", None), ("push two", Some("its message says so"))]);
    }

    #[test]
    fn one_that_nothing_comes_of_says_why_of_each() {
        let planned = vec![
            ("push one".to_owned(), skipped(ReasonCode::NoSpec, "there is no spec")),
            ("push two".to_owned(), skipped(ReasonCode::SkipCi, "its message says so")),
        ];
        let Settlement::Skipped(reason) = together(planned) else { panic!("it is skipped") };
        assert_eq!(reason.text, "push one: there is no spec; push two: its message says so");
    }
}
