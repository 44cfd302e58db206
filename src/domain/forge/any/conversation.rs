//! People and pull requests: who may write, what they say, and where a pull request is.

use jiff::Timestamp;

use super::super::github::{self, Answer, Comment, Permission, Reaction};
use super::super::{Headers, bitbucket, bitbucket_server, gitea, gitlab};
use super::answer;
use crate::domain::event::Sender;
use crate::domain::ids::{RepoName, Sha, ShortSha, Vendor};
use crate::domain::rights::Access;

type Request = http::Request<Vec<u8>>;

/// What begins every comment of ours, so that we know it before we know its id.
const MARKER: &str = "<!-- pocketci:";

/// The same where comments of HTML are shown: a link's definition, which is not.
const LINK_MARKER: &str = "[pocketci]: # (";

/// Where a pull request's head is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    At(Sha),
    /// The forge names its commits by their beginnings; see [`commit_request`](super::commit_request).
    Short(ShortSha, RepoName),
}

/// Whether comments can be reacted to.
pub fn has_reactions(vendor: Vendor) -> bool {
    vendor != Vendor::Gogs && !is_bitbucket(vendor)
}

fn is_bitbucket(vendor: Vendor) -> bool {
    matches!(vendor, Vendor::Bitbucket | Vendor::BitbucketServer)
}

/// The first line of a comment of ours, which readers do not see.
pub fn marker(vendor: Vendor, kind: &str, mark: &str) -> String {
    if is_bitbucket(vendor) {
        // What follows at once would be part of it.
        return format!("{LINK_MARKER}{kind} {mark})\n");
    }
    format!("{MARKER}{kind} {mark} -->")
}

/// Whether a comment begins as ours do.
pub fn is_marked(body: &str) -> bool {
    body.starts_with(MARKER) || body.starts_with(LINK_MARKER)
}

/// The request that asks what somebody may do in a repository; none where we cannot ask.
pub fn permission_request(
    vendor: Vendor,
    api: &str,
    repository: &RepoName,
    user: &Sender,
) -> Option<Request> {
    let login = &user.login;
    match vendor {
        Vendor::Github => Some(github::permission_request(api, repository, login)),
        Vendor::Gitea | Vendor::Forgejo => Some(gitea::permission_request(api, repository, login)),
        Vendor::Gitlab => gitlab::permission_request(api, repository, user),
        Vendor::Bitbucket => bitbucket::permission_request(api, repository, user),
        Vendor::BitbucketServer => bitbucket_server::permission_request(api, repository, user),
        Vendor::Gogs => Some(gitea::access_request(api, repository, login)),
    }
}

/// What its answer says; none when it cannot be read. The Bitbuckets say only whether they may
/// write.
pub fn permission(vendor: Vendor, body: &[u8], user: &Sender) -> Option<Permission> {
    let may = match vendor {
        Vendor::Github => return github::permission(body),
        Vendor::Gitlab => {
            let access = gitlab::permission(200, body, user);
            return Some(Permission { access, user: user.clone() });
        }
        Vendor::Gitea | Vendor::Forgejo => return gitea::permission(body),
        Vendor::Gogs => {
            let access = gitea::access(body, user)?;
            return Some(Permission { access, user: user.clone() });
        }
        Vendor::Bitbucket => bitbucket::permission(200, body, user),
        Vendor::BitbucketServer => bitbucket_server::permission(200, body, user),
    };
    let access = if may { Access::Write } else { Access::None };
    Some(Permission { access, user: user.clone() })
}

/// The request that asks for a pull request; none where it is not told, and only its reference
/// shows where it is.
pub fn pull_request_request(
    vendor: Vendor,
    api: &str,
    repository: &RepoName,
    number: u64,
) -> Option<Request> {
    match vendor {
        Vendor::Github => Some(github::pull_request_request(api, repository, number)),
        Vendor::Gitea | Vendor::Forgejo => {
            Some(gitea::pull_request_request(api, repository, number))
        }
        Vendor::Gitlab => Some(gitlab::merge_request_request(api, repository, number)),
        Vendor::Bitbucket => Some(bitbucket::pull_request_request(api, repository, number)),
        Vendor::BitbucketServer => {
            Some(bitbucket_server::pull_request_request(api, repository, number))
        }
        Vendor::Gogs => None,
    }
}

/// The head commit that its answer names; none when it cannot be read.
pub fn pull_request(vendor: Vendor, body: &[u8]) -> Option<Head> {
    match vendor {
        Vendor::Github => github::pull_request(body).map(Head::At),
        Vendor::Gitea | Vendor::Forgejo | Vendor::Gogs => gitea::pull_request(body).map(Head::At),
        Vendor::Gitlab => gitlab::merge_request_head(body).map(Head::At),
        Vendor::Bitbucket => {
            let (hash, repository) = bitbucket::pull_request_head(body)?;
            let short = || Some(Head::Short(hash.parse().ok()?, repository));
            hash.parse().ok().map(Head::At).or_else(short)
        }
        Vendor::BitbucketServer => bitbucket_server::pull_request_head(body).map(Head::At),
    }
}

/// The request that puts a reaction on a comment of a pull request; asked for twice, it is there
/// once. None where there are no reactions.
pub fn reaction_request(
    vendor: Vendor,
    api: &str,
    repository: &RepoName,
    number: u64,
    comment: &str,
    reaction: Reaction,
) -> Option<Request> {
    match vendor {
        Vendor::Github => Some(github::reaction_request(api, repository, comment, reaction)),
        Vendor::Gitea | Vendor::Forgejo => {
            Some(gitea::reaction_request(api, repository, comment, reaction.as_str()))
        }
        Vendor::Gitlab => {
            let emoji = match reaction {
                Reaction::Done => "thumbsup",
                Reaction::Seen => "eyes",
                Reaction::Refused => "confused",
            };
            Some(gitlab::reaction_request(api, repository, number, comment, emoji))
        }
        Vendor::Gogs | Vendor::Bitbucket | Vendor::BitbucketServer => None,
    }
}

/// The request that writes a comment on a pull request.
pub fn comment_request(
    vendor: Vendor,
    api: &str,
    repository: &RepoName,
    number: u64,
    text: &str,
) -> Option<Request> {
    match vendor {
        Vendor::Github => Some(github::comment_request(api, repository, number, text)),
        Vendor::Gitea | Vendor::Forgejo | Vendor::Gogs => {
            Some(gitea::comment_request(api, repository, number, text))
        }
        Vendor::Gitlab => Some(gitlab::comment_request(api, repository, number, text)),
        Vendor::Bitbucket => Some(bitbucket::comment_request(api, repository, number, text)),
        Vendor::BitbucketServer => {
            Some(bitbucket_server::comment_request(api, repository, number, text))
        }
    }
}

/// The request for the version of one of our comments, where a change of it has to name that; it
/// is what [`edit_request`] takes.
pub fn version_request(
    vendor: Vendor,
    api: &str,
    repository: &RepoName,
    number: u64,
    comment: &str,
) -> Option<Request> {
    (vendor == Vendor::BitbucketServer)
        .then(|| bitbucket_server::comment_version_request(api, repository, number, comment))
}

/// Reads its answer; none when it is no such answer.
pub fn version(body: &[u8]) -> Option<u64> {
    bitbucket_server::comment(body).map(|(_, version)| version)
}

/// The request that changes one of our comments.
pub fn edit_request(
    vendor: Vendor,
    api: &str,
    repository: &RepoName,
    (number, comment): (u64, &str),
    version: u64,
    text: &str,
) -> Option<Request> {
    let repo = repository;
    match vendor {
        Vendor::Github => Some(github::edit_request(api, repo, comment, text)),
        Vendor::Gitea | Vendor::Forgejo | Vendor::Gogs => {
            Some(gitea::edit_request(api, repo, comment, text))
        }
        Vendor::Gitlab => Some(gitlab::comment_update_request(api, repo, number, comment, text)),
        Vendor::Bitbucket => {
            Some(bitbucket::comment_update_request(api, repo, number, comment, text))
        }
        Vendor::BitbucketServer => {
            let request = bitbucket_server::comment_update_request;
            Some(request(api, repo, number, comment, version, text))
        }
    }
}

/// The request for a page, from 1, of a pull request's comments: of those that changed since then,
/// where a forge can be asked for them, and else the newest first.
pub fn comments_request(
    vendor: Vendor,
    api: &str,
    repository: &RepoName,
    number: u64,
    since: Timestamp,
    page: usize,
) -> Option<Request> {
    match vendor {
        Vendor::Github => Some(github::comments_request(api, repository, number, since, page)),
        Vendor::Gitea | Vendor::Forgejo | Vendor::Gogs => {
            Some(gitea::comments_request(api, repository, number, since))
        }
        Vendor::Gitlab => Some(gitlab::comments_request(api, repository, number, page)),
        Vendor::Bitbucket => Some(bitbucket::comments_request(api, repository, number, page)),
        Vendor::BitbucketServer => {
            Some(bitbucket_server::comments_request(api, repository, number, page))
        }
    }
}

/// What such a page says, and whether another may follow; none when it cannot be read.
pub fn comments(vendor: Vendor, body: &[u8]) -> Option<(Vec<Comment>, bool)> {
    match vendor {
        Vendor::Github => github::comments(body),
        Vendor::Gitea | Vendor::Forgejo | Vendor::Gogs => Some((gitea::comments(body)?, false)),
        Vendor::Gitlab => gitlab::comments(body),
        Vendor::Bitbucket => bitbucket::comments_page(body),
        Vendor::BitbucketServer => bitbucket_server::comments_page(body),
    }
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
    match vendor {
        Vendor::Github => github::answer_to_effect(answer, status),
        Vendor::Gitea | Vendor::Forgejo | Vendor::Gogs => {
            gitea::answer_to_effect(vendor, answer, status)
        }
        Vendor::Gitlab => gitlab::answer_to_effect(answer, status, body),
        Vendor::Bitbucket => bitbucket::answer_to_effect(answer, status),
        Vendor::BitbucketServer => bitbucket_server::answer_to_effect(answer, status),
    }
}

#[cfg(test)]
mod tests;
