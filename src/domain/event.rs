//! What a delivery means: the same shape for every forge.
//!
//! An [`Event`] is made by `domain::forge` from a checked body, or by the command line from a
//! working copy; everything behind it (planning, fetching, reporting) reads only this. Its JSON
//! form, with what the agent adds, is the event trigger file (`domain::trigger`).

use serde::{Deserialize, Serialize};

mod lacks;
pub mod planned;

pub use lacks::Lacks;

use super::ids::{ForgeId, Instance, RepoName, Sha, Vendor};

/// One thing that happened on a forge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    pub vendor: Vendor,
    /// Which of the vendor's forges, where it has a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<Instance>,
    /// The event's name at matching levels 3 and 4: `push`, `tag`, `pull_request`, …; of an
    /// event that is not planned, the forge's own name for it.
    pub event_type: String,
    /// The event's value of the argument `filter`: a branch, a tag, an action, …; may be empty.
    pub filter: String,
    /// Whether anything is to be planned for it, and if not, why.
    pub disposition: Disposition,
    /// Absent in deliveries that are about no repository (an organisation, an installation).
    pub repository: Option<Repository>,
    /// The full reference, `refs/heads/…`, `refs/tags/…`; of a pull request its head branch.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    pub ref_type: Option<RefType>,
    pub branch: Option<String>,
    pub tag: Option<String>,
    /// The commit that the event names; none means the head of the default branch.
    pub sha: Option<Sha>,
    /// The commit before the event, where the forge says so and it existed.
    pub before: Option<Sha>,
    /// What its delivery leaves open; while anything is, it must not be planned.
    #[serde(default, skip_serializing_if = "Lacks::is_nothing")]
    pub lacks: Lacks,
    pub created: bool,
    pub deleted: bool,
    pub forced: bool,
    /// The head commit, as far as the payload tells.
    pub commit: Option<Commit>,
    pub pull_request: Option<PullRequest>,
    pub release: Option<Release>,
    pub comment: Option<Comment>,
    pub sender: Option<Sender>,
    /// Who opened the pull request that it is about, with the id that trust rests on. Of the
    /// delivery alone: it is not kept with runs, and functions are not told.
    #[serde(skip)]
    pub author: Option<Sender>,
    /// When its comment was written, by the forge's clock; likewise.
    #[serde(skip)]
    pub commented_at: Option<jiff::Timestamp>,
}

/// Whether an event is planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    Planned,
    Skipped(Skip),
}

/// Why an event is never planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Skip {
    /// A branch, a tag or a merge group went away: there is no commit to build.
    Deletion,
    /// `create`: the push that comes with it is planned.
    Create,
    /// The forge's test of the webhook itself.
    Ping,
    /// Statuses, checks and workflows: the echo of CI itself.
    Echo,
    /// A merge queue's branch: its `merge_group` event covers it.
    MergeQueue,
    /// Any other event.
    Other,
}

impl Skip {
    /// The word for it in the database and in `--json`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Deletion => "deletion",
            Self::Create => "create",
            Self::Ping => "ping",
            Self::Echo => "echo",
            Self::MergeQueue => "merge_queue",
            Self::Other => "other",
        }
    }

    /// The reason in words.
    pub fn text(self) -> &'static str {
        match self {
            Self::Deletion => "a deletion leaves no commit to build",
            Self::Create => "the push that comes with a `create` event is planned instead",
            Self::Ping => "a ping only shows that the webhook works",
            Self::Echo => "the event is an echo of CI itself",
            Self::MergeQueue => "a merge queue's branch is covered by its merge_group event",
            Self::Other => "events of this kind start nothing",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    pub full_name: RepoName,
    pub owner: String,
    pub name: String,
    /// Where to fetch from, without credentials.
    pub clone_url: String,
    /// Its page.
    pub url: String,
    /// Empty where the forge does not say.
    pub default_branch: String,
    pub private: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefType {
    Branch,
    Tag,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    pub sha: String,
    pub message: String,
    pub author: Author,
    /// As the forge writes it; empty where it does not say.
    pub timestamp: String,
    pub url: String,
}

/// Who a commit says wrote it; nobody has proven that.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    pub name: String,
    pub email: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequest {
    pub number: u64,
    pub title: String,
    pub url: String,
    /// What happened to it, in GitHub's words on every forge.
    pub action: String,
    /// The login of who opened it.
    pub author: String,
    pub draft: bool,
    pub merged: bool,
    /// The head lies in another repository, or in one that is gone.
    pub fork: bool,
    pub labels: Vec<String>,
    pub head: PullRequestSide,
    pub base: PullRequestSide,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequestSide {
    /// The branch's short name.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Absent only where the payload is not about the pull request itself (a comment).
    pub sha: Option<Sha>,
    /// `owner/name`; none where the repository is gone.
    pub repository: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    pub tag: String,
    pub name: String,
    pub action: String,
    pub url: String,
    pub body: String,
    pub draft: bool,
    pub prerelease: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    /// The forge's id of the comment.
    pub id: String,
    pub body: String,
    pub author: String,
    pub url: String,
}

/// Who did it, as the signed delivery names them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    pub login: String,
    /// The forge's user id, which outlives a renaming.
    pub id: String,
}

/// Between which commits the changed files lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeBasis {
    /// From the merge base of the two.
    PullRequest { base: Sha, head: Sha },
    /// From `before` (none: a new branch) to `after`.
    Push { before: Option<Sha>, after: Sha, branch: String },
    /// From the nearest earlier tag on another commit.
    Tag { name: String, commit: Sha },
    /// The event has no diff: `paths` and `onChanges` are satisfied, with an empty value.
    None,
}

impl Event {
    /// The forge that it happened on.
    pub fn forge(&self) -> ForgeId {
        ForgeId::new(self.vendor, self.instance)
    }

    /// Between which commits its changed files lie.
    pub fn change_basis(&self) -> ChangeBasis {
        let Some(sha) = self.sha.clone() else { return ChangeBasis::None };
        match self.event_type.as_str() {
            "push" => {
                let branch = self.branch.clone().unwrap_or_default();
                ChangeBasis::Push { before: self.before.clone(), after: sha, branch }
            }
            "tag" => ChangeBasis::Tag { name: self.tag.clone().unwrap_or_default(), commit: sha },
            "pull_request" => {
                let base = self.pull_request.as_ref().and_then(|pull| pull.base.sha.clone());
                base.map_or(ChangeBasis::None, |base| ChangeBasis::PullRequest { base, head: sha })
            }
            _ => ChangeBasis::None,
        }
    }

    /// Whether it says itself that its commit comes from a fork; see also [`names_own_commit`].
    ///
    /// [`names_own_commit`]: Self::names_own_commit
    pub fn is_fork(&self) -> bool {
        self.pull_request.as_ref().is_some_and(|pull| pull.fork)
    }

    /// Whether its commit is the repository's own by what the event is: a push there, a pull
    /// request from one of its branches, a branch or tag that it names without a commit. Of any
    /// other, anybody may have chosen the commit: a forge gives out the commits of forks under the
    /// repository's own name, so that it must be looked for on the branches and tags first.
    pub fn names_own_commit(&self) -> bool {
        let named = self.reference.as_deref();
        let own =
            named.is_some_and(|it| ["refs/heads/", "refs/tags/"].iter().any(|p| it.starts_with(p)));
        match self.event_type.as_str() {
            "push" | "tag" | "merge_group" | "manual" => own,
            "pull_request" | "pull_request_review" | "pull_request_review_comment"
                if self.sha.is_some() =>
            {
                self.pull_request.as_ref().is_some_and(|pull| !pull.fork)
            }
            _ => self.sha.is_none() && (own || named.is_none()),
        }
    }

    /// Whether anybody who can see the repository may cause it, so that it starts something only
    /// when its sender may write there.
    pub fn is_open_to_all(&self) -> bool {
        let kinds = [
            "issues",
            "issue_comment",
            "commit_comment",
            "pull_request_review",
            "pull_request_review_comment",
        ];
        kinds.contains(&self.event_type.as_str())
    }

    /// `pull_request opened`, `push main`: the event in two words, for lists and logs.
    pub fn title(&self) -> String {
        if self.filter.is_empty() {
            self.event_type.clone()
        } else {
            format!("{} {}", self.event_type, self.filter)
        }
    }

    /// What a push, a tag, and a pull request's `opened` and `synchronize` mean: two that mean
    /// the same and come by different hooks are one thing that happened once. None for
    /// everything else: a second label or comment is an event of its own.
    pub fn meaning(&self) -> Option<String> {
        let repository = &self.repository.as_ref()?.full_name;
        let (kind, place) = match self.event_type.as_str() {
            kind @ ("push" | "tag") => (kind, self.reference.clone()?),
            "pull_request" => {
                let pull = self.pull_request.as_ref()?;
                let action = Some(pull.action.as_str());
                let kind = action.filter(|it| matches!(*it, "opened" | "synchronize"))?;
                (kind, format!("refs/pull/{}", pull.number))
            }
            _ => return None,
        };
        let before = self.before.as_ref().map_or("none", Sha::as_str);
        let (forge, after) = (self.forge(), self.sha.as_ref()?);
        Some(format!("{forge} {repository} {kind} {place} {before} {after}"))
    }
}

#[cfg(test)]
pub(in crate::domain) mod tests;
