//! Mirrors that nobody has used for long, and that can go when the disk is full: the next event
//! of their repository fetches them anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};

use super::{GitError, Mirrors};

impl Mirrors {
    /// Removes the mirror that has not been used for longest, if that is at least `cold`, and
    /// says where it was.
    ///
    /// Blocking. One that is being fetched into or read stays.
    ///
    /// # Errors
    /// When the folder cannot be read or the mirror not be removed.
    pub fn remove_coldest(&self, cold: Duration) -> Result<Option<PathBuf>, GitError> {
        let mut found = Vec::new();
        if self.root.exists() {
            find(&self.root, &mut found)
                .map_err(GitError::io("Cannot look for mirrors in", &self.root))?;
        }
        let mut mirrors: Vec<(SystemTime, PathBuf)> = {
            let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            let used = |folder: &Path| places.get(folder).and_then(|place| *place.used());
            let last = |(fetched, folder): (SystemTime, PathBuf)| {
                (used(&folder).map_or(fetched, |used| used.max(fetched)), folder)
            };
            found.into_iter().map(last).collect()
        };
        mirrors.sort();
        for (used, folder) in mirrors {
            // A clock that was put back makes nothing cold.
            if used.elapsed().unwrap_or_default() < cold {
                break;
            }
            if self.remove(&folder)? {
                return Ok(Some(folder));
            }
        }
        Ok(None)
    }

    /// False: somebody has it in use.
    fn remove(&self, folder: &Path) -> Result<bool, GitError> {
        let place = {
            let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(places.entry(folder.to_owned()).or_default())
        };
        let Ok(_turn) = place.turn.try_lock() else { return Ok(false) };
        let Ok(_readers) = place.readers.try_write() else { return Ok(false) };
        let failed = |error| GitError::io("Cannot remove the mirror", folder)(error);
        let aside = self.aside();
        fs::create_dir_all(&aside).map_err(failed)?;
        // At one stroke: a kill in between leaves no half of it.
        let place = tempfile::Builder::new().tempdir_in(&aside).map_err(failed)?;
        fs::rename(folder, place.path().join("mirror")).map_err(failed)?;
        place.close().map_err(failed)?;
        Ok(true)
    }
}

/// The mirrors below a folder, each with the time of the last fetch that brought something.
fn find(folder: &Path, found: &mut Vec<(SystemTime, PathBuf)>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with('+') || !path.is_dir() {
            continue;
        }
        if path.join("HEAD").is_file() && path.join("objects").is_dir() {
            let packs = fs::metadata(path.join("objects/pack")).and_then(|meta| meta.modified());
            found.push((packs.unwrap_or(SystemTime::UNIX_EPOCH), path));
        } else {
            find(&path, found)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
