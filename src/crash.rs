//! Points at which a test lets the agent die as a power failure would: between any two of its
//! writes and its effects on the outside.
//!
//! A build with debug assertions kills itself with `SIGKILL` at the point that
//! `POCKETCI_TEST_CRASH_AT` names; `name:3` is the third time that it is passed. With `panic@` in
//! front the task panics there instead, and the others go on. In any other build a point is nothing. `docs/faults.md` says what is shown with them. The domain has none:
//! it has no effects.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Every point there is, in the order of a delivery's way. A test holds it to the sources, and
/// tells a story for each.
pub const POINTS: &[&str] = &[
    "start.locked",
    "start.leftovers-ended",
    "start.cleared",
    "start.before-recover",
    "start.recovered",
    "commit.before",
    "commit.after",
    "intake.before-commit",
    "intake.after-commit",
    "intake.before-answer",
    "delivery.before-claim",
    "delivery.claimed",
    "delivery.before-postpone",
    "delivery.postponed",
    "fetch.before",
    "mirror.made",
    "mirror.fetched",
    "fetch.done",
    "listing.before",
    "listing.answered",
    "listing.kept",
    "settle.before-commit",
    "settle.after-commit",
    "twin.before-commit",
    "twin.after-commit",
    "cancel.before-end",
    "waiting.before-commit",
    "waiting.told",
    "call.before-claim",
    "call.claimed",
    "log.created",
    "event-file.written",
    "checkout.half",
    "checkout.done",
    "call.prepared",
    "child.started",
    "call.started",
    "call.before-recorded",
    "call.recorded",
    "child.ended",
    "call.ended",
    "finish.before-commit",
    "finish.after-commit",
    "call.cleaned",
    "retry.before-commit",
    "retry.after-commit",
    "status.before-claim",
    "status.claimed",
    "status.before-send",
    "status.answered",
    "status.before-mark",
    "status.marked",
    "status.before-postpone",
    "status.before-drop",
    "status.answer-kept",
    "check.before-kept",
    "check.kept",
    "act.before-commit",
    "act.after-commit",
    "act.before-settle",
    "act.settled",
    "act.before-answer",
    "replay.before-answer",
    "effect.claimed",
    "effect.answered",
    "effect.kept",
    "hasten.before-commit",
    "mend.before-commit",
    "mend.after-commit",
    "retention.logs-gone",
    "retention.before-commit",
    "retention.after-commit",
    "drain.began",
    "release.before-commit",
    "release.after-commit",
    "drain.ended",
    "stop.before-close",
];

/// What happens where.
struct Armed {
    name: String,
    /// How often the point is still to be passed.
    left: AtomicU32,
    /// Only the task dies.
    panics: bool,
}

static ARMED: OnceLock<Armed> = OnceLock::new();

/// Before the name of a point at which a task panics.
const PANIC: &str = "panic@";

/// Names the point at which this process dies: `name`, or `name:times`, and with [`PANIC`] before
/// it the task alone. Only the first call counts, and none in a build without debug assertions.
///
/// # Errors
/// When there is no such point, so that no test waits for it in vain.
pub fn arm(at: &str) -> Result<(), String> {
    if !cfg!(debug_assertions) {
        return Ok(());
    }
    let (panics, point) = at.strip_prefix(PANIC).map_or((false, at), |point| (true, point));
    let (name, times) = point.split_once(':').unwrap_or((point, "1"));
    let times = times.parse::<u32>().ok().filter(|times| *times > 0);
    let Some(times) = times.filter(|_| POINTS.contains(&name)) else {
        return Err(format!("`{at}` is no crash point: give `name` or `name:times`"));
    };
    let left = AtomicU32::new(times);
    let _first = ARMED.set(Armed { name: name.to_owned(), left, panics });
    Ok(())
}

/// Dies here when armed so.
#[inline(always)]
pub fn point(name: &str) {
    if cfg!(debug_assertions) {
        pass(name);
    }
}

fn pass(name: &str) {
    let Some(armed) = ARMED.get() else { return };
    if armed.name == name && armed.left.fetch_sub(1, Ordering::SeqCst) == 1 {
        assert!(!armed.panics, "as asked for by a test");
        die();
    }
}

/// No destructor runs, nothing is flushed, and no other thread gets further than it is.
fn die() {
    let own = nix::unistd::getpid();
    let _never_fails = nix::sys::signal::kill(own, nix::sys::signal::Signal::SIGKILL);
    loop {
        std::thread::park();
    }
}

#[cfg(test)]
mod tests;
