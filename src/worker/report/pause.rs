//! How long to wait before something is tried again.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

use super::LONGEST;

/// Doubling pauses from a second.
pub(in crate::worker) fn pause(tries: u32, dice: u64) -> Duration {
    spread(Duration::from_secs(1 << tries.min(9)).min(LONGEST), dice)
}

/// Between half of it and one and a half, so that what failed together does not come back
/// together.
pub(super) fn spread(middle: Duration, dice: u64) -> Duration {
    middle / 2 + middle.mul_f64(dice as f64 / u64::MAX as f64)
}

/// A number that nobody can foresee: the standard library seeds its maps from the system.
pub(in crate::worker) fn dice() -> u64 {
    RandomState::new().build_hasher().finish()
}
