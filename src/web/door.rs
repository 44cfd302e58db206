//! Who may knock: limits on deliveries that nobody has proven anything about yet.
//!
//! It counts and decides; it reads no request and knows no status code. Its tables are bounded
//! whatever the number of addresses, and the larger one holds strangers only: an address that has
//! delivered something signed is known from then on and never waits behind them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::network::Sender;

/// What one stranger may send at once, and then for each second. What proves right is given
/// back, so that a forge that nobody has seen yet is limited in what it has under way alone.
const ONE: Rate = Rate { burst: 100, per_second: 5 };
/// What all strangers together may.
const ALL: Rate = Rate { burst: 2_000, per_second: 1_000 };
/// Strangers that are told apart; beyond, newcomers are counted together as one.
const STRANGERS: usize = 8_192;
/// Neighbourhoods that are remembered for having proven to be a forge's.
const KNOWN: usize = 1_024;
/// For how long.
const KNOWN_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// How often the table of strangers is searched for those who are through with waiting.
const SWEEP: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy)]
struct Rate {
    burst: u32,
    per_second: u32,
}

impl Rate {
    fn each(self) -> Duration {
        Duration::from_secs(1) / self.per_second
    }
}

/// When an account will be empty again: each request moves it on by what one costs.
#[derive(Debug, Clone, Copy)]
struct Account(Instant);

impl Account {
    /// Charges one request, or says how long to wait for that.
    fn charge(&mut self, rate: Rate, now: Instant) -> Result<(), Duration> {
        let next = self.0.max(now) + rate.each();
        match (next - now).checked_sub(rate.each() * rate.burst) {
            None | Some(Duration::ZERO) => {
                self.0 = next;
                Ok(())
            }
            Some(wait) => Err(wait),
        }
    }

    fn give_back(&mut self, rate: Rate) {
        self.0 = self.0.checked_sub(rate.each()).unwrap_or(self.0);
    }
}

/// The counts behind one door.
pub(super) struct Counter(Mutex<Counts>);

struct Counts {
    strangers: HashMap<Sender, Account>,
    /// Whoever does not fit into the table.
    others: Account,
    all: Account,
    known: HashMap<Sender, Instant>,
    swept: Instant,
}

impl Counter {
    pub(super) fn new(now: Instant) -> Self {
        Self(Mutex::new(Counts {
            strangers: HashMap::new(),
            others: Account(now),
            all: Account(now),
            known: HashMap::new(),
            swept: now,
        }))
    }

    /// Lets a request in whose sender has proven nothing yet.
    ///
    /// # Errors
    /// After how long to come again.
    pub(super) fn admit(&self, sender: Sender, now: Instant) -> Result<(), Duration> {
        let mut counts = self.counts();
        if counts.is_known(sender, now) {
            return Ok(());
        }
        counts.account(sender, now).charge(ONE, now)?;
        let all = counts.all.charge(ALL, now);
        if all.is_err() {
            counts.account(sender, now).give_back(ONE);
        }
        all
    }

    /// What was let in has proven to come from the forge.
    pub(super) fn proved(&self, sender: Sender, now: Instant) {
        let mut counts = self.counts();
        if sender.is_local() {
            return;
        }
        if !counts.is_known(sender, now) {
            counts.account(sender, now).give_back(ONE);
            counts.all.give_back(ALL);
        }
        if counts.known.len() >= KNOWN {
            let oldest = counts.known.iter().min_by_key(|(_, at)| **at).map(|(who, _)| *who);
            oldest.map(|who| counts.known.remove(&who));
        }
        counts.known.insert(sender.neighbourhood(), now);
    }

    fn counts(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// Whether the sender is no stranger. Behind an address of the own network may be a proxy,
    /// and behind that the forge: it is not to be shut out for what others send through it.
    fn is_known(&self, sender: Sender, now: Instant) -> bool {
        let since = |at: &Instant| now.saturating_duration_since(*at) < KNOWN_FOR;
        sender.is_local() || self.known.get(&sender.neighbourhood()).is_some_and(since)
    }

    fn account(&mut self, sender: Sender, now: Instant) -> &mut Account {
        let full = self.strangers.len() >= STRANGERS && !self.strangers.contains_key(&sender);
        if full && now.saturating_duration_since(self.swept) >= SWEEP {
            self.swept = now;
            self.strangers.retain(|_, account| account.0 > now);
        }
        if self.strangers.len() >= STRANGERS && !self.strangers.contains_key(&sender) {
            return &mut self.others;
        }
        self.strangers.entry(sender).or_insert(Account(now))
    }
}

#[cfg(test)]
mod tests;
