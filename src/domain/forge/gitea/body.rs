//! The fields of these bodies that anything here reads, and what they have in common.

use serde::Deserialize;

use super::super::PayloadError;
use super::super::wire::{Field, Id, List, Object, Part};
use crate::domain::event::{Author, Commit, Repository, Sender};
use crate::domain::ids::RepoName;

const FULL_NAME: &str = "repository.full_name";

/// A body of any event: what an event does not have is absent.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Body {
    pub(super) action: Field<String>,
    #[serde(rename = "ref")]
    pub(super) reference: Field<String>,
    pub(super) ref_type: Field<String>,
    /// Of a creation.
    pub(super) sha: Field<String>,
    pub(super) before: Field<String>,
    pub(super) after: Field<String>,
    pub(super) commits: List<Object<HeadCommit>>,
    pub(super) head_commit: Part<HeadCommit>,
    pub(super) number: Field<u64>,
    pub(super) pull_request: Part<PullRequest>,
    pub(super) issue: Part<Issue>,
    pub(super) comment: Part<Comment>,
    pub(super) review: Part<Review>,
    pub(super) release: Part<Release>,
    repository: Part<RepositoryBody>,
    sender: Part<User>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct RepositoryBody {
    pub(super) id: Field<u64>,
    pub(super) full_name: Field<String>,
    clone_url: Field<String>,
    html_url: Field<String>,
    default_branch: Field<String>,
    private: Field<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct User {
    login: Field<String>,
    username: Field<String>,
    id: Field<Id>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct HeadCommit {
    pub(super) id: Field<String>,
    message: Field<String>,
    timestamp: Field<String>,
    url: Field<String>,
    author: Part<CommitAuthor>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CommitAuthor {
    name: Field<String>,
    email: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct PullRequest {
    pub(super) number: Field<u64>,
    pub(super) title: Field<String>,
    pub(super) html_url: Field<String>,
    pub(super) user: Part<User>,
    pub(super) draft: Field<bool>,
    pub(super) merged: Field<bool>,
    pub(super) labels: List<Object<Label>>,
    pub(super) head: Part<Side>,
    pub(super) base: Part<Side>,
    /// Gogs names the two sides so, and no commit of either.
    pub(super) head_branch: Field<String>,
    pub(super) head_repo: Part<RepositoryBody>,
    pub(super) base_branch: Field<String>,
    pub(super) base_repo: Part<RepositoryBody>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Side {
    #[serde(rename = "ref")]
    pub(super) reference: Field<String>,
    pub(super) sha: Field<String>,
    /// Absent where it is -1: the repository is gone.
    pub(super) repo_id: Field<u64>,
    pub(super) repo: Part<RepositoryBody>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Label {
    name: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Issue {
    pub(super) number: Field<u64>,
    pub(super) title: Field<String>,
    pub(super) html_url: Field<String>,
    pub(super) user: Part<User>,
    pub(super) labels: List<Object<Label>>,
    /// There if the issue is a pull request.
    pub(super) pull_request: Part<IssuePull>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct IssuePull {
    pub(super) merged: Field<bool>,
    pub(super) draft: Field<bool>,
    pub(super) html_url: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Comment {
    id: Field<Id>,
    body: Field<String>,
    user: Part<User>,
    html_url: Field<String>,
    pub(super) created_at: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Review {
    pub(super) content: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Release {
    pub(super) tag_name: Field<String>,
    pub(super) name: Field<String>,
    pub(super) html_url: Field<String>,
    pub(super) body: Field<String>,
    pub(super) draft: Field<bool>,
    pub(super) prerelease: Field<bool>,
}

impl Body {
    /// The repository, or an error that names what of it is missing.
    pub(super) fn repository(&self) -> Result<Repository, PayloadError> {
        let repository =
            self.repository.part().ok_or(PayloadError::Missing { field: FULL_NAME })?;
        let name = repository.full_name.required(FULL_NAME)?;
        let full_name: RepoName = name.parse().map_err(|_| PayloadError::Wrong {
            field: FULL_NAME,
            expected: "a repository's name (owner/name)",
        })?;
        let clone_url = repository.clone_url.filled();
        let page = repository.html_url.filled();
        let page = page.or_else(|| clone_url.map(|url| url.trim_end_matches(".git")));
        let url = page.unwrap_or_default().to_owned();
        Ok(Repository {
            owner: full_name.owner().to_owned(),
            name: full_name.name().to_owned(),
            clone_url: clone_url.map_or_else(|| format!("{url}.git"), str::to_owned),
            url,
            default_branch: repository.default_branch.text(),
            private: repository.private.is_set(),
            full_name,
        })
    }

    pub(super) fn sender(&self) -> Option<Sender> {
        self.sender.part()?.sender()
    }
}

impl User {
    fn name(&self) -> Option<&str> {
        self.login.filled().or(self.username.filled())
    }

    /// Who it is; none where the account is gone.
    pub(super) fn sender(&self) -> Option<Sender> {
        let id = self.id.get().map_or_else(String::new, |Id(id)| id.clone());
        Some(Sender { login: self.name()?.to_owned(), id })
    }
}

impl HeadCommit {
    pub(super) fn commit(&self) -> Option<Commit> {
        let author = self.author.part().map_or_else(Author::default, |author| Author {
            name: author.name.text(),
            email: author.email.text(),
        });
        Some(Commit {
            sha: self.id.filled()?.to_owned(),
            message: self.message.text(),
            author,
            timestamp: self.timestamp.text(),
            url: self.url.text(),
        })
    }
}

impl Comment {
    pub(super) fn comment(&self) -> crate::domain::event::Comment {
        crate::domain::event::Comment {
            id: self.id.get().map_or_else(String::new, |Id(id)| id.clone()),
            body: self.body.text(),
            author: login(&self.user),
            url: self.html_url.text(),
        }
    }
}

/// A user's login; empty where the account is gone.
pub(super) fn login(user: &Part<User>) -> String {
    user.part().and_then(User::name).unwrap_or_default().to_owned()
}

/// The labels' names.
pub(super) fn names(labels: &List<Object<Label>>) -> Vec<String> {
    labels.items().filter_map(|Object(label)| label.name.get()).cloned().collect()
}
