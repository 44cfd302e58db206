//! Who may write to a repository: asked of the forge, remembered for a moment.
//!
//! Nobody may whom the forge does not vouch for: no answer means no, and so does an answer about
//! somebody else, as when a login went to another account.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Worker;
use super::dispatch::blocking;
use crate::domain::event::{Repository, Sender};
use crate::domain::forge::{self, Answer, Head, Headers, Refused};
use crate::domain::ids::{ForgeId, RepoName, Sha, ShortSha};
use crate::domain::rights::{Access, Answered, Forges};
use crate::git::Want;

/// How long a yes is remembered: so long may somebody act whose rights were taken.
const YES: Duration = Duration::from_secs(60);
/// How long a no is remembered.
const NO: Duration = Duration::from_secs(10);
/// Answers that are remembered.
const REMEMBERED: usize = 1000;

/// What the forge says to a question about a person or a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said<T> {
    Answer(T),
    /// It does not tell us, and will not before somebody mends a token; why.
    Refused(String),
    /// It may be asked again later; why.
    NotNow(String),
}

type Key = (ForgeId, RepoName, String);

/// Answers of a moment ago.
#[derive(Debug, Default)]
pub(super) struct Permissions(Mutex<HashMap<Key, (Access, Instant)>>);

impl Permissions {
    fn known(&self, key: &Key) -> Option<Access> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (access, at) = known.get(key)?;
        (at.elapsed() < lasts(*access)).then_some(*access)
    }

    fn remember(&self, key: Key, access: Access) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.retain(|_, (access, at)| at.elapsed() < lasts(*access));
        }
        if known.len() < REMEMBERED {
            known.insert(key, (access, Instant::now()));
        }
    }
}

fn lasts(access: Access) -> Duration {
    if access >= Access::Write { YES } else { NO }
}

impl Forges for Worker {
    fn access<'a>(
        &'a self,
        forge: ForgeId,
        repository: &'a RepoName,
        person: &'a Sender,
    ) -> Answered<'a, Option<Access>> {
        Box::pin(async move {
            match self.access(forge, repository, person).await {
                Said::Answer(access) => Some(access),
                Said::Refused(why) | Said::NotNow(why) => {
                    tracing::warn!(%forge, %repository, why, "Cannot ask what somebody may do");
                    None
                }
            }
        })
    }
}

impl Worker {
    /// Whether somebody may write to a repository; no answer means no.
    pub async fn may_write(&self, forge: ForgeId, repository: &RepoName, user: &Sender) -> bool {
        matches!(self.access(forge, repository, user).await, Said::Answer(it) if it >= Access::Write)
    }

    /// What somebody may do in a repository.
    pub(super) async fn access(
        &self,
        forge: ForgeId,
        repository: &RepoName,
        user: &Sender,
    ) -> Said<Access> {
        // Without an id there is nobody to ask about, only a name.
        if user.id.is_empty() || user.login.is_empty() {
            return Said::Answer(Access::None);
        }
        let key = (forge, repository.clone(), user.id.clone());
        if let Some(access) = self.permissions.known(&key) {
            return Said::Answer(access);
        }
        let vendor = forge.vendor();
        let request = |api: &str| forge::permission_request(vendor, api, repository, user);
        let access = match self.question(forge, repository, request).await {
            Ok(Some(body)) => match forge::permission(vendor, &body, user) {
                Some(said) if said.user.id == user.id => said.access,
                Some(said) => {
                    let (asked, told) = (&user.login, &said.user.login);
                    tracing::warn!(asked, told, "The forge speaks of another account");
                    Access::None
                }
                None => return Said::NotNow("The forge's answer cannot be read".to_owned()),
            },
            // Not even a reader.
            Ok(None) => Access::None,
            Err(said) => return said,
        };
        self.permissions.remember(key, access);
        Said::Answer(access)
    }

    /// The commit that a pull request is at.
    pub(super) async fn head_of(&self, forge: ForgeId, at: &Repository, number: u64) -> Said<Sha> {
        let (vendor, repository) = (forge.vendor(), &at.full_name);
        if forge::pull_request_request(vendor, "", repository, number).is_none() {
            return self.head_by_reference(forge, at, number).await;
        }
        let request = |api: &str| forge::pull_request_request(vendor, api, repository, number);
        match self.question(forge, repository, request).await {
            Ok(Some(body)) => match forge::pull_request(vendor, &body) {
                Some(Head::At(sha)) => Said::Answer(sha),
                Some(Head::Short(short, lies_in)) => self.whole_head(forge, &lies_in, &short).await,
                None => Said::NotNow("The forge's answer cannot be read".to_owned()),
            },
            Ok(None) => Said::Refused("the forge does not show the pull request".to_owned()),
            Err(said) => said,
        }
    }

    /// The same where the forge tells nothing of pull requests: what its reference points at.
    async fn head_by_reference(&self, forge: ForgeId, at: &Repository, number: u64) -> Said<Sha> {
        let reference = format!("refs/pull/{number}/head");
        let mirror = match self.bring(forge, at, &[Want::reference(&reference)], None).await {
            Ok(mirror) => mirror,
            Err(error) => return Said::NotNow(error.to_string()),
        };
        match blocking(move || mirror.resolve(&reference)).await {
            Ok(Some(sha)) => Said::Answer(sha),
            Ok(None) => Said::Refused("the forge has no such pull request".to_owned()),
            Err(later) => Said::NotNow(later.to_string()),
        }
    }

    async fn whole_head(&self, forge: ForgeId, lies_in: &RepoName, short: &ShortSha) -> Said<Sha> {
        let vendor = forge.vendor();
        let request = |api: &str| forge::commit_request(vendor, api, lies_in, short);
        match self.question(forge, lies_in, request).await {
            Ok(Some(body)) => match forge::commit(vendor, &body, short) {
                Some(sha) => Said::Answer(sha),
                None => Said::NotNow("The forge's answer cannot be read".to_owned()),
            },
            Ok(None) => Said::NotNow(format!("the forge does not show its commit `{short}`")),
            Err(said) => said,
        }
    }

    /// Asks something; none: there is no such thing, as far as we may see.
    async fn question<T>(
        &self,
        forge: ForgeId,
        repository: &RepoName,
        request: impl FnOnce(&str) -> Option<http::Request<Vec<u8>>>,
    ) -> Result<Option<Vec<u8>>, Said<T>> {
        let forge = self.forges.of(forge).map_err(|gone| Said::Refused(gone.to_string()))?;
        let vendor = forge.id.vendor();
        if !forge.client.has_token() {
            return Err(Said::Refused("there is no token to ask the forge with".to_owned()));
        }
        let Some(request) = request(&forge.api) else {
            return Err(Said::Refused(format!("{vendor} cannot be asked for this yet")));
        };
        let response = match forge.client.send(request).await {
            Ok(response) => response,
            Err(error) => return Err(Said::NotNow(error.to_string())),
        };
        let status = response.status().as_u16();
        let headers = Headers::from_http(response.headers());
        let body = response.into_body();
        let answer = forge.read(status, &headers, &body);
        match &answer {
            Answer::Limited { .. } | Answer::Refused { whom: Refused::Everything, .. } => {
                self.heard(forge, repository, &answer).await;
            }
            _ => {}
        }
        match answer {
            Answer::Done { .. } => Ok(Some(body)),
            _ if status == 404 => Ok(None),
            Answer::Refused { whom: Refused::Repository, .. } => Err(Said::Refused(format!(
                "the forge answered {status}: our token may not ask who may write here"
            ))),
            Answer::NotYet { why } | Answer::Retry { why } | Answer::Limited { why, .. } => {
                Err(Said::NotNow(why))
            }
            Answer::Refused { why, .. } | Answer::Never { why } => Err(Said::Refused(why)),
        }
    }
}
