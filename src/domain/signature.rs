//! Signatures over webhook bodies: who does not know the secret cannot make us do anything.
//!
//! It checks raw bytes, before anything reads them, and knows neither headers nor forges: where
//! a forge puts its signature, and which digest it must be, is `domain::forge`'s to say.

use std::borrow::Cow;
use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::Sha256;

mod standard;

pub use standard::Signed;

/// A secret shared with a forge; several are valid at once while one is being rotated.
#[derive(Clone)]
pub struct WebhookSecret(SecretString);

impl WebhookSecret {
    /// An empty text is kept, and matches no signature: anybody can sign with it.
    pub fn new(secret: &str) -> Self {
        Self(SecretString::from(secret))
    }

    /// The text itself, for the one forge that signs with it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

/// A webhook body whose signature has been checked; there is no other way to make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authentic<'a>(Cow<'a, [u8]>);

impl<'a> Authentic<'a> {
    /// Checks a signature, in hexadecimal digits, over the bytes that the forge signs:
    /// the body as it came, or what is packed into it.
    ///
    /// # Errors
    ///
    /// When none of the secrets made it, and when it is no signature at all.
    pub fn check(
        secrets: &[WebhookSecret],
        digest: Digest,
        signature: &str,
        signed: impl Into<Cow<'a, [u8]>>,
    ) -> Result<Self, BadSignature> {
        let signed = signed.into();
        let mut check = Claim::hmac(digest, signature)?.check(secrets);
        check.update(&signed);
        check.finish()?;
        Ok(Self(signed))
    }

    /// The bytes that were signed.
    pub fn body(&self) -> &[u8] {
        &self.0
    }
}

/// The hash under the HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    Sha256,
    /// Only where an operator insists: some forges of old know nothing better.
    Sha1,
}

/// What a request's head says about who signed it: enough to refuse the body unread, and to
/// check it piece by piece without keeping any of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim(Proof);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Proof {
    Hmac { digest: Digest, theirs: Vec<u8> },
    Whole,
}

impl Claim {
    /// An HMAC over the bytes of the body as they come, in hexadecimal digits.
    ///
    /// # Errors
    ///
    /// When it is no signature at all.
    pub fn hmac(digest: Digest, signature: &str) -> Result<Self, BadSignature> {
        let theirs = hex::decode(signature).map_err(|_| BadSignature::Malformed)?;
        if theirs.is_empty() {
            return Err(BadSignature::Malformed);
        }
        Ok(Self(Proof::Hmac { digest, theirs }))
    }

    /// A proof that shows only when the whole body is at hand (a forge may sign what a form
    /// holds and not the form): its check finds nothing wrong and proves nothing.
    pub fn whole() -> Self {
        Self(Proof::Whole)
    }

    /// Begins to check it against a body.
    pub fn check<'a>(self, secrets: impl IntoIterator<Item = &'a WebhookSecret>) -> Check {
        let made = match &self.0 {
            Proof::Hmac { digest, .. } => {
                secrets.into_iter().filter_map(|secret| digest.begin(secret)).collect()
            }
            Proof::Whole => Vec::new(),
        };
        Check { claim: self, made }
    }
}

/// A check under way, fed with a body piece by piece. Passing it is no [`Authentic`]: that takes
/// the bytes themselves.
pub struct Check {
    claim: Claim,
    /// One for each secret.
    made: Vec<Made>,
}

impl Check {
    /// The next bytes of the body.
    pub fn update(&mut self, bytes: &[u8]) {
        for made in &mut self.made {
            match made {
                Made::Sha256(mac) => mac.update(bytes),
                Made::Sha1(mac) => mac.update(bytes),
            }
        }
    }

    /// Whether the body, which ends here, can be what was claimed.
    ///
    /// # Errors
    ///
    /// When none of the secrets made the signature.
    pub fn finish(self) -> Result<(), BadSignature> {
        let Proof::Hmac { theirs, .. } = &self.claim.0 else { return Ok(()) };
        // Each comparison takes the same time for every wrong signature.
        let right = |made: Made| match made {
            Made::Sha256(mac) => mac.verify_slice(theirs).is_ok(),
            Made::Sha1(mac) => mac.verify_slice(theirs).is_ok(),
        };
        if self.made.into_iter().any(right) { Ok(()) } else { Err(BadSignature::Mismatch) }
    }
}

enum Made {
    Sha256(Hmac<Sha256>),
    Sha1(Hmac<Sha1>),
}

impl Digest {
    /// None for an empty secret, with which anybody can sign.
    fn begin(self, secret: &WebhookSecret) -> Option<Made> {
        let key = secret.0.expose_secret().as_bytes();
        if key.is_empty() {
            return None;
        }
        // HMAC takes keys of any length, so the error never happens; it would prove nothing.
        match self {
            Self::Sha256 => Hmac::new_from_slice(key).ok().map(Made::Sha256),
            Self::Sha1 => Hmac::new_from_slice(key).ok().map(Made::Sha1),
        }
    }
}

/// Why a body is not taken for the forge's; none of it tells a stranger about the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    #[error("The webhook is not signed; set the same secret on the forge and in the agent")]
    Absent,
    #[error(
        "The webhook is signed with SHA-1 only; set `POCKETCI_ALLOW_SHA1=true` to take that, \
         or upgrade the forge"
    )]
    OnlySha1,
    #[error("The webhook's signature is malformed")]
    Malformed,
    #[error("The webhook's signature was made with another secret, or for another body")]
    Mismatch,
    #[error(
        "The webhook's signature is more than five minutes old, or from the future; compare the \
         clocks of the forge and of the agent"
    )]
    Stale,
}

#[cfg(test)]
mod tests;
