//! Statuses: telling a forge, asking what it shows, and what its answers mean.

use jiff::Timestamp;

use super::super::github::{self, Answer};
use super::super::{Headers, bitbucket, bitbucket_server, gitea, gitlab};
use super::is_gitea;
use crate::domain::ids::{RepoName, Sha, Vendor};
use crate::domain::mend::Posted;
use crate::domain::run::Status;

/// Whether the forge shows what became of a commit at all.
pub fn has_statuses(vendor: Vendor) -> bool {
    vendor != Vendor::Gogs
}

/// Whether a status of a pull request's commit has to name its branch.
pub fn wants_branch(vendor: Vendor) -> bool {
    vendor == Vendor::Gitlab
}

/// The request that puts a status on a commit; credentials are the client's to add.
///
/// `branch` is of a pull request the head's, for forges that [ask for it](wants_branch). None: the
/// forge has no statuses.
pub fn status_request(
    vendor: Vendor,
    api: &str,
    repository: &RepoName,
    (sha, branch): (&Sha, Option<&str>),
    status: &Status,
    target_url: &str,
) -> Option<http::Request<Vec<u8>>> {
    match vendor {
        Vendor::Github => Some(github::status_request(api, repository, sha, status, target_url)),
        Vendor::Gitea | Vendor::Forgejo => {
            Some(gitea::status_request(api, repository, sha, status, target_url))
        }
        Vendor::Gitlab => {
            Some(gitlab::status_request(api, repository, sha, branch, status, target_url))
        }
        Vendor::Bitbucket => {
            Some(bitbucket::status_request(api, repository, sha, status, target_url))
        }
        Vendor::BitbucketServer => {
            Some(bitbucket_server::status_request(api, repository, sha, status, target_url))
        }
        _ => None,
    }
}

/// The request for a page of what a commit shows, from 1: the newest post of each context.
///
/// None: the forge does not show it.
pub fn shown_request(
    vendor: Vendor,
    api: &str,
    repository: &RepoName,
    sha: &Sha,
    page: usize,
) -> Option<http::Request<Vec<u8>>> {
    match vendor {
        Vendor::Github => Some(github::shown_request(api, repository, sha, page)),
        Vendor::Gitea | Vendor::Forgejo => Some(gitea::shown_request(api, repository, sha, page)),
        Vendor::Gitlab => Some(gitlab::shown_request(api, repository, sha, page)),
        Vendor::Bitbucket => Some(bitbucket::shown_request(api, repository, sha, page)),
        Vendor::BitbucketServer => {
            Some(bitbucket_server::shown_request(api, repository, sha, page))
        }
        _ => None,
    }
}

/// What such a page says; none when it cannot be read.
pub fn shown(vendor: Vendor, body: &[u8]) -> Option<Vec<Posted>> {
    match vendor {
        Vendor::Gitea | Vendor::Forgejo | Vendor::Gogs => gitea::shown(body),
        Vendor::Gitlab => gitlab::shown(body),
        Vendor::Bitbucket => bitbucket::shown(body),
        Vendor::BitbucketServer => bitbucket_server::shown(body),
        Vendor::Github => github::shown(body),
    }
}

/// How many entries a page of it has unless it is the last.
pub fn shown_page(vendor: Vendor) -> usize {
    // How many a Gitea gives is its operator's choice: the last page is the empty one.
    if is_gitea(vendor) { 1 } else { 100 }
}

/// What a forge's reply to a status means.
pub fn answer(
    vendor: Vendor,
    status: u16,
    headers: &Headers,
    body: &[u8],
    now: Timestamp,
) -> Answer {
    match vendor {
        Vendor::Gitea | Vendor::Forgejo | Vendor::Gogs => {
            gitea::answer(vendor, status, headers, body)
        }
        Vendor::Gitlab => gitlab::answer(status, headers, body, now),
        Vendor::Bitbucket => bitbucket::answer(status, headers, body, now),
        Vendor::BitbucketServer => bitbucket_server::answer(status, headers, body, now),
        _ => github::answer(status, headers, body, now),
    }
}

/// The same in the words of somebody whose token is in another place than the vendor's variable,
/// which is what sentences name: that of a named forge above all.
pub fn in_words_of(answer: Answer, vendor: Vendor, token: &str) -> Answer {
    let words = |why: String| words_of(&why, vendor, token);
    match answer {
        Answer::Done { post } => Answer::Done { post },
        Answer::NotYet { why } => Answer::NotYet { why: words(why) },
        Answer::Retry { why } => Answer::Retry { why: words(why) },
        Answer::Limited { after, why } => Answer::Limited { after, why: words(why) },
        Answer::Refused { whom, why } => Answer::Refused { whom, why: words(why) },
        Answer::Never { why } => Answer::Never { why: words(why) },
    }
}

/// A sentence with the name that the token has.
pub fn words_of(why: &str, vendor: Vendor, token: &str) -> String {
    let quoted = if token.contains('`') { token.to_owned() } else { format!("`{token}`") };
    why.replace(&format!("`{}`", vendor.variable("TOKEN")), &quoted)
}

/// What an answer to a question that any token may ask says about the forge and our token; the
/// error is a sentence for the operator. `anonymous`: it was asked without a token, and a forge
/// that refuses to answer such a question is well.
///
/// # Errors
/// When the forge refuses the token, or has trouble of its own.
pub fn answers(
    vendor: Vendor,
    status: u16,
    headers: &Headers,
    body: &[u8],
    anonymous: bool,
    now: Timestamp,
) -> Result<(), String> {
    // An Enterprise Server without rate limits has no address for them, and a token of a Gitea
    // need not be one for questions about the forge.
    if status == 404 || status == 403 && is_gitea(vendor) {
        return Ok(());
    }
    match answer(vendor, status, headers, body, now) {
        Answer::Done { .. } | Answer::Never { .. } => Ok(()),
        Answer::Refused { .. } if anonymous => Ok(()),
        Answer::NotYet { why }
        | Answer::Retry { why }
        | Answer::Limited { why, .. }
        | Answer::Refused { why, .. } => Err(why),
    }
}
