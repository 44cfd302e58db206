//! The same questions put to whichever forge it is; what is above this knows none by name.

use std::borrow::Cow;

use jiff::Timestamp;
use url::Url;

use super::github;
use super::{
    Headers, PayloadError, bitbucket, bitbucket_server, gitea, gitlab, identity, is_form, manual,
    payload,
};
use crate::domain::event::Event;
use crate::domain::ids::{ForgeId, RepoName, Sha, ShortSha, Vendor};
use crate::domain::signature::{Authentic, BadSignature, Claim, WebhookSecret};

mod conversation;
mod statuses;
pub mod webhooks;

pub use conversation::{
    Head, answer_to_effect, comment_request, comments, comments_request, edit_request,
    has_reactions, is_marked, marker, permission, permission_request, pull_request,
    pull_request_request, reaction_request, version, version_request,
};

pub use statuses::{
    answer, answers, has_statuses, in_words_of, shown, shown_page, shown_request, status_request,
    wants_branch, words_of,
};

/// How a token is shown to a forge's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenScheme {
    /// `Authorization: Bearer …`.
    Bearer,
    /// `Authorization: token …`.
    Token,
    /// `Authorization: Basic …`: a name and a secret, encoded already.
    Basic,
}

/// What of a check the operator or the clock decides.
#[derive(Debug, Clone, Copy)]
pub struct Checks {
    /// A lone `X-Hub-Signature: sha1=…` of GitHub's is good enough.
    pub allow_sha1: bool,
    /// Where a signature says when it was made.
    pub now: Timestamp,
}

/// Which kind of forge a delivery says that it is from; none where no header tells.
///
/// In this order, because each sends the headers of those after it too.
pub fn recognised(headers: &Headers) -> Option<Vendor> {
    const TOLD_BY: [(&str, Vendor); 5] = [
        ("x-forgejo-event", Vendor::Forgejo),
        ("x-gitea-event", Vendor::Gitea),
        ("x-gogs-event", Vendor::Gogs),
        ("x-github-event", Vendor::Github),
        ("x-gitlab-event", Vendor::Gitlab),
    ];
    let told = TOLD_BY.into_iter().find(|(header, _)| headers.get(header).is_some());
    if let Some((_, vendor)) = told {
        return Some(vendor);
    }
    // Both Bitbuckets name the event alike; the events' names and the delivery's differ.
    let key = headers.get("x-event-key")?;
    let server = headers.get("x-request-uuid").is_none() && !key.starts_with("repo:push");
    let server = server && !key.starts_with("pullrequest:");
    Some(if server { Vendor::BitbucketServer } else { Vendor::Bitbucket })
}

/// The header with the event's name.
pub fn event_header(vendor: Vendor) -> &'static str {
    match vendor {
        Vendor::Github => github::EVENT_HEADER,
        Vendor::Gitlab => "X-Gitlab-Event",
        Vendor::Gitea | Vendor::Forgejo | Vendor::Gogs => gitea::headers(vendor).event,
        Vendor::Bitbucket | Vendor::BitbucketServer => "X-Event-Key",
    }
}

/// Whether there is a signature to check at all, before the body is read.
pub fn is_signed(vendor: Vendor, headers: &Headers, allow_sha1: bool) -> bool {
    let filled = |header: &str| headers.get(header).is_some_and(|value| !value.is_empty());
    match vendor {
        Vendor::Github => {
            headers.get("x-hub-signature-256").is_some()
                || allow_sha1 && headers.get("x-hub-signature").is_some()
        }
        Vendor::Gitlab => filled("x-gitlab-token") || filled("webhook-signature"),
        Vendor::Gitea | Vendor::Forgejo | Vendor::Gogs => filled(gitea::headers(vendor).signature),
        Vendor::Bitbucket | Vendor::BitbucketServer => filled("x-hub-signature"),
    }
}

/// What the head of a delivery says about who signed it, before any of its body is read. It is
/// checked piece by piece, so that long bodies need no memory before they prove right.
///
/// # Errors
/// When no body could prove it.
pub fn claim(vendor: Vendor, headers: &Headers, allow_sha1: bool) -> Result<Claim, BadSignature> {
    match vendor {
        Vendor::Github => github::claim(headers, allow_sha1),
        Vendor::Gitea | Vendor::Forgejo | Vendor::Gogs => gitea::claim(vendor, headers),
        Vendor::Gitlab => gitlab::claim(headers),
        Vendor::Bitbucket => bitbucket::claim(headers),
        Vendor::BitbucketServer => bitbucket_server::claim(headers),
    }
}

/// Checks who signed a delivery, before anything reads it.
///
/// # Errors
/// When there is no signature that one of the secrets made.
pub fn authenticate<'a>(
    vendor: Vendor,
    secrets: &[WebhookSecret],
    headers: &Headers,
    checks: Checks,
    body: &'a [u8],
) -> Result<Authentic<'a>, BadSignature> {
    match vendor {
        Vendor::Github => github::authenticate(secrets, headers, checks.allow_sha1, body),
        Vendor::Gitea | Vendor::Forgejo | Vendor::Gogs => {
            gitea::authenticate(vendor, secrets, headers, body)
        }
        Vendor::Gitlab => gitlab::authenticate(secrets, headers, checks.now, body),
        Vendor::Bitbucket => bitbucket::authenticate(secrets, headers, body),
        Vendor::BitbucketServer => bitbucket_server::authenticate(secrets, headers, body),
    }
}

/// The JSON of a checked delivery, and whether it is not the body itself but was packed into it.
///
/// # Errors
/// As [`payload`].
pub fn json<'a>(
    vendor: Vendor,
    content_type: Option<&str>,
    authentic: &'a Authentic<'_>,
) -> Result<(Cow<'a, [u8]>, bool), PayloadError> {
    // What these sign is what is packed into a form.
    if is_gitea(vendor) && content_type.is_some_and(is_form) {
        return Ok((Cow::Borrowed(authentic.body()), true));
    }
    let json = payload(content_type, authentic.body())?;
    let packed = json.len() != authentic.body().len();
    Ok((json, packed))
}

/// What a delivery is known by; the hash of its body where the forge gives no id.
pub fn delivery_id(vendor: Vendor, headers: &Headers, body: &[u8]) -> String {
    match vendor {
        Vendor::Gitea | Vendor::Forgejo | Vendor::Gogs => {
            identity(headers.get(gitea::headers(vendor).delivery), body)
        }
        Vendor::Gitlab => gitlab::delivery_id(headers, body),
        Vendor::Bitbucket => bitbucket::delivery_id(headers, body),
        Vendor::BitbucketServer => bitbucket_server::delivery_id(headers, body),
        _ => github::delivery_id(headers, body),
    }
}

fn is_gitea(vendor: Vendor) -> bool {
    matches!(vendor, Vendor::Gitea | Vendor::Forgejo | Vendor::Gogs)
}

/// Reads the event that a delivery tells of; of several the first.
///
/// # Errors
/// As the forge's own reader; and for a forge that has none yet.
pub fn event(
    forge: impl Into<ForgeId>,
    event_name: &str,
    json: &[u8],
) -> Result<Event, PayloadError> {
    let forge = forge.into();
    let events = events(forge, event_name, json)?;
    let vendor = forge.vendor();
    events.into_iter().next().ok_or(PayloadError::Vendor { vendor })
}

/// Reads all that a delivery tells of, at least one event: some forges pack several pushes into
/// one.
///
/// # Errors
/// As [`event`].
pub fn events(
    forge: impl Into<ForgeId>,
    event_name: &str,
    json: &[u8],
) -> Result<Vec<Event>, PayloadError> {
    let forge = forge.into();
    let mut events = match forge.vendor() {
        vendor if event_name == manual::EVENT => vec![manual::event(vendor, json)?],
        Vendor::Github => vec![github::event(event_name, json)?],
        vendor if is_gitea(vendor) => vec![gitea::event(vendor, event_name, json)?],
        Vendor::Gitlab => vec![gitlab::event(event_name, json)?],
        Vendor::Bitbucket => bitbucket::events(event_name, json)?,
        Vendor::BitbucketServer => bitbucket_server::events(event_name, json)?,
        vendor => return Err(PayloadError::Vendor { vendor }),
    };
    events.iter_mut().for_each(|event| event.instance = forge.instance());
    Ok(events)
}

/// Which webhook of the forge's sent a delivery, where it says so.
pub fn hook(vendor: Vendor, headers: &Headers) -> Option<String> {
    let header = match vendor {
        Vendor::Github => "x-github-hook-id",
        // Not which one, but a repository's and its organisation's are told apart.
        Vendor::Gitea | Vendor::Forgejo | Vendor::Gogs => gitea::headers(vendor).target,
        Vendor::Gitlab => return gitlab::hook(headers),
        Vendor::Bitbucket => return bitbucket::hook(headers),
        _ => return None,
    };
    headers.get(header).filter(|id| !id.is_empty()).map(str::to_owned)
}

/// Whether a header says something about a delivery that is worth keeping, and neither proves
/// nor grants anything. The name is in lower case.
pub fn is_kept(vendor: Vendor, header: &str) -> bool {
    let about = match vendor {
        Vendor::Github => header.starts_with("x-github-"),
        Vendor::Gitlab => header.starts_with("x-gitlab-") || header == "idempotency-key",
        Vendor::Gitea => header.starts_with("x-gitea-"),
        Vendor::Forgejo => header.starts_with("x-forgejo-"),
        Vendor::Gogs => header.starts_with("x-gogs-"),
        Vendor::Bitbucket | Vendor::BitbucketServer => {
            let names = ["x-event-key", "x-request-uuid", "x-request-id", "x-hook-uuid"];
            names.contains(&header) || header == "x-attempt-number"
        }
    };
    let secret = ["signature", "token", "secret"].iter().any(|word| header.contains(word));
    about && !secret || matches!(header, "content-type" | "user-agent")
}

/// Where a forge's API is, without a slash at the end.
pub fn api_base(vendor: Vendor, url: &Url) -> String {
    let root = url.as_str().trim_end_matches('/');
    match vendor {
        Vendor::Github if is_host(url, "github.com") => "https://api.github.com".to_owned(),
        Vendor::Github => format!("{root}/api/v3"),
        Vendor::Gitlab => format!("{root}/api/v4"),
        Vendor::Gitea | Vendor::Forgejo | Vendor::Gogs => format!("{root}/api/v1"),
        Vendor::Bitbucket if is_host(url, "bitbucket.org") => {
            "https://api.bitbucket.org/2.0".to_owned()
        }
        Vendor::Bitbucket => format!("{root}/2.0"),
        Vendor::BitbucketServer => format!("{root}/rest"),
    }
}

fn is_host(url: &Url, name: &str) -> bool {
    url.host_str().is_some_and(|host| host.strip_prefix("www.").unwrap_or(host) == name)
}

/// How the forge's API takes a token.
pub fn token_scheme(vendor: Vendor) -> TokenScheme {
    match vendor {
        // The older of them know no other.
        Vendor::Gitea | Vendor::Forgejo | Vendor::Gogs => TokenScheme::Token,
        _ => TokenScheme::Bearer,
    }
}

/// The user name that git sends beside a token, where the operator names none.
pub fn git_username(vendor: Vendor) -> &'static str {
    match vendor {
        // GitHub takes any name beside a token; some proxies insist on one.
        Vendor::Github => "x-access-token",
        Vendor::Gitlab => "oauth2",
        Vendor::Gitea | Vendor::Forgejo | Vendor::Gogs => "pocketci",
        Vendor::Bitbucket | Vendor::BitbucketServer => "x-token-auth",
    }
}

/// Where to fetch a repository from: below the configured root, whatever a payload says.
pub fn clone_url(vendor: Vendor, root: &Url, repository: &RepoName) -> String {
    let root = root.as_str().trim_end_matches('/');
    match vendor {
        Vendor::BitbucketServer => format!("{root}/scm/{repository}.git"),
        _ => format!("{root}/{repository}.git"),
    }
}

/// A question that any token may ask, and that costs nothing of its limit.
pub fn probe_address(vendor: Vendor, api: &str) -> String {
    match vendor {
        Vendor::Github => format!("{api}/rate_limit"),
        Vendor::Gitlab | Vendor::Gitea | Vendor::Forgejo => format!("{api}/version"),
        Vendor::Gogs | Vendor::Bitbucket => format!("{api}/user"),
        Vendor::BitbucketServer => format!("{api}/api/latest/application-properties"),
    }
}

/// The reference under which the forge has the event's commit; none for the default branch's.
pub fn head_reference(event: &Event) -> Option<String> {
    // A comment names a pull request's number alone; Gogs never names a commit of one.
    let named = |sha: &Option<Sha>| sha.is_some() || event.event_type == "pull_request";
    let pull = event.pull_request.as_ref().filter(|pull| named(&pull.head.sha));
    match pull {
        Some(pull) => match event.vendor {
            Vendor::Gitlab => Some(gitlab::merge_request_reference(pull.number)),
            Vendor::BitbucketServer => Some(bitbucket_server::pull_request_reference(pull.number)),
            // It has none, but the branch; see `head_repository`.
            Vendor::Bitbucket => event.reference.clone(),
            _ => Some(format!("refs/pull/{}/head", pull.number)),
        },
        None => event.reference.clone(),
    }
}

/// Where [`head_reference`] lies if not in the event's repository: in the fork that a pull request
/// of Bitbucket Cloud comes from. None also for one whose fork is gone.
pub fn head_repository(event: &Event) -> Option<RepoName> {
    let forked = event.vendor == Vendor::Bitbucket && event.sha.is_some() && event.is_fork();
    forked.then(|| bitbucket::head_source(event)).flatten().map(|(repository, _)| repository)
}

/// The reference as GitHub's own CI would name it in `GITHUB_REF`.
pub fn label_reference(event: &Event) -> String {
    if let Some(pull) = &event.pull_request {
        return format!("refs/pull/{}/merge", pull.number);
    }
    let default = event.repository.as_ref().map(|repository| repository.default_branch.as_str());
    let default = default.filter(|branch| !branch.is_empty());
    let reference = event.reference.clone();
    reference.or_else(|| default.map(|branch| format!("refs/heads/{branch}"))).unwrap_or_default()
}

/// The request that asks for the whole id of a commit that a delivery names by its beginning.
///
/// None: the forge names them whole.
pub fn commit_request(
    vendor: Vendor,
    api: &str,
    repository: &RepoName,
    commit: &ShortSha,
) -> Option<http::Request<Vec<u8>>> {
    let asked = vendor == Vendor::Bitbucket;
    asked.then(|| bitbucket::commit_request(api, repository, commit))
}

/// Reads its answer; none when it is no such answer, or about another commit.
pub fn commit(vendor: Vendor, body: &[u8], asked: &ShortSha) -> Option<Sha> {
    (vendor == Vendor::Bitbucket).then(|| bitbucket::commit(body, asked)).flatten()
}

#[cfg(test)]
mod tests;
