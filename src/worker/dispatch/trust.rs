//! Whether a commit is the repository's own or may be a stranger's, before anything of it counts.

use jiff::Timestamp;

use super::{Later, Worker, blocking};
use crate::domain::approval;
use crate::domain::event::{Event, Repository, Sender};
use crate::domain::ids::Sha;
use crate::domain::plan::{Reason, ReasonCode};
use crate::domain::trust::Forks;
use crate::git::Want;
use crate::store::Place;

/// What is known about where a commit comes from.
pub(super) struct Trust {
    /// It comes from a fork, or is on none of the repository's own branches and tags.
    pub(super) outside: bool,
    /// The commit whose specs count, where it is another: a stranger must not choose what runs.
    pub(super) specs_of: Option<Sha>,
}

impl Worker {
    /// Asks the repository where the event does not say.
    pub(super) async fn trust(
        &self,
        event: &Event,
        repository: &Repository,
        sha: &Sha,
        as_of: Option<Timestamp>,
    ) -> Result<Trust, Later> {
        if event.is_fork() {
            let base = event.pull_request.as_ref().map(|pull| &pull.base);
            let named = base.and_then(|base| {
                Some(Want::commit(base.sha.as_ref()?, &format!("refs/heads/{}", base.reference)))
            });
            let wants = [named.unwrap_or_else(|| Want::reference(""))];
            return self.outside(event, repository, &wants, None, as_of).await;
        }
        if event.names_own_commit() {
            return Ok(Trust { outside: false, specs_of: None });
        }
        self.outside(event, repository, &Want::own(), Some(sha), as_of).await
    }

    /// What the operator has decided about commits from outside.
    pub(super) fn forks(&self, event: &Event, repository: &Repository) -> Forks {
        self.settings.policy.forks(event.forge(), &repository.full_name)
    }

    /// Whether somebody's commits need nobody's approval: the operator says so, or they may write
    /// and could push them.
    async fn is_trusted(&self, event: &Event, repository: &Repository, who: &Sender) -> bool {
        self.settings.policy.trusts(event.forge(), &repository.full_name, who)
            || self.may_write(event.forge(), &repository.full_name, who).await
    }

    /// Approves a commit from outside in the name of its pull request's author, who may write.
    ///
    /// Only when the event brings the commit, and its sender may write too: others may push to
    /// the branch of a fork, and a pull request may be opened for another's branch. What comes of
    /// the commit later is let go by this approval.
    pub(super) async fn vouch(
        &self,
        event: &Event,
        repository: &Repository,
        sha: &Sha,
    ) -> Result<(), Later> {
        let brings = event.event_type == "pull_request"
            && ["opened", "synchronize"].contains(&event.filter.as_str());
        let (true, Some(author), Some(sender)) = (brings, &event.author, &event.sender) else {
            return Ok(());
        };
        if !self.is_trusted(event, repository, author).await
            || sender.id != author.id && !self.is_trusted(event, repository, sender).await
        {
            return Ok(());
        }
        let place = Place {
            forge: event.forge(),
            repository: repository.full_name.clone(),
            place: approval::place(event),
            sha: sha.clone(),
        };
        let approved = self.store.approve_commit(&place, &author.into(), Timestamp::now()).await;
        approved.map(|_| ()).map_err(|error| Later::Agent(error.into()))
    }

    /// Trust in a commit from outside, unless it turns out to be one of the repository's own.
    async fn outside(
        &self,
        event: &Event,
        repository: &Repository,
        wants: &[Want],
        maybe_own: Option<&Sha>,
        as_of: Option<Timestamp>,
    ) -> Result<Trust, Later> {
        let mirror = self.bring(event.forge(), repository, wants, as_of).await?;
        let (named, maybe_own) = (wants[0].sha.clone(), maybe_own.cloned());
        let (outside, specs_of) = blocking(move || {
            let own = match maybe_own {
                Some(sha) => mirror.is_own(&sha)?,
                None => false,
            };
            let head = if own || named.is_some() { named } else { mirror.resolve("")? };
            Ok((!own, head))
        })
        .await?;
        if outside && specs_of.is_none() {
            return Err(Later::Commit("the default branch has no commit".to_owned()));
        }
        Ok(Trust { outside, specs_of })
    }
}

/// Why the operator's `never` leaves nothing to plan.
pub(super) fn forks_never() -> Reason {
    let text =
        "commits from forks are not run here (`POCKETCI_FORKS`, or `forks` in POCKETCI_CONFIG)";
    ReasonCode::ForksNever.because(text)
}

/// Why a run waits, and what lets it go.
pub(super) fn waits(event: &Event, sha: &Sha) -> String {
    let what = match event.is_fork() {
        true => "a pull request from a fork",
        false => "a commit on none of the repository's branches and tags",
    };
    match event.pull_request {
        Some(_) => {
            format!("{what} waits for a maintainer: comment `/pocketci approve {}`", sha.short())
        }
        None => format!("{what} waits for a maintainer: `pocketci-agent runs approve`"),
    }
}
