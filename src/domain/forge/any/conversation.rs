//! People and pull requests: who may write, what they say, and where a pull request is.

use jiff::Timestamp;

use super::super::github::{self, Answer, Comment, Permission, Reaction};
use super::super::{Headers, gitea};
use super::{answer, is_gitea};
use crate::domain::ids::{RepoName, Sha, Vendor};

/// The request that asks what somebody may do in a repository; none where we cannot ask.
pub fn permission_request(
    vendor: Vendor,
    api: &str,
    repository: &RepoName,
    login: &str,
) -> Option<http::Request<Vec<u8>>> {
    match vendor {
        Vendor::Github => Some(github::permission_request(api, repository, login)),
        Vendor::Gitea | Vendor::Forgejo => Some(gitea::permission_request(api, repository, login)),
        _ => None,
    }
}

/// What its answer says; none when it cannot be read.
pub fn permission(vendor: Vendor, body: &[u8]) -> Option<Permission> {
    if is_gitea(vendor) { gitea::permission(body) } else { github::permission(body) }
}

/// The request that asks for a pull request.
pub fn pull_request_request(
    vendor: Vendor,
    api: &str,
    repository: &RepoName,
    number: u64,
) -> Option<http::Request<Vec<u8>>> {
    match vendor {
        Vendor::Github => Some(github::pull_request_request(api, repository, number)),
        Vendor::Gitea | Vendor::Forgejo => {
            Some(gitea::pull_request_request(api, repository, number))
        }
        _ => None,
    }
}

/// The head commit that its answer names; none when it cannot be read.
pub fn pull_request(vendor: Vendor, body: &[u8]) -> Option<Sha> {
    if is_gitea(vendor) { gitea::pull_request(body) } else { github::pull_request(body) }
}

/// The request that puts a reaction on a comment of an issue or pull request; asked for twice, it
/// is there once.
pub fn reaction_request(
    vendor: Vendor,
    api: &str,
    repository: &RepoName,
    comment: &str,
    reaction: Reaction,
) -> Option<http::Request<Vec<u8>>> {
    let content = reaction.as_str();
    match vendor {
        Vendor::Github => Some(github::reaction_request(api, repository, comment, reaction)),
        Vendor::Gitea | Vendor::Forgejo => {
            Some(gitea::reaction_request(api, repository, comment, content))
        }
        _ => None,
    }
}

/// The request that writes a comment on a pull request.
pub fn comment_request(
    vendor: Vendor,
    api: &str,
    repository: &RepoName,
    number: u64,
    text: &str,
) -> Option<http::Request<Vec<u8>>> {
    match vendor {
        Vendor::Github => Some(github::comment_request(api, repository, number, text)),
        Vendor::Gitea | Vendor::Forgejo => {
            Some(gitea::comment_request(api, repository, number, text))
        }
        _ => None,
    }
}

/// The request that changes one of our comments.
pub fn edit_request(
    vendor: Vendor,
    api: &str,
    repository: &RepoName,
    comment: &str,
    text: &str,
) -> Option<http::Request<Vec<u8>>> {
    match vendor {
        Vendor::Github => Some(github::edit_request(api, repository, comment, text)),
        Vendor::Gitea | Vendor::Forgejo => {
            Some(gitea::edit_request(api, repository, comment, text))
        }
        _ => None,
    }
}

/// The request for a page, from 1, of a pull request's comments that changed since then.
pub fn comments_request(
    vendor: Vendor,
    api: &str,
    repository: &RepoName,
    number: u64,
    since: Timestamp,
    page: usize,
) -> Option<http::Request<Vec<u8>>> {
    match vendor {
        Vendor::Github => Some(github::comments_request(api, repository, number, since, page)),
        Vendor::Gitea | Vendor::Forgejo => {
            Some(gitea::comments_request(api, repository, number, since))
        }
        _ => None,
    }
}

/// What such a page says, and whether another may follow; none when it cannot be read.
pub fn comments(vendor: Vendor, body: &[u8]) -> Option<(Vec<Comment>, bool)> {
    if is_gitea(vendor) { Some((gitea::comments(body)?, false)) } else { github::comments(body) }
}

/// What a forge's reply to a comment or a reaction means.
pub fn answer_to_effect(
    vendor: Vendor,
    status: u16,
    headers: &Headers,
    body: &[u8],
    now: Timestamp,
) -> Answer {
    let answer = answer(vendor, status, headers, body, now);
    if is_gitea(vendor) {
        gitea::answer_to_effect(vendor, answer, status)
    } else {
        github::answer_to_effect(answer, status)
    }
}
