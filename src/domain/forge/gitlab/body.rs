//! The fields of GitLab's bodies that anything here reads, and what they have in common.

use serde::Deserialize;

use super::super::PayloadError;
use super::super::wire::{Field, Id, List, Object, Part};
use crate::domain::event::{Author, Commit, Repository, Sender};
use crate::domain::ids::RepoName;

const FULL_NAME: &str = "project.path_with_namespace";

/// A body of any event: what an event does not have is absent.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Body {
    object_kind: Field<String>,
    event_name: Field<String>,
    #[serde(rename = "ref")]
    pub(super) reference: Field<String>,
    pub(super) before: Field<String>,
    pub(super) after: Field<String>,
    /// The commit that is checked out: of an annotated tag the commit, where `after` is the tag.
    pub(super) checkout_sha: Field<String>,
    /// At most the newest twenty.
    pub(super) commits: List<Object<HeadCommit>>,
    /// Of a job.
    pub(super) sha: Field<String>,
    user_id: Field<Id>,
    user_username: Field<String>,
    user: Part<User>,
    project: Part<Project>,
    object_attributes: Part<Attributes>,
    pub(super) changes: Part<Changes>,
    pub(super) labels: List<Object<Label>>,
    pub(super) assignees: List<Object<User>>,
    pub(super) reviewers: List<Object<User>>,
    pub(super) merge_request: Part<Attributes>,
    pub(super) issue: Part<Attributes>,
    /// Of a release, and of a note on a commit.
    pub(super) commit: Part<HeadCommit>,
    pub(super) action: Field<String>,
    pub(super) tag: Field<String>,
    pub(super) name: Field<String>,
    pub(super) description: Field<String>,
    pub(super) url: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Project {
    pub(super) path_with_namespace: Field<String>,
    web_url: Field<String>,
    git_http_url: Field<String>,
    default_branch: Field<String>,
    visibility_level: Field<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct User {
    pub(super) id: Field<Id>,
    pub(super) username: Field<String>,
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

/// A merge request, an issue, a note or a pipeline.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Attributes {
    pub(super) id: Field<Id>,
    pub(super) iid: Field<u64>,
    pub(super) action: Field<String>,
    pub(super) state: Field<String>,
    pub(super) title: Field<String>,
    pub(super) url: Field<String>,
    pub(super) author_id: Field<Id>,
    pub(super) draft: Field<bool>,
    pub(super) work_in_progress: Field<bool>,
    pub(super) oldrev: Field<String>,
    pub(super) source_branch: Field<String>,
    pub(super) target_branch: Field<String>,
    pub(super) source_project_id: Field<Id>,
    pub(super) target_project_id: Field<Id>,
    pub(super) source: Part<Project>,
    pub(super) target: Part<Project>,
    pub(super) last_commit: Part<HeadCommit>,
    pub(super) labels: List<Object<Label>>,
    /// Of a note.
    pub(super) note: Field<String>,
    pub(super) noteable_type: Field<String>,
    pub(super) commit_id: Field<String>,
    created_at: Field<String>,
    pub(super) system: Field<bool>,
    /// Of a pipeline.
    pub(super) sha: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Label {
    pub(super) title: Field<String>,
}

/// What an update changed, from what to what.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Changes {
    pub(super) draft: Part<Change<Field<bool>>>,
    pub(super) work_in_progress: Part<Change<Field<bool>>>,
    pub(super) title: Part<Change<Field<String>>>,
    pub(super) description: Part<Change<Field<String>>>,
    pub(super) target_branch: Part<Change<Field<String>>>,
    pub(super) labels: Part<Change<List<Object<Label>>>>,
    pub(super) assignees: Part<Change<List<Object<User>>>>,
    pub(super) reviewers: Part<Change<List<Object<User>>>>,
    pub(super) milestone_id: Part<Change<Field<Id>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Change<F> {
    pub(super) previous: F,
    pub(super) current: F,
}

impl Body {
    /// What happened; none where the body does not say, and only then the header does.
    pub(super) fn kind(&self) -> Option<&str> {
        self.object_kind.filled().or(self.event_name.filled())
    }

    pub(super) fn attributes(&self) -> Option<&Attributes> {
        self.object_attributes.part()
    }

    /// The project, or an error that names what of it is missing.
    pub(super) fn repository(&self) -> Result<Repository, PayloadError> {
        let project = self.project.part().ok_or(PayloadError::Missing { field: FULL_NAME })?;
        let name = project.path_with_namespace.required(FULL_NAME)?;
        let full_name: RepoName = name.parse().map_err(|_| PayloadError::Wrong {
            field: FULL_NAME,
            expected: "a project's path (group/name)",
        })?;
        let url = project.web_url.text();
        let clone_url = project.git_http_url.filled().map(str::to_owned);
        Ok(Repository {
            owner: full_name.owner().to_owned(),
            name: full_name.name().to_owned(),
            clone_url: clone_url.unwrap_or_else(|| format!("{url}.git")),
            url,
            default_branch: project.default_branch.text(),
            // 0 private, 10 internal (anybody with an account), 20 public.
            private: project.visibility_level.get().is_none_or(|level| *level < 20),
            full_name,
        })
    }

    pub(super) fn sender(&self) -> Option<Sender> {
        let id = |id: &Field<Id>| id.get().map_or_else(String::new, |Id(id)| id.clone());
        if let Some(user) = self.user.part()
            && let Some(login) = user.username.filled()
        {
            return Some(Sender { login: login.to_owned(), id: id(&user.id) });
        }
        let login = self.user_username.filled()?.to_owned();
        Some(Sender { login, id: id(&self.user_id) })
    }

    /// The user with an id; without a login where the body does not name it.
    pub(super) fn person(&self, id: &Field<Id>) -> Option<Sender> {
        let Id(own) = id.get()?;
        Some(Sender { login: self.login(id), id: own.clone() })
    }

    /// The login of the user with an id, as far as the body names them. GitLab names only who did
    /// something, and whom it is assigned to, by their logins.
    pub(super) fn login(&self, id: &Field<Id>) -> String {
        let sender = self.user.part();
        let Some(Id(id)) = id.get() else {
            return sender.map(|user| user.username.text()).unwrap_or_default();
        };
        let people = self.assignees.items().chain(self.reviewers.items());
        let people = people.map(|Object(user)| user).chain(sender);
        let named = |user: &&User| user.id.get().is_some_and(|Id(own)| own == id);
        let found = people.into_iter().find(named);
        // Of old, nobody had an id here, and who opened it was the only one there.
        let found = found.or(sender.filter(|user| user.id.get().is_none()));
        found.map(|user| user.username.text()).unwrap_or_default()
    }
}

impl Attributes {
    /// When it was made; GitLab writes it with a zone's name or as others do.
    pub(super) fn created_at(&self) -> Option<jiff::Timestamp> {
        let text = self.created_at.filled()?;
        let utc = || -> Option<jiff::Timestamp> {
            format!("{}Z", text.strip_suffix(" UTC")?).parse().ok()
        };
        text.parse().ok().or_else(utc)
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
