//! Time and space: how much is kept, how much is left free, and when there is too little.
//!
//! Sizes as people write and read them: `2GiB`, `100 MB`, `5%`.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

/// A number of bytes, written for people: `123.4 MB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// Why a text is not one of this module's values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSpace {
    #[error("`{0}` is not a size: write it like `500MB`, `2GiB` or `1048576`")]
    Size(String),
    #[error("`{0}` is not a share: write it like `5%`, from `0%` to `90%`")]
    Share(String),
    #[error(
        "`{0}` does not say what to keep: write days, a number of runs, or both: `90d`, `10000` or `90d,10000`"
    )]
    Keep(String),
}

/// Units from the longest name on, so that none is taken for the end of another.
const UNITS: [(&str, u64); 13] = [
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("k", 1 << 10),
    ("m", 1 << 20),
    ("g", 1 << 30),
    ("t", 1 << 40),
    ("b", 1),
];

impl Size {
    /// Reads `2GiB`, `1.5 GB`, `64k` or a number of bytes.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn parse(text: &str) -> Result<Self, BadSpace> {
        let bad = || BadSpace::Size(shown(text));
        let lower = text.trim().to_ascii_lowercase();
        let unit = UNITS.iter().find(|(name, _)| lower.ends_with(name));
        let (number, unit) = match unit {
            Some((name, unit)) => (&lower[..lower.len() - name.len()], *unit),
            None => (lower.as_str(), 1),
        };
        let number = decimal(number.trim()).ok_or_else(bad)?;
        let bytes = number * unit as f64;
        // Beyond 2^53 a float does not hold every byte, and nobody has such a disk.
        (bytes <= (1_u64 << 53) as f64).then_some(Self(bytes as u64)).ok_or_else(bad)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0;
        let (unit, name) = match bytes {
            0..1_000 => return write!(f, "{bytes} bytes"),
            1_000..1_000_000 => (1e3, "kB"),
            1_000_000..1_000_000_000 => (1e6, "MB"),
            1_000_000_000..1_000_000_000_000 => (1e9, "GB"),
            _ => (1e12, "TB"),
        };
        write!(f, "{:.1} {name}", bytes as f64 / unit)
    }
}

/// A number without a sign or an exponent.
fn decimal(text: &str) -> Option<f64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let some = text.bytes().any(|byte| byte.is_ascii_digit());
    (digits && some).then(|| text.parse().ok()).flatten()
}

fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

/// How much of a disk is left free for others: below it, nothing new is accepted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MinFree {
    /// Of the disk, in percent.
    Percent(f64),
    Bytes(u64),
}

impl MinFree {
    /// Reads `5%`, `2GiB`; `0` watches nothing.
    ///
    /// # Errors
    /// When it is neither a share nor a size.
    pub fn parse(text: &str) -> Result<Self, BadSpace> {
        let Some(share) = text.trim().strip_suffix('%') else {
            return Size::parse(text).map(|size| Self::Bytes(size.0));
        };
        let share = decimal(share.trim()).filter(|share| *share <= 90.0);
        share.map(Self::Percent).ok_or_else(|| BadSpace::Share(shown(text)))
    }

    /// In bytes of a disk of this size.
    pub fn of(self, total: u64) -> u64 {
        match self {
            Self::Percent(share) => (total as f64 * share / 100.0) as u64,
            Self::Bytes(bytes) => bytes,
        }
    }
}

impl fmt::Display for MinFree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percent(share) => write!(f, "{share}%"),
            Self::Bytes(bytes) => Size(*bytes).fmt(f),
        }
    }
}

/// A disk as it is at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// What a user may still write, in bytes.
    pub free: u64,
    pub total: u64,
}

impl Disk {
    /// Whether there is as much room as the operator wants to be left.
    pub fn has_room(self, min: MinFree) -> bool {
        self.free >= min.of(self.total)
    }

    /// One sentence for the operator.
    pub fn describe(self, min: MinFree) -> String {
        let (free, total) = (Size(self.free), Size(self.total));
        match self.has_room(min) {
            true => format!("{free} of {total} free"),
            false => format!(
                "{free} of {total} free, less than POCKETCI_MIN_FREE ({min}): deliveries are refused until there is room; make some, or give the data folder a larger disk"
            ),
        }
    }
}

/// What retention keeps: nothing finished is older, and there are no more finished runs than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    pub days: Option<u32>,
    pub runs: Option<u32>,
}

impl Default for Keep {
    fn default() -> Self {
        Self { days: Some(90), runs: Some(10_000) }
    }
}

/// How long a forge can send a delivery again at most, with room to spare; for as long its row is
/// kept, or a replay would be new work. GitHub's own limit is three days.
const REPLAYS: Duration = Duration::from_secs(7 * DAY);
const DAY: u64 = 24 * 60 * 60;

impl Keep {
    /// Reads `90d`, `10000` or `90d,10000`: days, a number of runs, or both. Where only one is
    /// said, the other does not count.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn parse(text: &str) -> Result<Self, BadSpace> {
        let bad = || BadSpace::Keep(shown(text));
        let mut keep = Self { days: None, runs: None };
        for part in text.split(',').map(str::trim) {
            let (slot, number) = match part.strip_suffix('d') {
                Some(days) => (&mut keep.days, days),
                None => (&mut keep.runs, part),
            };
            let number = number.bytes().all(|b| b.is_ascii_digit()).then(|| number.parse().ok());
            let number = number.flatten().filter(|number| *number > 0).ok_or_else(bad)?;
            if slot.replace(number).is_some() {
                return Err(bad());
            }
        }
        Ok(keep)
    }

    /// What finished before this is not kept; none when age does not count.
    pub fn since(self, now: Timestamp) -> Option<Timestamp> {
        let age = Duration::from_secs(u64::from(self.days?) * DAY);
        Some(now.checked_sub(age).unwrap_or(Timestamp::MIN))
    }
}

/// Deliveries settled before this are not kept: they go as far back as the runs do, but never so
/// near that the forge could send them again. `since`: what age keeps; `oldest_run`: when the
/// oldest run that is kept by number came to be, where there are more.
pub fn deliveries_since(
    since: Option<Timestamp>,
    oldest_run: Option<Timestamp>,
    now: Timestamp,
) -> Option<Timestamp> {
    let replays = now.checked_sub(REPLAYS).unwrap_or(Timestamp::MIN);
    since.max(oldest_run).map(|since| since.min(replays))
}

#[cfg(test)]
mod tests;
