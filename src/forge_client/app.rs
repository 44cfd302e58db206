//! The tokens of a GitHub App: made when they are needed, kept while they are good.
//!
//! One is good for one repository. Whoever needs one while it is being made waits for it: a burst
//! of requests makes one token, not many.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Request, Response};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

use super::{ForgeClient, Unreachable};
use crate::domain::forge::github::app::{self, AppId, AppKey, Audience};
use crate::domain::forge::{self, Answer, Headers, Refused};
use crate::domain::ids::{RepoName, Vendor};

/// A token that ends sooner than this is renewed: a long fetch must not outlive it.
const AHEAD: Duration = Duration::from_secs(5 * 60);
/// How long the App's own token is used, which is good for some minutes more.
const OWN: Duration = Duration::from_secs(5 * 60);
/// Repositories that are remembered; beyond it, those go whose tokens are good no longer.
const REMEMBERED: usize = 1000;

/// Told of every token that comes to be, before it is used: whoever masks what must not be seen.
pub type Watcher = Arc<dyn Fn(&SecretString) + Send + Sync>;

/// An App, and its tokens so far.
pub struct App {
    id: AppId,
    key: AppKey,
    /// The API's base.
    api: String,
    own: Mutex<Option<(SecretString, Timestamp)>>,
    tokens: Mutex<HashMap<RepoName, Arc<Slot>>>,
    watcher: Watcher,
}

/// The token for one repository; the lock is held while it is being made.
#[derive(Default)]
struct Slot {
    token: tokio::sync::Mutex<Option<Token>>,
    /// Also for those who cannot wait for the lock: of which installation, and until when.
    seen: Mutex<Option<(u64, Timestamp)>>,
}

#[derive(Clone)]
struct Token {
    text: SecretString,
    until: Timestamp,
}

impl App {
    /// Nothing is asked until a token is needed.
    pub fn new(id: AppId, key: AppKey, api: String, watcher: Watcher) -> Self {
        Self { id, key, api, own: Mutex::default(), tokens: Mutex::default(), watcher }
    }

    /// Who it is.
    pub fn id(&self) -> &AppId {
        &self.id
    }

    /// The token to ask this address with.
    pub(super) async fn token_for(
        &self,
        client: &ForgeClient,
        address: &str,
    ) -> Result<Option<SecretString>, Unreachable> {
        match app::audience(&self.api, address) {
            Audience::Anyone => Ok(None),
            Audience::App => self.own_token().map(Some),
            Audience::Repository(repository) => self.token(client, &repository).await.map(Some),
        }
    }

    /// The token for a repository.
    pub(super) async fn token(
        &self,
        client: &ForgeClient,
        repository: &RepoName,
    ) -> Result<SecretString, Unreachable> {
        let slot = self.slot(repository);
        let mut kept = slot.token.lock().await;
        if let Some(token) = kept.as_ref().filter(|token| is_good(token.until)) {
            return Ok(token.text.clone());
        }
        let made = self.make(client, repository).await;
        *kept = made.as_ref().ok().map(|(token, _)| token.clone());
        *lock(&slot.seen) = made.as_ref().ok().map(|(token, of)| (*of, token.until));
        made.map(|(token, _)| token.text)
    }

    /// Forgets a token that was refused, unless another has taken its place. True: a new one may
    /// fare better.
    pub(super) async fn refused(&self, address: &str, token: &SecretString) -> bool {
        match app::audience(&self.api, address) {
            Audience::Anyone => false,
            // Another signature by the same key is refused for the same reason.
            Audience::App => {
                *lock(&self.own) = None;
                false
            }
            Audience::Repository(repository) => {
                self.forget(&repository, token).await;
                true
            }
        }
    }

    /// Forgets the token for a repository, if it is this one.
    pub async fn forget(&self, repository: &RepoName, token: &SecretString) {
        let slot = self.slot(repository);
        let mut kept = slot.token.lock().await;
        if kept.as_ref().is_some_and(|it| it.text.expose_secret() == token.expose_secret()) {
            *kept = None;
        }
    }

    /// Forgets the tokens of an installation that was revoked, suspended or changed.
    pub fn forget_installation(&self, installation: u64) {
        lock(&self.tokens)
            .retain(|_, slot| lock(&slot.seen).is_none_or(|(of, _)| of != installation));
    }

    fn slot(&self, repository: &RepoName) -> Arc<Slot> {
        let mut tokens = lock(&self.tokens);
        if tokens.len() >= REMEMBERED && !tokens.contains_key(repository) {
            tokens.retain(|_, slot| lock(&slot.seen).is_some_and(|(_, until)| is_good(until)));
        }
        Arc::clone(tokens.entry(repository.clone()).or_default())
    }

    fn own_token(&self) -> Result<SecretString, Unreachable> {
        let now = Timestamp::now();
        let mut own = lock(&self.own);
        if let Some((token, since)) = own.as_ref()
            && now.duration_since(*since).unsigned_abs() < OWN
        {
            return Ok(token.clone());
        }
        let token = self.key.token(&self.id, now).map_err(Unreachable::new)?;
        (self.watcher)(&token);
        *own = Some((token.clone(), now));
        Ok(token)
    }

    /// Asks for a new token; with the installation that it is of.
    async fn make(
        &self,
        client: &ForgeClient,
        repository: &RepoName,
    ) -> Result<(Token, u64), Unreachable> {
        let answer = self.ask(client, app::installation_request(&self.api, repository)).await?;
        let denied = |why: String| refused(Refused::Repository, why);
        match answer.status().as_u16() {
            200..=299 => {}
            404 => {
                return Err(denied(format!(
                    "The GitHub App is not installed on `{repository}`: install it there, or let \
                     its installation have this repository"
                )));
            }
            _ => return Err(self.trouble(&answer, repository)),
        }
        let installation = app::installation(answer.body()).ok_or_else(|| {
            Unreachable::new("GitHub's answer names no installation of the App".to_owned())
        })?;
        let account = &installation.account;
        if installation.suspended {
            return Err(denied(format!(
                "The GitHub App's installation at `{account}` is suspended: whoever suspended it \
                 can let it go on, in the settings of `{account}`"
            )));
        }
        let answer =
            self.ask(client, app::token_request(&self.api, &installation, repository)).await?;
        if !answer.status().is_success() {
            return Err(self.trouble(&answer, repository));
        }
        let (text, until) = app::token(answer.body()).ok_or_else(|| {
            Unreachable::new("GitHub's answer holds no token of the App".to_owned())
        })?;
        (self.watcher)(&text);
        tracing::debug!(%repository, %until, "Made a token of the App");
        Ok((Token { text, until }, installation.id))
    }

    async fn ask(
        &self,
        client: &ForgeClient,
        request: Request<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, Unreachable> {
        let token = self.own_token()?;
        client.exchange(request, Some(&token), super::ANSWER_LIMIT).await
    }

    /// What it means that the App got no token.
    fn trouble(&self, answer: &Response<Vec<u8>>, repository: &RepoName) -> Unreachable {
        let (status, headers) = (answer.status().as_u16(), Headers::from_http(answer.headers()));
        let read = forge::answer(Vendor::Github, status, &headers, answer.body(), Timestamp::now());
        let said = forge::github::said(answer.body());
        match (status, read) {
            (401, _) => refused(Refused::Everything, app::refused_key(&self.id, &said)),
            (_, answer @ (Answer::Limited { .. } | Answer::Retry { .. })) => Unreachable(answer),
            _ => refused(
                Refused::Repository,
                format!(
                    "GitHub gives the App no token for `{repository}` (it answered {status}, \
                     `{said}`): see the App's installation and its permissions"
                ),
            ),
        }
    }
}

fn refused(whom: Refused, why: String) -> Unreachable {
    Unreachable(Answer::Refused { whom, why })
}

fn is_good(until: Timestamp) -> bool {
    Timestamp::now() + AHEAD < until
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Nothing that holds it can panic half-way through a change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
