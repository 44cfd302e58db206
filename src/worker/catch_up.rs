//! Finds what happened while nobody listened, and records it as the deliveries that it would
//! have been.
//!
//! First what the forge's webhooks could not deliver, with the bodies that they would have
//! brought and under their own ids: whatever redelivers one of them later brings a replay. It is
//! read from the forge, not asked to be sent again, because what is read is on our disk before
//! anything else happens, also while nobody listens; that it came from the forge is shown by
//! whom we asked. Then, for what left no trace there, the heads of the branches, the tags and the
//! open pull requests: one event for each that is elsewhere than we last heard. Who made it is not
//! known then, so that a pull request from a fork waits for somebody's word.

mod app;
mod heads;
mod memory;
mod twins;
mod undelivered;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Worker;
use super::report::dice;
use crate::domain::event::Event;
use crate::domain::forge::github::hooks::Owner;
use crate::domain::forge::{self, Answer, Headers};
use crate::domain::ids::{DeliveryId, ForgeId, RepoName, Vendor};
use crate::forge_client::ForgeClient;
use crate::store::{NewDelivery, Recorded, Store};

use memory::Memory;

/// Repositories that are asked about, the most recently heard of first.
const REPOSITORIES: usize = 200;
/// Pages of hooks, branches or attempts that are read of one thing.
const PAGES: usize = 20;
/// The largest body of a webhook is 25 MiB; around it are headers and what we answered.
const DELIVERY_LIMIT: usize = 32 * 1024 * 1024;
/// Tries at start before what could not be asked is left.
const TRIES: u32 = 10;

/// One look back.
pub struct CatchUp<'a> {
    pub store: &'a Store,
    /// Which forge is asked.
    pub id: ForgeId,
    pub forge: &'a ForgeClient,
    /// The forge's API without a slash at the end.
    pub api: &'a str,
    /// Where the forge sends its hooks, without a slash at the end; none where it is not known.
    pub public_url: Option<&'a str>,
    /// Nothing older is looked for.
    pub since: Timestamp,
    /// Records nothing.
    pub dry_run: bool,
}

/// What a look back has found.
#[derive(Debug, Default)]
pub struct Caught {
    /// In the order in which it is planned.
    pub found: Vec<Found>,
    /// What could not be asked, a sentence each.
    pub troubles: Vec<String>,
    /// Some of it may be answered later.
    pub incomplete: bool,
}

/// Something that had not arrived.
#[derive(Debug, Clone)]
pub struct Found {
    pub repository: RepoName,
    /// `push main`.
    pub title: String,
    /// The commit, where it names one.
    pub sha: Option<String>,
    pub how: How,
    /// Where it was recorded; none when it was only looked for.
    pub delivery: Option<DeliveryId>,
}

/// How it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// A webhook could not deliver it; the forge's id of the delivery.
    Undelivered(String),
    /// The branch, tag or pull request is elsewhere than we last heard.
    Moved,
}

/// Why the forge says nothing.
enum Silence {
    /// It may say so later.
    Later(String),
    /// We may not know, or there is nothing to know.
    Denied(String),
}

/// Looks back once at start, where the operator wants it, and on until everything is answered.
pub(super) async fn at_start(worker: Arc<Worker>, shutdown: CancellationToken) {
    let Some(window) = worker.settings.catch_up else { return };
    let since = Timestamp::now() - window;
    let mut each = JoinSet::new();
    for forge in worker.forges.iter().filter(|forge| is_known(forge.id)) {
        let (worker, forge, shutdown) = (Arc::clone(&worker), Arc::clone(forge), shutdown.clone());
        each.spawn(async move {
            let look = CatchUp {
                store: &worker.store,
                id: forge.id,
                forge: &forge.client,
                api: &forge.api,
                public_url: Some(&worker.settings.public_url),
                since,
                dry_run: false,
            };
            until_answered(&worker, look, &shutdown).await;
        });
    }
    each.join_all().await;
}

/// Whether we know how to ask a forge what we have missed.
pub fn is_known(forge: ForgeId) -> bool {
    forge.vendor() == Vendor::Github
}

async fn until_answered(worker: &Worker, look: CatchUp<'_>, shutdown: &CancellationToken) {
    for again in 0..TRIES {
        let caught = tokio::select! {
            caught = look.look() => caught,
            () = shutdown.cancelled() => return,
        };
        match caught {
            Ok(caught) => {
                for one in &caught.found {
                    let (repository, title) = (&one.repository, &one.title);
                    tracing::info!(%repository, title, how = ?one.how, "Caught up with an event");
                }
                caught
                    .troubles
                    .iter()
                    .for_each(|why| tracing::warn!(why, "Cannot catch up with everything"));
                worker.deliveries.notify_one();
                tracing::info!(found = caught.found.len(), "Caught up");
                if !caught.incomplete {
                    return;
                }
            }
            Err(error) => tracing::error!(error = format!("{error:#}"), "Failed to catch up"),
        }
        let pause = Duration::from_secs(10 << again).mul_f64(1.0 + dice() as f64 / u64::MAX as f64);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

impl CatchUp<'_> {
    /// Looks once. What it finds is on the disk when it returns, and finding it again changes
    /// nothing.
    ///
    /// # Errors
    /// When the store fails; what the forge does not answer is told in [`Caught`].
    pub async fn look(&self) -> anyhow::Result<Caught> {
        let mut caught = Caught::default();
        let repositories = self.store.known_repositories(self.id, REPOSITORIES).await?;
        let mut memories = HashMap::new();
        for repository in &repositories {
            let memory = Memory::read(self.store, self.id, repository, None).await?;
            memories.insert(repository.clone(), memory);
        }
        let unheard = self.unheard(&repositories, &memories, &mut caught).await;
        self.take(unheard, &mut memories, &mut caught).await?;
        for repository in &repositories {
            let memory = memories.entry(repository.clone()).or_default();
            self.heads(repository, memory, &mut caught).await?;
        }
        Ok(caught)
    }

    #[expect(clippy::too_many_arguments, reason = "one caller each for a body found and one made")]
    async fn record(
        &self,
        forge_id: String,
        event_name: &str,
        event: Event,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
        how: How,
        caught: &mut Caught,
    ) -> anyhow::Result<()> {
        let Some(repository) = event.repository.as_ref().map(|it| it.full_name.clone()) else {
            return Ok(());
        };
        let title = event.title();
        let mut delivery = None;
        if !self.dry_run {
            let new = NewDelivery {
                forge: self.id,
                forge_id,
                event_name: event_name.to_owned(),
                repository: Some(repository.to_string()),
                title: title.clone(),
                headers,
                body,
                received_at: Timestamp::now(),
                skip: None,
            };
            match self.store.record(new).await? {
                Recorded::New(id) => delivery = Some(id),
                // It came by itself while we were looking.
                Recorded::Replay { .. } => return Ok(()),
            }
        }
        let sha = event.sha.map(|sha| sha.to_string());
        caught.found.push(Found { repository, title, sha, how, delivery });
        Ok(())
    }

    /// Asks the forge for something that it answers with 200, or says why not.
    async fn ask(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Silence> {
        let response = self.forge.send_for(request, DELIVERY_LIMIT).await;
        let response = response.map_err(|error| Silence::Later(error.to_string()))?;
        let status = response.status().as_u16();
        let headers = Headers::from_http(response.headers());
        match forge::answer(self.id.vendor(), status, &headers, response.body(), Timestamp::now()) {
            Answer::Done { .. } => Ok(response),
            Answer::Retry { why } | Answer::Limited { why, .. } | Answer::NotYet { why } => {
                Err(Silence::Later(why))
            }
            // Its words are for a status; what we may not read has other names.
            Answer::Refused { .. } | Answer::Never { .. } => {
                let (forge, text) = (self.id, "not there, or not for our token to read");
                Err(Silence::Denied(format!("{forge} answered {status}: {text}")))
            }
        }
    }
}

impl Caught {
    /// Adds what was found on another forge.
    pub fn add(&mut self, other: Self) {
        self.found.extend(other.found);
        self.troubles.extend(other.troubles);
        self.incomplete |= other.incomplete;
    }

    fn trouble(&mut self, what: &str, owner: &Owner, silence: Silence) {
        let owner = match owner {
            Owner::Repository(repository) => repository.to_string(),
            Owner::Organisation(login) => login.clone(),
            Owner::App => "the App".to_owned(),
        };
        let why = match silence {
            Silence::Later(why) => {
                self.incomplete = true;
                why
            }
            Silence::Denied(why) => why,
        };
        self.troubles.push(format!("The {what} of `{owner}` cannot be read: {why}"));
    }
}

fn unreadable() -> Silence {
    Silence::Denied("the answer is not what GitHub's documentation says".to_owned())
}
