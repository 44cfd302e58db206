//! Whether a commit is the repository's own or may be a stranger's, before anything of it counts.

use super::{Later, Worker, blocking};
use crate::domain::event::{Event, Repository};
use crate::domain::ids::Sha;
use crate::domain::plan::{Reason, ReasonCode};
use crate::git::Want;

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
    ) -> Result<Trust, Later> {
        if event.is_fork() {
            let base = event.pull_request.as_ref().map(|pull| &pull.base);
            let named = base.and_then(|base| {
                Some(Want::commit(base.sha.as_ref()?, &format!("refs/heads/{}", base.reference)))
            });
            let wants = [named.unwrap_or_else(|| Want::reference(""))];
            return self.outside(event, repository, &wants, None).await;
        }
        match &event.sha {
            Some(sha) if event.names_any_commit() => {
                self.outside(event, repository, &Want::own(), Some(sha)).await
            }
            _ => Ok(Trust { outside: false, specs_of: None }),
        }
    }

    /// Trust in a commit from outside, unless it turns out to be one of the repository's own.
    async fn outside(
        &self,
        event: &Event,
        repository: &Repository,
        wants: &[Want],
        maybe_own: Option<&Sha>,
    ) -> Result<Trust, Later> {
        let mirror = self.mirrors.ensure(&self.location(event.forge(), repository)?, wants).await?;
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

/// Why a run waits.
pub(super) fn waits(event: &Event) -> String {
    let what = match event.is_fork() {
        true => "a pull request from a fork",
        false => "a commit that is on none of the repository's branches and tags",
    };
    format!("{what} waits for a maintainer")
}
