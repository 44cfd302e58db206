//! What we have heard of a repository, as far as catching up needs it.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::event::{Event, RefType};
use crate::domain::forge;
use crate::domain::ids::{DeliveryId, ForgeId, RepoName, Sha};
use crate::store::{Store, StoreError};

/// Deliveries of a repository that are read, the newest.
const DELIVERIES: usize = 500;
/// Deliveries in memory at once; a body may be large.
const AT_ONCE: usize = 20;
/// A repository's hook and its organisation's tell the same within this time.
const TWINS: Duration = Duration::from_secs(600);

/// What was heard of one repository.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The hooks that have sent something.
    pub(super) hooks: BTreeSet<u64>,
    /// The moves of each [`reference`], the newest first.
    pub(super) moves: HashMap<String, Vec<Move>>,
    heard: Vec<(Meaning, Option<u64>, Timestamp)>,
    /// The newest delivery that was read.
    pub(super) newest: Option<DeliveryId>,
}

/// A reference going from one commit to another; none: it was not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Move {
    pub(super) before: Option<Sha>,
    pub(super) after: Option<Sha>,
    pub(super) heard_at: Timestamp,
    pub(super) delivery: Option<DeliveryId>,
}

/// What makes two deliveries of different hooks the same event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Meaning(String);

impl Meaning {
    /// None for events that are never the same.
    pub(super) fn of(event: &Event) -> Option<Self> {
        let text = |sha: &Option<Sha>| sha.as_ref().map(Sha::to_string).unwrap_or_default();
        let (sha, before) = (text(&event.sha), text(&event.before));
        match (event.event_type.as_str(), event.filter.as_str()) {
            ("push" | "tag", _) => {
                let reference = event.reference.as_deref()?;
                Some(Self(format!("{reference} {before} {sha}")))
            }
            ("pull_request", action @ ("opened" | "synchronize")) => {
                let number = event.pull_request.as_ref()?.number;
                Some(Self(format!("{action} {number} {before} {sha}")))
            }
            _ => None,
        }
    }
}

impl Memory {
    /// Reads what was heard of a repository, up to a delivery where one is given.
    pub(super) async fn read(
        store: &Store,
        forge: ForgeId,
        repository: &RepoName,
        until: Option<DeliveryId>,
    ) -> Result<Self, StoreError> {
        let mut memory = Self::default();
        let mut before = until.unwrap_or(DeliveryId(i64::MAX));
        let mut read = 0;
        while read < DELIVERIES {
            let some = store.kept_deliveries(forge, repository, before, AT_ONCE).await?;
            let Some(last) = some.last() else { break };
            before = last.id;
            read += some.len();
            memory.newest = memory.newest.max(some.first().map(|first| first.id));
            for kept in some {
                let Ok(event) = forge::event(forge, &kept.event_name, &kept.body) else {
                    continue;
                };
                let hook = kept.headers.iter().find(|(name, _)| name == "x-github-hook-id");
                let hook = hook.and_then(|(_, id)| id.parse().ok());
                memory.hooks.extend(hook);
                memory.keep(&event, hook, kept.received_at, Some(kept.id), false);
            }
        }
        Ok(memory)
    }

    /// Something has been heard just now.
    pub(super) fn add(&mut self, event: &Event, hook: Option<u64>, at: Timestamp) {
        self.keep(event, hook, at, None, true);
    }

    fn keep(
        &mut self,
        event: &Event,
        hook: Option<u64>,
        heard_at: Timestamp,
        delivery: Option<DeliveryId>,
        newest: bool,
    ) {
        if let Some(meaning) = Meaning::of(event) {
            self.heard.push((meaning, hook, heard_at));
        }
        let Some(reference) = reference(event) else { return };
        let (before, after) = (event.before.clone(), event.sha.clone());
        let moves = self.moves.entry(reference).or_default();
        let one = Move { before, after, heard_at, delivery };
        if newest { moves.insert(0, one) } else { moves.push(one) }
    }

    /// Whether the same has been heard by another hook about that time.
    pub(super) fn has_twin(&self, event: &Event, hook: u64, at: Timestamp) -> bool {
        let Some(meaning) = Meaning::of(event) else { return false };
        self.heard.iter().any(|(other, by, heard_at)| {
            let near = heard_at.duration_since(at).unsigned_abs() < TWINS;
            *other == meaning && *by != Some(hook) && near
        })
    }

    /// Whether we have heard how a reference came to be at this commit, and not that it left.
    pub(super) fn is_at(&self, reference: &str, sha: &Sha) -> bool {
        let moves = self.moves.get(reference).map(Vec::as_slice).unwrap_or_default();
        let came = moves.iter().filter(|one| one.after.as_ref() == Some(sha)).count();
        let left = moves.iter().filter(|one| one.before.as_ref() == Some(sha)).count();
        came > left
    }

    /// Where we last heard that a reference is, and when; none where it is gone or was never heard
    /// of.
    pub(super) fn last(&self, reference: &str) -> Option<(&Sha, Timestamp)> {
        let moves = self.moves.get(reference)?;
        // Deliveries may overtake one another: the last is the one that nothing leads on from.
        let ends = |one: &&Move| one.after.as_ref().is_some_and(|sha| self.is_at(reference, sha));
        let last = moves.iter().find(ends).or_else(|| moves.first())?;
        last.after.as_ref().map(|sha| (sha, last.heard_at))
    }

    /// How often we heard of a reference.
    pub(super) fn count(&self, reference: &str) -> usize {
        self.moves.get(reference).map_or(0, Vec::len)
    }

    /// Whether anything came to this commit since then.
    pub(super) fn came(&self, sha: &Sha, since: Timestamp) -> bool {
        let mut moves = self.moves.values().flatten();
        moves.any(|one| one.after.as_ref() == Some(sha) && one.heard_at >= since)
    }
}

/// Which reference an event moved: `refs/heads/…`, `refs/tags/…`, or `refs/pull/N/head` of a pull
/// request that was opened or pushed to.
pub(super) fn reference(event: &Event) -> Option<String> {
    match (event.event_type.as_str(), event.ref_type, event.filter.as_str()) {
        ("push", Some(RefType::Branch), _) | ("tag", ..) => event.reference.clone(),
        // While it was closed, its head may have gone on without a word.
        ("pull_request", _, "opened" | "synchronize" | "reopened") => {
            event.pull_request.as_ref().map(|pull| pull_reference(pull.number))
        }
        _ => None,
    }
}

pub(super) fn pull_reference(number: u64) -> String {
    format!("refs/pull/{number}/head")
}

#[cfg(test)]
mod tests;
