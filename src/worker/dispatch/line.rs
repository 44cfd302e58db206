//! Claimed deliveries that wait for their turn to be planned: several at once, of one repository
//! no more than half of them, so that one whose server is slow leaves room for the others.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::ids::DeliveryId;
use crate::store::ClaimedDelivery;
use crate::worker::under_way::Held;

/// Deliveries planned at once; the engine and the disk are the bottleneck, not we.
const AT_ONCE: usize = 8;

/// Of one repository.
const OF_ONE: usize = 4;

/// Deliveries that are claimed in one transaction.
pub(super) const CLAIMED: usize = 16;

/// Claimed deliveries that wait; more stay in the store.
const WAITING: usize = 64;

/// The line, and who is being served.
#[derive(Debug, Default)]
pub(super) struct Line {
    waiting: VecDeque<(ClaimedDelivery, Held<DeliveryId>)>,
    served: Arc<Mutex<Served>>,
}

#[derive(Debug, Default)]
struct Served {
    all: usize,
    of: HashMap<String, usize>,
}

impl Line {
    /// Puts a claimed delivery at the end.
    pub(super) fn push(&mut self, delivery: ClaimedDelivery, held: Held<DeliveryId>) {
        self.waiting.push_back((delivery, held));
    }

    /// Whether more should be claimed: somebody could be served, and nobody here can be.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() + CLAIMED <= WAITING && lock(&self.served).all < AT_ONCE
    }

    /// The first one whose turn it may be now.
    pub(super) fn next(&mut self) -> Option<(ClaimedDelivery, Turn)> {
        let mut served = lock(&self.served);
        if served.all >= AT_ONCE {
            return None;
        }
        let free = |(delivery, _): &(ClaimedDelivery, _)| {
            served.of.get(name(delivery)).is_none_or(|busy| *busy < OF_ONE)
        };
        let place = self.waiting.iter().position(free)?;
        let (delivery, held) = self.waiting.remove(place)?;
        let repository = name(&delivery).to_owned();
        served.all += 1;
        *served.of.entry(repository.clone()).or_default() += 1;
        let served = Arc::clone(&self.served);
        Some((delivery, Turn { repository, served, _held: held }))
    }
}

/// One delivery's turn; over when it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    repository: String,
    served: Arc<Mutex<Served>>,
    /// In our hands for as long.
    _held: Held<DeliveryId>,
}

impl Turn {
    /// The same, with something to be done once it is over.
    pub(super) fn on_end<F: Fn()>(self, then: F) -> impl Drop {
        Ended { turn: Some(self), then }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut served = lock(&self.served);
        served.all -= 1;
        if let Some(busy) = served.of.get_mut(&self.repository) {
            *busy -= 1;
            if *busy == 0 {
                served.of.remove(&self.repository);
            }
        }
    }
}

struct Ended<F: Fn()> {
    turn: Option<Turn>,
    then: F,
}

impl<F: Fn()> Drop for Ended<F> {
    fn drop(&mut self) {
        drop(self.turn.take());
        (self.then)();
    }
}

/// Those about no repository count as one.
fn name(delivery: &ClaimedDelivery) -> &str {
    delivery.repository.as_deref().unwrap_or_default()
}

fn lock(served: &Mutex<Served>) -> MutexGuard<'_, Served> {
    // No change in here can panic half-way.
    served.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
