//! Where a module lies, with all that it is made of: inside of its tree, or it is not used.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::domain::module_paths::{self, BadPath};
use crate::git::{OutsideTree, resolve_inside};

/// Local modules that one is made of, at most.
const MODULES: usize = 200;

/// Bytes of a `dagger.json` at most.
const LARGEST: u64 = 1 << 20;

const FILE: &str = "dagger.json";

/// Why a module is not loaded.
#[derive(Debug, thiserror::Error)]
pub(super) enum Misplaced {
    #[error(transparent)]
    Outside(#[from] OutsideTree),
    #[error("`{file}`: {why}")]
    Named { file: String, why: BadPath },
    #[error("`{file}` is larger than {} KiB", LARGEST / 1024)]
    Large { file: String },
    #[error("Cannot read `{file}`: {error}")]
    Io { file: String, error: io::Error },
    #[error("The module is made of more than {MODULES} local ones")]
    TooMany,
}

/// The real place of the module at `path` below `tree`, links resolved. It, its source and its
/// dependencies, theirs and so on lie inside: `dagger` loads whatever they name from this host.
pub(super) fn resolve(tree: &Path, path: &str) -> Result<PathBuf, Misplaced> {
    let real =
        tree.canonicalize().map_err(|error| Misplaced::Io { file: path.to_owned(), error })?;
    let place = resolve_inside(tree, path)?;
    let mut open = vec![place.clone()];
    let mut seen = BTreeSet::new();
    while let Some(folder) = open.pop() {
        if !seen.insert(folder.clone()) {
            continue;
        }
        if seen.len() > MODULES {
            return Err(Misplaced::TooMany);
        }
        // Where it really lies is what its paths are relative to. It is where it says when its
        // name is text: a path of another kind can be named by no JSON.
        let shown = folder.strip_prefix(&real).unwrap_or(&folder).to_string_lossy().into_owned();
        let file = if shown.is_empty() { FILE.to_owned() } else { format!("{shown}/{FILE}") };
        let Some(json) = read(tree, &file)? else { continue };
        let paths = module_paths::paths(&shown, &json)
            .map_err(|why| Misplaced::Named { file: file.clone(), why })?;
        for path in paths {
            match resolve_inside(tree, &path) {
                Ok(folder) if folder.is_dir() => open.push(folder),
                Ok(_) | Err(OutsideTree::Missing { .. }) => {}
                // No path at all, or one that is too long to be there.
                Err(OutsideTree::Io { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(place)
}

fn read(tree: &Path, file: &str) -> Result<Option<Vec<u8>>, Misplaced> {
    let place = match resolve_inside(tree, file) {
        Ok(place) => place,
        Err(OutsideTree::Missing { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let failed = |error| Misplaced::Io { file: file.to_owned(), error };
    if !place.is_file() {
        return Ok(None);
    }
    let mut json = Vec::new();
    File::open(place)
        .and_then(|open| open.take(LARGEST + 1).read_to_end(&mut json))
        .map_err(failed)?;
    match json.len() as u64 > LARGEST {
        true => Err(Misplaced::Large { file: file.to_owned() }),
        false => Ok(Some(json)),
    }
}

#[cfg(test)]
mod tests;
