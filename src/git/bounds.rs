//! What a commit may hold, told before any of it is: a tree of ten folders, each of them the same
//! one below it, names more files than there is memory for, in a pack of a kilobyte. The sizes of
//! files are looked at when they are written.

use std::collections::HashMap;

use git2::{Odb, Oid};

use super::content::{DEEPEST, Entries, Fault, Kind, too_deep};

/// Files, links and folders of a commit at most: several times as many as the largest that people
/// work in.
const ENTRIES: u64 = 1_000_000;
/// Bytes of all their paths at most.
const PATHS: u64 = 256 << 20;

/// Bytes of one file at most: each is in memory as a whole while it is written.
const FILE: u64 = 512 << 20;
/// Bytes of all files of a checkout at most, each as often as it is there.
const FILES: u64 = 32 << 30;

/// How much a tree holds, those below it too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Size {
    entries: u64,
    /// Bytes of the paths, seen from the tree.
    paths: u64,
}

impl Size {
    /// With one entry more, and what lies below that.
    fn and(self, name: &[u8], below: Self) -> Self {
        let name = name.len() as u64;
        let prefixes = below.entries.saturating_mul(name + 1);
        Self {
            entries: self.entries.saturating_add(1).saturating_add(below.entries),
            paths: self
                .paths
                .saturating_add(name)
                .saturating_add(prefixes)
                .saturating_add(below.paths),
        }
    }
}

/// Lets a tree through that is no larger than what there is room for. Each tree is looked at once,
/// however often it is named.
pub(super) fn check(odb: &Odb<'_>, tree: Oid) -> Result<(), Fault> {
    let size = size(odb, tree, 0, &mut HashMap::new())?;
    if size.entries > ENTRIES {
        return Err(Fault::Tree(format!("it holds more than {ENTRIES} files and folders")));
    }
    if size.paths > PATHS {
        return Err(Fault::Tree(format!("its paths take more than {} MiB", PATHS >> 20)));
    }
    Ok(())
}

/// Lets a file through that there is memory for. A gigabyte of nothing is a megabyte in a pack.
pub(super) fn check_file(path: &[u8], size: u64) -> Result<(), Fault> {
    if size <= FILE {
        return Ok(());
    }
    let (path, most) = (String::from_utf8_lossy(path), FILE >> 20);
    Err(Fault::Tree(format!("`{path}` is {} MiB long, where {most} MiB are the most", size >> 20)))
}

/// Lets a checkout go on that has so many bytes in its files.
pub(super) fn check_all(written: u64) -> Result<(), Fault> {
    if written <= FILES {
        return Ok(());
    }
    Err(Fault::Tree(format!("its files take more than {} GiB", FILES >> 30)))
}

fn size(
    odb: &Odb<'_>,
    tree: Oid,
    depth: usize,
    known: &mut HashMap<Oid, Size>,
) -> Result<Size, Fault> {
    if let Some(size) = known.get(&tree) {
        return Ok(*size);
    }
    if depth > DEEPEST {
        return Err(too_deep());
    }
    let object = odb.read(tree)?;
    let mut all = Size::default();
    for entry in Entries(object.data()) {
        let (kind, name, id) = entry?;
        let below = match kind {
            Kind::Folder => size(odb, id, depth + 1, known)?,
            _ => Size::default(),
        };
        all = all.and(name, below);
    }
    known.insert(tree, all);
    Ok(all)
}

#[cfg(test)]
mod tests;
