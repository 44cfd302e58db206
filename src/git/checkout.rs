//! A commit on disk: its files, and a `.git` of its own that holds the last few commits.
//!
//! Not a linked worktree, whose `.git` points into the mirror: the folder is uploaded to an
//! engine, where that pointer leads nowhere. All work is done by a few threads that read each
//! object once, write it as a file where the commit has it, and add it to the checkout's pack.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use git2::{Odb, Oid, Repository};

use super::content::{Content, Fault, Kind, Writer};
use super::hazards::{Dotenv, Hazards};
use super::history::History;
use super::index::{self, index};
use super::pack::{Batch, Pack};
use super::{GitError, Mirror, bounds, layout};
use crate::domain::ids::Sha;
use crate::domain::spec::GitDepth;

/// Threads of one checkout at most; more only wait for the file system.
const THREADS: usize = 4;

/// Paths that a note names before it only counts.
const NAMED: usize = 3;

/// What an LFS pointer file begins with; it is never longer than the second number.
const LFS: (&[u8], usize) = (b"version https://git-lfs.github.com/spec/v1", 1024);

/// See [`Mirror::checkout`].
pub(super) fn checkout(
    mirror: &Mirror,
    repository: &Repository,
    sha: &Sha,
    dir: &Path,
    depth: GitDepth,
) -> Result<Vec<String>, GitError> {
    let head = mirror.find(repository, sha)?;
    let odb = repository.odb().map_err(|error| mirror.failed(&error))?;
    let room = Room::enter(dir)?;
    let made = write(mirror, repository, &odb, &head, dir, depth);
    let notes = made.map_err(|fault| told(mirror, sha, fault))?;
    room.keep();
    Ok(notes)
}

/// See [`Mirror::module_tree`].
pub(super) fn module_tree(
    mirror: &Mirror,
    repository: &Repository,
    sha: &Sha,
    dir: &Path,
    dotenv: Dotenv,
) -> Result<Hazards, GitError> {
    let head = mirror.find(repository, sha)?;
    let odb = repository.odb().map_err(|error| mirror.failed(&error))?;
    let room = Room::enter(dir)?;
    let made = (|| {
        let (content, hazards) = Content::for_module(&odb, head.tree_id(), dotenv)?;
        let writer = Writer { root: dir, mtime: mtime(&head) };
        folders(&content, writer)?;
        let git = dir.join(".git");
        fs::create_dir(&git)
            .and_then(|()| layout::lay_out(&git, "ref: refs/heads/main", CONFIG))
            .map_err(|error| Fault::Write(git, error))?;
        objects(mirror.folder(), &content, content.blobs(), writer, None)?;
        Ok(hazards)
    })();
    let hazards = made.map_err(|fault| told(mirror, sha, fault))?;
    room.keep();
    Ok(hazards)
}

/// See [`Mirror::hazards`].
pub(super) fn hazards(
    mirror: &Mirror,
    repository: &Repository,
    sha: &Sha,
    dotenv: Dotenv,
) -> Result<Hazards, GitError> {
    let head = mirror.find(repository, sha)?;
    let odb = repository.odb().map_err(|error| mirror.failed(&error))?;
    let found = Content::for_module(&odb, head.tree_id(), dotenv);
    Ok(found.map_err(|fault| told(mirror, sha, fault))?.1)
}

/// See [`Mirror::has_room_for`].
pub(super) fn bounded(mirror: &Mirror, repository: &Repository, sha: &Sha) -> Result<(), GitError> {
    let head = mirror.find(repository, sha)?;
    let odb = repository.odb().map_err(|error| mirror.failed(&error))?;
    bounds::check(&odb, head.tree_id()).map_err(|fault| told(mirror, sha, fault))
}

/// Git then takes a file for unchanged by size and second of its time alone, which also hold in a
/// copy of the checkout; the default would have it read every file again.
const CONFIG: &str = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\
                      \tlogallrefupdates = true\n\tcheckStat = minimal\n\ttrustctime = false\n";

/// A folder that is gone again unless it is kept.
struct Room<'a> {
    dir: &'a Path,
    kept: bool,
}

impl<'a> Room<'a> {
    fn enter(dir: &'a Path) -> Result<Self, GitError> {
        let failed = GitError::io("Cannot check out into", dir);
        match fs::create_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                match fs::read_dir(dir).map(|mut entries| entries.next().is_none()) {
                    Ok(true) => Ok(Self { dir, kept: false }),
                    Ok(false) => Err(failed(io::Error::other("the folder is not empty"))),
                    Err(error) => Err(failed(error)),
                }
            }
            made => made.map(|()| Self { dir, kept: false }).map_err(failed),
        }
    }

    fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = fs::remove_dir_all(self.dir)
        {
            tracing::warn!(dir = %self.dir.display(), %error, "Cannot remove what a failed checkout left");
        }
    }
}

fn told(mirror: &Mirror, sha: &Sha, fault: Fault) -> GitError {
    match fault {
        Fault::Tree(why) => GitError::Unusable { sha: sha.clone(), why },
        Fault::Read(error) => mirror.failed(&error),
        Fault::Write(path, error) => GitError::Io { doing: "Cannot write", path, error },
    }
}

/// The commit's time, as far as git's index can hold it; never zero, which git takes for unknown.
fn mtime(commit: &git2::Commit<'_>) -> u32 {
    u32::try_from(commit.time().seconds().max(1)).unwrap_or(u32::MAX)
}

fn write(
    mirror: &Mirror,
    repository: &Repository,
    odb: &Odb<'_>,
    head: &git2::Commit<'_>,
    dir: &Path,
    depth: GitDepth,
) -> Result<Vec<String>, Fault> {
    let content = Content::of(odb, head.tree_id())?;
    let limit = match depth {
        GitDepth::Commits(commits) => Some(commits),
        GitDepth::Full => None,
    };
    let history = History::of(repository, head.id(), limit)?;
    let writer = Writer { root: dir, mtime: mtime(head) };
    let git = dir.join(".git");
    let failed = |error| Fault::Write(git.clone(), error);
    fs::create_dir(&git).map_err(failed)?;
    let remote = format!(
        "[remote \"origin\"]\n\turl = {}\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n",
        quoted(mirror.url())
    );
    layout::lay_out(&git, &head.id().to_string(), &format!("{CONFIG}{remote}")).map_err(failed)?;
    if !history.cut.is_empty() {
        let lines: String = history.cut.iter().map(|id| format!("{id}\n")).collect();
        fs::write(git.join("shallow"), lines).map_err(failed)?;
    }
    if !history.tags.is_empty() {
        fs::write(git.join("packed-refs"), history.packed_refs()).map_err(failed)?;
    }
    folders(&content, writer)?;
    let done = if limit.is_some() {
        let all = history.objects(repository, odb)?;
        let packs = git.join("objects/pack");
        let file = packs.join("tmp_pack");
        let pack = Mutex::new(Pack::create(&file, all.len()).map_err(failed)?);
        let done = objects(mirror.folder(), &content, all, writer, Some(&pack))?;
        let pack = pack.into_inner().unwrap_or_else(PoisonError::into_inner);
        pack.finish(&file, &packs).map_err(failed)?;
        done
    } else {
        // Without the deltas that the mirror's packs have, all of a history would be huge.
        copy(&mirror.folder().join("objects"), &git.join("objects")).map_err(failed)?;
        objects(mirror.folder(), &content, content.blobs(), writer, None)?
    };
    let mut entries = Vec::with_capacity(content.files.len());
    for (file, size) in content.files.iter().zip(&done.sizes) {
        let size = size.load(Ordering::Relaxed);
        entries.push(index::Entry { path: &file.path, id: file.id, kind: file.kind, size });
    }
    fs::write(git.join("index"), index(&mut entries, writer.mtime)).map_err(failed)?;
    Ok(notes(&content, &done))
}

/// A value in git's configuration language.
fn quoted(value: &str) -> String {
    let mut text = "\"".to_owned();
    for c in value.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '\n' => text.push_str("\\n"),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

/// Makes every folder, and one for each submodule.
fn folders(content: &Content, writer: Writer<'_>) -> Result<(), Fault> {
    for folder in &content.folders {
        writer.folder(folder)?;
    }
    for file in content.files.iter().filter(|file| file.kind == Kind::Submodule) {
        writer.folder(&file.path)?;
    }
    Ok(())
}

/// Copies the objects of a repository. Copies, not hard links: whatever happens to the checkout
/// must not happen to the mirror.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let target = to.join(&name);
        if entry.file_type()?.is_dir() {
            fs::create_dir_all(&target)?;
            copy(&entry.path(), &target)?;
        } else if !name.to_string_lossy().starts_with("pack_git2_") {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// What the threads found out about the files, in the order of [`Content::files`].
struct Done {
    sizes: Vec<AtomicU64>,
    lfs: Vec<AtomicBool>,
}

/// Reads each object once, writes the files that hold it, and adds it to the pack.
fn objects(
    mirror: &Path,
    content: &Content,
    all: Vec<Oid>,
    writer: Writer<'_>,
    pack: Option<&Mutex<Pack>>,
) -> Result<Done, Fault> {
    let mut uses: HashMap<Oid, Vec<usize>> = HashMap::with_capacity(content.files.len());
    for (place, file) in content.files.iter().enumerate() {
        if file.kind != Kind::Submodule {
            uses.entry(file.id).or_default().push(place);
        }
    }
    let done = Done {
        sizes: content.files.iter().map(|_| AtomicU64::new(0)).collect(),
        lfs: content.files.iter().map(|_| AtomicBool::new(false)).collect(),
    };
    let (next, written) = (AtomicUsize::new(0), AtomicU64::new(0));
    let failed = AtomicBool::new(false);
    let work = || -> Result<(), Fault> {
        // A repository each: libgit2's may not be shared by threads.
        let repository = layout::open(mirror)?;
        let odb = repository.odb()?;
        let mut batch = Batch::new();
        let give = |batch: &mut Batch| {
            let Some(pack) = pack else { return Ok(()) };
            let mut pack = pack.lock().unwrap_or_else(PoisonError::into_inner);
            pack.append(batch).map_err(|error| Fault::Write(writer.root.join(".git"), error))
        };
        while !failed.load(Ordering::Relaxed) {
            let Some(id) = all.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
            let places = uses.get(id).map(Vec::as_slice).unwrap_or_default();
            let (size, _) = odb.read_header(*id)?;
            let path = places.first().map(|place| content.files[*place].path.as_slice());
            bounds::check_file(path.unwrap_or_default(), size as u64)?;
            let so_far = (size as u64).saturating_mul(places.len() as u64);
            bounds::check_all(so_far.saturating_add(written.fetch_add(so_far, Ordering::Relaxed)))?;
            let object = odb.read(*id)?;
            let data = object.data();
            for &place in places {
                writer.file(&content.files[place], data)?;
                done.sizes[place].store(data.len() as u64, Ordering::Relaxed);
                let pointer = data.len() <= LFS.1 && data.starts_with(LFS.0);
                done.lfs[place].store(pointer, Ordering::Relaxed);
            }
            if pack.is_some() {
                let full = |error| Fault::Write(writer.root.join(".git"), error);
                batch.add(*id, object.kind(), data).map_err(full)?;
                if batch.is_full() {
                    give(&mut batch)?;
                }
            }
        }
        give(&mut batch)
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS);
    thread::scope(|scope| {
        let run = || work().inspect_err(|_| failed.store(true, Ordering::Relaxed));
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        let mut result = run();
        for other in others {
            let ended = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            result = result.and(ended);
        }
        result
    })?;
    Ok(done)
}

impl Content {
    /// Each blob that a file or link holds, once.
    fn blobs(&self) -> Vec<Oid> {
        let files = self.files.iter().filter(|file| file.kind != Kind::Submodule);
        let mut blobs: Vec<Oid> = files.map(|file| file.id).collect();
        blobs.sort_unstable();
        blobs.dedup();
        blobs
    }
}

/// What is in the commit but not in the checkout.
fn notes(content: &Content, done: &Done) -> Vec<String> {
    let path = |path: &[u8]| format!("`{}`", String::from_utf8_lossy(path).escape_debug());
    let mut notes = Vec::new();
    let submodules = content.files.iter().filter(|file| file.kind == Kind::Submodule);
    for file in submodules {
        notes.push(format!("submodule {} left empty", path(&file.path)));
    }
    let pointers = content.files.iter().zip(&done.lfs);
    let pointers = pointers.filter(|(_, lfs)| lfs.load(Ordering::Relaxed));
    let pointers: Vec<String> = pointers.map(|(file, _)| path(&file.path)).collect();
    if !pointers.is_empty() {
        let more = pointers.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let named = pointers[..pointers.len().min(NAMED)].join(", ");
        notes.push(format!("LFS pointers left as they are: {named}{more}"));
    }
    notes
}

#[cfg(test)]
mod tests;
