//! The fields of Data Center's bodies that anything here reads, and what they have in common.

use serde::Deserialize;

use super::super::PayloadError;
use super::super::wire::{Field, Id, List, Object, Part};
use crate::domain::event::{Author, Commit, Repository, Sender};
use crate::domain::ids::RepoName;

const SLUG: &str = "repository.slug";

/// A body of any event: what an event does not have is absent.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Body {
    actor: Part<User>,
    repository: Part<RepositoryBody>,
    #[serde(rename = "pullRequest")]
    pub(super) pull_request: Part<PullRequest>,
    /// The head before an update of it.
    #[serde(rename = "previousFromHash")]
    pub(super) previous_from_hash: Field<String>,
    /// The branch that a pull request was for, where an update of it chose another.
    #[serde(rename = "previousTarget")]
    pub(super) previous_target: Part<Reference>,
    pub(super) changes: List<Object<Change>>,
    /// The commit behind what a push left; only newer versions say it.
    #[serde(rename = "toCommit")]
    pub(super) to_commit: Part<CommitBody>,
    comment: Part<Comment>,
    /// Of a comment on a commit.
    pub(super) commit: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct RepositoryBody {
    slug: Field<String>,
    project: Part<Project>,
    public: Field<bool>,
    links: Part<Links>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Project {
    key: Field<String>,
    public: Field<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Links {
    clone: List<Object<Link>>,
    #[serde(rename = "self")]
    own: List<Object<Link>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Link {
    name: Field<String>,
    href: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct User {
    name: Field<String>,
    /// The name as addresses have it; nobody else's is the same.
    slug: Field<String>,
    id: Field<Id>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Participant {
    user: Part<User>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Change {
    #[serde(rename = "ref")]
    pub(super) reference: Part<Reference>,
    #[serde(rename = "refId")]
    pub(super) reference_id: Field<String>,
    #[serde(rename = "fromHash")]
    pub(super) from: Field<String>,
    #[serde(rename = "toHash")]
    pub(super) to: Field<String>,
    #[serde(rename = "type")]
    pub(super) kind: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Reference {
    pub(super) id: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct CommitBody {
    pub(super) id: Field<String>,
    message: Field<String>,
    author: Part<CommitAuthor>,
    /// In thousandths of a second since 1970.
    #[serde(rename = "authorTimestamp")]
    author_timestamp: Field<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CommitAuthor {
    name: Field<String>,
    #[serde(rename = "emailAddress")]
    email: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct PullRequest {
    pub(super) id: Field<u64>,
    pub(super) title: Field<String>,
    pub(super) state: Field<String>,
    pub(super) draft: Field<bool>,
    pub(super) author: Part<Participant>,
    #[serde(rename = "fromRef")]
    pub(super) head: Part<Side>,
    #[serde(rename = "toRef")]
    pub(super) base: Part<Side>,
    pub(super) links: Part<Links>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Side {
    /// In full: `refs/heads/…`.
    pub(super) id: Field<String>,
    #[serde(rename = "latestCommit")]
    pub(super) commit: Field<String>,
    pub(super) repository: Part<RepositoryBody>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Comment {
    id: Field<Id>,
    text: Field<String>,
    author: Part<User>,
    /// In thousandths of a second since 1970.
    #[serde(rename = "createdDate")]
    created: Field<u64>,
}

impl Body {
    /// The repository, or an error that names what of it is missing: a pull request's is the one
    /// that it is for.
    pub(super) fn repository(&self) -> Result<Repository, PayloadError> {
        let base = || self.pull_request.part()?.base.part()?.repository.part();
        let repository = self.repository.part().or_else(base);
        let repository = repository.ok_or(PayloadError::Missing { field: SLUG })?;
        let expected = "a repository's name (PROJECT/name)";
        let name = repository.full_name().ok_or(PayloadError::Missing { field: SLUG })?;
        let full_name: RepoName =
            name.parse().map_err(|_| PayloadError::Wrong { field: SLUG, expected })?;
        let public = repository.project.part().is_some_and(|project| project.public.is_set());
        Ok(Repository {
            owner: full_name.owner().to_owned(),
            name: full_name.name().to_owned(),
            clone_url: repository.clone_url(&full_name),
            url: repository.page(),
            default_branch: String::new(),
            private: !repository.public.is_set() && !public,
            full_name,
        })
    }

    pub(super) fn sender(&self) -> Option<Sender> {
        person(&self.actor)
    }

    /// When the comment was written.
    pub(super) fn commented_at(&self) -> Option<jiff::Timestamp> {
        let at = i64::try_from(*self.comment.part()?.created.get()?).ok()?;
        jiff::Timestamp::from_millisecond(at).ok()
    }

    pub(super) fn comment(&self) -> Option<crate::domain::event::Comment> {
        let comment = self.comment.part()?;
        Some(crate::domain::event::Comment {
            id: comment.id.get().map_or_else(String::new, |Id(id)| id.clone()),
            body: comment.text.text(),
            author: login(&comment.author),
            url: String::new(),
        })
    }
}

impl RepositoryBody {
    /// `PROJECT/name`.
    pub(super) fn full_name(&self) -> Option<String> {
        let key = self.project.part()?.key.filled()?;
        Some(format!("{key}/{}", self.slug.filled()?))
    }

    /// Its page, without the view that the link opens; empty where the body has no links.
    fn page(&self) -> String {
        let link = page(&self.links);
        link.strip_suffix("/browse").map_or(link.clone(), str::to_owned)
    }

    /// Where to clone it by HTTP from; where the body names only SSH, beside its page.
    fn clone_url(&self, full_name: &RepoName) -> String {
        let links = self.links.part();
        let clone = links.and_then(|links| {
            let http = |link: &&Object<Link>| link.0.name.filled() == Some("http");
            links.clone.items().find(http)?.0.href.filled()
        });
        if let Some(url) = clone {
            return url.to_owned();
        }
        let page = self.page();
        let root = page.split_once("/projects/").or(page.split_once("/users/"));
        let name = full_name.as_str().to_lowercase();
        root.map_or_else(String::new, |(root, _)| format!("{root}/scm/{name}.git"))
    }
}

impl CommitBody {
    pub(super) fn commit(&self) -> Option<Commit> {
        let author = self.author.part().map_or_else(Author::default, |author| Author {
            name: author.name.text(),
            email: author.email.text(),
        });
        let at = self.author_timestamp.get().and_then(|ms| i64::try_from(*ms).ok());
        let at = at.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
        Some(Commit {
            sha: self.id.filled()?.to_owned(),
            message: self.message.text(),
            author,
            timestamp: at.map(|at| at.to_string()).unwrap_or_default(),
            url: String::new(),
        })
    }
}

/// A user's name; empty where the account is gone.
fn login(user: &Part<User>) -> String {
    let name = |user: &User| user.slug.filled().or(user.name.filled()).map(str::to_owned);
    user.part().and_then(name).unwrap_or_default()
}

fn person(user: &Part<User>) -> Option<Sender> {
    let (login, id) = (login(user), user.part()?.id.get());
    let id = id.map_or_else(String::new, |Id(id)| id.clone());
    (!login.is_empty()).then_some(Sender { login, id })
}

/// Somebody who takes part in a pull request, with the id that trust rests on.
pub(super) fn taking_part(participant: &Part<Participant>) -> Option<Sender> {
    person(&participant.part()?.user)
}

pub(super) fn participant(participant: &Part<Participant>) -> String {
    participant.part().map_or_else(String::new, |it| login(&it.user))
}

pub(super) fn page(links: &Part<Links>) -> String {
    let own = links.part().and_then(|links| links.own.items().next());
    own.map(|link| link.0.href.text()).unwrap_or_default()
}
