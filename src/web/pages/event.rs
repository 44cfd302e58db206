//! An event in words and links.

use super::super::text::{first_line, inert, web_link};
use super::view::Link;
use crate::domain::event::{Event, PullRequest};

/// What happened, as one would say it: `alice pushed to main`.
pub(super) fn sentence(event: &Event) -> String {
    let who = event.sender.as_ref().map_or("Somebody", |sender| sender.login.as_str());
    let branch = event.branch.as_deref().unwrap_or(&event.filter);
    let did = match (event.event_type.as_str(), &event.pull_request) {
        ("push", _) if event.forced => format!("force-pushed to {branch}"),
        ("push", _) if event.created => format!("pushed the new branch {branch}"),
        ("push", _) => format!("pushed to {branch}"),
        ("tag", _) => format!("pushed the tag {}", event.tag.as_deref().unwrap_or(&event.filter)),
        ("pull_request", Some(pull)) => on_pull_request(pull),
        ("release", _) => {
            let tag = event.release.as_ref().map_or("", |release| release.tag.as_str());
            format!("{} the release {tag}", spaced(&event.filter))
        }
        ("manual", _) => format!("started it by hand for {branch}"),
        (name, _) if event.filter.is_empty() => format!("caused the event {}", spaced(name)),
        (name, _) => format!("caused the event {}: {}", spaced(name), spaced(&event.filter)),
    };
    inert(&format!("{who} {did}"))
}

fn on_pull_request(pull: &PullRequest) -> String {
    let number = pull.number;
    match pull.action.as_str() {
        "synchronize" => format!("pushed to pull request #{number}"),
        "closed" if pull.merged => format!("merged pull request #{number}"),
        "ready_for_review" => format!("marked pull request #{number} as ready for review"),
        action @ ("opened" | "reopened" | "closed" | "edited" | "labeled" | "unlabeled"
        | "assigned" | "unassigned" | "locked" | "unlocked") => {
            format!("{action} pull request #{number}")
        }
        action => format!("acted on pull request #{number}: {}", spaced(action)),
    }
}

fn spaced(name: &str) -> String {
    name.replace('_', " ")
}

/// What it was about, in the words of whoever wrote them: a title or a commit's first line.
pub(super) fn subject(event: &Event) -> Option<String> {
    let pull = event.pull_request.as_ref().map(|pull| pull.title.as_str());
    let commit = || event.commit.as_ref().map(|commit| commit.message.as_str());
    pull.or_else(commit).map(first_line).filter(|line| !line.is_empty())
}

/// The repository and, where there is one, the pull request or release, on the forge.
pub(super) fn places(event: &Event) -> Vec<Link> {
    let mut places = Vec::new();
    if let Some(repository) = &event.repository {
        places.push(Link::new(repository.full_name.as_str(), &repository.url));
    }
    if let Some(pull) = &event.pull_request {
        places.push(Link::new(&format!("#{}", pull.number), &pull.url));
    } else if let Some(release) = &event.release {
        places.push(Link::new(&release.tag, &release.url));
    } else if let Some(branch) = event.branch.as_deref().or(event.tag.as_deref()) {
        places.push(Link::new(branch, ""));
    }
    places
}

/// The commit, at the forge's page for it.
pub(super) fn commit(event: &Event, sha: &crate::domain::ids::Sha) -> Link {
    let repository = event.repository.as_ref().and_then(|repository| web_link(&repository.url));
    let address = repository.map(|url| format!("{}/commit/{sha}", url.trim_end_matches('/')));
    Link::new(sha.short(), &address.unwrap_or_default())
}

/// From where to where a pull request goes, and whether it is a stranger's.
pub(super) fn direction(event: &Event) -> Option<String> {
    let pull = event.pull_request.as_ref()?;
    let from = match (&pull.head.repository, pull.fork) {
        (Some(fork), true) => format!("{fork}:{}", pull.head.reference),
        (None, true) => format!("a deleted fork's {}", pull.head.reference),
        (_, false) => pull.head.reference.clone(),
    };
    let kind = if pull.fork { ", from a fork" } else { "" };
    let draft = if pull.draft { ", a draft" } else { "" };
    Some(inert(&format!("{from} → {}{kind}{draft}", pull.base.reference)))
}
