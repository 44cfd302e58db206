//! The version of the CLI.

use std::fmt;

/// A released version; what a pre-release adds is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    pub major: u32,
    pub minor: u32,
    pub patch: u32,
}

/// The CLI is older than [`Version::MINIMUM`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "The dagger CLI is version {0}, and versions before {min} can exit with status 0 although a \
     function failed; install {min} or newer", min = Version::MINIMUM
)]
pub struct TooOld(pub Version);

impl Version {
    /// From this version on a failing function never exits with status 0.
    pub const MINIMUM: Self = Self { major: 0, minor: 20, patch: 2 };

    /// Reads what `dagger version` prints: `dagger v0.21.8 (…) linux/amd64`.
    pub fn parse(said: &str) -> Option<Self> {
        said.split_whitespace().find_map(|word| {
            let core = word.strip_prefix('v').unwrap_or(word);
            let core = core.split(['-', '+']).next()?;
            let mut numbers = core.split('.').map(|number| number.parse().ok());
            let version =
                Self { major: numbers.next()??, minor: numbers.next()??, patch: numbers.next()?? };
            numbers.next().is_none().then_some(version)
        })
    }

    /// Refuses a CLI whose exit status cannot be believed.
    pub fn supported(self) -> Result<Self, TooOld> {
        if self >= Self::MINIMUM { Ok(self) } else { Err(TooOld(self)) }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}
