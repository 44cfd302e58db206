//! The mirrors' folder: which mirror is whose, who may fetch now, and making a broken one anew.

mod cold;
mod look;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use sha1::Digest;
use url::Url;

use super::fetch::{self, Fetch};
use super::{GitError, HostCredential, Mirror, Want, damage, layout, upkeep};
use crate::domain::event::Repository;
use crate::domain::ids::Sha;
use look::{Look, damaged, look};

/// How long a fetch may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Altogether; the first fetch of a large repository must fit in.
    pub total: Duration,
    /// Without a byte or a word of progress from the server.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { total: Duration::from_secs(30 * 60), idle: Duration::from_secs(60) }
    }
}

/// All mirrors of this agent, below one folder that no other process writes to.
#[derive(Debug, Clone)]
pub struct Mirrors {
    root: PathBuf,
    credentials: Arc<[HostCredential]>,
    limits: Limits,
    places: Arc<Mutex<HashMap<PathBuf, Arc<Place>>>>,
}

/// What the users of one mirror share.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// Held while something is fetched or mended; reading needs no turn.
    turn: tokio::sync::Mutex<()>,
    /// Packs are deleted only when nobody reads.
    pub(super) readers: RwLock<()>,
    /// Reading failed in a way that points at the mirror itself.
    pub(super) suspect: AtomicBool,
    /// When it was last asked for; none since the start.
    used: Mutex<Option<SystemTime>>,
    /// When each reference was last asked for, at the latest.
    asked: Mutex<HashMap<String, Timestamp>>,
}

/// References of one mirror whose time is remembered; beyond, all are asked for again.
const ASKED: usize = 256;

impl Place {
    fn used(&self) -> std::sync::MutexGuard<'_, Option<SystemTime>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn asked(&self) -> std::sync::MutexGuard<'_, HashMap<String, Timestamp>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the reference was asked for at that time or after it.
    fn knows(&self, reference: &str, as_of: Timestamp) -> bool {
        self.asked().get(reference).is_some_and(|asked| *asked >= as_of)
    }

    /// Everything that is wanted has been fetched, by a question that began then.
    fn remember(&self, wants: &[Want], began: Timestamp) {
        let mut asked = self.asked();
        if asked.len() >= ASKED {
            asked.clear();
        }
        let references = wants.iter().filter(|want| want.sha.is_none());
        asked.extend(references.map(|want| (want.reference.clone(), began)));
    }
}

impl Mirrors {
    /// Mirrors below `root`, which is made with the first of them. A credential is used for
    /// repositories of its own origin only.
    pub fn new(root: PathBuf, credentials: Vec<HostCredential>) -> Self {
        let places = Arc::default();
        Self { root, credentials: credentials.into(), limits: Limits::default(), places }
    }

    /// The same with other time limits.
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Clears away what a killed agent left: locks, half-received packs, mirrors set aside.
    ///
    /// Blocking; once, at start, before anything is fetched.
    pub fn clean(&self) -> Result<(), GitError> {
        if !self.root.exists() {
            return Ok(());
        }
        let failed = GitError::io("Cannot clean the mirrors in", &self.root);
        for leftover in [self.aside(), self.nursery()] {
            if leftover.exists() {
                fs::remove_dir_all(&leftover).map_err(GitError::io("Cannot remove", &leftover))?;
            }
        }
        damage::sweep(&self.root).map_err(failed)
    }

    /// The repository's mirror with all that is wanted in it.
    ///
    /// The first want must be there: [`GitError::NoSuchCommit`] names it where it is not. The
    /// others only serve the diff and are left out where the server has them not. Nothing is
    /// asked of the server when every wanted commit is here already; a want without a commit is
    /// always asked for. At most one fetch of a repository runs at a time. A fetch ends when the
    /// future is dropped.
    pub async fn ensure(&self, repo: &Repository, wants: &[Want]) -> Result<Mirror, GitError> {
        self.ensure_as_of(repo, wants, None).await
    }

    /// The same, where a reference that was asked for since `as_of` need not be asked for again:
    /// what happened then is in it, and a burst of events of one repository asks once.
    ///
    /// # Errors
    /// As [`Mirrors::ensure`].
    pub async fn ensure_as_of(
        &self,
        repo: &Repository,
        wants: &[Want],
        as_of: Option<Timestamp>,
    ) -> Result<Mirror, GitError> {
        self.ensure_as(repo, wants, as_of, || std::future::ready(Ok(None))).await
    }

    /// The same with a credential for this repository, which is asked for when something has to
    /// be fetched; none: the ones of the mirrors. It is used for its own origin only.
    ///
    /// # Errors
    /// As [`Mirrors::ensure`], and what asking for the credential brings.
    pub async fn ensure_as<F>(
        &self,
        repo: &Repository,
        wants: &[Want],
        as_of: Option<Timestamp>,
        credential: impl Fn() -> F,
    ) -> Result<Mirror, GitError>
    where
        F: Future<Output = Result<Option<HostCredential>, GitError>>,
    {
        self.ensure_by(repo, None, wants, as_of, credential).await
    }

    /// Brings a commit that lies in another repository, a fork, into a repository's mirror; nothing
    /// there is taken for the repository's own by that.
    ///
    /// # Errors
    /// As [`Mirrors::ensure`].
    pub async fn ensure_from(
        &self,
        repo: &Repository,
        fork: &str,
        want: Want,
    ) -> Result<Mirror, GitError> {
        self.ensure_by(repo, Some(fork), &[want], None, || std::future::ready(Ok(None))).await
    }

    async fn ensure_by<F>(
        &self,
        repo: &Repository,
        fork: Option<&str>,
        wants: &[Want],
        as_of: Option<Timestamp>,
        credential: impl Fn() -> F,
    ) -> Result<Mirror, GitError>
    where
        F: Future<Output = Result<Option<HostCredential>, GitError>>,
    {
        let (url, folder) = self.locate(repo)?;
        let place = {
            let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(places.entry(folder.clone()).or_default())
        };
        *place.used() = Some(SystemTime::now());
        let mirror = Mirror::new(folder, Arc::clone(&place), url.clone());
        if matches!(look(&mirror, wants, as_of).await?, Look::Complete) {
            return Ok(mirror);
        }
        let _turn = place.turn.lock().await;
        // Another one may have fetched it while we waited for our turn.
        let mut look = look(&mirror, wants, as_of).await?;
        let mut mended = false;
        loop {
            match look {
                Look::Complete => return Ok(mirror),
                Look::Missing => {}
                Look::Absent => self.make(&mirror)?,
                Look::Broken(why) => {
                    tracing::warn!(mirror = %mirror.folder().display(), why, "Making a damaged mirror anew");
                    self.set_aside(&mirror)?;
                    self.make(&mirror)?;
                    mended = true;
                }
            }
            crate::crash::point("mirror.made");
            let began = Timestamp::now();
            let mut fetch = self.fetch(&mirror, fork.unwrap_or(&url), wants, credential().await?);
            fetch.foreign = fork.is_some();
            let result = fetch::run(fetch, self.limits).await;
            match result {
                Err(GitError::Broken { why, .. }) if !mended => look = Look::Broken(why),
                Err(error) if !mended => match damaged(&mirror).await? {
                    Some(why) => look = Look::Broken(why),
                    None => return Err(error),
                },
                Err(error) => return Err(error),
                Ok(()) => {
                    if fork.is_none() {
                        place.remember(wants, began);
                    }
                    crate::crash::point("mirror.fetched");
                    upkeep::run(&mirror).await;
                    return Ok(mirror);
                }
            }
        }
    }

    /// Whether a commit of a repository is in its mirror already; nothing is fetched, nor made.
    pub async fn holds(&self, repo: &Repository, sha: &Sha) -> Result<bool, GitError> {
        let (url, folder) = self.locate(repo)?;
        let mirror = Mirror::new(folder, Arc::default(), url);
        Ok(matches!(look(&mirror, &[Want::commit(sha, "")], None).await?, Look::Complete))
    }

    fn fetch(
        &self,
        mirror: &Mirror,
        url: &str,
        wants: &[Want],
        credential: Option<HostCredential>,
    ) -> Fetch {
        let parsed = Url::parse(url).ok();
        let origin = parsed.as_ref().map(Url::origin);
        let ours = |c: &&HostCredential| origin.as_ref() == Some(&c.origin.origin());
        // Two forges may share a host, each below a path of its own.
        let below = |c: &&HostCredential| {
            let (path, root) = (parsed.as_ref().map_or("", Url::path), c.origin.path());
            let rest = path.strip_prefix(root.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let given = credential.iter().find(ours);
        let known = self.credentials.iter().filter(ours).filter(below);
        let known = known.max_by_key(|credential| credential.origin.path().len());
        Fetch {
            folder: mirror.folder().to_owned(),
            url: url.to_owned(),
            credential: given.or(known).cloned(),
            foreign: false,
            wants: wants.to_vec(),
        }
    }

    /// Lays out an empty mirror, whole or not at all.
    fn make(&self, mirror: &Mirror) -> Result<(), GitError> {
        let folder = mirror.folder();
        mirror.place().asked().clear();
        let failed = |error| GitError::io("Cannot make the mirror", folder)(error);
        let nursery = self.nursery();
        fs::create_dir_all(&nursery).map_err(failed)?;
        let fresh = tempfile::Builder::new().tempdir_in(&nursery).map_err(failed)?;
        let config = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n";
        layout::lay_out(fresh.path(), "ref: refs/heads/none", config).map_err(failed)?;
        if let Some(parent) = folder.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        fs::rename(fresh.path(), folder).map_err(failed)?;
        // Nothing is left where the guard would look.
        let _ = fresh.keep();
        Ok(())
    }

    /// Moves a damaged mirror out of the way; it is deleted at the next start at the latest.
    fn set_aside(&self, mirror: &Mirror) -> Result<(), GitError> {
        let folder = mirror.folder();
        let failed = |error| GitError::io("Cannot set aside the mirror", folder)(error);
        let aside = self.aside();
        fs::create_dir_all(&aside).map_err(failed)?;
        let place = tempfile::Builder::new().tempdir_in(&aside).map_err(failed)?;
        fs::rename(folder, place.path().join("mirror")).map_err(failed)?;
        mirror.place().suspect.store(false, Ordering::Relaxed);
        // The guard deletes it. Who reads from it has its packs open, or reads it anew.
        Ok(())
    }

    fn aside(&self) -> PathBuf {
        self.root.join("+aside")
    }

    fn nursery(&self) -> PathBuf {
        self.root.join("+new")
    }

    /// Where to fetch from, without user and password, and where the mirror is.
    ///
    /// A repository's name can hold letters, digits, `-`, `_`, `.`, `~`, and its parts are
    /// separated by slashes: `+` is ours. `a/b` lies in `a/b.git`, so a group that itself ends
    /// in `.git` gets a `+`, lest `a/b.git/c` lie inside of it.
    fn locate(&self, repo: &Repository) -> Result<(String, PathBuf), GitError> {
        let text = repo.clone_url.as_str();
        let (url, host) = match Url::parse(text) {
            Ok(mut url) if matches!(url.scheme(), "http" | "https" | "git") => {
                let cannot = || {
                    GitError::Other(format!("`{}` is not a place to fetch from", repo.full_name))
                };
                url.set_username("").map_err(|()| cannot())?;
                url.set_password(None).map_err(|()| cannot())?;
                let host = url.host_str().ok_or_else(cannot)?.to_owned();
                let scheme = if url.scheme() == "https" { "" } else { url.scheme() };
                let port = url.port().map(|port| format!("+{port}")).unwrap_or_default();
                let plus = if scheme.is_empty() { "" } else { "+" };
                // Several forges may share a host, each below a path of its own.
                let own = format!("{}.git", repo.full_name);
                let root = url.path().strip_suffix(&own).unwrap_or("/");
                let below = match root {
                    "/" | "/scm/" => String::new(),
                    root => format!("+{}", &hex::encode(sha1::Sha1::digest(root))[..8]),
                };
                // An IPv6 address in brackets is as good a folder's name as any.
                (url.to_string(), format!("{scheme}{plus}{host}{port}{below}"))
            }
            Ok(url) if url.scheme() != "file" => {
                return Err(GitError::Other(format!(
                    "Cannot fetch `{}` over `{}`: give a clone url with https",
                    repo.full_name,
                    url.scheme()
                )));
            }
            _ if text.starts_with("file://") || Path::new(text).is_absolute() => {
                (text.to_owned(), format!("file+{}", &hex::encode(sha1::Sha1::digest(text))[..16]))
            }
            _ => {
                return Err(GitError::Other(format!(
                    "Cannot fetch `{}`: its clone url is neither https nor an absolute path",
                    repo.full_name
                )));
            }
        };
        let mut folder = self.root.join(host);
        let mut parts = repo.full_name.as_str().split('/').peekable();
        while let Some(part) = parts.next() {
            folder.push(match (parts.peek(), part.ends_with(".git")) {
                (Some(_), false) => part.to_owned(),
                (Some(_), true) => format!("{part}+"),
                (None, _) => format!("{part}.git"),
            });
        }
        Ok((url, folder))
    }
}

/// Runs blocking work away from the runtime's own threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, GitError> + Send + 'static,
) -> Result<T, GitError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(GitError::Other(format!("Reading a mirror failed: {error}"))))
}

#[cfg(test)]
mod tests;
