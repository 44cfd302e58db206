//! Branches that are elsewhere than we last heard.

use super::memory::Memory;
use super::{CatchUp, Caught, How, PAGES, Silence, unreadable};
use crate::domain::event::Disposition;
use crate::domain::forge;
use crate::domain::forge::github::hooks::Owner;
use crate::domain::forge::github::refs::{self, Branch, Shown};
use crate::domain::ids::RepoName;

/// Branches of one repository whose commit is looked at.
const COMMITS: usize = 50;

/// What the ids of deliveries that we made begin with. `catch-up:<repository>:<ref>:<commit>:<n>`:
/// the colon is in no name of these.
pub(super) const OURS: &str = "catch-up:";

/// The id of a push that we make, but for its number.
pub(super) fn forge_id(repository: &RepoName, branch: &str, sha: &str) -> String {
    format!("{OURS}{repository}:refs/heads/{branch}:{sha}")
}

impl CatchUp<'_> {
    /// Records one push for each branch of a repository that moved within the window.
    pub(super) async fn heads(
        &self,
        repository: &RepoName,
        memory: &mut Memory,
        caught: &mut Caught,
    ) -> anyhow::Result<()> {
        let owner = Owner::Repository(repository.clone());
        let (shown, branches) = match self.branches(repository).await {
            Ok(found) => found,
            Err(silence) => {
                caught.trouble("branches", &owner, silence);
                return Ok(());
            }
        };
        // Deliveries may have come while we were asking: what they tell is no news.
        let now = Memory::read(self.store, self.id, repository, None).await?;
        let moved = branches.into_iter().filter(|branch| {
            let heard = |memory: &Memory| memory.is_at(&branch.name, &branch.sha);
            !heard(memory) && !heard(&now)
        });
        for branch in moved.take(COMMITS).collect::<Vec<_>>() {
            if let Err(silence) = self.head(&shown, branch, memory, caught).await? {
                caught.trouble("commits", &owner, silence);
            }
        }
        Ok(())
    }

    /// The repository and its branches; no branches where nothing was pushed within the window.
    async fn branches(&self, repository: &RepoName) -> Result<(Shown, Vec<Branch>), Silence> {
        let answer = self.ask(refs::repository_request(self.api, repository)).await?;
        let shown = refs::repository(answer.body()).ok_or_else(unreadable)?;
        let mut found = Vec::new();
        if shown.pushed_at.is_some_and(|pushed_at| pushed_at < self.since) {
            return Ok((shown, found));
        }
        for page in 1..=PAGES {
            let answer = self.ask(refs::branches_request(self.api, repository, page)).await?;
            let (branches, more) = refs::branches(answer.body()).ok_or_else(unreadable)?;
            found.extend(branches);
            if !more {
                break;
            }
        }
        Ok((shown, found))
    }

    /// Records the push of one branch, unless it lies before the window.
    async fn head(
        &self,
        repository: &Shown,
        branch: Branch,
        memory: &mut Memory,
        caught: &mut Caught,
    ) -> anyhow::Result<Result<(), Silence>> {
        let name = &repository.full_name;
        let answer = match self.ask(refs::commit_request(self.api, name, &branch.sha)).await {
            Ok(answer) => answer,
            Err(silence) => return Ok(Err(silence)),
        };
        let Some(commit) = refs::commit(answer.body()) else { return Ok(Err(unreadable())) };
        let last = memory.last(&branch.name);
        // Where we heard of the branch within the window, it moved within it. Else only the
        // commit's own date tells.
        let recent = last.is_some_and(|(_, heard_at)| heard_at >= self.since);
        if !recent && commit.at < self.since {
            return Ok(Ok(()));
        }
        let body = refs::push(repository, &branch.name, last.map(|(sha, _)| sha), &commit);
        let Ok(event) = forge::event(self.id, "push", &body) else { return Ok(Ok(())) };
        if event.disposition != Disposition::Planned {
            return Ok(Ok(()));
        }
        // A branch that comes back to a commit is caught up with there again.
        let number = memory.branches.get(&branch.name).map_or(0, Vec::len);
        let id = format!("{}:{number}", forge_id(name, &branch.name, branch.sha.as_str()));
        memory.add(&event, None, jiff::Timestamp::now());
        let headers = vec![("x-github-event".to_owned(), "push".to_owned())];
        self.record(id, "push", event, headers, body, How::Moved, caught).await?;
        Ok(Ok(()))
    }
}
