//! A bare repository made from nothing, for the demo: neither `git` nor its settings are needed.

use std::path::Path;

use git2::{IndexEntry, IndexTime, Oid, Repository, Signature};

use super::{GitError, layout, mirror};
use crate::domain::ids::Sha;

/// A bare repository that commits can be added to.
pub struct Sample {
    repository: Repository,
}

impl Sample {
    /// An empty repository in `folder`, which is made; its default branch is `main`.
    pub fn create(folder: &Path) -> Result<Self, GitError> {
        let failed = GitError::io("Cannot make a sample repository in", folder);
        let config = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n";
        std::fs::create_dir_all(folder)
            .and_then(|()| layout::lay_out(folder, "ref: refs/heads/main", config))
            .map_err(failed)?;
        let repository = layout::open(folder).map_err(|error| wrong(&error))?;
        Ok(Self { repository })
    }

    /// A commit of exactly these files (path and text), on top of `parent`.
    pub fn commit(
        &self,
        parent: Option<&Sha>,
        message: &str,
        files: &[(&str, &str)],
    ) -> Result<Sha, GitError> {
        let commit = || {
            let mut index = git2::Index::new()?;
            for (path, text) in files {
                index.add(&entry(path, self.repository.blob(text.as_bytes())?))?;
            }
            let tree = self.repository.find_tree(index.write_tree_to(&self.repository)?)?;
            let author = Signature::now("Ada", "ada@example.com")?;
            let parent = parent.map(|sha| Oid::from_str(sha.as_str())).transpose()?;
            let parent = parent.map(|id| self.repository.find_commit(id)).transpose()?;
            let parents: Vec<_> = parent.iter().collect();
            self.repository.commit(None, &author, &author, message, &tree, &parents)
        };
        mirror::sha(commit().map_err(|error| wrong(&error))?)
    }

    /// Lets a reference, by its full name, point at a commit.
    pub fn point(&self, reference: &str, at: &Sha) -> Result<(), GitError> {
        let point = || {
            let id = Oid::from_str(at.as_str())?;
            self.repository.reference(reference, id, true, "sample").map(|_| ())
        };
        point().map_err(|error| wrong(&error))
    }
}

fn wrong(error: &git2::Error) -> GitError {
    GitError::Other(format!("Cannot write the sample repository: {}", error.message()))
}

fn entry(path: &str, id: Oid) -> IndexEntry {
    IndexEntry {
        ctime: IndexTime::new(0, 0),
        mtime: IndexTime::new(0, 0),
        dev: 0,
        ino: 0,
        mode: 0o100_644,
        uid: 0,
        gid: 0,
        file_size: 0,
        id,
        flags: 0,
        flags_extended: 0,
        path: path.as_bytes().to_vec(),
    }
}
