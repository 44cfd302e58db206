//! An event in a line, as one would say it; for lists, pages and the command line.
//!
//! Titles, branches and names are as strangers wrote them: who shows them makes them harmless.

use super::event::{Event, PullRequest};

/// What happened: `alice pushed to main`.
pub fn sentence(event: &Event) -> String {
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
        ("manual", _) if branch.is_empty() => "started it by hand".to_owned(),
        ("manual", _) => format!("started it by hand for {branch}"),
        (name, _) if event.filter.is_empty() => format!("caused the event {}", spaced(name)),
        (name, _) => format!("caused the event {}: {}", spaced(name), spaced(&event.filter)),
    };
    format!("{who} {did}")
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
pub fn subject(event: &Event) -> Option<&str> {
    let pull = event.pull_request.as_ref().map(|pull| pull.title.as_str());
    let commit = || event.commit.as_ref().map(|commit| commit.message.as_str());
    let text = pull.or_else(commit)?;
    text.lines().map(str::trim).find(|line| !line.is_empty())
}
