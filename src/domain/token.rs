//! What opens the pages and the API: a token's text, and what is kept of it.

use sha2::{Digest, Sha256};

/// How every token begins, so that people and scanners know one where they find it.
pub const PREFIX: &str = "pci_";

/// What is kept of a token or of a session's cookie; neither can be had from it again. Plain
/// SHA-256 is enough for it: there are 256 random bits to guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }
}

/// The text of a new token.
pub fn written(random: &[u8; 32]) -> String {
    format!("{PREFIX}{}", hex::encode(random))
}

/// Why a text is no token's name; the message is for whoever chose it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("A token's name has 1 to {LONGEST_NAME} letters, digits, spaces or any of -_.@/")]
pub struct BadTokenName;

/// Characters of a token's name at most: it stands in sentences.
const LONGEST_NAME: usize = 60;

/// A token's name, as it stands with what was done by it.
///
/// # Errors
/// When it is empty, too long, or might be taken for something else.
pub fn name(text: &str) -> Result<String, BadTokenName> {
    let text = text.trim();
    let fits = |c: char| c.is_alphanumeric() || " -_.@/".contains(c);
    let length = text.chars().count();
    if (1..=LONGEST_NAME).contains(&length) && text.chars().all(fits) {
        Ok(text.to_owned())
    } else {
        Err(BadTokenName)
    }
}

#[cfg(test)]
mod tests;
