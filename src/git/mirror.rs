//! What a repository's mirror answers about its commits, without the network.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use git2::{ErrorClass, ErrorCode, ObjectType, Oid, Repository, Tree};

use super::mirrors::Place;
use super::{Dotenv, GitError, Hazards, Want, fetch, layout};
use crate::domain::event::{Author, ChangeBasis, Commit};
use crate::domain::ids::Sha;
use crate::domain::plan::Changes;
use crate::domain::spec::GitDepth;

/// The largest file that is read into memory as a text, in bytes; its readers take far less.
const LARGEST_TEXT: usize = 16 << 20;

/// A repository's mirror on disk.
///
/// Every method opens it for itself, so that clones may be used from several threads at once;
/// all of them block.
#[derive(Debug, Clone)]
pub struct Mirror {
    folder: PathBuf,
    place: Arc<Place>,
    /// Without user and password.
    url: String,
}

impl Mirror {
    pub(super) fn new(folder: PathBuf, place: Arc<Place>, url: String) -> Self {
        Self { folder, place, url }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The commit that a reference pointed at when it was last wanted; an empty one is the head
    /// of the default branch. None where it was never wanted or does not exist.
    pub fn resolve(&self, reference: &str) -> Result<Option<Sha>, GitError> {
        self.reading(|repository| Ok(head_of(repository, reference).and_then(|id| sha(id).ok())))
    }

    /// The commit that an object is or, where it is an annotated tag's own object, leads to.
    pub fn peeled(&self, object: &Sha) -> Result<Sha, GitError> {
        self.reading(|repository| sha(self.find(repository, object)?.id()))
    }

    /// The commit of one of the repository's own branches or tags, by its whole name, as they were
    /// when [`Want::own`] was last fetched.
    pub fn own(&self, reference: &str) -> Result<Option<Sha>, GitError> {
        self.reading(|repository| {
            let found = repository.find_reference(reference).and_then(|it| it.peel_to_commit());
            Ok(found.ok().and_then(|commit| sha(commit.id()).ok()))
        })
    }

    /// Whether a commit lies on one of the repository's own branches or tags, as they were when
    /// [`Want::own`] was last fetched: a forge gives out the commits of forks too.
    pub fn is_own(&self, sha: &Sha) -> Result<bool, GitError> {
        self.reading(|repository| {
            let wanted = fetch::oid(sha)?;
            let found = || {
                let mut history = repository.revwalk()?;
                history.push_glob("refs/heads/*")?;
                history.push_glob("refs/tags/*")?;
                for id in history {
                    if id? == wanted {
                        return Ok(true);
                    }
                }
                Ok(false)
            };
            found().map_err(|error| self.failed(&error))
        })
    }

    /// Who made the commit, when and with what message; its `url` is empty.
    pub fn commit(&self, sha: &Sha) -> Result<Commit, GitError> {
        self.reading(|repository| Ok(describe(&self.find(repository, sha)?)))
    }

    /// Every file of that name in the commit's tree, the root's first, then by path. Links and
    /// folders of that name are not files.
    pub fn files_named(&self, sha: &Sha, name: &str) -> Result<Vec<String>, GitError> {
        self.reading(|repository| {
            let mut found = Vec::new();
            let tree = self.tree(repository, sha)?;
            walk(repository, &tree, &mut Vec::new(), &mut |folder, entry| {
                if entry.name_bytes() == name.as_bytes() && is_file(entry.filemode()) {
                    found
                        .push(String::from_utf8_lossy(&join(folder, name.as_bytes())).into_owned());
                }
                false
            })
            .map_err(|error| self.failed(&error))?;
            found.sort_by(|a, b| {
                (a.matches('/').count() > 0, a).cmp(&(b.matches('/').count() > 0, b))
            });
            Ok(found)
        })
    }

    /// What a file of the commit holds; none where there is no file at the path (a link is none).
    ///
    /// # Errors
    /// [`GitError::Unusable`] when it is too large for a text that people write.
    pub fn read(&self, sha: &Sha, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        self.reading(|repository| {
            let tree = self.tree(repository, sha)?;
            let Some(entry) = self.entry(&tree, path)? else { return Ok(None) };
            if !is_file(entry.filemode()) {
                return Ok(None);
            }
            let failed = |error: git2::Error| self.failed(&error);
            let header = repository.odb().and_then(|odb| odb.read_header(entry.id()));
            let (size, _) = header.map_err(failed)?;
            if size > LARGEST_TEXT {
                let why = format!("`{path}` is {} MiB long", size >> 20);
                return Err(GitError::Unusable { sha: sha.clone(), why });
            }
            let blob = repository.find_blob(entry.id()).map_err(failed)?;
            Ok(Some(blob.content().to_vec()))
        })
    }

    /// Whether the commit has a folder at the path; the root, written as nothing or `.`, is one.
    pub fn is_folder(&self, sha: &Sha, path: &str) -> Result<bool, GitError> {
        Ok(self.tree_id(sha, path)?.is_some())
    }

    /// Whether the commit has a link at the path, wherever it leads.
    pub fn is_link(&self, sha: &Sha, path: &str) -> Result<bool, GitError> {
        self.reading(|repository| {
            let tree = self.tree(repository, sha)?;
            let entry = self.entry(&tree, path)?;
            Ok(entry.is_some_and(|entry| entry.filemode() == i32::from(git2::FileMode::Link)))
        })
    }

    /// The identity of a folder's content: equal ids are equal content, names and modes.
    pub fn tree_id(&self, sha: &Sha, folder: &str) -> Result<Option<String>, GitError> {
        self.reading(|repository| {
            let tree = self.tree(repository, sha)?;
            if plain(folder).is_empty() {
                return Ok(Some(tree.id().to_string()));
            }
            let entry = self.entry(&tree, folder)?;
            let folder = entry.filter(|entry| entry.kind() == Some(ObjectType::Tree));
            Ok(folder.map(|entry| entry.id().to_string()))
        })
    }

    /// Whether the commit holds no more than can be looked at: to be asked before its files are
    /// listed or compared, which are as many as its author likes.
    ///
    /// # Errors
    /// [`GitError::Unusable`] when it holds more.
    pub fn has_room_for(&self, sha: &Sha) -> Result<(), GitError> {
        self.reading(|repository| super::checkout::bounded(self, repository, sha))
    }

    /// What the commit holds that must not lie beside a module on this host.
    pub fn hazards(&self, sha: &Sha, dotenv: Dotenv) -> Result<Hazards, GitError> {
        self.reading(|repository| super::checkout::hazards(self, repository, sha, dotenv))
    }

    /// The files that an event changed.
    pub fn changed_files(
        &self,
        basis: &ChangeBasis,
        default_branch: &str,
    ) -> Result<Changes, GitError> {
        self.reading(|repository| super::changes::changed(self, repository, basis, default_branch))
    }

    /// Writes the commit into `dir`, which must be empty or not exist, with a `.git` of its own
    /// that is `depth` commits deep; returns what a reader of the log should know. Nothing is
    /// left of it where it fails.
    pub fn checkout(
        &self,
        sha: &Sha,
        dir: &Path,
        depth: GitDepth,
    ) -> Result<Vec<String>, GitError> {
        self.reading(|repository| super::checkout::checkout(self, repository, sha, dir, depth))
    }

    /// Writes the commit's tree into `dir` without its [`Mirror::hazards`], which it gives back,
    /// and with a `.git` that only marks the root: paths that a module gives relative to the
    /// repository are relative to it.
    pub fn module_tree(&self, sha: &Sha, dir: &Path, dotenv: Dotenv) -> Result<Hazards, GitError> {
        self.reading(|repository| super::checkout::module_tree(self, repository, sha, dir, dotenv))
    }

    /// Opens the mirror for one operation, during which no pack is deleted.
    fn reading<T>(
        &self,
        operation: impl FnOnce(&Repository) -> Result<T, GitError>,
    ) -> Result<T, GitError> {
        let _reader = self.place.readers.read().unwrap_or_else(PoisonError::into_inner);
        let repository = layout::open(&self.folder).map_err(|error| self.failed(&error))?;
        let result = operation(&repository);
        if matches!(result, Err(GitError::Broken { .. })) {
            self.place.suspect.store(true, Ordering::Relaxed);
        }
        result
    }

    pub(super) fn find<'r>(
        &self,
        repository: &'r Repository,
        sha: &Sha,
    ) -> Result<git2::Commit<'r>, GitError> {
        let object = repository.find_object(fetch::oid(sha)?, None);
        let commit = object.and_then(|object| object.peel_to_commit());
        commit.map_err(|error| match error.code() {
            ErrorCode::NotFound | ErrorCode::Peel | ErrorCode::InvalidSpec => {
                fetch::absent(&self.url, &Want::commit(sha, ""))
            }
            _ => self.failed(&error),
        })
    }

    pub(super) fn tree<'r>(
        &self,
        repository: &'r Repository,
        sha: &Sha,
    ) -> Result<Tree<'r>, GitError> {
        self.find(repository, sha)?.tree().map_err(|error| self.failed(&error))
    }

    fn entry<'t>(
        &self,
        tree: &'t Tree<'_>,
        path: &str,
    ) -> Result<Option<git2::TreeEntry<'t>>, GitError> {
        let path = plain(path);
        if path.is_empty() || path.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Ok(None);
        }
        match tree.get_path(Path::new(path)) {
            Ok(entry) => Ok(Some(entry)),
            // Also where a part of the path is a file; a lost object says so by its class.
            Err(error)
                if error.code() == ErrorCode::NotFound && error.class() != ErrorClass::Odb =>
            {
                Ok(None)
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// An error of reading: the mirror's objects are complete, so one that cannot be read means
    /// that the mirror is damaged.
    pub(super) fn failed(&self, error: &git2::Error) -> GitError {
        let why = error.message().to_owned();
        match error.class() {
            ErrorClass::Tree | ErrorClass::Object | ErrorClass::Invalid => {
                GitError::Other(format!("Cannot read from the mirror of `{}`: {why}", self.url))
            }
            _ => GitError::Broken { folder: self.folder.clone(), why },
        }
    }
}

/// The path without slashes at its ends and without `./`.
fn plain(path: &str) -> &str {
    let path = path.trim_start_matches("./").trim_matches('/');
    if path == "." { "" } else { path }
}

pub(super) fn sha(id: Oid) -> Result<Sha, GitError> {
    id.to_string().parse().map_err(|error| GitError::Other(format!("Not a commit: {error}")))
}

/// A commit that was wanted by a reference's name.
pub(super) fn head_of(repository: &Repository, reference: &str) -> Option<Oid> {
    let reference = match reference {
        "HEAD" => "",
        reference => reference,
    };
    let kept = repository.find_reference(&fetch::kept(reference));
    let found = kept.or_else(|error| match reference.starts_with("refs/tags/") {
        true => repository.find_reference(reference),
        false => Err(error),
    });
    Some(found.ok()?.peel_to_commit().ok()?.id())
}

pub(super) fn describe(commit: &git2::Commit<'_>) -> Commit {
    let author = commit.author();
    let time = author.when();
    let timestamp = jiff::Timestamp::from_second(time.seconds()).map_or(String::new(), |at| {
        let offset = jiff::tz::Offset::from_seconds(time.offset_minutes().saturating_mul(60));
        let zone = jiff::tz::TimeZone::fixed(offset.unwrap_or(jiff::tz::Offset::UTC));
        at.to_zoned(zone).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    });
    Commit {
        sha: commit.id().to_string(),
        message: String::from_utf8_lossy(commit.message_bytes()).trim_end().to_owned(),
        author: Author {
            name: String::from_utf8_lossy(author.name_bytes()).into_owned(),
            email: String::from_utf8_lossy(author.email_bytes()).into_owned(),
        },
        timestamp,
        url: String::new(),
    }
}

fn is_file(mode: i32) -> bool {
    mode & 0o170_000 == 0o100_000
}

pub(super) fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = folder.to_vec();
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

/// Visits every entry below a tree with the folder that it lies in, until the visitor says stop.
fn walk(
    repository: &Repository,
    tree: &Tree<'_>,
    folder: &mut Vec<u8>,
    visit: &mut dyn FnMut(&[u8], &git2::TreeEntry<'_>) -> bool,
) -> Result<bool, git2::Error> {
    for entry in tree {
        if visit(folder, &entry) {
            return Ok(true);
        }
        if entry.kind() == Some(ObjectType::Tree) {
            let below = repository.find_tree(entry.id())?;
            let length = folder.len();
            *folder = join(folder, entry.name_bytes());
            let stop = walk(repository, &below, folder, visit)?;
            folder.truncate(length);
            if stop {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests;
