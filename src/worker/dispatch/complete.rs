//! What a delivery leaves open of its event, found out before anything of it is planned.

use super::{Later, Worker, blocking};
use crate::domain::event::{Event, Repository};
use crate::domain::forge;
use crate::domain::ids::{RepoName, Sha, ShortSha};
use crate::domain::succession;
use crate::git::Want;
use crate::store::{ClaimedDelivery, REPLAY};

impl Worker {
    /// Makes short commits whole by asking the forge, finds the base that is not named at its
    /// branch, and remembers which head a pull request had before.
    pub(super) async fn complete(
        &self,
        delivery: &ClaimedDelivery,
        mut event: Event,
        repository: &Repository,
    ) -> Result<Event, Later> {
        let pull = event.pull_request.as_ref();
        let own = |side: Option<&String>| {
            side.and_then(|name| name.parse().ok()).unwrap_or_else(|| repository.full_name.clone())
        };
        // A commit that is in a fork alone is not in what it was forked from.
        let head_in: RepoName = own(pull.and_then(|pull| pull.head.repository.as_ref()));
        let base_in: RepoName = own(pull.and_then(|pull| pull.base.repository.as_ref()));
        if let Some(short) = event.lacks.head.clone() {
            let sha = self.whole(&event, &head_in, &short).await?;
            event.complete_head(&sha);
        }
        if let Some(short) = event.lacks.base.clone() {
            let sha = self.whole(&event, &base_in, &short).await?;
            event.complete_base(&sha);
        }
        if let (true, Some(pull)) = (event.lacks.action, &event.pull_request) {
            let place = succession::place_of_pull_request(pull.number);
            let (forge, name) = (event.forge(), &repository.full_name);
            let before = self.store.commit_at(forge, name, &place, delivery.id).await;
            let before = before.map_err(|error| Later::Agent(error.into()))?;
            // What is played again brings its commits again.
            let again = delivery.forge_id.starts_with(REPLAY);
            event.tell_apart(before.filter(|_| !again).as_ref());
        }
        if let Some(branch) = event.nameless_base() {
            let location = self.location(event.forge(), repository)?;
            let mirror = self.mirrors.ensure(&location, &[Want::reference(&branch)]).await?;
            if let Some(base) = blocking(move || mirror.resolve(&branch)).await? {
                event.set_base(&base);
            }
        }
        Ok(event)
    }

    async fn whole(
        &self,
        event: &Event,
        repository: &RepoName,
        short: &ShortSha,
    ) -> Result<Sha, Later> {
        let absent = || Later::Commit(format!("`{short}` is no commit of `{repository}`"));
        let forge = self.forges.of(event.forge())?;
        let request = forge::commit_request(event.vendor, &forge.api, repository, short);
        let request = request.ok_or_else(absent)?;
        let outside = |why: String| Later::Outside(format!("`{short}` of `{repository}`: {why}"));
        let response = forge.client.send(request).await;
        let response = response.map_err(|error| outside(error.to_string()))?;
        match response.status().as_u16() {
            200 => forge::commit(event.vendor, response.body(), short).ok_or_else(absent),
            404 => Err(absent()),
            status => Err(outside(format!("the forge answered {status} when asked for it"))),
        }
    }
}
