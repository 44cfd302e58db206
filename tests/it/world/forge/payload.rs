//! Bodies in GitHub's shape.

use serde_json::{Value, json};

use super::super::git;
use super::{PullRequest, Repo};

const ZERO: &str = "0000000000000000000000000000000000000000";

/// What a push did to a reference.
pub(super) struct Push<'a> {
    /// `refs/heads/…` or `refs/tags/…`.
    pub reference: &'a str,
    /// None: it is new.
    pub before: Option<&'a str>,
    /// The object that it names now; none: it is gone.
    pub after: Option<&'a str>,
    /// The commit behind that object.
    pub head: Option<&'a str>,
    pub forced: bool,
}

pub(super) fn push(url: &str, repo: &Repo, push: &Push<'_>) -> Value {
    let head = push.head.map(|sha| commit(url, repo, sha));
    let tag = push.reference.starts_with("refs/tags/");
    let commits: Vec<&Value> = head.iter().filter(|_| !tag).collect();
    let before = push.before.unwrap_or(ZERO);
    let after = push.after.unwrap_or(ZERO);
    json!({
        "ref": push.reference,
        "before": before,
        "after": after,
        "repository": repository(url, repo),
        "pusher": {"name": "ada", "email": git::AUTHOR.1},
        "sender": user(url, "ada"),
        "created": push.before.is_none(),
        "deleted": push.after.is_none(),
        "forced": push.forced,
        "base_ref": if tag { json!("refs/heads/main") } else { Value::Null },
        "compare": format!("{url}/{}/compare/{before}...{after}", repo.name()),
        "commits": commits,
        "head_commit": head,
    })
}

fn commit(url: &str, repo: &Repo, sha: &str) -> Value {
    let [added, removed, modified] = git::changed(repo.path(), sha);
    let tree = git::git(repo.path(), &["rev-parse", &format!("{sha}^{{tree}}")]);
    let message = git::git(repo.path(), &["log", "-1", "--format=%B", sha]);
    let author = json!({"name": git::AUTHOR.0, "email": git::AUTHOR.1, "username": "ada"});
    json!({
        "id": sha,
        "tree_id": tree,
        "distinct": true,
        "message": message,
        "timestamp": git::TIMESTAMP,
        "url": format!("{url}/{}/commit/{sha}", repo.name()),
        "author": author,
        "committer": author,
        "added": added,
        "removed": removed,
        "modified": modified,
    })
}

pub(super) fn pull_request(
    url: &str,
    pull: &PullRequest,
    action: &str,
    before: Option<&str>,
) -> Value {
    let PullRequest { number, base, draft, merged, open, .. } = pull;
    let page = format!("{url}/{}/pull/{number}", base.name());
    let api = format!("{url}/api/v3/repos/{}", base.name());
    let author = user(url, &pull.author);
    let closed = if *open { Value::Null } else { json!(git::TIMESTAMP) };
    let merged_at = if *merged { json!(git::TIMESTAMP) } else { Value::Null };
    let association = if pull.is_from_fork() { "FIRST_TIME_CONTRIBUTOR" } else { "OWNER" };
    let mut about = json!({
        "url": format!("{api}/pulls/{number}"),
        "id": 900_000 + number,
        "html_url": page,
        "diff_url": format!("{page}.diff"),
        "number": number,
        "state": if *open { "open" } else { "closed" },
        "locked": false,
        "title": format!("Merge {} into {}", pull.head_branch, pull.base_branch),
        "user": author,
        "body": null,
        "labels": [],
        "draft": draft,
        "statuses_url": format!("{api}/statuses/{}", pull.head_sha),
        "head": side(url, &pull.head, &pull.head_branch, &pull.head_sha),
        "base": side(url, base, &pull.base_branch, &pull.base_sha),
        "merged": merged,
    });
    let more = json!({
        "created_at": git::TIMESTAMP,
        "updated_at": git::TIMESTAMP,
        "closed_at": closed,
        "merged_at": merged_at,
        "merge_commit_sha": null,
        "assignees": [],
        "requested_reviewers": [],
        "author_association": association,
        "mergeable": null,
        "mergeable_state": "unknown",
        "merged_by": null,
        "maintainer_can_modify": pull.is_from_fork(),
        "commits": 1,
        "additions": 1,
        "deletions": 0,
        "changed_files": 1,
    });
    let (Value::Object(fields), Value::Object(more)) = (&mut about, more) else { unreachable!() };
    fields.extend(more);
    let mut body = json!({
        "action": action,
        "number": number,
        "pull_request": about,
        "repository": repository(url, base),
        "sender": user(url, &pull.pusher),
    });
    if let Some(before) = before {
        body["before"] = before.into();
        body["after"] = pull.head_sha.clone().into();
    }
    body
}

fn side(url: &str, repo: &Repo, branch: &str, sha: &str) -> Value {
    json!({
        "label": format!("{}:{branch}", repo.owner()),
        "ref": branch,
        "sha": sha,
        "user": user(url, repo.owner()),
        "repo": repository(url, repo),
    })
}

pub(super) fn ping(url: &str, repo: &Repo) -> Value {
    json!({
        "zen": "Keep it logically awesome.",
        "hook_id": 1,
        "hook": {
            "type": "Repository", "id": 1, "name": "web", "active": true, "events": ["*"],
            "config": {"content_type": "json", "insecure_ssl": "0"},
        },
        "repository": repository(url, repo),
        "sender": user(url, "ada"),
    })
}

/// An event about a repository and nothing more.
pub(super) fn plain(url: &str, repo: &Repo, action: &str) -> Value {
    json!({
        "action": action, "repository": repository(url, repo), "sender": user(url, "ada")
    })
}

pub(super) fn repository(url: &str, repo: &Repo) -> Value {
    let name = repo.name();
    let page = format!("{url}/{name}");
    let api = format!("{url}/api/v3/repos/{name}");
    json!({
        "id": repo.id(),
        "node_id": format!("R_{}", repo.id()),
        "name": repo.short_name(),
        "full_name": name,
        "private": true,
        "owner": user(url, repo.owner()),
        "html_url": page,
        "description": null,
        "fork": repo.is_fork(),
        "url": api,
        "statuses_url": format!("{api}/statuses/{{sha}}"),
        "commits_url": format!("{api}/commits{{/sha}}"),
        "contents_url": format!("{api}/contents/{{+path}}"),
        "created_at": git::TIMESTAMP,
        "updated_at": git::TIMESTAMP,
        "pushed_at": git::TIMESTAMP,
        "git_url": format!("git://127.0.0.1/{name}.git"),
        "ssh_url": format!("git@127.0.0.1:{name}.git"),
        "clone_url": format!("{page}.git"),
        "homepage": null,
        "size": 1,
        "language": null,
        "archived": false,
        "disabled": false,
        "license": null,
        "forks": 0,
        "open_issues": 0,
        "watchers": 0,
        "default_branch": repo.default_branch(),
    })
}

/// A user's id, which is always the same.
pub(super) fn id_of(login: &str) -> u64 {
    login.bytes().fold(7, |id, byte| (id * 31 + u64::from(byte)) % 1_000_003)
}

pub(super) fn user(url: &str, login: &str) -> Value {
    let id = id_of(login);
    json!({
        "login": login,
        "name": login,
        "id": id,
        "node_id": format!("U_{id}"),
        "avatar_url": "",
        "url": format!("{url}/api/v3/users/{login}"),
        "html_url": format!("{url}/{login}"),
        "type": "User",
        "site_admin": false,
    })
}

/// Somebody writes, changes or deletes a comment on a pull request.
pub(super) fn comment(
    url: &str,
    pull: &PullRequest,
    comment: &super::Comment,
    (action, sender): (&str, &str),
) -> Value {
    let PullRequest { number, base, .. } = pull;
    let page = format!("{url}/{}/pull/{number}", base.name());
    let api = format!("{url}/api/v3/repos/{}", base.name());
    json!({
        "action": action,
        "issue": {
            "url": format!("{api}/issues/{number}"),
            "html_url": page,
            "id": 800_000 + number,
            "number": number,
            "title": format!("Merge {} into {}", pull.head_branch, pull.base_branch),
            "user": user(url, &pull.author),
            "labels": [],
            "state": if pull.open { "open" } else { "closed" },
            "draft": pull.draft,
            "pull_request": {"url": format!("{api}/pulls/{number}"), "html_url": page, "merged_at": null},
        },
        "comment": {
            "id": comment.id,
            "html_url": format!("{page}#issuecomment-{}", comment.id),
            "user": user(url, &comment.author),
            "created_at": comment.created_at.to_string(),
            "updated_at": comment.created_at.to_string(),
            "author_association": "NONE",
            "body": comment.body,
        },
        "repository": repository(url, base),
        "sender": user(url, sender),
    })
}

/// A pull request as the API shows it, as far as anybody asks.
pub(super) fn shown_pull(url: &str, pull: &PullRequest) -> Value {
    let mut body = pull_request(url, pull, "shown", None);
    body["pull_request"].take()
}
