//! Statuses on commits: the request that tells GitLab, what its answer means, and what it shows.

use http::Request;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::super::reply::{self, Manner};
use super::super::wire::{Field, List, Object};
use super::super::{Answer, Headers, ask};
use super::rest;
use crate::domain::ids::{RepoName, Sha};
use crate::domain::mend::Posted;
use crate::domain::run::{CommitState, Status, description};

/// GitLab's most for the name, the description and the link of a status; a longer link is left
/// out, since half of one leads nowhere.
const LONGEST: usize = 255;

/// Entries in a page: GitLab's most.
const PER_PAGE: usize = 100;

const MANNER: Manner = Manner {
    forge: "GitLab",
    token: "GITLAB_TOKEN",
    needs: "it needs the scope `api` and the role Developer",
    limit: ("ratelimit-remaining", "ratelimit-reset"),
};

/// The request that sets a status, without credentials.
///
/// `api` is the API's base, such as `https://gitlab.com/api/v4`. GitLab finds the branch itself
/// where none is given; of a merge request from a fork it would find none, and refuse the status.
pub fn status_request(
    api: &str,
    repo: &RepoName,
    sha: &Sha,
    branch: Option<&str>,
    status: &Status,
    target_url: &str,
) -> Request<Vec<u8>> {
    let url = format!("{}/statuses/{sha}", rest::project(api, repo));
    let mut body = json!({
        "state": state(status.state),
        "name": name(&status.context),
        "description": description(&status.description),
    });
    if !target_url.is_empty() && target_url.chars().count() <= LONGEST {
        body["target_url"] = target_url.into();
    }
    if let Some(branch) = branch.filter(|branch| branch.chars().count() <= LONGEST) {
        body["ref"] = branch.into();
    }
    ask::post(&url, &body)
}

/// GitLab has one word for what failed and what could not be judged.
fn state(state: CommitState) -> &'static str {
    match state {
        CommitState::Pending => "pending",
        CommitState::Success => "success",
        CommitState::Failure | CommitState::Error => "failed",
    }
}

fn name(context: &str) -> String {
    context.chars().take(LONGEST).collect()
}

/// Reads an answer to a [`status_request`].
///
/// A status of GitLab's is a little machine: what is pending cannot be made pending again. It
/// shows what we wanted then, if with the words of the earlier post.
pub fn answer(status: u16, headers: &Headers, body: &[u8], now: Timestamp) -> Answer {
    let said = reply::said(body);
    let why = |text: &str| MANNER.why(status, body, text);
    match status {
        400 if shows_it_already(&said) => Answer::Done { post: None },
        // Another post is just changing it.
        400 if said.contains("Cannot transition status") => {
            Answer::NotYet { why: why("the status is in another state there") }
        }
        403 if said.contains("archived") => {
            Answer::Never { why: why("an archived project takes no statuses") }
        }
        // A commit of a moment ago may not be on its branch yet.
        404 if said.contains("Commit") || said.contains("References for commit") => {
            Answer::NotYet { why: why("the commit is not known on a branch there") }
        }
        _ => MANNER.answer(status, headers, body, number(body), now),
    }
}

/// Whether a refused step would have led to where the status is: `via :run from :running`, or,
/// since we tell both by one word, `via :enqueue from :running`.
fn shows_it_already(said: &str) -> bool {
    let word = |text: &str| -> String {
        text.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect()
    };
    let Some((_, rest)) = said.split_once("Cannot transition status via :") else { return false };
    let Some((_, from)) = rest.split_once(" from :") else { return false };
    let (step, state) = (word(rest), word(from));
    matches!(
        (step.as_str(), state.as_str()),
        ("enqueue" | "run", "pending" | "running")
            | ("success", "success")
            | ("drop", "failed")
            | ("cancel", "canceled")
    )
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    id: Field<u64>,
    name: Field<String>,
    status: Field<String>,
    description: Field<String>,
    target_url: Field<String>,
}

/// The number that GitLab gave to what it took.
fn number(body: &[u8]) -> Option<i64> {
    let taken: Field<Object<Entry>> = serde_json::from_slice(body).ok()?;
    taken.part()?.id.get().and_then(|id| i64::try_from(*id).ok())
}

/// The request for a page, from 1, of what a commit shows: of each name the newest.
pub fn shown_request(api: &str, repo: &RepoName, sha: &Sha, page: usize) -> Request<Vec<u8>> {
    let project = rest::project(api, repo);
    let statuses = format!("{project}/repository/commits/{sha}/statuses");
    ask::get(&format!("{statuses}?per_page={PER_PAGE}&page={page}"))
}

/// Reads its answer, in GitHub's words for states; none when it is no such answer.
pub fn shown(body: &[u8]) -> Option<Vec<Posted>> {
    let statuses: List<Object<Entry>> = serde_json::from_slice(body).ok()?;
    statuses.get()?;
    let posted = |Object(entry): &Object<Entry>| Posted {
        post: entry.id.get().and_then(|id| i64::try_from(*id).ok()),
        context: entry.name.text(),
        state: match entry.status.text().as_str() {
            "created" | "pending" | "running" | "preparing" | "scheduled" => "pending",
            "failed" | "canceled" => "failure",
            other => other,
        }
        .to_owned(),
        description: entry.description.text(),
        target_url: entry.target_url.text(),
    };
    Some(statuses.items().map(posted).collect())
}

#[cfg(test)]
mod tests;
