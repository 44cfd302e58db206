//! Durations as people write them: `30m`, `1h30m`, `90s`.
//!
//! Shared by `pocketci.yaml` and the agent's variables, so that both take the same words.

use std::time::Duration;

/// Why a text is not a duration; the message shows the text and the form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadDuration {
    #[error(
        "`{0}` is not a duration: write hours, minutes and seconds like `1h30m`, `30m` or `90s`"
    )]
    Form(String),
    #[error("`{0}` has no unit: write `{0}s`, `{0}m` or `{0}h`")]
    NoUnit(String),
    #[error("A duration of nothing lets nothing happen: write at least `1s`")]
    Zero,
    #[error("`{0}` is longer than a week (`168h`)")]
    TooLong(String),
}

/// The longest that is taken, so that deadlines can be added to any clock.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Reads hours, minutes and seconds, each at most once and in this order.
pub fn parse(text: &str) -> Result<Duration, BadDuration> {
    let bad = || BadDuration::Form(text.chars().take(40).collect());
    let mut seconds: u64 = 0;
    let mut rest = text;
    for (unit, length) in [('h', 3600), ('m', 60), ('s', 1)] {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let Some(behind) = rest[digits..].strip_prefix(unit).filter(|_| digits > 0) else {
            continue;
        };
        // What does not fit a u64 is too long, not malformed.
        let count: u64 = rest[..digits].parse().unwrap_or(u64::MAX);
        seconds = seconds.saturating_add(count.saturating_mul(length));
        rest = behind;
    }
    if !rest.is_empty() || text.is_empty() {
        let number = !text.is_empty() && text.len() <= 9;
        let number = number && text.bytes().all(|b| b.is_ascii_digit());
        return Err(if number { BadDuration::NoUnit(text.to_owned()) } else { bad() });
    }
    let duration = Duration::from_secs(seconds);
    match seconds {
        0 => Err(BadDuration::Zero),
        _ if duration > LONGEST => Err(BadDuration::TooLong(text.chars().take(40).collect())),
        _ => Ok(duration),
    }
}

#[cfg(test)]
mod tests;
