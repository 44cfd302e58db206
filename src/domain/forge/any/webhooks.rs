//! The webhooks of a repository: which there are, making them, and having them tested.

use super::super::bitbucket::hooks as bitbucket;
use super::super::bitbucket_server::hooks as bitbucket_server;
use super::super::gitea;
use super::super::github::hooks::{self as github, Owner};
use super::super::gitlab::hooks as gitlab;
use crate::domain::ids::{ForgeId, RepoName, Vendor};

use super::super::Headers;
pub use super::super::hook::{Attempt, Tested, Wanted, Webhook};

/// Where a forge's webhooks are to be sent, below the agent's own address: it does not depend on
/// what their headers say, and tells several forges of one kind apart.
pub fn webhook_address(public_url: &str, forge: ForgeId) -> String {
    format!("{}/webhooks/{forge}", public_url.trim_end_matches('/'))
}

/// Whether a webhook is sent to the agent at this address, to whichever of its doors.
pub fn is_ours(webhook: &Webhook, public_url: &str) -> bool {
    let rest = webhook.url.strip_prefix(public_url.trim_end_matches('/'));
    rest.is_some_and(|rest| matches!(rest, "" | "/") || rest.starts_with("/webhooks/"))
}

/// The events that functions can ask for, in the forge's words for them.
pub fn webhook_events(vendor: Vendor) -> &'static [&'static str] {
    match vendor {
        Vendor::Github => &github::EVENTS,
        // Its tags come as creations alone.
        Vendor::Gogs => &["push", "create", "pull_request", "issues", "issue_comment", "release"],
        Vendor::Gitea | Vendor::Forgejo => &gitea::EVENTS,
        Vendor::Gitlab => &gitlab::EVENTS,
        Vendor::Bitbucket => &bitbucket::EVENTS,
        Vendor::BitbucketServer => &bitbucket_server::EVENTS,
    }
}

/// The request for a page, from 1, of a repository's webhooks; none where there is no such page.
pub fn webhooks_request(
    vendor: Vendor,
    api: &str,
    repository: &RepoName,
    page: usize,
) -> Option<http::Request<Vec<u8>>> {
    match vendor {
        Vendor::Github => {
            Some(github::list_request(api, &Owner::Repository(repository.clone()), page))
        }
        // All of them at once, whatever page is asked for.
        Vendor::Gogs if page > 1 => None,
        Vendor::Gitea | Vendor::Forgejo | Vendor::Gogs => {
            Some(gitea::webhooks_request(api, repository, page))
        }
        Vendor::Gitlab => Some(gitlab::webhooks_request(api, repository, page)),
        Vendor::Bitbucket => Some(bitbucket::webhooks_request(api, repository, page)),
        Vendor::BitbucketServer => Some(bitbucket_server::webhooks_request(api, repository, page)),
    }
}

/// Reads its answer; none when it is no such answer.
///
/// GitHub and Gitea tell what we ask for in the same words.
pub fn webhooks(vendor: Vendor, body: &[u8]) -> Option<Vec<Webhook>> {
    match vendor {
        Vendor::Github | Vendor::Gitea | Vendor::Forgejo | Vendor::Gogs => gitea::webhooks(body),
        Vendor::Gitlab => gitlab::webhooks(body),
        Vendor::Bitbucket => bitbucket::webhooks(body),
        Vendor::BitbucketServer => bitbucket_server::webhooks(body),
    }
}

/// The request that makes one.
pub fn webhook_request(
    vendor: Vendor,
    api: &str,
    repository: &RepoName,
    wanted: Wanted<'_>,
) -> http::Request<Vec<u8>> {
    match vendor {
        Vendor::Github => github::create_request(api, repository, wanted),
        Vendor::Gitea | Vendor::Forgejo | Vendor::Gogs => {
            let events = webhook_events(vendor);
            gitea::webhook_request(vendor, api, repository, wanted, events)
        }
        Vendor::Gitlab => gitlab::webhook_request(api, repository, wanted),
        Vendor::Bitbucket => bitbucket::webhook_request(api, repository, wanted),
        Vendor::BitbucketServer => bitbucket_server::webhook_request(api, repository, wanted),
    }
}

/// The id of one that was made, as the answer to that tells it.
pub fn webhook_id(vendor: Vendor, body: &[u8]) -> Option<String> {
    if vendor == Vendor::Bitbucket {
        return bitbucket::webhook_id(body);
    }
    let made: serde_json::Value = serde_json::from_slice(body).ok()?;
    made["id"].as_u64().map(|id| id.to_string())
}

/// The request that makes what is there what it should be; none where a secret cannot be changed,
/// so that a new one has to take its place.
pub fn webhook_change_request(
    vendor: Vendor,
    api: &str,
    repository: &RepoName,
    id: &str,
    wanted: Wanted<'_>,
) -> Option<http::Request<Vec<u8>>> {
    match vendor {
        Vendor::Github => Some(github::change_request(api, repository, id, wanted)),
        Vendor::Gitea | Vendor::Forgejo | Vendor::Gogs => None,
        Vendor::Gitlab => Some(gitlab::webhook_change_request(api, repository, id, wanted)),
        Vendor::Bitbucket => Some(bitbucket::webhook_change_request(api, repository, id, wanted)),
        Vendor::BitbucketServer => {
            Some(bitbucket_server::webhook_change_request(api, repository, id, wanted))
        }
    }
}

/// The request that removes one.
pub fn webhook_removal_request(
    vendor: Vendor,
    api: &str,
    repository: &RepoName,
    id: &str,
) -> http::Request<Vec<u8>> {
    match vendor {
        Vendor::Github => github::removal_request(api, repository, id),
        Vendor::Gitea | Vendor::Forgejo | Vendor::Gogs => {
            gitea::webhook_removal_request(api, repository, id)
        }
        Vendor::Gitlab => gitlab::webhook_removal_request(api, repository, id),
        Vendor::Bitbucket => bitbucket::webhook_removal_request(api, repository, id),
        Vendor::BitbucketServer => bitbucket_server::webhook_removal_request(api, repository, id),
    }
}

/// Whether the answer to its making or changing says that the secret was taken; where not, what it
/// sends proves nothing.
pub fn took_secret(vendor: Vendor, secret: &str, body: &[u8]) -> bool {
    vendor != Vendor::Gitlab || gitlab::took_secret(secret, body)
}

/// Whether what it sends is proven in another way than by this secret, whatever it was changed to:
/// then a new one has to take its place.
pub fn keeps_another(vendor: Vendor, secret: &str, body: &[u8]) -> bool {
    vendor == Vendor::Gitlab && !gitlab::signs(secret) && gitlab::is_signing(body)
}

/// The request that has one send something; none where a forge cannot be asked to.
pub fn webhook_test_request(
    vendor: Vendor,
    api: &str,
    repository: &RepoName,
    webhook: &Webhook,
) -> Option<http::Request<Vec<u8>>> {
    let Webhook { id, url, .. } = webhook;
    match vendor {
        Vendor::Github => Some(github::ping_request(api, repository, id)),
        Vendor::Gitea | Vendor::Forgejo => Some(gitea::webhook_test_request(api, repository, id)),
        Vendor::Gitlab => Some(gitlab::webhook_test_request(api, repository, id)),
        Vendor::BitbucketServer => {
            Some(bitbucket_server::webhook_test_request(api, repository, id, url))
        }
        Vendor::Gogs | Vendor::Bitbucket => None,
    }
}

/// What the answer to that says; none when it is an answer like any other.
pub fn tested(vendor: Vendor, status: u16, body: &[u8]) -> Option<Tested> {
    match vendor {
        Vendor::Gitlab => gitlab::tested(status, body),
        Vendor::BitbucketServer => bitbucket_server::tested(status, body),
        Vendor::Gitea | Vendor::Forgejo if matches!(status, 404 | 409) => {
            Some(Tested::NothingToTell)
        }
        _ => (200..300).contains(&status).then_some(Tested::Sent),
    }
}

/// Where people look at one, with what it has sent.
pub fn settings_page(vendor: Vendor, root: &str, repository: &RepoName, id: &str) -> String {
    match vendor {
        Vendor::Gitlab => format!("{root}/{repository}/-/hooks/{id}/edit"),
        Vendor::Bitbucket => format!("{root}/{repository}/admin/webhooks"),
        Vendor::BitbucketServer => {
            let (project, name) = (repository.owner(), repository.name());
            format!("{root}/plugins/servlet/webhooks/projects/{project}/repos/{name}/{id}")
        }
        _ => format!("{root}/{repository}/settings/hooks/{id}"),
    }
}

/// The request for what one has sent lately; none where a forge does not tell.
pub fn webhook_attempts_request(
    vendor: Vendor,
    api: &str,
    repository: &RepoName,
    id: &str,
) -> Option<http::Request<Vec<u8>>> {
    match vendor {
        Vendor::Github => {
            let owner = Owner::Repository(repository.clone());
            Some(github::attempts_request(api, &owner, id.parse().ok()?, None))
        }
        Vendor::Gitlab => Some(gitlab::attempts_request(api, repository, id)),
        Vendor::BitbucketServer => Some(bitbucket_server::attempts_request(api, repository, id)),
        Vendor::Gitea | Vendor::Forgejo | Vendor::Gogs | Vendor::Bitbucket => None,
    }
}

/// Reads its answer, the newest first; none when it is no such answer.
pub fn webhook_attempts(vendor: Vendor, headers: &Headers, body: &[u8]) -> Option<Vec<Attempt>> {
    match vendor {
        Vendor::Gitlab => gitlab::attempts(body),
        Vendor::BitbucketServer => bitbucket_server::attempts(body),
        _ => {
            let (attempts, _) = github::attempts(headers, body)?;
            let attempt = |one: github::Attempt| Attempt {
                id: one.id.to_string(),
                at: Some(one.at),
                event: one.event,
                status: one.status,
            };
            Some(attempts.into_iter().map(attempt).collect())
        }
    }
}

#[cfg(test)]
mod tests;
