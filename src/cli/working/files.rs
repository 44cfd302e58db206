//! The `pocketci.yaml` files of a working copy, as they lie on disk.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::cli::Failure;
use crate::domain::spec;

/// The name of every spec file.
pub(in crate::cli) const SPEC_FILE: &str = "pocketci.yaml";

/// Folders that hold other people's files, and git's own.
const SKIPPED: [&str; 3] = [".git", "node_modules", "target"];

/// A repository's folder, or the folder itself where there is no repository around it.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Tree {
    pub(in crate::cli) root: PathBuf,
}

impl Tree {
    /// The tree that a folder belongs to: the nearest one with a `.git` above it.
    pub(in crate::cli) fn around(folder: &Path) -> Self {
        let root = folder.ancestors().find(|above| above.join(".git").exists());
        Self { root: root.unwrap_or(folder).to_owned() }
    }

    /// A file's path in the tree, with slashes; of a file elsewhere, its name.
    pub(in crate::cli) fn relative(&self, file: &Path) -> String {
        let name = || file.file_name().map(PathBuf::from).unwrap_or_default();
        let clean: PathBuf = file.components().collect();
        let inside = clean.strip_prefix(&self.root).map_or_else(|_| name(), Path::to_owned);
        inside.to_string_lossy().into_owned()
    }

    /// The spec files below a folder of the tree, in order, without what the root's `ignore`
    /// leaves out.
    pub(in crate::cli) fn spec_files(&self, below: &Path) -> Result<Vec<String>, Failure> {
        let mut found = Vec::new();
        self.collect(below, &mut found);
        found.sort();
        let root = self.root.join(SPEC_FILE);
        if !root.is_file() {
            return Ok(found);
        }
        // A broken root file is told when it is read for itself.
        let specs = spec::parse_bytes(SPEC_FILE, &read(&root)?).unwrap_or_default();
        let ignored = |file: &String| {
            let globs = specs.iter().filter_map(|spec| spec.ignore.as_ref());
            file != SPEC_FILE && globs.into_iter().any(|globs| globs.matches(file))
        };
        found.retain(|file| !ignored(file));
        Ok(found)
    }

    fn collect(&self, folder: &Path, found: &mut Vec<String>) {
        // What cannot be read is left out, as git would leave it out.
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            // Links are not followed: git keeps them as links.
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && !SKIPPED.iter().any(|skipped| name == *skipped) => {
                    self.collect(&entry.path(), found);
                }
                Ok(kind) if kind.is_file() && name == SPEC_FILE => {
                    found.push(self.relative(&entry.path()));
                }
                _ => {}
            }
        }
    }
}

/// Reads a spec file, but never more than a little beyond what is taken of one.
pub(in crate::cli) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| {
        Failure::bad_input(format!("Failed to read `{}`: {error}", path.display()))
    };
    let file = fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(spec::MAX_BYTES as u64 + 1024).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// Whether a name could be asked for by any event at all.
pub(in crate::cli) fn asks_for_an_event(name: &str) -> bool {
    let ends = name == "dispatch" || name.ends_with("Dispatch");
    let on = |at: usize| name[at + 2..].starts_with(|c: char| c.is_ascii_uppercase());
    ends || name.match_indices("On").any(|(at, _)| on(at)) || (name.starts_with("on") && on(0))
}
