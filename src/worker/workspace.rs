//! Where runs have their files: one folder for each run under way, gone when its last call ends.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use anyhow::Context;
use tokio::sync::OnceCell;

use crate::domain::ids::{CallId, RunId};

/// The folders of runs under way.
pub(super) struct Workspaces {
    root: PathBuf,
    open: Mutex<HashMap<RunId, Weak<Workspace>>>,
}

/// One run's folder; removed when the last holder lets go.
pub(super) struct Workspace {
    pub folder: PathBuf,
    /// What the checkout had to say, once it is there.
    pub checkout: OnceCell<Checkout>,
}

/// A checkout as calls use it.
pub(super) struct Checkout {
    /// The repository at the commit, with a `.git` of its own.
    pub source: PathBuf,
    /// What a module path is relative to: the same folder, or one without `.env`.
    pub module_tree: PathBuf,
    /// What a reader of the log should know about it.
    pub notes: Vec<String>,
}

impl Workspaces {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root, open: Mutex::new(HashMap::new()) }
    }

    /// The run's folder, made when it is not there.
    pub(super) fn open(&self, run: RunId) -> anyhow::Result<Arc<Workspace>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(workspace) = open.get(&run).and_then(Weak::upgrade) {
            return Ok(workspace);
        }
        open.retain(|_, workspace| workspace.strong_count() > 0);
        let folder = tempfile::Builder::new()
            .prefix(&format!("run-{run}-"))
            .tempdir_in(&self.root)
            .with_context(|| {
                format!("Cannot make a folder for run {run} in `{}`", self.root.display())
            })?
            .keep();
        let workspace = Arc::new(Workspace { folder, checkout: OnceCell::new() });
        open.insert(run, Arc::downgrade(&workspace));
        Ok(workspace)
    }

    /// Removes folders of runs that nobody holds: of one that could not be removed before.
    /// Blocking.
    pub(super) fn sweep(&self) {
        let left: Vec<PathBuf> = {
            // None is made meanwhile.
            let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            let held: Vec<Arc<Workspace>> = open.values().filter_map(Weak::upgrade).collect();
            let entries = std::fs::read_dir(&self.root).into_iter().flatten().flatten();
            let run = |entry: &std::fs::DirEntry| {
                entry.file_name().to_str().is_some_and(|name| name.starts_with("run-"))
            };
            let entries = entries.filter(run).map(|entry| entry.path());
            entries.filter(|path| held.iter().all(|one| one.folder != *path)).collect()
        };
        left.iter().for_each(|folder| remove(folder));
    }
}

impl Workspace {
    /// Empty folders of the call's own.
    pub(super) fn rooms(&self, call: CallId, attempt: u32) -> anyhow::Result<Rooms> {
        let folder = self.folder.join(format!("call-{call}-{attempt}"));
        let (cwd, home, tmp) = (folder.join("cwd"), folder.join("home"), folder.join("tmp"));
        let rooms = Rooms { cwd, home, tmp, folder };
        for folder in [&rooms.cwd, &rooms.home, &rooms.tmp] {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("Cannot make the folder `{}`", folder.display()))?;
        }
        Ok(rooms)
    }
}

/// A call's own folders, removed with it.
pub(super) struct Rooms {
    pub cwd: PathBuf,
    pub home: PathBuf,
    pub tmp: PathBuf,
    pub folder: PathBuf,
}

impl Drop for Rooms {
    fn drop(&mut self) {
        remove(&self.folder);
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        remove(&self.folder);
    }
}

/// Removes a tree that a command may have filled with anything, read-only folders included.
pub(super) fn remove(folder: &Path) {
    if std::fs::remove_dir_all(folder).is_ok() || !folder.exists() {
        return;
    }
    make_writable(folder);
    if let Err(error) = std::fs::remove_dir_all(folder) {
        tracing::warn!(%error, folder = %folder.display(), "Cannot remove a folder of a finished run");
    }
}

fn make_writable(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let Ok(meta) = folder.symlink_metadata() else { return };
    if !meta.is_dir() {
        return;
    }
    let mut mode = meta.permissions();
    mode.set_mode(0o700);
    let _ = std::fs::set_permissions(folder, mode);
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        make_writable(&entry.path());
    }
}
