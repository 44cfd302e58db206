//! A repository of the forge, and the pull requests on it.

use std::path::{Path, PathBuf};

use super::super::git;
use super::super::module::Tree;
use super::Kind;

/// A bare repository. What is committed to it shows only after a push.
#[derive(Debug, Clone)]
pub struct Repo {
    id: u64,
    name: String,
    path: PathBuf,
    parent: Option<String>,
}

/// A pull request as the forge keeps it.
#[derive(Debug, Clone)]
pub struct PullRequest {
    pub number: u64,
    pub base: Repo,
    pub base_branch: String,
    pub base_sha: String,
    pub head: Repo,
    pub head_branch: String,
    pub head_sha: String,
    /// Who opened it.
    pub author: String,
    /// Who did the last thing to it.
    pub pusher: String,
    pub draft: bool,
    pub merged: bool,
    pub open: bool,
    pub opened_at: jiff::Timestamp,
}

impl Repo {
    pub(super) fn new(id: u64, name: &str, path: PathBuf, parent: Option<&str>) -> Self {
        Self { id, name: name.to_owned(), path, parent: parent.map(str::to_owned) }
    }

    pub fn id(&self) -> u64 {
        self.id
    }

    /// `owner/name`.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn owner(&self) -> &str {
        self.name.split('/').next().unwrap()
    }

    pub fn short_name(&self) -> &str {
        self.name.split('/').nth(1).unwrap()
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn is_fork(&self) -> bool {
        self.parent.is_some()
    }

    pub fn default_branch(&self) -> &'static str {
        "main"
    }

    /// Commits these files on top of the branch; a new branch starts at the default branch's
    /// head. Nobody sees it until the branch is pushed.
    #[track_caller]
    pub fn commit(&self, branch: &str, files: impl Into<Tree>) -> String {
        self.commit_with_message(branch, &format!("Work on {branch}"), files)
    }

    #[track_caller]
    pub fn commit_with_message(
        &self,
        branch: &str,
        message: &str,
        files: impl Into<Tree>,
    ) -> String {
        let start = format!("refs/local/{}", self.default_branch());
        let parent = self.head(branch).or_else(|| git::resolve(&self.path, &start));
        let reference = format!("refs/local/{branch}");
        git::commit(&self.path, &reference, parent.as_deref(), message, files.into().files())
    }

    /// A commit with a message and an author's name that are what they are.
    #[track_caller]
    pub fn commit_by(
        &self,
        branch: &str,
        author: (&str, &str),
        message: &str,
        files: impl Into<Tree>,
    ) -> String {
        let start = format!("refs/local/{}", self.default_branch());
        let parent = self.head(branch).or_else(|| git::resolve(&self.path, &start));
        let (reference, files) = (format!("refs/local/{branch}"), files.into());
        git::commit_by(&self.path, &reference, parent.as_deref(), author, message, files.files())
    }

    /// The branch's newest commit, pushed or not.
    pub fn head(&self, branch: &str) -> Option<String> {
        git::resolve(&self.path, &format!("refs/local/{branch}"))
    }

    /// The branch's newest pushed commit.
    pub fn pushed(&self, branch: &str) -> Option<String> {
        git::resolve(&self.path, &format!("refs/heads/{branch}"))
    }

    /// Sets the branch to another commit, as before a forced push.
    pub fn reset(&self, branch: &str, sha: &str) {
        git::git(&self.path, &["update-ref", &format!("refs/local/{branch}"), sha]);
    }

    /// Shows the branch's newest commit to the world.
    pub(super) fn publish(&self, branch: &str) -> String {
        let sha = self.head(branch).expect("a branch has a commit before it is pushed");
        git::git(&self.path, &["update-ref", &format!("refs/heads/{branch}"), &sha]);
        sha
    }

    pub(super) fn delete(&self, branch: &str) {
        git::git(&self.path, &["update-ref", "-d", &format!("refs/heads/{branch}")]);
        git::git(&self.path, &["update-ref", "-d", &format!("refs/local/{branch}")]);
    }

    /// Tags the newest pushed commit of the default branch; gives the tag's object and commit.
    pub(super) fn tag(&self, name: &str, annotated: bool) -> (String, String) {
        let commit = self.pushed(self.default_branch()).expect("a tag names a pushed commit");
        if annotated {
            git::git(&self.path, &["tag", "-a", "-m", &format!("Release {name}"), name, &commit]);
        } else {
            git::git(&self.path, &["tag", name, &commit]);
        }
        (git::git(&self.path, &["rev-parse", &format!("refs/tags/{name}")]), commit)
    }

    /// Whether going from one commit to the other loses any.
    pub(super) fn is_forced(&self, before: &str, after: &str) -> bool {
        git::try_git(&self.path, &["merge-base", "--is-ancestor", before, after]).is_err()
    }
}

impl PullRequest {
    pub fn is_from_fork(&self) -> bool {
        self.base.name() != self.head.name()
    }

    /// Brings the head's commit to the base, where the forge has a reference for it.
    pub(super) fn publish(&mut self, kind: Kind) {
        self.head_sha = self.head.publish(&self.head_branch);
        let Some(to) = kind.pull_reference(self.number) else { return };
        let from = self.head.path().to_str().unwrap();
        let reference = format!("+refs/heads/{}:{to}", self.head_branch);
        git::git(self.base.path(), &["fetch", "--quiet", from, &reference]);
    }
}
