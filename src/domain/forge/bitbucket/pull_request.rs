//! Pull requests, and the reviews of them.

use super::super::wire::{Field, Part};
use super::super::{PayloadError, Reference};
use super::body::{self, Body, Side};
use super::planned;
use crate::domain::event::{Event, PullRequest, PullRequestSide};
use crate::domain::ids::{Sha, ShortSha};

/// The action of an event that tells of new commits and of a new title alike, until somebody
/// decides by the head that the pull request had before.
pub(super) const UPDATED: &str = "updated";

/// Anything that happens to a pull request, at its head commit, as far as that is named.
pub(super) fn event(action: &str, body: &Body) -> Result<Event, PayloadError> {
    at_head("pull_request", action, body)
}

/// A merge; some bodies of it call the pull request open.
pub(super) fn merged(body: &Body) -> Result<Event, PayloadError> {
    let mut event = event("closed", body)?;
    if let Some(pull) = &mut event.pull_request {
        pull.merged = true;
    }
    Ok(event)
}

/// An approval or a wish for changes, or that it was taken back.
pub(super) fn review(action: &str, body: &Body) -> Result<Event, PayloadError> {
    at_head("pull_request_review", action, body)
}

fn at_head(event_type: &str, action: &str, body: &Body) -> Result<Event, PayloadError> {
    let empty = body::PullRequest::default();
    let pull = body.pullrequest.part().unwrap_or(&empty);
    let number = *pull.id.required("pullrequest.id")?;
    let nowhere = Side::default();
    let head = pull.source.part().unwrap_or(&nowhere);
    let base = pull.destination.part().unwrap_or(&nowhere);
    let branch = branch("pullrequest.source.branch.name", head)?;
    let head_commit = commit("pullrequest.source.commit.hash", head)?;
    self::branch("pullrequest.destination.branch.name", base)?;
    let base_commit = commit("pullrequest.destination.commit.hash", base)?;

    let mut event = planned(event_type, action, body)?;
    branch.apply(&mut event);
    event.lacks.action = action == UPDATED;
    event.lacks.head = head_commit.short();
    event.lacks.base = base_commit.short();
    event.sha = head_commit.whole();
    event.author = body::person(&pull.author);
    let repository = event.repository.as_ref().map(|repository| repository.full_name.to_string());
    let mut told = pull_request(pull, number, action, repository);
    told.head.sha.clone_from(&event.sha);
    told.base.sha = base_commit.whole();
    event.pull_request = Some(told);
    Ok(event)
}

pub(super) fn pull_request(
    pull: &body::PullRequest,
    number: u64,
    action: &str,
    repository: Option<String>,
) -> PullRequest {
    let head = side(&pull.source);
    let mut base = side(&pull.destination);
    base.repository = base.repository.or(repository);
    PullRequest {
        number,
        title: pull.title.text(),
        url: body::page(&pull.links),
        action: action.to_owned(),
        author: body::login(&pull.author),
        draft: pull.draft.is_set(),
        merged: pull.state.filled() == Some("MERGED"),
        // A source without a repository is a fork that was deleted: it is nobody's to trust.
        fork: head.repository.is_none() || head.repository != base.repository,
        labels: Vec::new(),
        head,
        base,
    }
}

fn side(side: &Part<Side>) -> PullRequestSide {
    let branch = side.part().and_then(|side| side.branch.part());
    let repository = side.part().and_then(|side| side.repository.part());
    PullRequestSide {
        reference: branch.map(|branch| branch.name.text()).unwrap_or_default(),
        sha: None,
        repository: repository.and_then(|it| it.full_name.filled()).map(str::to_owned),
    }
}

/// A commit as Bitbucket names it: of a pull request hardly ever whole.
enum Named {
    Whole(Sha),
    Short(ShortSha),
}

impl Named {
    fn whole(self) -> Option<Sha> {
        match self {
            Self::Whole(sha) => Some(sha),
            Self::Short(_) => None,
        }
    }

    fn short(&self) -> Option<ShortSha> {
        match self {
            Self::Whole(_) => None,
            Self::Short(short) => Some(short.clone()),
        }
    }
}

fn branch(field: &'static str, side: &Side) -> Result<Reference, PayloadError> {
    let name = side.branch.part().map_or(&Field::Absent, |branch| &branch.name);
    let expected = "the name of a branch";
    Reference::branch(name.required(field)?).ok_or(PayloadError::Wrong { field, expected })
}

fn commit(field: &'static str, side: &Side) -> Result<Named, PayloadError> {
    let hash = side.commit.part().map_or(&Field::Absent, |commit| &commit.hash);
    let text = hash.required(field)?;
    let short = || text.parse().map(Named::Short);
    let expected = "a commit id";
    text.parse()
        .map(Named::Whole)
        .or_else(|_| short())
        .map_err(|_| PayloadError::Wrong { field, expected })
}
