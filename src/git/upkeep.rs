//! Keeping a mirror that is fetched into for months as quick as on its first day.
//!
//! Every fetch leaves a pack and a reference, and libgit2 never puts packs together: with
//! thousands of them each look for an object takes long, and files run out.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::SystemTime;

use git2::Oid;

use super::pack::{Batch, Pack};
use super::{Mirror, layout};

/// Small packs from which on they are put together.
const PACKS: usize = 64;

/// Up to how many bytes a pack is small. What is put together loses its deltas and grows.
const SMALL: u64 = 4 << 20;

/// Commits that keep a reference; the oldest beyond lose theirs, and stay readable.
const COMMITS: usize = 256;

/// Tidies up after a fetch, in its turn. What goes wrong here is told and does no harm.
pub(super) async fn run(mirror: &Mirror) {
    let mirror = mirror.clone();
    let tidied = tokio::task::spawn_blocking(move || {
        let folder = mirror.folder().display().to_string();
        let references = forget(&mirror.folder().join("refs/ci"), COMMITS).map_err(Into::into);
        let packs = put_together(&mirror, PACKS);
        for result in [references, packs] {
            if let Err(error) = result {
                tracing::warn!(mirror = folder, %error, "Cannot tidy up a mirror");
            }
        }
    });
    if let Err(error) = tidied.await {
        tracing::warn!(%error, "Tidying up a mirror ended early");
    }
}

/// Deletes the oldest references to commits.
fn forget(folder: &Path, keep: usize) -> io::Result<()> {
    let mut commits = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Those of branches are few, and what a diff starts from.
        if entry.file_name().len() == 40 {
            commits.push((entry.metadata()?.modified()?, entry.path()));
        }
    }
    commits.sort_by(|a: &(SystemTime, PathBuf), b| b.cmp(a));
    commits.iter().skip(keep).try_for_each(|(_, path)| fs::remove_file(path))
}

/// Writes the objects of all small packs into one, and deletes them when nobody reads.
fn put_together(mirror: &Mirror, limit: usize) -> anyhow::Result<()> {
    let folder = mirror.folder().join("objects/pack");
    let mut small = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let index = entry?.path();
        let pack = index.with_extension("pack");
        let is_index = index.extension().is_some_and(|extension| extension == "idx");
        if is_index && pack.metadata()?.len() <= SMALL {
            small.push(index);
        }
    }
    if small.len() < limit {
        return Ok(());
    }
    let mut ids = HashSet::new();
    for index in &small {
        ids.extend(objects(&fs::read(index)?)?);
    }
    let file = folder.join("pack_git2_together");
    let repository = layout::open(mirror.folder())?;
    let odb = repository.odb()?;
    let mut pack = Pack::create(&file, ids.len())?;
    let mut batch = Batch::new();
    for id in ids {
        let object = odb.read(id)?;
        batch.add(id, object.kind(), object.data())?;
        if batch.is_full() {
            pack.append(&mut batch)?;
        }
    }
    pack.append(&mut batch)?;
    let whole = pack.finish(&file, &folder)?;
    let _nobody = mirror.place().readers.write().unwrap_or_else(PoisonError::into_inner);
    for index in small.iter().filter(|index| **index != whole) {
        // An index without its pack would be damage; a pack without its index is nothing.
        fs::remove_file(index)?;
        fs::remove_file(index.with_extension("pack"))?;
    }
    Ok(())
}

/// The ids in a pack's index, version 2, the only one that libgit2 writes.
fn objects(index: &[u8]) -> anyhow::Result<Vec<Oid>> {
    /// The head and a table of 256 numbers, the last of which is how many objects there are.
    const TABLE: usize = 8 + 256 * 4;
    let broken = || anyhow::anyhow!("a pack's index is cut off");
    let count = index.get(TABLE - 4..TABLE).ok_or_else(broken)?;
    let count = usize::try_from(u32::from_be_bytes(count.try_into()?))?;
    let ids = index.get(TABLE..TABLE + count * 20).ok_or_else(broken)?;
    ids.chunks_exact(20).map(|id| Ok(Oid::from_bytes(id)?)).collect()
}

#[cfg(test)]
mod tests;
