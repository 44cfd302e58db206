//! What the forge's webhooks could not deliver, as the forge keeps it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use super::memory::Memory;
use super::{CatchUp, Caught, How, PAGES, Silence, unreadable};
use crate::domain::event::{Disposition, Event};
use crate::domain::forge::github::hooks::{self, Attempt, Hook, Owner};
use crate::domain::forge::github::refs;
use crate::domain::forge::{self, Headers};
use crate::domain::ids::RepoName;

/// Whose delivery it is, among the headers that are kept.
const HOOK_ID: &str = "x-github-hook-id";

/// A delivery that nobody has taken, and whose hook it is of.
pub(super) struct Unheard {
    pub(super) owner: Owner,
    pub(super) hook: u64,
    pub(super) attempt: Attempt,
}

/// The same with what it would have brought.
struct Undelivered {
    guid: String,
    name: String,
    at: Timestamp,
    hook: u64,
    repository: RepoName,
    event: Event,
    headers: Vec<(String, String)>,
    payload: Vec<u8>,
}

impl Undelivered {
    /// Whether what this tells of made an earlier event of the same kind old.
    fn overtakes(&self, earlier: &Self) -> bool {
        let moved = |event: &Event| match (event.event_type.as_str(), event.filter.as_str()) {
            ("push" | "tag", _) => event.reference.clone(),
            ("pull_request", "synchronize") => {
                event.pull_request.as_ref().map(|pull| pull.number.to_string())
            }
            _ => None,
        };
        let (ours, theirs) = (moved(&self.event), moved(&earlier.event));
        self.repository == earlier.repository
            && self.name == earlier.name
            && ours.is_some()
            && ours == theirs
    }

    /// Lets the body say what the event does of the commit before.
    fn widen(&mut self) {
        let before = self.event.before.as_ref();
        let body = (self.name == "push").then(|| refs::with_before(&self.payload, before));
        if let Some(body) = body.flatten() {
            self.payload = body;
        }
    }
}

impl CatchUp<'_> {
    /// What the hooks of the repositories and of their owners could not deliver.
    pub(super) async fn unheard(
        &self,
        repositories: &[RepoName],
        memories: &HashMap<RepoName, Memory>,
        caught: &mut Caught,
    ) -> Vec<Unheard> {
        if self.forge.app().is_some() {
            return self.unheard_by_app(caught).await;
        }
        let mut owners: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
        let mut places = Vec::new();
        for repository in repositories {
            let known = memories.get(repository).map(|memory| memory.hooks.clone());
            let known = known.unwrap_or_default();
            let owner = repository.owner().to_owned();
            owners.entry(owner).or_default().extend(&known);
            places.push((Owner::Repository(repository.clone()), known));
        }
        let organisations = owners.into_iter();
        places.extend(organisations.map(|(owner, known)| (Owner::Organisation(owner), known)));
        let mut found = Vec::new();
        for (owner, known) in places {
            match self.hooks(&owner, &known).await {
                Ok(hooks) => {
                    for hook in hooks {
                        match self.attempts(&owner, hook.id).await {
                            Ok(attempts) => found.extend(
                                hooks::unheard(&attempts, self.since).into_iter().map(|attempt| {
                                    Unheard { owner: owner.clone(), hook: hook.id, attempt }
                                }),
                            ),
                            Err(silence) => caught.trouble("deliveries", &owner, silence),
                        }
                    }
                }
                // Most owners are people, who have no hooks.
                Err(Silence::Denied(_)) if matches!(owner, Owner::Organisation(_)) => {}
                Err(silence) => caught.trouble("webhooks", &owner, silence),
            }
        }
        found
    }

    /// The webhooks that send to us: those that have, and those whose address is ours.
    async fn hooks(&self, owner: &Owner, known: &BTreeSet<u64>) -> Result<Vec<Hook>, Silence> {
        let mut found = Vec::new();
        for page in 1..=PAGES {
            let answer = self.ask(hooks::list_request(self.api, owner, page)).await?;
            let hooks = hooks::list(answer.body()).ok_or_else(unreadable)?;
            let last = hooks.len() < 100;
            found.extend(hooks.into_iter().filter(|hook| {
                let here = self.public_url.and_then(|url| hook.url.strip_prefix(url));
                known.contains(&hook.id)
                    || here.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }));
            if last {
                break;
            }
        }
        Ok(found)
    }

    /// What a webhook has sent within the window.
    pub(super) async fn attempts(&self, owner: &Owner, hook: u64) -> Result<Vec<Attempt>, Silence> {
        let (mut found, mut cursor) = (Vec::new(), None::<String>);
        for _ in 0..PAGES {
            let request = hooks::attempts_request(self.api, owner, hook, cursor.as_deref());
            let answer = self.ask(request).await?;
            let headers = Headers::from_http(answer.headers());
            let (attempts, next) =
                hooks::attempts(&headers, answer.body()).ok_or_else(unreadable)?;
            let past = attempts.iter().any(|attempt| attempt.at < self.since);
            found.extend(attempts);
            cursor = next;
            if past || cursor.is_none() {
                break;
            }
        }
        Ok(found)
    }

    /// Records what the webhooks could not deliver, unless it has come by another way: of several
    /// moves of one reference the last alone, with the changes of all.
    pub(super) async fn take(
        &self,
        mut unheard: Vec<Unheard>,
        memories: &mut HashMap<RepoName, Memory>,
        caught: &mut Caught,
    ) -> anyhow::Result<()> {
        unheard.sort_by_key(|one| std::cmp::Reverse((one.attempt.at, one.attempt.id)));
        let mut kept: Vec<Undelivered> = Vec::new();
        for one in unheard {
            if self.store.has_delivery(self.id, &one.attempt.guid).await? {
                continue;
            }
            let Some(found) = self.undelivered(one, caught).await else { continue };
            if !memories.contains_key(&found.repository) {
                let memory = Memory::read(self.store, self.id, &found.repository, None).await?;
                memories.insert(found.repository.clone(), memory);
            }
            let memory = memories.entry(found.repository.clone()).or_default();
            if memory.has_twin(&found.event, found.hook, found.at) {
                continue;
            }
            match kept.iter_mut().find(|newer| newer.overtakes(&found)) {
                Some(newer) => newer.event.before.clone_from(&found.event.before),
                None => kept.push(found),
            }
        }
        for mut found in kept.into_iter().rev() {
            found.widen();
            if let Some(memory) = memories.get_mut(&found.repository) {
                memory.add(&found.event, Some(found.hook), found.at);
            }
            let Undelivered { guid, name, event, headers, payload, .. } = found;
            let how = How::Undelivered(guid.clone());
            self.record(guid, &name, event, headers, payload, how, caught).await?;
        }
        Ok(())
    }

    /// What an attempt would have brought; none where it would have started nothing.
    async fn undelivered(&self, one: Unheard, caught: &mut Caught) -> Option<Undelivered> {
        let Unheard { owner, hook, attempt } = one;
        let what = format!("delivery {}", attempt.guid);
        let request = hooks::sent_request(self.api, &owner, hook, attempt.id);
        let answer = match self.ask(request).await {
            Ok(answer) => answer,
            Err(silence) => {
                caught.trouble(&what, &owner, silence);
                return None;
            }
        };
        let sent = hooks::sent(answer.body());
        let Some((payload, sent)) = sent.and_then(|mut sent| Some((sent.payload.take()?, sent)))
        else {
            let why = "the forge does not keep its body; redeliver it from the webhook's page";
            caught.trouble(&what, &owner, Silence::Denied(why.to_owned()));
            return None;
        };
        // What cannot be read would have been refused.
        let event = forge::event(self.id, &attempt.event, &payload).ok()?;
        let repository = event.repository.as_ref()?.full_name.clone();
        let mut headers = kept(sent.headers);
        let told = headers.iter().find(|(name, _)| name == HOOK_ID);
        let hook = told.and_then(|(_, id)| id.parse().ok()).unwrap_or(hook);
        if !headers.iter().any(|(name, _)| name == HOOK_ID) {
            headers.push((HOOK_ID.to_owned(), hook.to_string()));
        }
        (event.disposition == Disposition::Planned).then_some(Undelivered {
            guid: attempt.guid,
            name: attempt.event,
            at: attempt.at,
            hook,
            repository,
            event,
            headers,
            payload,
        })
    }
}

/// The headers that are stored of a delivery, as if it had come by itself.
fn kept(headers: Vec<(String, String)>) -> Vec<(String, String)> {
    let wanted = |name: &str| {
        let about = name.starts_with("x-github-")
            && !["signature", "token", "secret"].iter().any(|word| name.contains(word));
        about || matches!(name, "content-type" | "user-agent")
    };
    headers.into_iter().filter(|(name, _)| wanted(name)).collect()
}
