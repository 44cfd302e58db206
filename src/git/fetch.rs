//! One fetch into a mirror: by commit, else by reference, and then a look at what came.
//!
//! libgit2's time limits are off by default and can only be set by unsafe calls, so a server that
//! falls silent would hold its thread for ever. Each fetch therefore has a thread of its own:
//! whoever waits for it gives up after a while, and the thread ends at the next byte it gets.

mod failure;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use git2::{
    AutotagOption, Cred, CredentialType, ErrorClass, ErrorCode, FetchOptions, FetchPrune, Oid,
    ProxyOptions, RemoteCallbacks, RemoteRedirect, Repository,
};
use secrecy::ExposeSecret;
use tokio::sync::oneshot;
use url::Url;

use super::mirrors::Limits;
use super::{GitError, HostCredential, Want};
use super::{damage, layout};
use failure::{Failure, Fatal, NEVER_BY_ID};

/// Everything that a fetch needs, owned, so that it can outlive who asked for it.
pub(super) struct Fetch {
    pub(super) folder: PathBuf,
    /// Without user and password.
    pub(super) url: String,
    /// Only where it is for the url's own origin.
    pub(super) credential: Option<HostCredential>,
    /// Of another repository than the mirror's: its references are none of the mirror's.
    pub(super) foreign: bool,
    /// The first must be there afterwards; the others are left out where the server has them not.
    pub(super) wants: Vec<Want>,
}

/// What the fetching and the waiting thread tell each other.
#[derive(Debug)]
struct Signals {
    /// Nobody waits any more.
    abandoned: AtomicBool,
    last_byte: Mutex<Instant>,
    /// Why the credentials were not given, or not given again.
    refusal: Mutex<Option<String>>,
}

impl Signals {
    fn alive(&self) -> bool {
        *self.last_byte.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        !self.abandoned.load(Ordering::Relaxed)
    }

    fn refuse(&self, why: &str) -> git2::Error {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(why.to_owned());
        git2::Error::new(ErrorCode::Auth, ErrorClass::Callback, why)
    }
}

/// Abandons the fetch when the one who waits for it stops waiting.
struct Abandon(Arc<Signals>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.abandoned.store(true, Ordering::Relaxed);
    }
}

/// Runs a fetch on a thread of its own, for as long as the limits allow.
pub(super) async fn run(fetch: Fetch, limits: Limits) -> Result<(), GitError> {
    let begin = Instant::now();
    let signals = Arc::new(Signals {
        abandoned: AtomicBool::new(false),
        last_byte: Mutex::new(begin),
        refusal: Mutex::new(None),
    });
    let _abandon = Abandon(Arc::clone(&signals));
    let url = fetch.url.clone();
    let (done, mut result) = oneshot::channel();
    let theirs = Arc::clone(&signals);
    // Not a blocking task of the runtime: the runtime waits for those before it ends.
    std::thread::Builder::new()
        .name("git-fetch".to_owned())
        .spawn(move || done.send(fetch.all(&theirs)).ok())
        .map_err(|error| GitError::Other(format!("Cannot start a thread to fetch: {error}")))?;
    loop {
        let last = *signals.last_byte.lock().unwrap_or_else(PoisonError::into_inner);
        let (idle, whole) = (last + limits.idle, begin + limits.total);
        let now = Instant::now();
        if now >= idle.min(whole) {
            let why = if now >= whole { "it takes too long" } else { "the server fell silent" };
            return Err(GitError::Deadline { url, after: begin.elapsed(), why });
        }
        tokio::select! {
            result = &mut result => {
                return result.unwrap_or_else(|_| {
                    Err(GitError::Other(format!("The thread that fetched `{url}` ended early")))
                });
            }
            () = tokio::time::sleep(idle.min(whole) - now) => {}
        }
    }
}

/// Where the mirror keeps what a reference pointed at when it was last asked for.
///
/// One flat name each, for a server may well have `refs/heads/a` today and `refs/heads/a/b`
/// tomorrow, which cannot exist side by side as files.
pub(super) fn kept(reference: &str) -> String {
    use sha1::Digest;
    let reference = if reference.is_empty() { "HEAD" } else { reference };
    format!("refs/ci/ref-{}", hex::encode(sha1::Sha1::digest(reference)))
}

/// Where the mirror keeps a commit that was asked for by its id.
pub(super) fn kept_commit(id: Oid) -> String {
    format!("refs/ci/{id}")
}

/// The reference names for every tag and every branch; what is fetched by them is kept under its
/// own name.
const ALL: [&str; 2] = ["refs/tags/*", "refs/heads/*"];

/// The one of [`ALL`] that is wanted, if one is.
fn all(want: &Want) -> Option<&'static str> {
    ALL.into_iter().find(|all| want.sha.is_none() && want.reference == *all)
}

impl Fetch {
    fn all(&self, signals: &Arc<Signals>) -> Result<(), GitError> {
        let repository = layout::open(&self.folder).map_err(|error| self.broken(&error))?;
        // Whoever fetched before is gone or given up on: locks and half-received packs are theirs.
        damage::sweep(&self.folder).map_err(GitError::io("Cannot clean", &self.folder))?;
        let mut specs = Vec::new();
        for want in &self.wants {
            match &want.sha {
                Some(sha) => {
                    let id = oid(sha)?;
                    if !self.has(&repository, id)? {
                        specs.push(format!("{id}:{}", kept_commit(id)));
                    }
                }
                None if all(want).is_some() => {}
                None => specs.push(self.named(&want.reference)),
            }
        }
        // All in one connection; where that fails, one by one to see which it is.
        let together =
            if specs.is_empty() { Ok(()) } else { self.refspecs(&repository, &specs, signals) };
        for (place, want) in self.wants.iter().enumerate() {
            self.one(&repository, place == 0, want, &together, specs.len() == 1, signals)?;
        }
        Ok(())
    }

    /// Sees to it that one want is there after all were fetched together.
    fn one(
        &self,
        repository: &Repository,
        must: bool,
        want: &Want,
        together: &Result<(), Failure>,
        alone: bool,
        signals: &Arc<Signals>,
    ) -> Result<(), GitError> {
        if let Some(all) = all(want) {
            return self.all_of(all, repository, signals);
        }
        let Some(sha) = &want.sha else {
            let found = |r: &Repository| r.refname_to_id(&self.kept(&want.reference)).is_ok();
            let result = match together {
                Ok(()) => Ok(()),
                Err(_) => {
                    let spec = [self.named(&want.reference)];
                    self.refspecs(repository, &spec, signals)
                }
            };
            return match result {
                // A reference that the server has not is no error, and changes nothing.
                Ok(()) if found(repository) || !must => Ok(()),
                Ok(()) => Err(self.absent(want)),
                Err(Failure::Absent(_)) if !must => Ok(()),
                Err(failure) => Err(self.failed(want, failure)),
            };
        };
        let id = oid(sha)?;
        let mut failure = None;
        if !self.has(repository, id)? {
            // The server may refuse a commit that no reference points at; another one in the
            // same request may have been the reason.
            if let Err(first) = together {
                if let Failure::Fatal(error) = first.clone() {
                    return Err(error.into_error(&self.url));
                }
                failure = Some(first.clone());
                if !alone && !first.why().contains(NEVER_BY_ID) {
                    let spec = [format!("{id}:{}", kept_commit(id))];
                    let again = self.refspecs(repository, &spec, signals);
                    failure = again.err();
                }
            }
        }
        // Where there is nowhere else to look, the default branch still tells a server that hangs
        // up on an unknown id from one that is not well.
        let unclear = must && matches!(failure, Some(Failure::Cut(_)));
        if !self.has(repository, id)? && (unclear || !want.reference.is_empty()) {
            let spec = [self.named(&want.reference)];
            failure = self.refspecs(repository, &spec, signals).err();
        }
        // A fetch that answers Ok has not always brought anything: look.
        if self.has(repository, id)? {
            return repository
                .reference(&kept_commit(id), id, true, "")
                .map(drop)
                .map_err(|error| self.broken(&error));
        }
        match failure {
            None | Some(Failure::Absent(_) | Failure::Cut(_)) if !must => Ok(()),
            None => Err(self.absent(want)),
            Some(failure) => Err(self.failed(want, failure)),
        }
    }

    /// Every tag or every branch, and none that the server has no longer.
    fn all_of(
        &self,
        all: &str,
        repository: &Repository,
        signals: &Arc<Signals>,
    ) -> Result<(), GitError> {
        let spec = [format!("+{all}:{all}")];
        let mut result = self.refspecs(repository, &spec, signals);
        if result.as_ref().is_err_and(|failure| failure.why().contains(all.trim_end_matches('*'))) {
            // One of ours stands where the server has a folder of them now, or the reverse.
            for reference in repository.references_glob(all).into_iter().flatten().flatten() {
                let mut reference = reference;
                reference.delete().map_err(|error| self.broken(&error))?;
            }
            result = self.refspecs(repository, &spec, signals);
        }
        match result {
            Ok(()) => Ok(()),
            Err(Failure::Fatal(error)) => Err(error.into_error(&self.url)),
            Err(Failure::Absent(why) | Failure::Cut(why)) => {
                Err(GitError::Unreachable { url: self.url.clone(), why: format!("`{all}`: {why}") })
            }
        }
    }

    fn named(&self, reference: &str) -> String {
        let theirs = if reference.is_empty() { "HEAD" } else { reference };
        format!("+{theirs}:{}", self.kept(reference))
    }

    /// Where what it points at is kept; of a foreign repository apart from the mirror's own.
    fn kept(&self, reference: &str) -> String {
        if self.foreign { kept(&format!("{} {reference}", self.url)) } else { kept(reference) }
    }

    /// Fetches references and commits, with the tags that point at what comes.
    fn refspecs(
        &self,
        repository: &Repository,
        specs: &[String],
        signals: &Arc<Signals>,
    ) -> Result<(), Failure> {
        // Of a tag that is asked for by its name, libgit2 would keep nothing where it is told to.
        if self.foreign
            || specs.iter().any(|spec| spec.contains('*') || spec.starts_with("+refs/tags/"))
        {
            return self.exactly(repository, specs, AutotagOption::None, signals);
        }
        match self.exactly(repository, specs, AutotagOption::Auto, signals) {
            // A tag that does not fit beside ours must not hold up anything else.
            Err(failure) if failure.why().contains("refs/tags/") => {
                self.exactly(repository, specs, AutotagOption::None, signals)
            }
            result => result,
        }
    }

    fn exactly(
        &self,
        repository: &Repository,
        specs: &[String],
        tags: AutotagOption,
        signals: &Arc<Signals>,
    ) -> Result<(), Failure> {
        let unreachable = |error: &git2::Error| Failure::of(error, signals);
        let mut remote = repository.remote_anonymous(&self.url).map_err(|e| unreachable(&e))?;
        let mut options = FetchOptions::new();
        let mut proxy = ProxyOptions::new();
        // From the environment; the host's git configuration is not read.
        proxy.auto();
        let prune = if specs.iter().any(|spec| spec.contains('*')) {
            FetchPrune::On
        } else {
            FetchPrune::Off
        };
        options
            .remote_callbacks(self.callbacks(signals))
            .proxy_options(proxy)
            .download_tags(tags)
            .prune(prune)
            .update_fetchhead(false)
            .follow_redirects(RemoteRedirect::None);
        remote.fetch(specs, Some(&mut options), None).map_err(|error| unreachable(&error))?;
        repository.odb().and_then(|odb| odb.refresh()).map_err(|error| unreachable(&error))
    }

    fn callbacks<'a>(&self, signals: &Arc<Signals>) -> RemoteCallbacks<'a> {
        let mut callbacks = RemoteCallbacks::new();
        let (credential, ours) = (self.credential.clone(), Arc::clone(signals));
        let mut asked = false;
        callbacks.credentials(move |url, _, allowed| {
            let Some(credential) = &credential else {
                return Err(ours.refuse("it asks for a user and a token, and none are configured"));
            };
            // `RemoteRedirect::None` still follows to another port of the same host, and the url
            // given here is where the redirect led.
            let there = Url::parse(url).map(|url| url.origin());
            if there.ok() != Some(credential.origin.origin()) {
                return Err(ours.refuse("it redirects to another origin, which gets no token"));
            }
            if std::mem::replace(&mut asked, true) {
                return Err(ours.refuse("it does not accept the configured user and token"));
            }
            if !allowed.contains(CredentialType::USER_PASS_PLAINTEXT) {
                return Err(ours.refuse("it does not take a user and a token"));
            }
            Cred::userpass_plaintext(&credential.username, credential.token.expose_secret())
        });
        let ours = Arc::clone(signals);
        callbacks.transfer_progress(move |_| ours.alive());
        let ours = Arc::clone(signals);
        callbacks.sideband_progress(move |_| ours.alive());
        callbacks
    }

    fn has(&self, repository: &Repository, id: Oid) -> Result<bool, GitError> {
        Ok(repository.odb().map_err(|error| self.broken(&error))?.exists(id))
    }

    fn broken(&self, error: &git2::Error) -> GitError {
        GitError::Broken { folder: self.folder.clone(), why: error.message().to_owned() }
    }

    fn absent(&self, want: &Want) -> GitError {
        absent(&self.url, want)
    }

    fn failed(&self, want: &Want, failure: Failure) -> GitError {
        match failure {
            Failure::Absent(_) => self.absent(want),
            Failure::Cut(why) => Fatal::Unreachable(why).into_error(&self.url),
            Failure::Fatal(error) => error.into_error(&self.url),
        }
    }
}

/// The sentence for a commit or a reference that the server does not have.
pub(super) fn absent(url: &str, want: &Want) -> GitError {
    let place = match want.reference.as_str() {
        "" => "its default branch",
        reference => reference,
    };
    let what = match &want.sha {
        Some(sha) if want.reference.is_empty() => format!("commit `{sha}`"),
        Some(sha) => format!("commit `{sha}` (looked for it by its id and in `{place}`)"),
        None => format!("`{place}`"),
    };
    let hint = "it may have been replaced by a forced push or deleted since; push again to build what is there now";
    GitError::NoSuchCommit { repository: url.to_owned(), what, hint }
}

/// An object's id in a repository of SHA-1 objects, the only ones that libgit2 reads.
pub(super) fn oid(sha: &crate::domain::ids::Sha) -> Result<Oid, GitError> {
    Oid::from_str(sha.as_str()).map_err(|_| {
        GitError::Other(format!(
            "Commit `{sha}` has a SHA-256 id: repositories of SHA-256 objects cannot be read"
        ))
    })
}
