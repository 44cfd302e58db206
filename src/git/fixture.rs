//! Repositories to fetch from, made with the git CLI, and servers for them.

#![expect(clippy::disallowed_methods, reason = "tests compare with git itself")]

mod http;

use std::ffi::OsStr;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::Mirrors;
use crate::domain::event::Repository;
use crate::domain::ids::Sha;

pub(super) use http::{Backend, Behaviour, closed_port};

/// Runs git without the settings of who runs the tests, and at a fixed time.
pub(super) fn command(dir: &Path) -> Command {
    let mut command = Command::new("git");
    command.current_dir(dir).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    for role in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{role}_NAME"), "Ada")
            .env(format!("GIT_{role}_EMAIL"), "ada@example.org");
    }
    command.env_remove("GIT_DIR").stdin(Stdio::null());
    command
}

#[track_caller]
pub(super) fn git<S: AsRef<OsStr>>(dir: &Path, args: &[S]) -> String {
    let output = command(dir).args(args).output().expect("git is installed where tests run");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "git: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout).trim_end().to_owned()
}

/// A repository to fetch from.
pub(super) struct Source {
    dir: TempDir,
    clock: std::cell::Cell<u64>,
}

impl Source {
    /// Without a commit, on `main`.
    pub(super) fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        git(dir.path(), &["init", "-q", "-b", "main"]);
        Self { dir, clock: std::cell::Cell::new(1_700_000_000) }
    }

    /// With one commit.
    pub(super) fn new() -> Self {
        let source = Self::empty();
        source.write("README.md", "hello\n");
        source.commit("First");
        source
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    #[track_caller]
    pub(super) fn git(&self, args: &[&str]) -> String {
        git(self.path(), args)
    }

    pub(super) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let place = self.path().join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
    }

    /// Commits everything, a minute after the commit before.
    #[track_caller]
    pub(super) fn commit(&self, message: &str) -> Sha {
        self.git(&["add", "-A"]);
        self.commit_index(message)
    }

    /// Commits the index as it is.
    #[track_caller]
    pub(super) fn commit_index(&self, message: &str) -> Sha {
        self.clock.set(self.clock.get() + 60);
        let date = format!("{} +0100", self.clock.get());
        let done = command(self.path())
            .args(["commit", "-q", "--allow-empty", "-m", message])
            .env("GIT_AUTHOR_DATE", &date)
            .env("GIT_COMMITTER_DATE", &date)
            .status();
        assert!(done.unwrap().success());
        self.sha("HEAD")
    }

    /// Writes a file and commits it.
    #[track_caller]
    pub(super) fn change(&self, path: &str, text: &str) -> Sha {
        self.write(path, text);
        self.commit(path)
    }

    #[track_caller]
    pub(super) fn sha(&self, revision: &str) -> Sha {
        self.git(&["rev-parse", &format!("{revision}^{{commit}}")]).parse().unwrap()
    }

    /// A commit whose tree has these raw entries (mode, name, object), whatever git thinks of it.
    #[track_caller]
    pub(super) fn commit_of(&self, entries: &[(&str, &[u8], &str)]) -> Sha {
        let tree = self.tree_of(entries);
        let id = self.git(&["commit-tree", "-m", "Raw", &tree]);
        self.publish(&id)
    }

    /// Gives a commit a branch of its own: unreachable commits cannot be fetched from a folder.
    #[track_caller]
    pub(super) fn publish(&self, id: &str) -> Sha {
        self.git(&["update-ref", &format!("refs/heads/of-{id}"), id]);
        id.parse().unwrap()
    }

    #[track_caller]
    pub(super) fn tree_of(&self, entries: &[(&str, &[u8], &str)]) -> String {
        let mut bytes = Vec::new();
        for (mode, name, object) in entries {
            bytes.extend_from_slice(mode.as_bytes());
            bytes.push(b' ');
            bytes.extend_from_slice(name);
            bytes.push(0);
            bytes.extend_from_slice(&hex::decode(object).unwrap());
        }
        let file = self.path().join(".git/raw");
        fs::write(&file, bytes).unwrap();
        let file = file.to_string_lossy().into_owned();
        self.git(&["hash-object", "-t", "tree", "--literally", "-w", &file])
    }

    #[track_caller]
    pub(super) fn blob(&self, text: &str) -> String {
        let file = self.path().join(".git/raw");
        fs::write(&file, text).unwrap();
        self.git(&["hash-object", "-w", &file.to_string_lossy()])
    }

    /// As an event would name it, with its folder as its address.
    pub(super) fn repository(&self) -> Repository {
        repository("octo/hello", &self.path().to_string_lossy())
    }
}

pub(super) fn repository(name: &str, clone_url: &str) -> Repository {
    let full_name: crate::domain::ids::RepoName = name.parse().unwrap();
    Repository {
        owner: full_name.owner().to_owned(),
        name: full_name.name().to_owned(),
        full_name,
        clone_url: clone_url.to_owned(),
        url: String::new(),
        default_branch: "main".to_owned(),
        private: false,
    }
}

/// Mirrors in a temporary folder, without credentials.
pub(super) fn mirrors() -> (TempDir, Mirrors) {
    let dir = tempfile::tempdir().unwrap();
    let mirrors = Mirrors::new(dir.path().join("mirrors"), Vec::new());
    (dir, mirrors)
}

/// Every file below a folder, relative to it, in order.
pub(super) fn files_below(dir: &Path) -> Vec<String> {
    fn add(root: &Path, dir: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let path: PathBuf = entry.path();
            if entry.file_type().unwrap().is_dir() {
                add(root, &path, found);
            } else {
                found.push(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    let mut found = Vec::new();
    add(dir, dir, &mut found);
    found.sort();
    found
}

/// A running `git daemon`; ended when dropped.
pub(super) struct Daemon {
    child: Child,
    pub(super) url: String,
}

impl Daemon {
    pub(super) fn serve(source: &Source) -> Self {
        // Between closing and the daemon's opening, another may take the port: then try again.
        for _ in 0..10 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            // Not `git daemon`, which would run it as a child that outlives what we kill.
            let program = Path::new(&git(source.path(), &["--exec-path"])).join("git-daemon");
            let mut child = Command::new(program)
                .current_dir(source.path())
                .args(["--export-all", "--reuseaddr", "--listen=127.0.0.1", "--informative-errors"])
                .arg(format!("--port={port}"))
                .arg(format!("--base-path={}", source.path().display()))
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let reachable = loop {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    break true;
                }
                if child.try_wait().unwrap().is_some() {
                    break false;
                }
                std::thread::yield_now();
            };
            if reachable {
                return Self { child, url: format!("git://127.0.0.1:{port}/.git") };
            }
        }
        panic!("git daemon did not start")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
