//! The values of secrets: read where the operator says that they are, held in memory that is wiped
//! when they are let go of, and shown to nobody.
//!
//! Who may have one is `domain::policy`'s to say.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::domain::policy::Source;
use crate::domain::redact::SHORTEST;

/// The longest value, in bytes: it has to fit into one variable of a call, which Linux limits to
/// 128 KiB with its name.
pub const LONGEST: u64 = 96 * 1024;

/// The variables of the agent that are secrets, as they were when it started.
#[derive(Clone, Default)]
pub struct Values(BTreeMap<String, SecretString>);

/// Why a secret has no value that can be used. The value is never told.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("{0} is not set")]
    Unset(String),
    #[error("the file `{path}` cannot be read: {error}")]
    Unreadable { path: String, error: std::io::Error },
    #[error("{place} {why}")]
    Unfit { place: String, why: &'static str },
    /// Nothing here can resolve it.
    #[error("only dagger can resolve it, and only for a function's argument")]
    Address,
}

impl Values {
    pub fn new(values: BTreeMap<String, SecretString>) -> Self {
        Self(values)
    }

    /// The value of a variable.
    pub fn variable(&self, name: &str) -> Option<&SecretString> {
        self.0.get(name)
    }

    /// The variables that have a value.
    pub fn names(&self) -> BTreeSet<String> {
        self.0.keys().cloned().collect()
    }

    /// The value as it is now: a file is read anew.
    ///
    /// # Errors
    /// When it is not there, or cannot be masked or passed.
    pub fn value(&self, source: &Source) -> Result<SecretString, SecretError> {
        let (value, place) = match source {
            Source::Env(name) => {
                let value = self.variable(name).ok_or_else(|| SecretError::Unset(name.clone()))?;
                (value.clone(), name.clone())
            }
            Source::File(path) => {
                (of_file(path)?, format!("what the file `{}` holds", path.display()))
            }
            Source::Dagger(_) => return Err(SecretError::Address),
        };
        match unfit(value.expose_secret()) {
            Some(why) => Err(SecretError::Unfit { place, why }),
            None => Ok(value),
        }
    }
}

/// Why a text cannot be a secret: it could not be masked, or not be passed.
pub fn unfit(value: &str) -> Option<&'static str> {
    if value.chars().count() < SHORTEST {
        Some(
            "is shorter than 4 characters and cannot be a secret: texts so short occur by chance, \
             so that masking them would hide everything or give them away",
        )
    } else if value.contains('\0') {
        Some("holds a zero byte, which no variable can")
    } else if value.len() as u64 > LONGEST {
        Some("is longer than 96 KiB, which no variable can hold")
    } else {
        None
    }
}

/// What a file holds. A line break behind a single line is none of it, as most programs that write
/// such files put it there; a text of several lines, like a key, needs its last one.
fn of_file(path: &Path) -> Result<SecretString, SecretError> {
    let shown = || path.display().to_string();
    let unreadable = |error| SecretError::Unreadable { path: shown(), error };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    // Room for all of it, so that it is not moved while it is read and left behind unwiped.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST as usize + 2));
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    let Ok(text) = std::str::from_utf8(&bytes) else {
        let place = format!("what the file `{}` holds", shown());
        return Err(SecretError::Unfit { place, why: "is not UTF-8" });
    };
    let line = text.strip_suffix('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    let text = line.filter(|line| !line.contains('\n')).unwrap_or(text);
    Ok(SecretString::from(text))
}

#[cfg(test)]
mod tests;
