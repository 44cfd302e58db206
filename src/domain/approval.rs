//! Which commit somebody means who lets a pull request go.
//!
//! An approval is for one commit. A comment does not say which one its author saw, and a push may
//! race with it; what cannot be told for sure is refused with the words that would be sure.

use std::time::Duration;

use jiff::Timestamp;

use super::event::Event;
use super::ids::Sha;

/// A commit that came less than this before the comment may not have been seen: the forge's clock
/// and ours differ, and a page takes a while to show a push.
pub const MARGIN: Duration = Duration::from_secs(30);

/// What is known when somebody approves.
#[derive(Debug, Clone)]
pub struct Approval<'a> {
    /// The beginning of the commit's id, where the comment names it.
    pub named: Option<&'a str>,
    /// When the comment was written, by the forge's clock; none where it does not say.
    pub commented_at: Option<Timestamp>,
    /// The pull request's head, asked of the forge after the comment.
    pub head: &'a Sha,
    /// The commit that was last told to wait, and since when.
    pub held: Option<(&'a Sha, Timestamp)>,
    /// Commits that the pull request has had, as far as anybody told us of them.
    pub known: &'a [Sha],
}

/// Why an approval lets nothing go; the words are for its author.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unclear {
    #[error(
        "the pull request is at `{0}` by now; look at that commit, then comment \
         `/pocketci approve {short}`", short = .0.short()
    )]
    Moved(Sha),
    #[error(
        "`{0}` came about when the comment was written; look at that commit, then comment \
         `/pocketci approve {short}`", short = .0.short()
    )]
    JustCame(Sha),
    #[error("nothing of `{0}` waits for an approval")]
    NothingHeld(Sha),
    #[error(
        "another commit of the pull request begins like that; look at the one that it is at by \
         now, then comment `/pocketci approve {0}`"
    )]
    Several(Sha),
}

impl Approval<'_> {
    /// The commit that is approved: always the pull request's head, and only if its author can
    /// have meant no other.
    ///
    /// # Errors
    /// When it may be another one.
    pub fn commit(&self) -> Result<&Sha, Unclear> {
        if let Some(named) = self.named {
            let begins = |sha: &Sha| sha.as_str().starts_with(named);
            if !begins(self.head) {
                return Err(Unclear::Moved(self.head.clone()));
            }
            // Seven digits are found for a second commit within seconds by whoever tries.
            let another = self.known.iter().any(|known| known != self.head && begins(known));
            return match another {
                true => Err(Unclear::Several(self.head.clone())),
                false => Ok(self.head),
            };
        }
        let Some((held, since)) = self.held else {
            return Err(Unclear::NothingHeld(self.head.clone()));
        };
        if held != self.head {
            return Err(Unclear::Moved(self.head.clone()));
        }
        let seen = self.commented_at.is_some_and(|at| since + MARGIN <= at);
        if seen { Ok(self.head) } else { Err(Unclear::JustCame(self.head.clone())) }
    }
}

/// Where an approval of the event's commit counts: in its pull request, else for the commit alone.
/// The base of a pull request says what is called, so that the same commit in another one is not
/// approved with it.
pub fn place(event: &Event) -> String {
    match &event.pull_request {
        Some(pull) => format!("pull_request {}", pull.number),
        None => "commit".to_owned(),
    }
}

#[cfg(test)]
mod tests;
