//! An event in words and links.

use super::super::text::{first_line, inert, web_link};
use super::words::Link;
use crate::domain::event::Event;
use crate::domain::headline;

/// What happened, as one would say it: `alice pushed to main`.
pub(super) fn sentence(event: &Event) -> String {
    inert(&headline::sentence(event))
}

/// What it was about, in the words of whoever wrote them.
pub(super) fn subject(event: &Event) -> Option<String> {
    headline::subject(event).map(first_line).filter(|line| !line.is_empty())
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
