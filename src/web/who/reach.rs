//! What the people of forges may see, as their forges say.
//!
//! A list asks nothing for each of its rows: what somebody may read is asked once for each
//! repository that has runs, some at a time, and remembered. Anybody may have an account at a
//! forge, and each question is charged to the agent's own there, so that those who may see nothing
//! get few of them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::time::timeout;

use super::rights::Repositories;
use crate::domain::ids::{ForgeId, RepoName};
use crate::domain::rights::{Access, Forges};
use crate::domain::sign_in::Person;
use crate::web::said::Said;

/// How old a yes may be for something to be done with it; the forges' own memory adds to it.
pub(super) const NOW: Duration = Duration::ZERO;
/// How old a yes may be for something to be shown.
pub(super) const SHOWN: Duration = Duration::from_secs(5 * 60);
/// How old an answer may be for a list.
const LISTED: Duration = Duration::from_secs(15 * 60);
/// How long a no is remembered where one thing is asked for.
const NO: Duration = Duration::from_secs(60);
/// How long a forge that does not answer is left alone.
const SILENCE: Duration = Duration::from_secs(10);
/// How long one answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a list waits for those that are not known yet; the rest comes later.
const LIST_PATIENCE: Duration = Duration::from_secs(2);
/// Repositories that a list asks about: those with the newest runs.
const MOST: usize = 200;
/// Questions of one list at once.
const AT_ONCE: usize = 8;
/// People that are remembered.
const PEOPLE: usize = 1000;
/// Questions about people who have been told nothing but no, in an hour.
const STRANGERS: Quota = hourly(300);
/// Questions about all others, in an hour.
const FRIENDS: Quota = hourly(2500);

const fn hourly(questions: u32) -> Quota {
    match std::num::NonZeroU32::new(questions) {
        Some(number) => Quota::per_hour(number),
        None => panic!("it is a number above nothing"),
    }
}

/// What is known of people.
pub(in crate::web) struct People {
    of: Mutex<HashMap<(ForgeId, String), Arc<Reach>>>,
    forges: Arc<dyn Forges>,
    strangers: DefaultDirectRateLimiter,
    friends: DefaultDirectRateLimiter,
    said: Said,
}

/// What is known of one of them.
struct Reach {
    known: Mutex<HashMap<RepoName, Answered>>,
    /// Something may be seen by them.
    friend: AtomicBool,
    used: Mutex<Instant>,
    filling: tokio::sync::Mutex<()>,
}

#[derive(Clone, Copy)]
struct Answered {
    /// None: the forge did not answer.
    access: Option<Access>,
    at: Instant,
}

impl Answered {
    /// What it is good for, when a yes may be so old.
    fn within(self, yes: Duration, no: Duration) -> Option<Access> {
        let (access, lasts) = match self.access {
            None => (Access::None, SILENCE),
            Some(Access::None) => (Access::None, no),
            Some(access) => (access, yes),
        };
        (self.at.elapsed() < lasts).then_some(access)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Nothing that holds it can panic half-way through a change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl People {
    pub(in crate::web) fn new(forges: Arc<dyn Forges>) -> Self {
        let limiter = |quota| RateLimiter::direct(quota);
        let (strangers, friends) = (limiter(STRANGERS), limiter(FRIENDS));
        Self { of: Mutex::default(), forges, strangers, friends, said: Said::default() }
    }

    fn reach(&self, forge: ForgeId, person: &Person) -> Arc<Reach> {
        let mut all = lock(&self.of);
        let key = (forge, person.id.clone());
        if all.len() >= PEOPLE && !all.contains_key(&key) {
            // Whoever was here longest ago is asked about anew.
            let oldest = all.iter().min_by_key(|(_, reach)| *lock(&reach.used));
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                all.remove(&oldest);
            }
        }
        let reach = all.entry(key).or_insert_with(|| {
            Arc::new(Reach {
                known: Mutex::default(),
                friend: AtomicBool::new(false),
                used: Mutex::new(Instant::now()),
                filling: tokio::sync::Mutex::default(),
            })
        });
        *lock(&reach.used) = Instant::now();
        Arc::clone(reach)
    }

    /// What somebody may do with a repository of their forge; a yes may be so old.
    pub(super) async fn access(
        &self,
        forge: ForgeId,
        person: &Person,
        repository: &RepoName,
        yes: Duration,
    ) -> Access {
        let reach = self.reach(forge, person);
        let known = lock(&reach.known).get(repository).copied();
        match known.and_then(|known| known.within(yes, NO)) {
            Some(access) => access,
            None => self.ask(&reach, forge, person, repository).await.unwrap_or(Access::None),
        }
    }

    /// None: no answer, which is remembered too, but for what we did not even ask.
    async fn ask(
        &self,
        reach: &Reach,
        forge: ForgeId,
        person: &Person,
        repository: &RepoName,
    ) -> Option<Access> {
        let friend = reach.friend.load(Ordering::Relaxed);
        let budget = if friend { &self.friends } else { &self.strangers };
        if budget.check().is_err() {
            self.said.now(|left_out| {
                let login = &person.login;
                tracing::warn!(login, left_out, "Too many questions about people in this hour");
            });
            return None;
        }
        let sender = person.sender();
        let answer = self.forges.access(forge, repository, &sender);
        let access = timeout(PATIENCE, answer).await.ok().flatten();
        if access.is_some_and(|access| access > Access::None) {
            reach.friend.store(true, Ordering::Relaxed);
        }
        let answered = Answered { access, at: Instant::now() };
        lock(&reach.known).insert(repository.clone(), answered);
        access
    }

    /// Those of the repositories that somebody may do so much with, as far as it can be told in a
    /// moment; what cannot is asked on behind it.
    pub(super) async fn among(
        self: &Arc<Self>,
        forge: ForgeId,
        person: &Arc<Person>,
        repositories: &Repositories,
        needed: Access,
    ) -> Vec<(ForgeId, RepoName)> {
        let reach = self.reach(forge, person);
        let asked = || repositories.iter().filter(|(of, _)| *of == forge).take(MOST);
        let unknown = |reach: &Reach| -> Vec<RepoName> {
            let known = lock(&reach.known);
            let open = |name: &&RepoName| {
                let known = known.get(*name).copied();
                known.and_then(|known| known.within(LISTED, LISTED)).is_none()
            };
            asked().map(|(_, name)| name).filter(open).cloned().collect()
        };
        let first = unknown(&reach);
        if !first.is_empty() {
            let (people, of, who) = (Arc::clone(self), Arc::clone(&reach), Arc::clone(person));
            let filled = tokio::spawn(async move {
                // One at a time for each person: whoever comes next finds it done.
                let _alone = of.filling.lock().await;
                let (people, of, who) = (&people, &of, &who);
                let still = |name: &RepoName| {
                    let known = lock(&of.known).get(name).copied();
                    known.and_then(|known| known.within(LISTED, LISTED)).is_none()
                };
                stream::iter(first.into_iter().filter(still))
                    .for_each_concurrent(AT_ONCE, |name| async move {
                        people.ask(of, forge, who, &name).await;
                    })
                    .await;
            });
            let _ = timeout(LIST_PATIENCE, filled).await;
        }
        let known = lock(&reach.known);
        let may = |name: &RepoName| {
            let known = known.get(name).and_then(|known| known.within(LISTED, LISTED));
            known.is_some_and(|access| access >= needed)
        };
        asked().filter(|(_, name)| may(name)).cloned().collect()
    }
}
