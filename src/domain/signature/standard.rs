//! GitLab's two proofs: a token sent in clear, and a signature as standardwebhooks.com has it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use sha2::Sha256;

use super::{Authentic, BadSignature, WebhookSecret};

/// What a signing secret begins with; the rest is its key in base64.
const PREFIX: &str = "whsec_";

/// The version of the scheme that counts; a header may hold others beside it.
const VERSION: &str = "v1,";

/// How far the sender's clock may be off, and how old a signature may be, in seconds.
const TOLERANCE: i64 = 300;

/// What a sender says about its signature.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    pub id: &'a str,
    /// Seconds since 1970.
    pub timestamp: &'a str,
    /// Several stand between blanks while a key is being rotated.
    pub signatures: &'a str,
}

impl<'a> Authentic<'a> {
    /// Checks a token that came in clear. A signing secret is never one: it does not travel.
    ///
    /// # Errors
    ///
    /// When it is none of the secrets.
    pub fn by_token(
        secrets: &[WebhookSecret],
        token: &str,
        body: &'a [u8],
    ) -> Result<Self, BadSignature> {
        let ours = secrets.iter().map(|secret| secret.0.expose_secret());
        let ours = ours.filter(|secret| !secret.is_empty() && !secret.starts_with(PREFIX));
        // All are compared, and by their hashes: neither a length nor a beginning shows.
        let found = ours.fold(false, |found, secret| equal(secret, token) | found);
        if found && !token.is_empty() { Ok(Self(body.into())) } else { Err(BadSignature::Mismatch) }
    }

    /// Checks a signature over id, time and body.
    ///
    /// # Errors
    ///
    /// When none of the signing secrets made it, or not lately.
    pub fn by_standard(
        secrets: &[WebhookSecret],
        signed: Signed<'_>,
        now: Timestamp,
        body: &'a [u8],
    ) -> Result<Self, BadSignature> {
        let at: i64 = signed.timestamp.parse().map_err(|_| BadSignature::Malformed)?;
        let versions = signed.signatures.split_ascii_whitespace();
        let versions = versions.filter_map(|one| STANDARD.decode(one.strip_prefix(VERSION)?).ok());
        let signatures: Vec<Vec<u8>> = versions.filter(|bytes| !bytes.is_empty()).collect();
        if signatures.is_empty() || signed.id.is_empty() {
            return Err(BadSignature::Malformed);
        }
        let text = [signed.id.as_bytes(), b".", signed.timestamp.as_bytes(), b".", body].concat();
        let keys = secrets.iter().filter_map(|secret| {
            let key = secret.0.expose_secret().strip_prefix(PREFIX)?;
            STANDARD.decode(key).ok().filter(|key| !key.is_empty())
        });
        let made = |key: Vec<u8>| {
            let mut theirs = signatures.iter();
            theirs.any(|theirs| verify(&key, &text, theirs))
        };
        if !{ keys }.any(made) {
            return Err(BadSignature::Mismatch);
        }
        if now.as_second().abs_diff(at) > TOLERANCE.unsigned_abs() {
            return Err(BadSignature::Stale);
        }
        Ok(Self(body.into()))
    }
}

fn verify(key: &[u8], text: &[u8], theirs: &[u8]) -> bool {
    // HMAC takes keys of any length, so the error never happens; it would prove nothing.
    let mac = Hmac::<Sha256>::new_from_slice(key);
    mac.is_ok_and(|mac| mac.chain_update(text).verify_slice(theirs).is_ok())
}

/// Takes as long for every pair of texts of the same lengths.
fn equal(ours: &str, theirs: &str) -> bool {
    let mac = |text: &str| Some(Hmac::<Sha256>::new_from_slice(b"token").ok()?.chain_update(text));
    let (Some(ours), Some(theirs)) = (mac(ours), mac(theirs)) else { return false };
    ours.verify_slice(&theirs.finalize().into_bytes()).is_ok()
}

#[cfg(test)]
mod tests;
