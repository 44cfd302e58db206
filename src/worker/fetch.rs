//! Repositories brought here, each with the credential that is for it.

use std::sync::Mutex;

use jiff::Timestamp;
use secrecy::SecretString;

use super::Worker;
use super::forges::NotConfigured;
use crate::domain::event::{Event, Repository};
use crate::domain::forge::{self, Answer};
use crate::domain::ids::ForgeId;
use crate::forge_client::{App, Unreachable};
use crate::git::{GitError, HostCredential, Mirror, Want};

/// The user's name that GitHub wants beside an App's token.
const APP_USER: &str = "x-access-token";

impl Worker {
    /// The App as which this forge is asked.
    pub(super) fn app_for(&self, forge: ForgeId) -> Option<&App> {
        self.forges.of(forge).ok()?.client.app()
    }

    /// Where a repository is fetched from: below the configured root, whatever a payload says.
    ///
    /// # Errors
    /// When the forge is not configured any more.
    pub(super) fn location(
        &self,
        forge: ForgeId,
        repository: &Repository,
    ) -> Result<Repository, NotConfigured> {
        let clone_url = self.forges.of(forge)?.clone_url(&repository.full_name);
        Ok(Repository { clone_url, ..repository.clone() })
    }

    /// The repository's mirror with the head of the event's pull request in it, where that lies in
    /// its fork alone; see [`forge::head_repository`].
    ///
    /// # Errors
    /// As the mirrors'.
    pub(super) async fn bring_fork(
        &self,
        event: &Event,
        repository: &Repository,
    ) -> Result<(), GitError> {
        let (Some(fork), Some(sha)) = (forge::head_repository(event), &event.sha) else {
            return Ok(());
        };
        let gone = |error: NotConfigured| GitError::Unreachable {
            url: repository.full_name.to_string(),
            why: error.to_string(),
        };
        let location = self.location(event.forge(), repository).map_err(gone)?;
        let url = self.forges.of(event.forge()).map_err(gone)?.clone_url(&fork);
        let reference = forge::head_reference(event).unwrap_or_default();
        self.mirrors.ensure_from(&location, &url, Want::commit(sha, &reference)).await.map(drop)
    }

    /// The repository's mirror with all that is wanted in it; of references as they were at some
    /// time since `as_of`, where it is given, and else as they are now.
    ///
    /// # Errors
    /// As the mirrors', and what the forge says when it gives no token.
    pub(super) async fn bring(
        &self,
        forge: ForgeId,
        repository: &Repository,
        wants: &[Want],
        as_of: Option<Timestamp>,
    ) -> Result<Mirror, GitError> {
        let gone = |error: NotConfigured| GitError::Unreachable {
            url: repository.full_name.to_string(),
            why: error.to_string(),
        };
        let location = self.location(forge, repository).map_err(gone)?;
        let forge = self.forges.of(forge).map_err(gone)?;
        let Some(app) = forge.client.app() else {
            return self.mirrors.ensure_as_of(&location, wants, as_of).await;
        };
        let used = Mutex::new(None::<SecretString>);
        let (url, used) = (&location.clone_url, &used);
        let credential = || async move {
            let token = forge.client.token_of(&repository.full_name).await;
            let token = token.map_err(|error| no_token(url, error))?;
            (*lock(used)).clone_from(&token);
            let origin = forge.clone_root.clone();
            let username = APP_USER.to_owned();
            Ok(token.map(|token| HostCredential { origin, username, token }))
        };
        match self.mirrors.ensure_as(&location, wants, as_of, credential).await {
            Err(GitError::Refused { .. }) if lock(used).is_some() => {}
            result => return result,
        }
        // Revoked before its end: once more, with a new one.
        let refused = lock(used).take();
        if let Some(token) = refused {
            app.forget(&repository.full_name, &token).await;
        }
        self.mirrors.ensure_as(&location, wants, as_of, credential).await
    }
}

fn no_token(url: &str, error: Unreachable) -> GitError {
    let url = url.to_owned();
    match error.into_answer() {
        Answer::Refused { why, .. } | Answer::Never { why } => GitError::Refused { url, why },
        Answer::NotYet { why } | Answer::Retry { why } | Answer::Limited { why, .. } => {
            GitError::Unreachable { url, why }
        }
        Answer::Done { .. } => GitError::Unreachable { url, why: String::new() },
    }
}

fn lock(used: &Mutex<Option<SecretString>>) -> std::sync::MutexGuard<'_, Option<SecretString>> {
    used.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
