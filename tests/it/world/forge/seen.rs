//! What has arrived at the forge, looked at and waited for.

use std::time::Instant;

use super::super::PATIENCE;
use super::{Delivery, Forge, Request, State, Status};

impl Forge {
    /// Whether the last status of each of these contexts is this one, and is all there is.
    pub fn shows(&self, sha: &str, contexts: &[&str], wanted: &str) -> bool {
        let seen = self.statuses(sha);
        contexts.iter().all(|context| {
            let last = seen.iter().rev().find(|status| status.context == *context);
            last.is_some_and(|status| status.state == wanted)
        })
    }

    /// The statuses of a commit, in the order in which they came.
    pub fn statuses(&self, sha: &str) -> Vec<Status> {
        self.state().statuses_of(sha)
    }

    /// The states that one context went through: `pending success`.
    pub fn history(&self, sha: &str, context: &str) -> String {
        let statuses = self.statuses(sha);
        let states = statuses.iter().filter(|status| status.context == context);
        states.map(|status| status.state.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// The contexts of a commit, sorted.
    pub fn contexts(&self, sha: &str) -> Vec<String> {
        let mut contexts: Vec<_> =
            self.statuses(sha).into_iter().map(|status| status.context).collect();
        contexts.sort();
        contexts.dedup();
        contexts
    }

    /// Waits for a status, and fails at once when its context ended otherwise.
    #[track_caller]
    pub fn expect_status(&self, sha: &str, context: &str, wanted: &str) -> Status {
        let found = self.wait(|state| {
            let seen = state.statuses_of(sha);
            let mut seen = seen.into_iter().filter(|status| status.context == context);
            let last = seen.clone().next_back()?;
            let met = seen.find(|status| status.state == wanted);
            met.map(Ok).or_else(|| last.is_final().then_some(Err(())))
        });
        match found {
            Some(Ok(status)) => status,
            Some(Err(())) => panic!(
                "expected {context} of {sha} to be {wanted}, it ended otherwise\n{}",
                self.told()
            ),
            None => panic!(
                "waited {PATIENCE:?} in vain for {context} of {sha} to be {wanted}\n{}",
                self.told()
            ),
        }
    }

    /// Waits for a status of a commit that is like this.
    #[track_caller]
    pub fn expect_status_like(
        &self,
        sha: &str,
        what: &str,
        is_it: impl Fn(&Status) -> bool,
    ) -> Status {
        let found = self.wait(|state| state.statuses_of(sha).into_iter().find(&is_it));
        found.unwrap_or_else(|| panic!("waited {PATIENCE:?} in vain for {what}\n{}", self.told()))
    }

    /// Waits for a request that reached the forge.
    #[track_caller]
    pub fn expect_request(&self, what: &str, is_it: impl Fn(&Request) -> bool) -> Request {
        let found = self.wait(|state| state.requests.iter().find(|one| is_it(one)).cloned());
        found.unwrap_or_else(|| panic!("waited {PATIENCE:?} in vain for {what}\n{}", self.told()))
    }

    /// Every request that was answered so far, oldest first.
    pub fn requests(&self) -> Vec<Request> {
        self.state().requests.clone()
    }

    /// How many packs were asked for.
    pub fn fetches(&self) -> usize {
        let requests = self.requests();
        let packs = |one: &&Request| one.method == "POST" && one.path.ends_with("git-upload-pack");
        requests.iter().filter(packs).count()
    }

    /// Looks at the state at every change until there is something to see, or patience ends.
    pub(super) fn wait<T>(&self, mut look: impl FnMut(&State) -> Option<T>) -> Option<T> {
        let until = Instant::now() + PATIENCE;
        let mut state = self.state();
        loop {
            if let Some(seen) = look(&state) {
                return Some(seen);
            }
            let left = until.checked_duration_since(Instant::now())?;
            state = self.ledger.changed.wait_timeout(state, left).unwrap().0;
        }
    }

    /// Everything that happened, for a failure's message.
    pub(super) fn told(&self) -> String {
        let state = self.state();
        let mut told = String::from("deliveries:\n");
        for one in &state.deliveries {
            let Delivery { id, event, status, answer, .. } = one;
            told.push_str(&format!("  {event} {id}: {status} {}\n", answer.trim_end()));
        }
        told.push_str("statuses:\n");
        for one in &state.statuses {
            let Status { repository, sha, state, context, description, .. } = one;
            let sha = &sha[..7];
            told.push_str(&format!("  {repository}@{sha} {context}: {state}, {description}\n"));
        }
        told.push_str("requests:\n");
        for Request { method, path, status, .. } in &state.requests {
            told.push_str(&format!("  {method} {path}: {status}\n"));
        }
        told
    }
}
