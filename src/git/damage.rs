//! Damage to a mirror that libgit2 does not notice by itself, and what a killed process leaves.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// Length of a SHA-1, with which packs and their indexes end.
const HASH: usize = 20;

/// What is wrong with the mirror in `dir`, if anything.
///
/// libgit2 opens and answers from a truncated pack as if nothing were amiss, and with an index
/// that has lost its pack the next fetch fails; so the last bytes of each pack are held against
/// the copy that its index has of them. That costs a few reads for each pack.
pub(super) fn damage(dir: &Path) -> Option<String> {
    for file in ["HEAD", "config"] {
        if !dir.join(file).is_file() {
            return Some(format!("`{file}` is missing"));
        }
    }
    let packs = dir.join("objects/pack");
    let Ok(entries) = fs::read_dir(&packs) else {
        return Some("`objects/pack` is missing".to_owned());
    };
    for entry in entries.flatten() {
        let index = entry.path();
        if index.extension().is_none_or(|extension| extension != "idx") {
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        // An index ends with the pack's checksum and then its own.
        let ours = tail(&index, 2 * HASH);
        let pack = tail(&index.with_extension("pack"), HASH);
        match (ours, pack) {
            (Ok(ours), Ok(pack)) if ours[..HASH] == pack[..] => {}
            (Ok(_), Ok(_)) => return Some(format!("the pack of `{name}` is cut off or changed")),
            (Ok(_), Err(error)) => return Some(format!("the pack of `{name}`: {error}")),
            (Err(error), _) => return Some(format!("`{name}`: {error}")),
        }
    }
    None
}

fn tail(file: &Path, length: usize) -> io::Result<Vec<u8>> {
    let mut file = File::open(file)?;
    let mut bytes = vec![0; length];
    let back = i64::try_from(length).unwrap_or(i64::MAX);
    file.seek(SeekFrom::End(-back))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Deletes, below `dir`, lock files and half-received packs.
///
/// Only for when nothing fetches: a process killed in mid-fetch leaves them, a stale lock fails
/// every later fetch of its reference, and one process owns the folder.
pub(super) fn sweep(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if entry.file_type()?.is_dir() {
            // Object folders hold no locks, and there may be many.
            if dir.ends_with("objects") && name.len() == 2 {
                continue;
            }
            sweep(&entry.path())?;
        } else if name.ends_with(".lock") || name.starts_with("pack_git2_") {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
