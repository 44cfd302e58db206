//! A commit's files: found in its tree, refused where they could do harm, written as new files.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use git2::{Odb, Oid};
use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;

use super::bounds;
use super::mirror::join;

/// Folders below which a tree is taken for hostile and not for deep.
pub(super) const DEEPEST: usize = 1_000;

/// How an entry of a tree is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Executable,
    Link,
    Folder,
    /// Another repository's commit; its folder stays empty.
    Submodule,
}

impl Kind {
    /// The mode in git's index.
    pub(super) fn mode(self) -> u32 {
        match self {
            Self::File => 0o100_644,
            Self::Executable => 0o100_755,
            Self::Link => 0o120_000,
            Self::Folder => 0o040_000,
            Self::Submodule => 0o160_000,
        }
    }
}

/// What is at a path of the commit; the folders are apart.
#[derive(Debug)]
pub(super) struct File {
    pub(super) path: Vec<u8>,
    pub(super) id: Oid,
    pub(super) kind: Kind,
}

/// Everything that a commit's tree holds.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// Parents before their children.
    pub(super) folders: Vec<Vec<u8>>,
    pub(super) files: Vec<File>,
}

/// Why a tree could not be taken.
#[derive(Debug)]
pub(super) enum Fault {
    /// The tree itself is at fault.
    Tree(String),
    Read(git2::Error),
    Write(PathBuf, io::Error),
}

impl From<git2::Error> for Fault {
    fn from(error: git2::Error) -> Self {
        Self::Read(error)
    }
}

impl Content {
    /// All of a tree, unless there is no room for so much.
    pub(super) fn of(odb: &Odb<'_>, tree: Oid) -> Result<Self, Fault> {
        bounds::check(odb, tree)?;
        let mut content = Self::default();
        content.add(odb, tree, &[], 0)?;
        Ok(content)
    }

    fn add(&mut self, odb: &Odb<'_>, tree: Oid, folder: &[u8], depth: usize) -> Result<(), Fault> {
        if depth > DEEPEST {
            return Err(too_deep());
        }
        let object = odb.read(tree)?;
        let mut names = HashSet::new();
        for entry in Entries(object.data()) {
            let (kind, name, id) = entry?;
            let path = join(folder, name);
            if let Some(why) = refused(name) {
                let path = String::from_utf8_lossy(&path).into_owned();
                return Err(Fault::Tree(format!("it holds `{path}`: {why}")));
            }
            // Not only when it is written: what is looked at must be what is written.
            if !names.insert(name) {
                return Err(twice(&path));
            }
            if kind == Kind::Folder {
                self.folders.push(path.clone());
                self.add(odb, id, &path, depth + 1)?;
            } else {
                self.files.push(File { path, id, kind });
            }
        }
        Ok(())
    }
}

/// Why a name is not written to disk. The same names that git itself refuses: whatever they
/// become on some file system, no entry may be taken for the repository's own folder.
fn refused(name: &[u8]) -> Option<&'static str> {
    if matches!(name, b"" | b"." | b"..") || name.contains(&b'/') {
        return Some("that is no name for a file");
    }
    matches!(folded(name).as_str(), ".git" | "git~1")
        .then_some("that stands for the repository's own folder")
}

/// What a name may become on some file system, in lower case.
pub(super) fn folded(name: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(name)
        .chars()
        // HFS+ does not see these.
        .filter(|c| !matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}'))
        .collect::<String>()
        .to_lowercase();
    // NTFS drops dots and spaces at the end, and opens a stream behind a colon.
    let stem = text.split([':', '\\']).next().unwrap_or_default();
    stem.trim_end_matches(['.', ' ']).to_owned()
}

/// The entries of a tree as it is stored.
pub(super) struct Entries<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Entries<'a> {
    type Item = Result<(Kind, &'a [u8], Oid), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let entry = self.entry();
        if entry.is_none() {
            self.0 = &[];
        }
        Some(entry.ok_or_else(|| Fault::Tree("one of its folders is malformed".to_owned())))
    }
}

impl<'a> Entries<'a> {
    fn entry(&mut self) -> Option<(Kind, &'a [u8], Oid)> {
        let space = self.0.iter().position(|b| *b == b' ')?;
        let mode = u32::from_str_radix(str::from_utf8(&self.0[..space]).ok()?, 8).ok()?;
        let kind = match mode & 0o170_000 {
            0o040_000 => Kind::Folder,
            0o120_000 => Kind::Link,
            0o160_000 => Kind::Submodule,
            0o100_000 if mode & 0o100 != 0 => Kind::Executable,
            0o100_000 => Kind::File,
            _ => return None,
        };
        let rest = &self.0[space + 1..];
        let end = rest.iter().position(|b| *b == 0)?;
        let id = Oid::from_bytes(rest.get(end + 1..end + 21)?).ok()?;
        self.0 = &rest[end + 21..];
        Some((kind, &rest[..end], id))
    }
}

/// Writes below one folder, only what was not there before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writer<'a> {
    pub(super) root: &'a Path,
    /// Seconds since 1970 that every file gets as its time of change.
    pub(super) mtime: u32,
}

impl Writer<'_> {
    pub(super) fn place(&self, path: &[u8]) -> PathBuf {
        self.root.join(OsStr::from_bytes(path))
    }

    /// Makes a folder. One that exists, or a link in its place, is refused: with all folders made
    /// before any file or link, nothing is ever written through a link.
    pub(super) fn folder(&self, path: &[u8]) -> Result<(), Fault> {
        let place = self.place(path);
        fs::create_dir(&place).map_err(|error| self.failed(path, error, &place))
    }

    /// Writes a file or a link with what its object holds.
    pub(super) fn file(&self, file: &File, data: &[u8]) -> Result<(), Fault> {
        let place = self.place(&file.path);
        let written = match file.kind {
            Kind::Link => self.link(&place, data),
            Kind::File => self.regular(&place, data, 0o666),
            Kind::Executable => self.regular(&place, data, 0o777),
            Kind::Folder | Kind::Submodule => fs::create_dir(&place),
        };
        written.map_err(|error| self.failed(&file.path, error, &place))
    }

    fn regular(&self, place: &Path, data: &[u8], mode: u32) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(place)?;
        file.write_all(data)?;
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(self.mtime)))
    }

    fn link(&self, place: &Path, target: &[u8]) -> io::Result<()> {
        symlink(OsStr::from_bytes(target), place)?;
        let time = TimeSpec::new(i64::from(self.mtime), 0);
        let flags = UtimensatFlags::NoFollowSymlink;
        utimensat(nix::fcntl::AT_FDCWD, place, &time, &time, flags).map_err(io::Error::from)
    }

    fn failed(&self, path: &[u8], error: io::Error, place: &Path) -> Fault {
        let whole = path;
        let path = String::from_utf8_lossy(path);
        match error.kind() {
            io::ErrorKind::AlreadyExists => twice(whole),
            io::ErrorKind::InvalidFilename => {
                Fault::Tree(format!("the name of `{path}` is too long for this file system"))
            }
            io::ErrorKind::InvalidInput | io::ErrorKind::NotFound
                if place.parent().is_some_and(Path::is_dir) =>
            {
                Fault::Tree(format!("`{path}` cannot exist as a file: {error}"))
            }
            _ => Fault::Write(place.to_owned(), error),
        }
    }
}

pub(super) fn too_deep() -> Fault {
    Fault::Tree(format!("it has more than {DEEPEST} folders in one another"))
}

fn twice(path: &[u8]) -> Fault {
    let path = String::from_utf8_lossy(path);
    Fault::Tree(format!("it holds `{path}` twice, or under two names that are one here"))
}

#[cfg(test)]
mod tests;
