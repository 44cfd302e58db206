//! What this process has in its hands at the moment, by the store's ids.
//!
//! The store says what is claimed, this says what somebody really works on: whoever cancels one
//! piece of work finds it here, and the watchdog compares the two. It knows nothing of what the
//! work is.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio_util::sync::CancellationToken;

/// Pieces of work under way, by id; cheap to clone, clones are the same registry.
#[derive(Debug)]
pub(crate) struct UnderWay<I> {
    entries: Arc<Mutex<Entries<I>>>,
}

#[derive(Debug)]
struct Entries<I> {
    by_id: HashMap<I, Entry>,
    /// Tells the holders of one id apart, should there ever be two.
    next: u64,
}

#[derive(Debug)]
struct Entry {
    holder: u64,
    cancel: CancellationToken,
    why: Arc<OnceLock<String>>,
}

impl<I: Copy + Eq + Hash> UnderWay<I> {
    /// Takes a piece of work into the hands of whoever holds the guard. Its token is cancelled
    /// with `parent`, and by [`UnderWay::cancel`] alone otherwise.
    pub(crate) fn register(&self, id: I, parent: &CancellationToken) -> Held<I> {
        let (cancel, why) = (parent.child_token(), Arc::<OnceLock<String>>::default());
        let mut entries = self.lock();
        let holder = entries.next;
        entries.next += 1;
        let entry = Entry { holder, cancel: cancel.clone(), why: Arc::clone(&why) };
        entries.by_id.insert(id, entry);
        drop(entries);
        Held { registry: self.clone(), id, holder, cancel, why }
    }

    /// Whether somebody works on it.
    pub(crate) fn contains(&self, id: I) -> bool {
        self.lock().by_id.contains_key(&id)
    }

    /// Asks for the end of one piece of work, with the reason that its outcome shall name; the
    /// first reason stays. False: nobody works on it.
    pub(crate) fn cancel(&self, id: I, why: &str) -> bool {
        let entries = self.lock();
        let Some(entry) = entries.by_id.get(&id) else { return false };
        // Before the token: who wakes by the token reads the reason.
        let _ = entry.why.set(why.to_owned());
        entry.cancel.cancel();
        true
    }

    fn lock(&self) -> MutexGuard<'_, Entries<I>> {
        // No change in here can panic half-way.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<I> Clone for UnderWay<I> {
    fn clone(&self) -> Self {
        Self { entries: Arc::clone(&self.entries) }
    }
}

impl<I> Default for UnderWay<I> {
    fn default() -> Self {
        let entries = Entries { by_id: HashMap::new(), next: 0 };
        Self { entries: Arc::new(Mutex::new(entries)) }
    }
}

/// A piece of work in somebody's hands; dropped when its end has been written down, and by a
/// panic too.
#[derive(Debug)]
pub(crate) struct Held<I: Copy + Eq + Hash> {
    registry: UnderWay<I>,
    id: I,
    holder: u64,
    cancel: CancellationToken,
    why: Arc<OnceLock<String>>,
}

impl<I: Copy + Eq + Hash> Held<I> {
    /// Cancelled with the parent or by [`UnderWay::cancel`].
    pub(crate) fn token(&self) -> &CancellationToken {
        &self.cancel
    }

    /// The reason given to [`UnderWay::cancel`]; none while nobody asked, also when the parent
    /// was cancelled.
    pub(crate) fn cancelled_because(&self) -> Option<&str> {
        self.why.get().map(String::as_str)
    }
}

impl<I: Copy + Eq + Hash> Drop for Held<I> {
    fn drop(&mut self) {
        let mut entries = self.registry.lock();
        if entries.by_id.get(&self.id).is_some_and(|entry| entry.holder == self.holder) {
            entries.by_id.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests;
