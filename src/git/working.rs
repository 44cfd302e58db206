//! The working copy that a command is started in: only ever read, and never fetched into.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use git2::{Delta, DiffOptions, Oid, Repository, StatusOptions};

use super::{changes, mirror};
use crate::domain::event::{Author, ChangeBasis, Commit};
use crate::domain::ids::{RepoName, Sha};
use crate::domain::plan::Changes;

/// A repository on this machine, with what an event made from it needs to know.
#[derive(Debug, Clone)]
pub struct WorkingCopy {
    /// The top folder.
    pub root: PathBuf,
    /// The last commit; none before the first.
    pub head: Option<Sha>,
    /// None where the head is detached.
    pub branch: Option<String>,
    /// Where `origin` (else the only remote) is fetched from, without user and password.
    pub remote_url: Option<String>,
    /// `owner/name`, where the remote's url ends in one.
    pub name: Option<RepoName>,
    /// What the remote says, else `main` or `master` where there is such a branch, else the
    /// branch itself.
    pub default_branch: String,
    /// `user.name` and `user.email`, as git would use them.
    pub user: Author,
    /// The last commit's.
    pub commit: Option<Commit>,
}

/// Why a working copy cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum WorkingCopyError {
    #[error("`{}` is not in a git repository; start there, or `git init` one", path.display())]
    None { path: PathBuf },
    #[error("`{}` is a bare repository; a working copy is needed", path.display())]
    Bare { path: PathBuf },
    #[error(
        "`{}` belongs to another user; allow it with `git config --global --add safe.directory {}`",
        path.display(),
        path.display()
    )]
    Owner { path: PathBuf },
    #[error("`{revision}` is no commit of this repository; see `git log` or fetch it")]
    NoSuchRevision { revision: String },
    #[error("`{one}` and `{other}` have no history in common")]
    Unrelated { one: String, other: String },
    #[error("Cannot read the git repository `{}`: {why}", path.display())]
    Other { path: PathBuf, why: String },
}

impl WorkingCopy {
    /// The working copy that `path` lies in.
    ///
    /// This is the user's own repository, so git's configuration of the user counts.
    pub fn discover(path: &Path) -> Result<Self, WorkingCopyError> {
        let at = || path.to_owned();
        let repository = Repository::discover(path).map_err(|error| match error.code() {
            git2::ErrorCode::NotFound => WorkingCopyError::None { path: at() },
            git2::ErrorCode::Owner => WorkingCopyError::Owner { path: at() },
            _ => WorkingCopyError::Other { path: at(), why: error.message().to_owned() },
        })?;
        let root = repository.workdir().ok_or_else(|| WorkingCopyError::Bare { path: at() })?;
        let head = repository.head().ok();
        let commit = head.as_ref().and_then(|head| head.peel_to_commit().ok());
        let branch = match &head {
            Some(head) => {
                head.is_branch().then(|| head.shorthand().ok().map(str::to_owned)).flatten()
            }
            // Before the first commit the branch has a name, but does not exist.
            None => unborn(&repository),
        };
        let remote_url = remote(&repository);
        Ok(Self {
            root: root.to_owned(),
            head: commit.as_ref().and_then(|commit| mirror::sha(commit.id()).ok()),
            name: remote_url.as_deref().and_then(repository_name),
            default_branch: default_branch(&repository, branch.as_deref()),
            user: user(&repository),
            commit: commit.as_ref().map(mirror::describe),
            branch,
            remote_url,
        })
    }

    /// The commit of a branch, a tag, an id or anything that `git rev-parse` knows.
    pub fn resolve(&self, revision: &str) -> Result<Sha, WorkingCopyError> {
        let repository = self.open()?;
        let commit = self.find(&repository, revision)?;
        mirror::sha(commit).map_err(|error| self.other(&error.to_string()))
    }

    /// The commit that a tag points at; none where there is no such tag.
    pub fn tag(&self, name: &str) -> Result<Option<Sha>, WorkingCopyError> {
        let repository = self.open()?;
        let tag = repository.find_reference(&format!("refs/tags/{name}"));
        let commit = tag.and_then(|tag| tag.peel_to_commit()).ok();
        Ok(commit.and_then(|commit| mirror::sha(commit.id()).ok()))
    }

    /// What is known of a commit.
    pub fn commit(&self, revision: &str) -> Result<Commit, WorkingCopyError> {
        let repository = self.open()?;
        let id = self.find(&repository, revision)?;
        let commit = repository.find_commit(id).map_err(|error| self.failed(&error))?;
        Ok(mirror::describe(&commit))
    }

    /// The commit before, by its first parent; none for a first commit.
    pub fn parent(&self, revision: &str) -> Result<Option<Sha>, WorkingCopyError> {
        let repository = self.open()?;
        let id = self.find(&repository, revision)?;
        let commit = repository.find_commit(id).map_err(|error| self.failed(&error))?;
        Ok(commit.parent_id(0).ok().and_then(|parent| mirror::sha(parent).ok()))
    }

    /// Where two lines of history parted.
    pub fn merge_base(&self, one: &str, other: &str) -> Result<Sha, WorkingCopyError> {
        let repository = self.open()?;
        let (a, b) = (self.find(&repository, one)?, self.find(&repository, other)?);
        let base = repository.merge_base(a, b).map_err(|_| WorkingCopyError::Unrelated {
            one: one.to_owned(),
            other: other.to_owned(),
        })?;
        mirror::sha(base).map_err(|error| self.other(&error.to_string()))
    }

    /// The files that differ between two commits; without a first, all of the second's.
    pub fn changed_between(
        &self,
        from: Option<&str>,
        to: &str,
    ) -> Result<Vec<String>, WorkingCopyError> {
        let repository = self.open()?;
        let tree = |revision: &str| {
            let id = self.find(&repository, revision)?;
            let commit = repository.find_commit(id).map_err(|error| self.failed(&error))?;
            commit.tree().map_err(|error| self.failed(&error))
        };
        let from = from.map(tree).transpose()?;
        let to = tree(to)?;
        changes::between(&repository, from.as_ref(), &to).map_err(|error| self.failed(&error))
    }

    /// The files that differ between a commit and what is on disk now, committed or not; without
    /// a commit, all there are. Ignored files do not count.
    pub fn changed_since(&self, base: Option<&str>) -> Result<Vec<String>, WorkingCopyError> {
        let repository = self.open()?;
        let tree = match base {
            Some(base) => {
                let id = self.find(&repository, base)?;
                let commit = repository.find_commit(id).map_err(|error| self.failed(&error))?;
                Some(commit.tree().map_err(|error| self.failed(&error))?)
            }
            None => None,
        };
        let mut options = DiffOptions::new();
        options.include_untracked(true).recurse_untracked_dirs(true);
        let diff = repository
            .diff_tree_to_workdir_with_index(tree.as_ref(), Some(&mut options))
            .map_err(|error| self.failed(&error))?;
        Ok(changes::names(&diff))
    }

    /// The files that an event changed, by the same rules as on the server; with `uncommitted`,
    /// up to what is on disk now.
    pub fn changed_by(
        &self,
        basis: &ChangeBasis,
        uncommitted: bool,
    ) -> Result<Changes, WorkingCopyError> {
        let (from, to) = match basis {
            ChangeBasis::None => return Ok(Changes::NoDiff),
            ChangeBasis::PullRequest { base, head } => {
                (Some(self.merge_base(base.as_str(), head.as_str())?), head)
            }
            ChangeBasis::Push { before: Some(before), after, .. } => {
                let known = self.resolve(before.as_str()).ok();
                (known.map_or_else(|| self.parent(after.as_str()), |sha| Ok(Some(sha)))?, after)
            }
            ChangeBasis::Push { before: None, after, branch } if *branch == self.default_branch => {
                (None, after)
            }
            ChangeBasis::Push { before: None, after, .. } => {
                (self.merge_base(&self.default_branch, after.as_str()).ok(), after)
            }
            ChangeBasis::Tag { commit, .. } => (self.earlier_tag(commit)?, commit),
        };
        let from = from.as_ref().map(Sha::as_str);
        let files = match uncommitted {
            true => self.changed_since(from)?,
            false => self.changed_between(from, to.as_str())?,
        };
        Ok(Changes::Files(files))
    }

    fn earlier_tag(&self, commit: &Sha) -> Result<Option<Sha>, WorkingCopyError> {
        let repository = self.open()?;
        let id = self.find(&repository, commit.as_str())?;
        let commit = repository.find_commit(id).map_err(|error| self.failed(&error))?;
        let tag =
            changes::earlier_tag(&repository, &commit).map_err(|error| self.failed(&error))?;
        Ok(tag.and_then(|id| mirror::sha(id).ok()))
    }

    /// The files with changes that are not committed, new ones too; ignored files do not count.
    pub fn uncommitted(&self) -> Result<Vec<String>, WorkingCopyError> {
        let repository = self.open()?;
        let mut options = StatusOptions::new();
        options.include_untracked(true).recurse_untracked_dirs(true).exclude_submodules(true);
        let statuses =
            repository.statuses(Some(&mut options)).map_err(|error| self.failed(&error))?;
        let mut names = BTreeSet::new();
        for entry in statuses.iter() {
            names.insert(String::from_utf8_lossy(entry.path_bytes()).into_owned());
        }
        Ok(names.into_iter().collect())
    }

    /// Every file of that name that is there and either tracked or not ignored, the root's first,
    /// then by path. Links are not files.
    pub fn files_named(&self, name: &str) -> Result<Vec<String>, WorkingCopyError> {
        let repository = self.open()?;
        let index = repository.index().map_err(|error| self.failed(&error))?;
        let mut found = BTreeSet::new();
        for entry in index.iter() {
            found.insert(String::from_utf8_lossy(&entry.path).into_owned());
        }
        let mut options = DiffOptions::new();
        options.include_untracked(true).recurse_untracked_dirs(true);
        let diff = repository
            .diff_index_to_workdir(Some(&index), Some(&mut options))
            .map_err(|error| self.failed(&error))?;
        for delta in diff.deltas().filter(|delta| delta.status() == Delta::Untracked) {
            let path = delta.new_file().path_bytes().map(String::from_utf8_lossy);
            found.extend(path.map(|path| path.into_owned()));
        }
        let named = |path: &String| path.rsplit('/').next() == Some(name);
        // A tracked file may be gone from disk.
        let there = |path: &String| {
            self.root.join(path).symlink_metadata().is_ok_and(|meta| meta.is_file())
        };
        let mut found: Vec<_> = found.into_iter().filter(|p| named(p) && there(p)).collect();
        found.sort_by_key(|path| (path.contains('/'), path.clone()));
        Ok(found)
    }

    fn open(&self) -> Result<Repository, WorkingCopyError> {
        Repository::open(&self.root).map_err(|error| self.failed(&error))
    }

    fn find(&self, repository: &Repository, revision: &str) -> Result<Oid, WorkingCopyError> {
        let missing = |_| WorkingCopyError::NoSuchRevision { revision: revision.to_owned() };
        // A branch that is only known as the remote's is meant by its short name as well.
        let found = repository.revparse_single(revision);
        let found = found.or_else(|_| repository.revparse_single(&format!("origin/{revision}")));
        let commit = found.and_then(|object| object.peel_to_commit()).map_err(missing)?;
        Ok(commit.id())
    }

    fn failed(&self, error: &git2::Error) -> WorkingCopyError {
        self.other(error.message())
    }

    fn other(&self, why: &str) -> WorkingCopyError {
        WorkingCopyError::Other { path: self.root.clone(), why: why.to_owned() }
    }
}

/// The branch that the first commit will be on.
fn unborn(repository: &Repository) -> Option<String> {
    let head = repository.find_reference("HEAD").ok()?;
    let target = head.symbolic_target().ok()??;
    target.strip_prefix("refs/heads/").map(str::to_owned)
}

fn remote(repository: &Repository) -> Option<String> {
    let remote = repository.find_remote("origin").or_else(|error| {
        let names = repository.remotes()?;
        match names.iter().next() {
            Some(Ok(Some(only))) if names.len() == 1 => repository.find_remote(only),
            _ => Err(error),
        }
    });
    let remote = remote.ok()?;
    let text = remote.url().ok().filter(|url| !url.is_empty())?;
    Some(match url::Url::parse(text) {
        Ok(mut url) if matches!(url.scheme(), "http" | "https") => {
            url.set_username("").ok()?;
            url.set_password(None).ok()?;
            url.to_string()
        }
        _ => text.to_owned(),
    })
}

/// `owner/name` of `https://host/owner/name.git`, `ssh://git@host:22/owner/name` or
/// `git@host:owner/name.git`; none of a folder's path.
fn repository_name(url: &str) -> Option<RepoName> {
    let path = match url::Url::parse(url) {
        Ok(url) if url.scheme() == "file" => return None,
        Ok(url) if url.has_host() => url.path().to_owned(),
        _ => {
            let (host, path) = url.split_once(':')?;
            if host.contains('/') || host.len() < 2 {
                return None;
            }
            path.to_owned()
        }
    };
    let path = path.trim_matches('/');
    path.strip_suffix(".git").unwrap_or(path).parse().ok()
}

fn default_branch(repository: &Repository, branch: Option<&str>) -> String {
    let remote = repository.find_reference("refs/remotes/origin/HEAD").ok();
    let target = remote.as_ref().and_then(|head| head.symbolic_target().ok().flatten());
    if let Some(name) = target.and_then(|target| target.strip_prefix("refs/remotes/origin/")) {
        return name.to_owned();
    }
    let exists = |name: &&str| {
        ["heads", "remotes/origin"]
            .iter()
            .any(|kind| repository.find_reference(&format!("refs/{kind}/{name}")).is_ok())
    };
    let usual = ["main", "master"].into_iter().find(exists);
    usual.or(branch).unwrap_or("main").to_owned()
}

fn user(repository: &Repository) -> Author {
    let config = repository.config().and_then(|mut config| config.snapshot());
    let value = |key: &str| {
        let value = config.as_ref().ok().and_then(|config| config.get_str(key).ok());
        value.unwrap_or_default().to_owned()
    };
    Author { name: value("user.name"), email: value("user.email") }
}

#[cfg(test)]
mod tests;
