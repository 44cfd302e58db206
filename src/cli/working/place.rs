//! Where a command was started: a working copy and what is known of it, or none.

use std::path::{Path, PathBuf};

use super::files::Tree;
use crate::cli::Failure;
use crate::domain::event::{Commit, Event, Repository};
use crate::domain::ids::{RepoName, Sha};
use crate::domain::plan::Changes;
use crate::git::{WorkingCopy, WorkingCopyError};

/// A working copy, or the lack of one, which answers every question with "nothing".
pub(crate) struct Place {
    copy: Option<WorkingCopy>,
    /// The working copy's folder.
    pub(crate) root: Option<PathBuf>,
    pub(crate) repository: Option<Repository>,
    pub(crate) branch: Option<String>,
    pub(crate) default_branch: Option<String>,
    pub(crate) head: Option<Sha>,
    /// The first parent of `head`.
    pub(crate) parent: Option<Sha>,
    pub(crate) commit: Option<Commit>,
}

impl Place {
    /// The working copy around the current folder, if there is one.
    pub(crate) fn here() -> Result<Self, Failure> {
        let here = std::env::current_dir().map_err(|error| {
            Failure::bad_input(format!("The current folder cannot be read: {error}"))
        })?;
        Self::around(&here)
    }

    pub(crate) fn around(folder: &Path) -> Result<Self, Failure> {
        match WorkingCopy::discover(folder) {
            Ok(copy) => Self::of(copy),
            Err(WorkingCopyError::None { .. }) => Ok(Self::nowhere()),
            Err(error) => Err(failed(error)),
        }
    }

    pub(crate) fn nowhere() -> Self {
        Self {
            copy: None,
            root: None,
            repository: None,
            branch: None,
            default_branch: None,
            head: None,
            parent: None,
            commit: None,
        }
    }

    fn of(copy: WorkingCopy) -> Result<Self, Failure> {
        let parent = match &copy.head {
            Some(head) => copy.parent(head.as_str()).map_err(failed)?,
            None => None,
        };
        Ok(Self {
            // Without the slash that libgit2 puts at its end.
            root: Some(copy.root.components().collect()),
            repository: Some(repository(&copy)),
            branch: copy.branch.clone(),
            default_branch: Some(copy.default_branch.clone()),
            head: copy.head.clone(),
            parent,
            commit: copy.commit.clone(),
            copy: Some(copy),
        })
    }

    pub(crate) fn is_repository(&self) -> bool {
        self.copy.is_some()
    }

    /// The commit that a full reference leads to.
    pub(crate) fn commit_of(&self, reference: &str) -> Result<Option<Sha>, Failure> {
        let Some(copy) = &self.copy else { return Ok(None) };
        match copy.resolve(reference) {
            Ok(sha) => Ok(Some(sha)),
            Err(WorkingCopyError::NoSuchRevision { .. }) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// The commit of a branch: as the remote has it, else the local one.
    pub(crate) fn branch_commit(&self, branch: &str) -> Result<Option<Sha>, Failure> {
        let remote = self.commit_of(&format!("refs/remotes/origin/{branch}"))?;
        match remote {
            Some(sha) => Ok(Some(sha)),
            None => self.commit_of(&format!("refs/heads/{branch}")),
        }
    }

    /// The files that an event changed; of one made here, uncommitted changes too.
    pub(crate) fn changes(&self, event: &Event, uncommitted: bool) -> Result<Changes, Failure> {
        if !has_diff(event) {
            return Ok(Changes::NoDiff);
        }
        let Some(copy) = &self.copy else {
            let text = "There is no working copy here to take the changed files from";
            let hint = "name them: --changed PATH, as often as needed; --changed '' for none";
            return Err(Failure::bad_input(text).hint(hint));
        };
        let basis = event.change_basis();
        copy.changed_by(&basis, uncommitted).map_err(|error| {
            let text = format!("The changed files are not known: {error}");
            let hint = "`git fetch` may bring the commits; or name the files: --changed PATH";
            Failure::bad_input(text).hint(hint)
        })
    }

    /// The folder that holds the specs.
    pub(crate) fn tree(&self) -> Option<Tree> {
        self.root.as_ref().map(|root| Tree { root: root.clone() })
    }
}

/// Whether events of this kind change files at all.
pub(crate) fn has_diff(event: &Event) -> bool {
    matches!(event.event_type.as_str(), "push" | "tag" | "pull_request")
}

/// What of the repository the working copy knows: its remote's name, else its folder's.
fn repository(copy: &WorkingCopy) -> Repository {
    let folder = copy.root.file_name().map(|name| name.to_string_lossy().into_owned());
    let named = || format!("local/{}", folder.unwrap_or_default()).parse().ok();
    let fallback = || "local/repository".parse().ok();
    let full_name = copy.name.clone().or_else(named).or_else(fallback);
    #[expect(clippy::unwrap_used, reason = "the last fallback is a name")]
    let full_name: RepoName = full_name.unwrap();
    let url = copy.remote_url.clone().unwrap_or_else(|| copy.root.display().to_string());
    Repository {
        owner: full_name.owner().to_owned(),
        name: full_name.name().to_owned(),
        full_name,
        url: url.trim_end_matches(".git").to_owned(),
        clone_url: url,
        default_branch: copy.default_branch.clone(),
        private: false,
    }
}

fn failed(error: WorkingCopyError) -> Failure {
    Failure::bad_input(format!("Failed to read the working copy: {error}"))
}
