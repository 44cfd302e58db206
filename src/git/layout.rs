//! The files that make a folder a git repository, written and opened without the host's settings.

use std::fs;
use std::io;
use std::path::Path;

use git2::{Config, ConfigLevel, Repository};

/// Writes an empty repository's files into `dir`, which must exist.
///
/// By hand and not by `git init`: neither a template nor `init.*` settings of the host get in.
pub(super) fn lay_out(dir: &Path, head: &str, config: &str) -> io::Result<()> {
    for folder in ["objects", "objects/info", "objects/pack", "refs", "refs/heads", "refs/tags"] {
        fs::create_dir(dir.join(folder))?;
    }
    fs::write(dir.join("HEAD"), format!("{head}\n"))?;
    fs::write(dir.join("config"), config)
}

/// Opens the bare repository in `dir` with its own `config` file alone.
///
/// A `url.….insteadOf`, `http.proxy` or `core.*` of the user that runs the agent must not change
/// where we fetch from or what we read. The owner of the folder is not looked at either.
pub(super) fn open(dir: &Path) -> Result<Repository, git2::Error> {
    let repository = Repository::open_bare(dir)?;
    let mut config = Config::new()?;
    config.add_file(&dir.join("config"), ConfigLevel::Local, false)?;
    repository.set_config(&config)?;
    Ok(repository)
}
