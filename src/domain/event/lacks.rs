//! What some forges leave open in what they send, and how it is made up for.
//!
//! Bitbucket Cloud names a pull request's commits by their first twelve digits, and tells of new
//! commits and of a new title by one event; GitLab does not name the commit of the branch that a
//! merge request is for. Whoever can ask the forge or the mirror, or remembers, says the rest here.

use serde::{Deserialize, Serialize};

use super::Event;
use crate::domain::ids::{Sha, ShortSha};

/// What a delivery does not say of its event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lacks {
    /// The pull request's head commit, of which only this is known; it lies in the head's
    /// repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<ShortSha>,
    /// The commit of the branch that it is for, likewise; it lies in the base's repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<ShortSha>,
    /// Whether new commits came or the words changed: the action says `updated` until
    /// [`Event::tell_apart`] decides.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub action: bool,
}

impl Lacks {
    /// Whether the event is whole.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl Event {
    /// Takes the whole id of the pull request's head; false when it is another commit's.
    pub fn complete_head(&mut self, sha: &Sha) -> bool {
        let fits = self.lacks.head.as_ref().is_some_and(|short| short.begins(sha));
        if fits {
            self.lacks.head = None;
            self.sha = Some(sha.clone());
            if let Some(pull) = &mut self.pull_request {
                pull.head.sha = Some(sha.clone());
            }
        }
        fits
    }

    /// Takes the whole id of the commit that the pull request is for; false when it is another
    /// commit's.
    pub fn complete_base(&mut self, sha: &Sha) -> bool {
        let fits = self.lacks.base.as_ref().is_some_and(|short| short.begins(sha));
        if fits {
            self.lacks.base = None;
            self.set_base(sha);
        }
        fits
    }

    /// The branch, as a full reference, whose commit is this pull request's base because its
    /// delivery names none.
    pub fn nameless_base(&self) -> Option<String> {
        let pull = self.pull_request.as_ref().filter(|_| self.event_type == "pull_request")?;
        let nameless = pull.base.sha.is_none() && self.lacks.base.is_none();
        (nameless && !pull.base.reference.is_empty())
            .then(|| format!("refs/heads/{}", pull.base.reference))
    }

    /// Takes the commit at the branch that [`nameless_base`](Self::nameless_base) names.
    pub fn set_base(&mut self, sha: &Sha) {
        if let Some(pull) = &mut self.pull_request {
            pull.base.sha = Some(sha.clone());
        }
    }

    /// Decides what an `updated` pull request is by the head that it had at its last event:
    /// `synchronize` with another one, `edited` with the same.
    ///
    /// One that nobody remembers is taken for `synchronize`: a commit judged twice costs less
    /// than one never judged.
    pub fn tell_apart(&mut self, remembered: Option<&Sha>) {
        if !std::mem::take(&mut self.lacks.action) {
            return;
        }
        let same = |sha: &&Sha| match &self.lacks.head {
            Some(short) => short.begins(sha),
            None => self.sha.as_ref() == Some(*sha),
        };
        let unchanged = remembered.filter(same).is_some();
        let action = if unchanged { "edited" } else { "synchronize" };
        self.before = remembered.filter(|_| !unchanged).cloned();
        action.clone_into(&mut self.filter);
        if let Some(pull) = &mut self.pull_request {
            action.clone_into(&mut pull.action);
        }
    }
}

#[cfg(test)]
mod tests;
