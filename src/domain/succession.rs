//! What makes earlier runs pointless: a newer commit in the same place.
//!
//! A place is a pull request or a branch. Its runs are those of the events that bring a commit;
//! what happens beside them (labels, comments) neither supersedes nor is superseded.

use super::event::{Event, RefType};
use super::ids::Sha;

/// What an event does to a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Succession {
    /// `pull_request 7` or `push main`: within a repository, the name of the place.
    pub place: String,
    pub step: Step,
}

/// What follows at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// This commit: runs for others are superseded.
    Commit(Sha),
    /// Nothing: the pull request was closed.
    Closed,
}

impl Step {
    /// Why a run that does not belong here any more is cancelled.
    pub fn reason(&self) -> String {
        match self {
            Self::Commit(sha) => format!("superseded by {}", sha.short()),
            Self::Closed => "the pull request was closed".to_owned(),
        }
    }
}

/// The name of a pull request's place.
pub fn place_of_pull_request(number: u64) -> String {
    format!("pull_request {number}")
}

/// What an event does to a place; none where it does nothing.
pub fn of(event: &Event) -> Option<Succession> {
    match event.event_type.as_str() {
        "pull_request" => {
            let pull = event.pull_request.as_ref()?;
            let step = match pull.action.as_str() {
                "opened" | "synchronize" | "reopened" | "ready_for_review" => {
                    Step::Commit(pull.head.sha.clone()?)
                }
                "closed" => Step::Closed,
                _ => return None,
            };
            Some(Succession { place: place_of_pull_request(pull.number), step })
        }
        "push" if event.ref_type == Some(RefType::Branch) => {
            let step = Step::Commit(event.sha.clone()?);
            Some(Succession { place: format!("push {}", event.branch.as_deref()?), step })
        }
        _ => None,
    }
}

/// The place of a run whose commit may be superseded there; `wanted` is what its spec says.
pub fn place(event: &Event, wanted: Option<bool>) -> Option<String> {
    let succession = of(event).filter(|it| it.step != Step::Closed)?;
    wanted.unwrap_or(event.event_type == "pull_request").then_some(succession.place)
}

#[cfg(test)]
mod tests;
