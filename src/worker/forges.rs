//! The forges that this agent works for: where each is, how it is asked, and how it is doing.
//!
//! What one of them answers says nothing about the others, and what one of them is told (a
//! token above all) goes to none of the others: each has a client and a gate of its own.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Notify;
use url::Url;

use super::report::Gate;
use crate::domain::forge::{self, Answer, Headers};
use crate::domain::ids::{ForgeId, RepoName};
use crate::forge_client::ForgeClient;

/// One forge.
pub struct Forge {
    pub id: ForgeId,
    pub client: ForgeClient,
    /// Its API without a slash at the end.
    pub api: String,
    /// Root of its clone URLs. A payload's own clone URL is never fetched from, so that no delivery
    /// can send credentials or the agent elsewhere.
    pub clone_root: Url,
    /// Which setting its token is, for messages.
    pub token_name: String,
    pub(super) gate: Gate,
    /// A status may be owed to it.
    pub(super) reports: Notify,
    /// Whether it is the only one, whose conditions need no name.
    alone: bool,
}

/// A forge that nobody has set up, or not any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("The forge `{0}` is not configured; set it up again, or let its work expire")]
pub struct NotConfigured(pub ForgeId);

/// All of them.
pub struct Forges(Vec<Arc<Forge>>);

impl Forge {
    /// Nothing is asked yet.
    pub fn new(
        id: ForgeId,
        client: ForgeClient,
        api: String,
        clone_root: Url,
        token_name: String,
    ) -> Self {
        let (gate, reports) = (Gate::default(), Notify::new());
        Self { id, client, api, clone_root, token_name, gate, reports, alone: true }
    }

    /// What a condition of this forge is called: `forge`, or `forge:gitea` among several.
    pub(super) fn condition(&self, what: &'static str) -> Cow<'static, str> {
        if self.alone { Cow::Borrowed(what) } else { Cow::Owned(format!("{what}:{}", self.id)) }
    }

    /// What an answer of it means, with the operator's own name for the token.
    pub(super) fn read(&self, status: u16, headers: &Headers, body: &[u8]) -> Answer {
        let vendor = self.id.vendor();
        let answer = forge::answer(vendor, status, headers, body, Timestamp::now());
        forge::in_words_of(answer, vendor, &self.token_name)
    }

    /// Where it has a repository.
    pub(super) fn clone_url(&self, repository: &RepoName) -> String {
        forge::clone_url(self.id.vendor(), &self.clone_root, repository)
    }
}

impl Forges {
    /// Of two with the same id, the first counts.
    pub fn new(forges: Vec<Forge>) -> Self {
        let alone = forges.len() == 1;
        Self(forges.into_iter().map(|forge| Arc::new(Forge { alone, ..forge })).collect())
    }

    /// The forge of that name.
    ///
    /// # Errors
    /// When it is not set up, or not any more.
    pub fn of(&self, id: ForgeId) -> Result<&Arc<Forge>, NotConfigured> {
        self.0.iter().find(|forge| forge.id == id).ok_or(NotConfigured(id))
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Forge>> {
        self.0.iter()
    }
}
