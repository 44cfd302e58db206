//! Branches, tags and open pull requests that are elsewhere than we last heard.

use jiff::Timestamp;

use super::memory::{Memory, pull_reference};
use super::{CatchUp, Caught, How, PAGES, Silence, unreadable};
use crate::domain::event::Disposition;
use crate::domain::forge;
use crate::domain::forge::github::hooks::Owner;
use crate::domain::forge::github::pulls::{self, Pull};
use crate::domain::forge::github::refs::{self, Branch, Commit, Shown};
use crate::domain::ids::{RepoName, Sha};

/// Of the branches, of the tags and of the pull requests of one repository, those whose commit is
/// looked at.
const COMMITS: usize = 50;

/// What the ids of deliveries that we made begin with. `catch-up:<repository>:<ref>:<commit>:<n>`:
/// the colon is in no name of these.
pub(super) const OURS: &str = "catch-up:";

/// The id of an event that we make, but for its number.
pub(super) fn forge_id(repository: &RepoName, reference: &str, sha: &str) -> String {
    format!("{OURS}{repository}:{reference}:{sha}")
}

/// A reference and where it is now.
struct Head {
    reference: String,
    sha: Sha,
}

/// What is being looked at, and what is known of it.
struct Look<'a> {
    shown: &'a Shown,
    memory: &'a mut Memory,
    /// What was heard while we were asking is no news.
    now: &'a Memory,
}

impl Look<'_> {
    fn is_news(&self, head: &Head) -> bool {
        let heard = |memory: &Memory| memory.is_at(&head.reference, &head.sha);
        !heard(self.memory) && !heard(self.now)
    }
}

impl CatchUp<'_> {
    /// Records one event for each branch, tag and open pull request of a repository that moved
    /// within the window.
    pub(super) async fn heads(
        &self,
        repository: &RepoName,
        memory: &mut Memory,
        caught: &mut Caught,
    ) -> anyhow::Result<()> {
        let owner = Owner::Repository(repository.clone());
        let shown = match self.shown(repository).await {
            Ok(shown) => shown,
            Err(silence) => {
                caught.trouble("branches", &owner, silence);
                return Ok(());
            }
        };
        // Who pushes to a fork does not push here.
        let quiet = shown.pushed_at.is_some_and(|pushed_at| pushed_at < self.since);
        let branches = if quiet { Ok(Vec::new()) } else { self.list(repository, false).await };
        let tags = if quiet { Ok(Vec::new()) } else { self.list(repository, true).await };
        let pulls = self.pulls(repository).await;
        let now = Memory::read(self.store, self.id, repository, None).await?;
        let mut look = Look { shown: &shown, memory, now: &now };
        match branches {
            Ok(heads) => self.pushes(heads, &mut look, &owner, caught).await?,
            Err(silence) => caught.trouble("branches", &owner, silence),
        }
        match tags {
            Ok(heads) => self.pushes(heads, &mut look, &owner, caught).await?,
            Err(silence) => caught.trouble("tags", &owner, silence),
        }
        match pulls {
            Ok(pulls) => self.pull_requests(pulls, &mut look, &owner, caught).await?,
            Err(silence) => caught.trouble("pull requests", &owner, silence),
        }
        Ok(())
    }

    async fn shown(&self, repository: &RepoName) -> Result<Shown, Silence> {
        let answer = self.ask(refs::repository_request(self.api, repository)).await?;
        refs::repository(answer.body()).ok_or_else(unreadable)
    }

    /// The branches of a repository, or its tags.
    async fn list(&self, repository: &RepoName, tags: bool) -> Result<Vec<Head>, Silence> {
        let (kind, request) = match tags {
            false => ("heads", refs::branches_request as fn(&str, &RepoName, usize) -> _),
            true => ("tags", refs::tags_request as _),
        };
        let head = |Branch { name, sha }| Head { reference: format!("refs/{kind}/{name}"), sha };
        let mut found = Vec::new();
        for page in 1..=PAGES {
            let answer = self.ask(request(self.api, repository, page)).await?;
            let (some, more) = refs::branches(answer.body()).ok_or_else(unreadable)?;
            found.extend(some.into_iter().map(head));
            if !more {
                break;
            }
        }
        Ok(found)
    }

    /// The open pull requests to which anything happened within the window.
    async fn pulls(&self, repository: &RepoName) -> Result<Vec<Pull>, Silence> {
        let mut found = Vec::new();
        for page in 1..=PAGES {
            let answer = self.ask(pulls::list_request(self.api, repository, page)).await?;
            let (some, more) = pulls::list(answer.body()).ok_or_else(unreadable)?;
            // They come in that order.
            let past = some.iter().any(|pull| pull.updated_at < self.since);
            found.extend(some.into_iter().filter(|pull| pull.updated_at >= self.since));
            if past || !more {
                break;
            }
        }
        Ok(found)
    }

    async fn pushes(
        &self,
        heads: Vec<Head>,
        look: &mut Look<'_>,
        owner: &Owner,
        caught: &mut Caught,
    ) -> anyhow::Result<()> {
        let news: Vec<Head> = heads.into_iter().filter(|head| look.is_news(head)).collect();
        for head in news.into_iter().take(COMMITS) {
            let commit = match self.commit(&look.shown.full_name, &head.sha).await {
                Ok(commit) => commit,
                Err(silence) => {
                    caught.trouble("commits", owner, silence);
                    continue;
                }
            };
            let last = look.memory.last(&head.reference);
            // Where we heard of it within the window, it moved within it. Else its commit tells,
            // which it cannot be older than: by when that came, or by its own date.
            let recent = last.is_some_and(|(_, heard_at)| heard_at >= self.since)
                || look.memory.came(&head.sha, self.since)
                || commit.at >= self.since;
            if recent {
                let before = last.map(|(sha, _)| sha);
                let body = refs::push(look.shown, &head.reference, before, &commit);
                self.make("push", head, body, look, caught).await?;
            }
        }
        Ok(())
    }

    async fn pull_requests(
        &self,
        pulls: Vec<Pull>,
        look: &mut Look<'_>,
        owner: &Owner,
        caught: &mut Caught,
    ) -> anyhow::Result<()> {
        let head =
            |pull: &Pull| Head { reference: pull_reference(pull.number), sha: pull.sha.clone() };
        let news: Vec<Pull> = pulls.into_iter().filter(|it| look.is_news(&head(it))).collect();
        for pull in news.into_iter().take(COMMITS) {
            let head = head(&pull);
            let last = look.memory.last(&head.reference);
            let opened = last.is_none() && pull.created_at >= self.since;
            let heard = last.is_some_and(|(_, heard_at)| heard_at >= self.since);
            if !opened && !heard {
                // A comment is enough for its own time to change.
                match self.commit(&look.shown.full_name, &head.sha).await {
                    Ok(commit) if commit.at >= self.since => {}
                    Ok(_) => continue,
                    Err(silence) => {
                        caught.trouble("commits", owner, silence);
                        continue;
                    }
                }
            }
            let before = last.map(|(sha, _)| sha);
            let body = pulls::event(look.shown, &pull, opened, before);
            self.make("pull_request", head, body, look, caught).await?;
        }
        Ok(())
    }

    async fn commit(&self, repository: &RepoName, sha: &Sha) -> Result<Commit, Silence> {
        let answer = self.ask(refs::commit_request(self.api, repository, sha)).await?;
        refs::commit(answer.body()).ok_or_else(unreadable)
    }

    /// Records the event that brought a reference to where it is.
    async fn make(
        &self,
        name: &str,
        head: Head,
        body: Vec<u8>,
        look: &mut Look<'_>,
        caught: &mut Caught,
    ) -> anyhow::Result<()> {
        let Ok(event) = forge::event(self.id, name, &body) else { return Ok(()) };
        if event.disposition != Disposition::Planned {
            return Ok(());
        }
        // What comes back to a commit is caught up with there again.
        let number = look.memory.count(&head.reference);
        let id = forge_id(&look.shown.full_name, &head.reference, head.sha.as_str());
        let id = format!("{id}:{number}");
        look.memory.add(&event, None, Timestamp::now());
        let headers = vec![("x-github-event".to_owned(), name.to_owned())];
        self.record(id, name, event, headers, body, How::Moved, caught).await
    }
}
