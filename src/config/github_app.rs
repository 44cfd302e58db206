//! The GitHub App that `github-app create` has made, as it is kept in the data folder: what it is
//! in one file, its private key in another, both for the agent's user alone.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::domain::forge::github::app::{AppId, AppKey};
use crate::domain::sign_in::github::OAuthApp;

/// A GitHub App that the agent is.
#[derive(Debug, Clone)]
pub struct GithubApp {
    pub id: AppId,
    pub key: AppKey,
    /// What people sign in with; none where the agent does not know its client secret.
    pub client: Option<OAuthApp>,
}

/// What the App is.
const ABOUT: &str = "github-app.json";
/// Its private key.
const KEY: &str = "github-app.pem";

/// The files in a data folder.
#[derive(Debug, Clone)]
pub struct Store(PathBuf);

/// An App as it is kept.
#[derive(Clone, Serialize, Deserialize)]
pub struct Kept {
    pub id: u64,
    pub slug: String,
    /// Its page.
    pub html_url: String,
    /// The GitHub that it was made on.
    pub url: String,
    pub webhook_secret: String,
    /// What people sign in with; nothing in what was kept before they could.
    #[serde(default)]
    pub client_id: String,
    #[serde(default)]
    pub client_secret: String,
    /// In a file of its own.
    #[serde(skip)]
    pub key: String,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept")
            .field("id", &self.id)
            .field("slug", &self.slug)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Of this data folder.
    pub fn new(data_dir: &Path) -> Self {
        Self(data_dir.to_owned())
    }

    /// What is kept; none where nothing is.
    ///
    /// # Errors
    /// A sentence with what is wrong with the files.
    pub fn read(&self) -> Result<Option<Kept>, String> {
        let path = self.0.join(ABOUT);
        let wrong = |why: &dyn fmt::Display| {
            format!(
                "The GitHub App in `{}` cannot be read: {why}; mend it, or take it away",
                path.display()
            )
        };
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            // Whoever may not look there has no App of its own.
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(None),
            Err(error) => return Err(wrong(&error)),
        };
        // The parser's words may quote what it has read.
        let place = |error: serde_json::Error| format!("line {} is not as written", error.line());
        let mut kept: Kept = serde_json::from_slice(&text).map_err(|error| wrong(&place(error)))?;
        let key = self.0.join(KEY);
        kept.key = fs::read_to_string(&key)
            .map_err(|error| wrong(&format!("its key `{}`: {error}", key.display())))?;
        Ok(Some(kept))
    }

    /// Keeps an App, in the place of none; the key first, so that what is read is whole.
    ///
    /// # Errors
    /// What the file system says; also when an App is there already.
    pub fn keep(&self, app: &Kept) -> io::Result<()> {
        fs::create_dir_all(&self.0)?;
        write(&self.0.join(KEY), app.key.as_bytes())?;
        let mut about = serde_json::to_vec_pretty(app)?;
        about.push(b'\n');
        write(&self.0.join(ABOUT), &about)
    }

    /// Where the App is written down.
    pub fn path(&self) -> PathBuf {
        self.0.join(ABOUT)
    }
}

/// Writes a new file that its owner alone may read; nobody ever sees half of it.
fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let half = path.with_extension("new");
    match fs::remove_file(&half) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&half)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(half, path)
}

#[cfg(test)]
mod tests;
