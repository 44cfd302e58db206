//! Whether a call that did not get to its own end is begun again.
//!
//! A function's own failure never is: only what the agent or the engine did to it.

use std::time::Duration;

use super::spec::OnInterrupt;

/// How long a call waits before it is tried again for the engine's sake, the first and the second
/// time. There is no third.
pub const ENGINE_PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(10)];

/// How long to wait before a call that the engine lost is tried again; `tries` is how often it
/// has been already. None: it is lost for good.
pub fn engine_pause(tries: u32) -> Option<Duration> {
    ENGINE_PAUSES.get(usize::try_from(tries).ok()?).copied()
}

/// What becomes of a call that ran when the agent went away under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupted {
    /// It is queued again, as another attempt.
    Again,
    /// It is over; why.
    Lost(&'static str),
}

/// What becomes of a call that an agent's death interrupted, `interruptions` times before.
pub fn interrupted(policy: OnInterrupt, interruptions: u32) -> Interrupted {
    match (policy, interruptions) {
        (OnInterrupt::Fail, _) => Interrupted::Lost("the agent was restarted while it ran"),
        (OnInterrupt::Retry, 0) => Interrupted::Again,
        (OnInterrupt::Retry, _) => {
            Interrupted::Lost("the agent was restarted while it ran, for the second time")
        }
    }
}

#[cfg(test)]
mod tests;
