//! Paths that a repository names and that must not lead out of it.

use std::io;
use std::path::{Path, PathBuf};

/// Why a path of a repository is not used.
#[derive(Debug, thiserror::Error)]
pub enum OutsideTree {
    #[error("`{path}` leads out of the repository (links resolved); choose a folder inside of it")]
    Outside { path: String },
    #[error("`{path}` is not in the repository; check `module-path`")]
    Missing { path: String },
    #[error("Cannot look at `{path}`: {error}")]
    Io { path: String, error: io::Error },
}

/// The real place of `path` below `root`, links resolved: it lies inside, or it is an error.
///
/// `dagger` follows links, so a link in a checkout would otherwise let a repository name any
/// folder of this host.
pub fn resolve_inside(root: &Path, path: &str) -> Result<PathBuf, OutsideTree> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            OutsideTree::Missing { path: path.to_owned() }
        }
        _ => OutsideTree::Io { path: path.to_owned(), error },
    };
    let root = root.canonicalize().map_err(failed)?;
    let place = root.join(path).canonicalize().map_err(failed)?;
    // The marker of the repository is no part of its tree.
    if !place.starts_with(&root) || place.starts_with(root.join(".git")) {
        return Err(OutsideTree::Outside { path: path.to_owned() });
    }
    Ok(place)
}

#[cfg(test)]
mod tests;
