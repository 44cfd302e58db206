//! GitLab's two proofs: a token sent in clear, and a signature as standardwebhooks.com has it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use sha2::Sha256;

use super::{Authentic, BadSignature, Claim, Digest, Keys, Proof, Signature, WebhookSecret};

/// What a signing secret begins with; the rest is its key in base64.
const PREFIX: &str = "whsec_";

/// The version of the scheme that counts; a header may hold others beside it.
const VERSION: &str = "v1,";

/// Signatures that are looked at; a sender has one for each of two keys.
const MOST: usize = 8;

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
        match is_token(secrets, token) {
            true => Ok(Self(body.into())),
            false => Err(BadSignature::Mismatch),
        }
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
        let mut check = Claim::standard(signed)?.check(secrets)?;
        check.update(body);
        check.finish()?;
        if now.as_second().abs_diff(at) > TOLERANCE.unsigned_abs() {
            return Err(BadSignature::Stale);
        }
        Ok(Self(body.into()))
    }
}

impl Claim {
    /// A signature over id, time and body; when it was made is not looked at.
    ///
    /// # Errors
    ///
    /// When it is no signature at all.
    pub fn standard(signed: Signed<'_>) -> Result<Self, BadSignature> {
        let Signed { id, timestamp, signatures } = signed;
        let versions = signatures.split_ascii_whitespace().take(MOST);
        let versions = versions.filter_map(|one| STANDARD.decode(one.strip_prefix(VERSION)?).ok());
        let theirs: Vec<Vec<u8>> = versions.filter(|bytes| !bytes.is_empty()).collect();
        if theirs.is_empty() || id.is_empty() {
            return Err(BadSignature::Malformed);
        }
        let head = [id.as_bytes(), b".", timestamp.as_bytes(), b"."].concat();
        let (digest, keys, packed) = (Digest::Sha256, Keys::Standard, false);
        Ok(Self(Proof::Hmac(Signature { digest, theirs, head, keys, packed })))
    }
}

/// The key in a signing secret; none: it is no such secret.
pub(super) fn key(secret: &WebhookSecret) -> Option<Vec<u8>> {
    let key = secret.0.expose_secret().strip_prefix(PREFIX)?;
    STANDARD.decode(key).ok().filter(|key| !key.is_empty())
}

/// Whether a token is one of the secrets that may travel in clear.
pub(super) fn is_token<'a>(
    secrets: impl IntoIterator<Item = &'a WebhookSecret>,
    token: &str,
) -> bool {
    let ours = secrets.into_iter().map(|secret| secret.0.expose_secret());
    let ours = ours.filter(|secret| !secret.is_empty() && !secret.starts_with(PREFIX));
    // All are compared, and by their hashes: neither a length nor a beginning shows.
    ours.fold(false, |found, secret| equal(secret, token) | found) && !token.is_empty()
}

/// Takes as long for every pair of texts of the same lengths.
fn equal(ours: &str, theirs: &str) -> bool {
    let mac = |text: &str| Some(Hmac::<Sha256>::new_from_slice(b"token").ok()?.chain_update(text));
    let (Some(ours), Some(theirs)) = (mac(ours), mac(theirs)) else { return false };
    ours.verify_slice(&theirs.finalize().into_bytes()).is_ok()
}

#[cfg(test)]
mod tests;
