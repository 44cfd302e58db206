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

/// A secret shared with a forge; several are valid at once while one is being rotated.
#[derive(Clone)]
pub struct WebhookSecret(SecretString);

impl WebhookSecret {
    /// An empty text is kept, and matches no signature: anybody can sign with it.
    pub fn new(secret: &str) -> Self {
        Self(SecretString::from(secret))
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
        let theirs = hex::decode(signature).map_err(|_| BadSignature::Malformed)?;
        if theirs.is_empty() {
            return Err(BadSignature::Malformed);
        }
        // Each comparison takes the same time for every wrong signature.
        if secrets.iter().any(|secret| digest.made(secret, &signed, &theirs)) {
            Ok(Self(signed))
        } else {
            Err(BadSignature::Mismatch)
        }
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

impl Digest {
    fn made(self, secret: &WebhookSecret, body: &[u8], theirs: &[u8]) -> bool {
        let key = secret.0.expose_secret().as_bytes();
        if key.is_empty() {
            return false;
        }
        match self {
            Self::Sha256 => verify::<Hmac<Sha256>>(key, body, theirs),
            Self::Sha1 => verify::<Hmac<Sha1>>(key, body, theirs),
        }
    }
}

fn verify<M: Mac + KeyInit>(key: &[u8], body: &[u8], theirs: &[u8]) -> bool {
    // HMAC takes keys of any length, so the error never happens; it would prove nothing.
    M::new_from_slice(key).is_ok_and(|mac| mac.chain_update(body).verify_slice(theirs).is_ok())
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
}

#[cfg(test)]
mod tests;
