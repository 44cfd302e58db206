//! Who is connected, and who has to go when there is no room left.
//!
//! Everybody is let in. When all seats are taken, the one goes whose going costs least: of the
//! sender with the most connections, the one that has waited for the longest without having
//! proven anything. So those who hold connections open compete with one another, and a delivery
//! that takes some milliseconds is the newest of them all.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use crate::domain::network::Sender;

/// What a connection is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(in crate::web) enum Stage {
    /// No complete head yet, or none after the last answer.
    Waiting,
    /// Sends a body, and has a small buffer for it.
    Body,
    /// Sends a body that has a file.
    Spooling,
    /// Has sent everything and is answered.
    Answering,
    /// Has its answer, and is listened to for a little so that it is not lost.
    Lingering,
}

impl Stage {
    fn from_number(number: u8) -> Self {
        let all = [Self::Waiting, Self::Body, Self::Spooling, Self::Answering, Self::Lingering];
        all.into_iter().find(|stage| *stage as u8 == number).unwrap_or(Self::Waiting)
    }
}

/// One connection's seat, as its own task and the others see it.
#[derive(Debug)]
pub(in crate::web) struct Seat {
    /// The connection's other end.
    address: IpAddr,
    sender: Mutex<Sender>,
    stage: AtomicU8,
    /// Milliseconds from the first seat to when the stage began.
    since: AtomicU64,
    epoch: Instant,
    proven: AtomicBool,
    /// Cancelled when it has to go.
    leave: CancellationToken,
}

impl Seat {
    fn new(address: IpAddr, epoch: Instant) -> Self {
        let seat = Self {
            address,
            sender: Mutex::new(Sender::new(address)),
            stage: AtomicU8::new(Stage::Waiting as u8),
            since: AtomicU64::new(0),
            epoch,
            proven: AtomicBool::new(false),
            leave: CancellationToken::new(),
        };
        seat.enter(Stage::Waiting);
        seat
    }

    pub(in crate::web) fn address(&self) -> IpAddr {
        self.address
    }

    fn sender(&self) -> Sender {
        *self.sender.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A proxy's connection speaks for somebody else.
    pub(in crate::web) fn speaks_for(&self, sender: Sender) {
        *self.sender.lock().unwrap_or_else(PoisonError::into_inner) = sender;
    }

    /// From a body's first piece to its last is one stage, however many pieces there are.
    pub(in crate::web) fn enter(&self, stage: Stage) {
        self.since.store(self.epoch.elapsed().as_millis() as u64, Ordering::Relaxed);
        self.stage.store(stage as u8, Ordering::Relaxed);
    }

    /// What came through here was signed.
    pub(in crate::web) fn prove(&self) {
        self.proven.store(true, Ordering::Relaxed);
    }

    pub(super) fn left(&self) -> impl Future<Output = ()> + '_ {
        self.leave.cancelled()
    }

    fn stage(&self) -> Stage {
        Stage::from_number(self.stage.load(Ordering::Relaxed))
    }
}

/// A request that came over no connection: in tests of the router.
impl Default for Seat {
    fn default() -> Self {
        Self::new(IpAddr::V6(Ipv6Addr::LOCALHOST), Instant::now())
    }
}

/// All of them.
#[derive(Debug)]
pub(in crate::web) struct Seats {
    most: usize,
    most_spooling: usize,
    epoch: Instant,
    taken: Mutex<Taken>,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    seats: HashMap<u64, Arc<Seat>>,
}

/// A seat that is free again when this is dropped.
pub(super) struct Ticket {
    seats: Arc<Seats>,
    number: u64,
    pub(super) seat: Arc<Seat>,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.seats.taken().seats.remove(&self.number);
    }
}

impl Seats {
    pub(in crate::web) fn new(most: usize, most_spooling: usize) -> Self {
        Self {
            most,
            most_spooling,
            epoch: Instant::now(),
            taken: Mutex::default(),
            dropped: AtomicU64::new(0),
        }
    }

    /// A seat for a newcomer; none when all are taken by those who must not be disturbed.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Option<Ticket> {
        let mut taken = self.taken();
        if taken.seats.len() >= self.most && !self.drop_some(&mut taken, self.most / 64, |_| true) {
            return None;
        }
        let number = taken.next;
        taken.next += 1;
        let seat = Arc::new(Seat::new(address, self.epoch));
        taken.seats.insert(number, Arc::clone(&seat));
        Some(Ticket { seats: Arc::clone(self), number, seat })
    }

    /// Makes room when something else than seats has run out.
    pub(super) fn free_one(&self) -> bool {
        self.drop_some(&mut self.taken(), 1, |_| true)
    }

    /// The body of this seat gets a file; somebody else's goes when there are too many.
    pub(in crate::web) fn spool(&self, seat: &Seat) {
        let mut taken = self.taken();
        let spooling = |seat: &Seat| seat.stage() == Stage::Spooling;
        if taken.seats.values().filter(|seat| spooling(seat)).count() >= self.most_spooling {
            self.drop_some(&mut taken, 1, spooling);
        }
        seat.enter(Stage::Spooling);
    }

    pub(in crate::web) fn open(&self) -> usize {
        self.taken().seats.len()
    }

    /// Connections that had to go, since the start.
    pub(in crate::web) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn drop_some(&self, taken: &mut Taken, at_once: usize, among: impl Fn(&Seat) -> bool) -> bool {
        let unproven = |seat: &Seat| !seat.proven.load(Ordering::Relaxed);
        let mut counts: HashMap<Sender, usize> = HashMap::new();
        for seat in taken.seats.values().filter(|seat| unproven(seat)) {
            *counts.entry(seat.sender()).or_default() += 1;
        }
        let now = self.epoch.elapsed().as_millis() as u64;
        let cheapest = |seat: &Seat| {
            let (stage, unproven) = (seat.stage(), unproven(seat));
            let count = if unproven { counts.get(&seat.sender()).copied() } else { None };
            let age = now.saturating_sub(seat.since.load(Ordering::Relaxed));
            (unproven, stage == Stage::Lingering, count, stage != Stage::Answering, age)
        };
        // What is proven and has been sent is being stored.
        let may_go = |seat: &Seat| unproven(seat) || seat.stage() != Stage::Answering;
        let candidates = taken.seats.iter().filter(|(_, seat)| among(seat) && may_go(seat));
        let mut candidates: Vec<_> =
            candidates.map(|(number, seat)| (cheapest(seat), *number)).collect();
        candidates.sort_unstable_by(|one, other| other.cmp(one));
        // Looking at all of them for each newcomer would be what a flood is after.
        let strangers = candidates.iter().take_while(|(key, _)| key.0).count();
        candidates.truncate(at_once.min(strangers).max(1));
        for (_, number) in &candidates {
            if let Some(seat) = taken.seats.remove(number) {
                seat.leave.cancel();
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
        !candidates.is_empty()
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
