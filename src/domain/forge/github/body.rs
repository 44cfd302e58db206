//! The fields of GitHub's bodies that anything here reads, and what they have in common.

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
    pub(super) before: Field<String>,
    pub(super) after: Field<String>,
    pub(super) created: Field<bool>,
    pub(super) deleted: Field<bool>,
    pub(super) forced: Field<bool>,
    pub(super) head_commit: Part<HeadCommit>,
    pub(super) number: Field<u64>,
    pub(super) pull_request: Part<PullRequest>,
    pub(super) issue: Part<Issue>,
    pub(super) comment: Part<Comment>,
    pub(super) review: Part<Comment>,
    pub(super) release: Part<Release>,
    pub(super) deployment: Part<Deployment>,
    pub(super) merge_group: Part<MergeGroup>,
    pub(super) check_run: Part<Check>,
    pub(super) check_suite: Part<Check>,
    pub(super) workflow_run: Part<Check>,
    pub(super) workflow_job: Part<Check>,
    /// Of a `repository_dispatch`.
    pub(super) branch: Field<String>,
    /// Of a `status`.
    pub(super) sha: Field<String>,
    repository: Part<RepositoryBody>,
    sender: Part<User>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct RepositoryBody {
    pub(super) full_name: Field<String>,
    name: Field<String>,
    owner: Part<User>,
    clone_url: Field<String>,
    html_url: Field<String>,
    url: Field<String>,
    default_branch: Field<String>,
    private: Field<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct User {
    pub(super) login: Field<String>,
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
    pub(super) merged_at: Field<String>,
    pub(super) labels: List<Object<Label>>,
    pub(super) head: Part<Side>,
    pub(super) base: Part<Side>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Side {
    #[serde(rename = "ref")]
    pub(super) reference: Field<String>,
    pub(super) sha: Field<String>,
    pub(super) repo: Part<RepositoryBody>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Label {
    pub(super) name: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Issue {
    pub(super) number: Field<u64>,
    pub(super) title: Field<String>,
    pub(super) html_url: Field<String>,
    pub(super) user: Part<User>,
    pub(super) draft: Field<bool>,
    pub(super) labels: List<Object<Label>>,
    /// There if the issue is a pull request.
    pub(super) pull_request: Part<PullRequest>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Comment {
    id: Field<Id>,
    body: Field<String>,
    user: Part<User>,
    html_url: Field<String>,
    pub(super) created_at: Field<String>,
    /// Of a comment on a commit.
    pub(super) commit_id: Field<String>,
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

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Deployment {
    pub(super) environment: Field<String>,
    #[serde(rename = "ref")]
    pub(super) reference: Field<String>,
    pub(super) sha: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct MergeGroup {
    pub(super) head_sha: Field<String>,
    pub(super) head_ref: Field<String>,
    pub(super) head_commit: Part<HeadCommit>,
}

/// A check run, a check suite, or a run or a job of GitHub Actions.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Check {
    pub(super) head_sha: Field<String>,
    pub(super) head_branch: Field<String>,
    /// Of a check run, which names its branch there only.
    pub(super) check_suite: Part<CheckSuite>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct CheckSuite {
    pub(super) head_branch: Field<String>,
}

impl Body {
    /// The repository, or an error that names what of it is missing.
    pub(super) fn repository(&self) -> Result<Repository, PayloadError> {
        let repository =
            self.repository.part().ok_or(PayloadError::Missing { field: FULL_NAME })?;
        let name = match (&repository.full_name, repository.owner_and_name()) {
            (Field::Absent, Some(name)) => name,
            (full_name, _) => full_name.required(FULL_NAME)?.clone(),
        };
        let full_name: RepoName = name.parse().map_err(|_| PayloadError::Wrong {
            field: FULL_NAME,
            expected: "a repository's name (owner/name)",
        })?;
        let url = repository.page(&full_name);
        let clone_url = repository.clone_url.filled();
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

    /// `repository.full_name` itself must be there, even where the parts of it are known.
    pub(super) fn require_full_name(&self) -> Result<(), PayloadError> {
        let repository = self.repository.part();
        let repository = repository.ok_or(PayloadError::Missing { field: FULL_NAME })?;
        repository.full_name.required(FULL_NAME).map(|_| ())
    }

    pub(super) fn sender(&self) -> Option<Sender> {
        self.sender.part()?.who()
    }
}

impl User {
    /// Who it is; none where the account is gone.
    pub(super) fn who(&self) -> Option<Sender> {
        let id = self.id.get().map_or_else(String::new, |Id(id)| id.clone());
        Some(Sender { login: self.login.filled()?.to_owned(), id })
    }
}

impl RepositoryBody {
    fn owner_and_name(&self) -> Option<String> {
        let owner = self.owner.part()?.login.filled()?;
        Some(format!("{owner}/{}", self.name.filled()?))
    }

    /// The repository's page; where the body does not say, on the host that its API is on.
    fn page(&self, full_name: &RepoName) -> String {
        let web = |field: &Field<String>| {
            let url = field.filled()?;
            (url.starts_with("https://") || url.starts_with("http://")).then(|| url.to_owned())
        };
        let clone = || web(&self.clone_url).map(|url| url.trim_end_matches(".git").to_owned());
        let beside_api = || {
            let url = web(&self.url)?;
            let base = url.strip_suffix(full_name.as_str())?.strip_suffix('/')?;
            let Some(api) = base.strip_suffix("/repos") else { return Some(url) };
            let host = api.strip_prefix("https://api.").map(|host| format!("https://{host}"));
            let host = host.or_else(|| api.strip_suffix("/api/v3").map(str::to_owned))?;
            Some(format!("{host}/{full_name}"))
        };
        let page = web(&self.html_url).or_else(clone).or_else(beside_api);
        page.unwrap_or_else(|| format!("https://github.com/{full_name}"))
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
    user.part().map_or_else(String::new, |user| user.login.text())
}

/// The labels' names.
pub(super) fn names(labels: &List<Object<Label>>) -> Vec<String> {
    let names = labels.items().filter_map(|Object(label)| label.name.get());
    names.cloned().collect()
}
