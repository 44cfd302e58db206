//! Repositories: one bare mirror for each, fetched with libgit2, and checkouts made from them.
//!
//! Knows nothing of forges, runs or dagger, spawns nothing, and reads no git configuration of the
//! host (`open` says how). [`Mirrors`] is the only part that uses the network; what a [`Mirror`]
//! answers it reads from disk, in synchronous functions that are meant for a blocking thread.

mod layout;
mod damage;
mod upkeep;
mod fetch;
mod mirrors;
mod mirror;
mod changes;
mod inside;
mod bounds;
mod content;
mod hazards;
mod history;
mod index;
mod pack;
mod checkout;
mod working;
mod sample;
#[cfg(test)]
mod fixture;

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::domain::event::{ChangeBasis, Event};
use crate::domain::forge;
use crate::domain::ids::Sha;

pub use hazards::{Dotenv, Hazards};
pub use inside::{OutsideTree, resolve_inside};
pub use mirror::Mirror;
pub use mirrors::{Limits, Mirrors};
pub use sample::Sample;
pub use working::{WorkingCopy, WorkingCopyError};

/// What a user name and a token are good for: one scheme, host and port.
#[derive(Debug, Clone)]
pub struct HostCredential {
    /// Only its scheme, host and port count.
    pub origin: Url,
    pub username: String,
    pub token: SecretString,
}

/// A commit that must be in the mirror before it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    /// None: whatever the reference points at now.
    pub sha: Option<Sha>,
    /// The full name of a reference that has the commit (`refs/heads/x`, `refs/tags/x`,
    /// `refs/pull/7/head`), `refs/tags/*` or `refs/heads/*` for all of them, or empty: without a
    /// commit that means the head of the default branch, with one that there is nowhere else to
    /// look for it.
    pub reference: String,
}

impl Want {
    /// A commit, and the reference to look into where the server does not give it by its id.
    pub fn commit(sha: &Sha, reference: &str) -> Self {
        Self { sha: Some(sha.clone()), reference: reference.to_owned() }
    }

    /// What the reference points at now; empty is the default branch.
    pub fn reference(reference: &str) -> Self {
        Self { sha: None, reference: reference.to_owned() }
    }

    /// What an event needs: its commit first, then what its diff is taken from.
    pub fn of_event(event: &Event) -> Vec<Self> {
        let pull = event.pull_request.as_ref();
        let reference = forge::head_reference(event).unwrap_or_default();
        let Some(sha) = &event.sha else {
            // A release names its tag and a dispatch its branch. A comment on a pull request names
            // a number alone, and is about the default branch: nobody chose that commit.
            let comment = pull.is_some() && event.event_type != "pull_request";
            let named = if comment { "" } else { &reference };
            let mut wants = vec![Self::reference(named)];
            // With its neighbours, which the checkout of a release tells versions by.
            wants.extend(named.starts_with("refs/tags/").then(|| Self::reference("refs/tags/*")));
            return wants;
        };
        let mut wants = vec![Self::commit(sha, &reference)];
        match event.change_basis() {
            ChangeBasis::PullRequest { base, .. } => {
                let branch = pull.map(|pull| format!("refs/heads/{}", pull.base.reference));
                wants.push(Self::commit(&base, &branch.unwrap_or_default()));
            }
            ChangeBasis::Push { before: Some(before), .. } => {
                wants.push(Self::commit(&before, ""));
            }
            ChangeBasis::Push { before: None, branch, .. } => {
                let default = event.repository.as_ref().map(|r| r.default_branch.as_str());
                match default.unwrap_or_default() {
                    "" => wants.push(Self::reference("")),
                    default if default != branch => {
                        wants.push(Self::reference(&format!("refs/heads/{default}")));
                    }
                    _ => {}
                }
            }
            ChangeBasis::Tag { .. } => wants.push(Self::reference("refs/tags/*")),
            ChangeBasis::None => {}
        }
        wants
    }

    /// What is needed to tell whether a commit is on one of the repository's own branches or
    /// tags, with the head of the default branch in its place.
    pub fn own() -> [Self; 3] {
        ["refs/heads/*", "refs/tags/*", ""].map(Self::reference)
    }
}

/// Why a repository could not be brought here or read.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// Worth another try later.
    #[error(
        "Cannot fetch from `{url}`: {why}; check that this host reaches it, and its proxy variables"
    )]
    Unreachable { url: String, why: String },
    #[error("`{repository}` has no {what}; {hint}")]
    NoSuchCommit { repository: String, what: String, hint: &'static str },
    #[error(
        "`{url}` refuses the fetch: {why}; check the repository's name and that the configured token may read it"
    )]
    Refused { url: String, why: String },
    #[error(
        "Gave up fetching from `{url}` after {} s ({why}); it is tried again with the next event", after.as_secs()
    )]
    Deadline { url: String, after: Duration, why: &'static str },
    /// The mirror on disk is damaged; the next [`Mirrors::ensure`] makes it anew.
    #[error("The mirror `{}` is damaged: {why}; it is made anew with the next fetch", folder.display())]
    Broken { folder: PathBuf, why: String },
    /// The commit itself is at fault, not this host.
    #[error("Commit `{sha}` cannot be checked out: {why}")]
    Unusable { sha: Sha, why: String },
    #[error("{doing} `{}`: {error}; check the folder's rights and free space", path.display())]
    Io { doing: &'static str, path: PathBuf, error: std::io::Error },
    #[error("{0}")]
    Other(String),
}

impl GitError {
    fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |error| Self::Io { doing, path, error }
    }
}

/// The version of libgit2 inside this program, and whether it speaks https.
pub fn built_in() -> (String, bool) {
    let version = git2::Version::get();
    let (major, minor, patch) = version.libgit2_version();
    (format!("{major}.{minor}.{patch}"), version.https())
}

#[cfg(test)]
mod tests;
