//! Pull requests, reviews of them, and comments on them and on issues.

use super::super::wire::{Field, Part};
use super::super::{PayloadError, Reference};
use super::body::{self, RepositoryBody, Side};
use super::{Reading, action};
use crate::domain::event::{Comment, Event, PullRequest, PullRequestSide};
use crate::domain::ids::{Sha, Vendor};

/// What an action's title begins with where somebody works on it still, as the forges have it.
const UNFINISHED: [&str; 2] = ["wip:", "[wip]"];

/// Anything that happens to a pull request, at the head commit of it; a review is an event of its
/// own, and comes under several names.
pub(super) fn event(read: Reading<'_>, event_name: &str) -> Result<Event, PayloadError> {
    let body = read.body;
    let told = body.action.required("action")?;
    let names = ["pull_request_approved", "pull_request_rejected", "pull_request_review"];
    let by_name = names.contains(&event_name) || event_name.starts_with("pull_request_review_");
    let by_name = by_name && event_name != "pull_request_review_request";
    let review = told == "reviewed" || by_name;
    let empty = body::PullRequest::default();
    let pull = body.pull_request.part().unwrap_or(&empty);
    let number = match (&body.number, &pull.number) {
        (Field::Absent, Field::Is(number)) => *number,
        (number, _) => *number.required("number")?,
    };
    let sides = match read.vendor {
        Vendor::Gogs => sides_of_gogs(pull)?,
        _ => sides(pull)?,
    };
    let mut event = read.planned(if review { "pull_request_review" } else { "pull_request" })?;
    // The head of a fork that is gone is named by the pull request's own reference.
    let gone = sides.head.reference.starts_with("refs/");
    if gone {
        event.reference = Some(sides.head.reference.clone());
    } else if let Some(branch) = Reference::branch(&sides.head.reference) {
        branch.apply(&mut event);
    }
    event.before = body.before.parsed();
    event.sha = sides.head.sha.clone();
    event.author = pull.user.part().and_then(body::User::sender);
    if let Some(review) = body.review.part().filter(|_| review) {
        let author = event.sender.as_ref().map(|sender| sender.login.clone());
        event.comment = Some(Comment {
            id: String::new(),
            body: review.content.text(),
            author: author.unwrap_or_default(),
            url: pull.html_url.text(),
        });
    }
    let title = pull.title.text();
    let small = title.to_ascii_lowercase();
    let repository = event.repository.as_ref().map(|it| it.full_name.as_str().to_owned());
    let base = PullRequestSide { repository: sides.base.repository.or(repository), ..sides.base };
    event.pull_request = Some(PullRequest {
        number,
        url: pull.html_url.text(),
        action: action(told).to_owned(),
        author: body::login(&pull.user),
        draft: pull.draft.is_set() || UNFINISHED.iter().any(|prefix| small.starts_with(prefix)),
        merged: pull.merged.is_set(),
        fork: sides.fork,
        labels: body::names(&pull.labels),
        head: sides.head,
        base,
        title,
    });
    Ok(event)
}

/// A comment on an issue or on a pull request.
///
/// What is called is of the default branch, whoever the pull request is from, so that `fork` is
/// false and no commit is named, as on GitHub.
pub(super) fn comment(read: Reading<'_>) -> Result<Event, PayloadError> {
    let body = read.body;
    let mut event = read.planned("issue_comment")?;
    event.comment = body.comment.part().map(body::Comment::comment);
    event.commented_at = body.comment.part().and_then(|comment| comment.created_at.parsed());
    let Some(issue) = body.issue.part() else { return Ok(event) };
    let pull = issue.pull_request.part();
    let whole = body.pull_request.part();
    let (true, Some(&number)) = (pull.is_some() || whole.is_some(), issue.number.get()) else {
        return Ok(event);
    };
    event.author = issue.user.part().and_then(body::User::sender);
    let url = pull.and_then(|pull| pull.html_url.filled()).or(issue.html_url.filled());
    let side = |repository| PullRequestSide { reference: String::new(), sha: None, repository };
    let repository = event.repository.as_ref().map(|it| it.full_name.as_str().to_owned());
    event.pull_request = Some(PullRequest {
        number,
        title: issue.title.text(),
        url: url.unwrap_or_default().to_owned(),
        action: action(&body.action.text()).to_owned(),
        author: body::login(&issue.user),
        draft: pull.is_some_and(|pull| pull.draft.is_set()),
        merged: pull.is_some_and(|pull| pull.merged.is_set()),
        fork: false,
        labels: body::names(&issue.labels),
        head: side(None),
        base: side(repository),
    });
    Ok(event)
}

struct Sides {
    head: PullRequestSide,
    base: PullRequestSide,
    fork: bool,
}

fn sides(pull: &body::PullRequest) -> Result<Sides, PayloadError> {
    let nowhere = Side::default();
    let head = pull.head.part().unwrap_or(&nowhere);
    let base = pull.base.part().unwrap_or(&nowhere);
    let head_sha = commit("pull_request.head.sha", &head.sha)?;
    let base_sha = commit("pull_request.base.sha", &base.sha)?;
    let base_repository = name(&base.repo);
    let same = match (name(&head.repo), &base_repository) {
        (Some(head), Some(base)) => head == *base,
        // Abridged bodies name the repositories by number alone; of one that is gone, it is -1.
        _ => head.repo_id.get().is_some() && head.repo_id.get() == base.repo_id.get(),
    };
    let head_repository = name(&head.repo).or(base_repository.clone().filter(|_| same));
    Ok(Sides {
        head: PullRequestSide {
            reference: branch("pull_request.head.ref", &head.reference)?,
            sha: Some(head_sha),
            repository: head_repository,
        },
        base: PullRequestSide {
            reference: branch("pull_request.base.ref", &base.reference)?,
            sha: Some(base_sha),
            repository: base_repository,
        },
        fork: !same,
    })
}

/// Gogs names no commits: what is built is what the pull request's own reference points at.
fn sides_of_gogs(pull: &body::PullRequest) -> Result<Sides, PayloadError> {
    let (head, base) = (name(&pull.head_repo), name(&pull.base_repo));
    let ids = (pull.head_repo.part(), pull.base_repo.part());
    let same = head.is_some() && head == base;
    let ids = ids.0.zip(ids.1).and_then(|(a, b)| a.id.get().zip(b.id.get()));
    Ok(Sides {
        fork: !same || ids.is_some_and(|(head, base)| head != base),
        head: PullRequestSide {
            reference: branch("pull_request.head_branch", &pull.head_branch)?,
            sha: None,
            repository: head,
        },
        base: PullRequestSide {
            reference: branch("pull_request.base_branch", &pull.base_branch)?,
            sha: None,
            repository: base,
        },
    })
}

fn name(repository: &Part<RepositoryBody>) -> Option<String> {
    repository.part()?.full_name.filled().map(str::to_owned)
}

fn branch(field: &'static str, value: &Field<String>) -> Result<String, PayloadError> {
    let (text, expected) = (value.required(field)?, "the name of a branch");
    Reference::branch(text).ok_or(PayloadError::Wrong { field, expected })?;
    Ok(text.clone())
}

fn commit(field: &'static str, value: &Field<String>) -> Result<Sha, PayloadError> {
    let expected = "a full commit id";
    value.required(field)?.parse().map_err(|_| PayloadError::Wrong { field, expected })
}
