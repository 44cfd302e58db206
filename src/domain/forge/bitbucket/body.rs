//! The fields of Bitbucket Cloud's bodies that anything here reads, and what they have in common.

use serde::Deserialize;

use super::super::PayloadError;
use super::super::wire::{Field, Id, List, Object, Part};
use crate::domain::event::{Author, Commit, Repository, Sender};
use crate::domain::ids::RepoName;

const FULL_NAME: &str = "repository.full_name";

/// There is but one Bitbucket Cloud; bodies write their links in more than one way.
const SITE: &str = "https://bitbucket.org";

/// A body of any event: what an event does not have is absent.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Body {
    repository: Part<RepositoryBody>,
    actor: Part<User>,
    pub(super) push: Part<Push>,
    pub(super) pullrequest: Part<PullRequest>,
    pub(super) comment: Part<Comment>,
    /// Of a comment on a commit.
    pub(super) commit: Part<Target>,
    pub(super) commit_status: Part<CommitStatus>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct CommitStatus {
    pub(super) commit: Part<Target>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct RepositoryBody {
    pub(super) full_name: Field<String>,
    is_private: Field<bool>,
    mainbranch: Part<Named>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Named {
    pub(super) name: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct User {
    /// Of old, and of teams.
    username: Field<String>,
    account_id: Field<String>,
    uuid: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Push {
    pub(super) changes: List<Object<Change>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Change {
    pub(super) new: Part<Place>,
    pub(super) old: Part<Place>,
    pub(super) forced: Field<bool>,
}

/// A branch or a tag, and the commit that it was or is at.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Place {
    #[serde(rename = "type")]
    pub(super) kind: Field<String>,
    pub(super) name: Field<String>,
    pub(super) target: Part<Target>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Target {
    pub(super) hash: Field<String>,
    message: Field<String>,
    date: Field<String>,
    author: Part<CommitAuthor>,
    links: Part<Links>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CommitAuthor {
    /// `Name <address>`.
    raw: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Links {
    html: Part<Link>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Link {
    href: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct PullRequest {
    pub(super) id: Field<u64>,
    pub(super) title: Field<String>,
    pub(super) state: Field<String>,
    pub(super) draft: Field<bool>,
    pub(super) author: Part<User>,
    pub(super) source: Part<Side>,
    pub(super) destination: Part<Side>,
    pub(super) links: Part<Links>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Side {
    pub(super) branch: Part<Named>,
    pub(super) commit: Part<Target>,
    pub(super) repository: Part<RepositoryBody>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Comment {
    id: Field<Id>,
    content: Part<Content>,
    created_on: Field<String>,
    user: Part<User>,
    links: Part<Links>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Content {
    raw: Field<String>,
}

impl Body {
    /// The repository, or an error that names what of it is missing.
    pub(super) fn repository(&self) -> Result<Repository, PayloadError> {
        let repository =
            self.repository.part().ok_or(PayloadError::Missing { field: FULL_NAME })?;
        let name = repository.full_name.required(FULL_NAME)?;
        let full_name: RepoName = name.parse().map_err(|_| PayloadError::Wrong {
            field: FULL_NAME,
            expected: "a repository's name (workspace/name)",
        })?;
        let main = repository.mainbranch.part().map(|branch| branch.name.text());
        Ok(Repository {
            owner: full_name.owner().to_owned(),
            name: full_name.name().to_owned(),
            clone_url: format!("{SITE}/{full_name}.git"),
            url: format!("{SITE}/{full_name}"),
            default_branch: main.unwrap_or_default(),
            private: repository.is_private.is_set(),
            full_name,
        })
    }

    pub(super) fn sender(&self) -> Option<Sender> {
        person(&self.actor)
    }

    /// When the comment was written.
    pub(super) fn commented_at(&self) -> Option<jiff::Timestamp> {
        self.comment.part()?.created_on.parsed()
    }

    /// The comment; who wrote it is who did it, where it does not say itself.
    pub(super) fn comment(&self) -> Option<crate::domain::event::Comment> {
        let comment = self.comment.part()?;
        let author = login(&comment.user);
        Some(crate::domain::event::Comment {
            id: comment.id.get().map_or_else(String::new, |Id(id)| id.clone()),
            body: comment.content.part().map(|content| content.raw.text()).unwrap_or_default(),
            author: if author.is_empty() { login(&self.actor) } else { author },
            url: page(&comment.links),
        })
    }
}

impl Target {
    pub(super) fn commit(&self) -> Option<Commit> {
        let raw = self.author.part().map(|author| author.raw.text()).unwrap_or_default();
        let (name, email) = raw.split_once('<').unwrap_or((&raw, ""));
        let author = Author {
            name: name.trim().to_owned(),
            email: email.trim_end().trim_end_matches('>').to_owned(),
        };
        Some(Commit {
            sha: self.hash.filled()?.to_owned(),
            message: self.message.text(),
            author,
            timestamp: self.date.text(),
            url: page(&self.links),
        })
    }
}

/// A name that nobody else can take: the user name of old, or else the account's id. The nickname
/// is left out, because everybody may call themselves as they like.
pub(super) fn login(user: &Part<User>) -> String {
    let Some(user) = user.part() else { return String::new() };
    let names = [&user.username, &user.account_id, &user.uuid];
    names.into_iter().find_map(Field::filled).unwrap_or_default().to_owned()
}

pub(super) fn person(user: &Part<User>) -> Option<Sender> {
    let (login, id) = (login(user), user.part()?.uuid.text());
    (!login.is_empty()).then_some(Sender { login, id })
}

pub(super) fn page(links: &Part<Links>) -> String {
    let link = links.part().and_then(|links| links.html.part());
    link.map(|link| link.href.text()).unwrap_or_default()
}
