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

mod packed;
mod standard;

use packed::Unpacking;
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
        let mut check = Claim::hmac(digest, signature)?.check(secrets)?;
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
#[derive(Clone, PartialEq, Eq)]
pub struct Claim(Proof);

#[derive(Clone, PartialEq, Eq)]
enum Proof {
    Hmac(Signature),
    /// A secret in clear.
    Token(String),
}

#[derive(Clone, PartialEq, Eq)]
struct Signature {
    digest: Digest,
    /// Any of them may be right.
    theirs: Vec<Vec<u8>>,
    /// What is signed before the body.
    head: Vec<u8>,
    keys: Keys,
    /// What is signed is packed into a form.
    packed: bool,
}

/// What of a secret is the key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    /// Its text.
    Text,
    /// What [`standard`] packs into it.
    Standard,
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claim(…)")
    }
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
        let (theirs, head) = (vec![theirs], Vec::new());
        let (keys, packed) = (Keys::Text, false);
        Ok(Self(Proof::Hmac(Signature { digest, theirs, head, keys, packed })))
    }

    /// The same over the `payload` of a form, as it is before it is packed into that.
    ///
    /// # Errors
    ///
    /// When it is no signature at all.
    pub fn packed_hmac(digest: Digest, signature: &str) -> Result<Self, BadSignature> {
        let Self(mut proof) = Self::hmac(digest, signature)?;
        if let Proof::Hmac(signature) = &mut proof {
            signature.packed = true;
        }
        Ok(Self(proof))
    }

    /// A secret in clear, which needs no body to be checked.
    ///
    /// # Errors
    ///
    /// When it is empty.
    pub fn token(token: &str) -> Result<Self, BadSignature> {
        if token.is_empty() {
            return Err(BadSignature::Absent);
        }
        Ok(Self(Proof::Token(token.to_owned())))
    }

    /// Begins to check it against a body.
    ///
    /// # Errors
    ///
    /// When no body could prove it: there is no secret, or the token is none of them.
    pub fn check<'a>(
        self,
        secrets: impl IntoIterator<Item = &'a WebhookSecret>,
    ) -> Result<Check, BadSignature> {
        let signature = match self.0 {
            Proof::Hmac(signature) => signature,
            Proof::Token(token) => {
                let known = standard::is_token(secrets, &token);
                return known.then_some(Check(None)).ok_or(BadSignature::Mismatch);
            }
        };
        let begin = |secret| {
            let mut made = signature.digest.begin(&signature.keys.of(secret)?)?;
            made.update(&signature.head);
            Some(made)
        };
        let made: Vec<Made> = secrets.into_iter().filter_map(begin).collect();
        if made.is_empty() {
            return Err(BadSignature::Mismatch);
        }
        let unpacking = signature.packed.then(Unpacking::default);
        Ok(Check(Some(UnderWay { made, theirs: signature.theirs, unpacking })))
    }
}

/// A check under way, fed with a body piece by piece. Passing it is no [`Authentic`]: that takes
/// the bytes themselves.
pub struct Check(Option<UnderWay>);

struct UnderWay {
    /// One for each secret.
    made: Vec<Made>,
    theirs: Vec<Vec<u8>>,
    unpacking: Option<Unpacking>,
}

impl Check {
    /// The next bytes of the body.
    pub fn update(&mut self, bytes: &[u8]) {
        let Some(UnderWay { made, unpacking, .. }) = &mut self.0 else { return };
        let mut update = |bytes: &[u8]| made.iter_mut().for_each(|made| made.update(bytes));
        match unpacking {
            Some(unpacking) => unpacking.push(bytes, update),
            None => update(bytes),
        }
    }

    /// Whether the body, which ends here, can be what was claimed.
    ///
    /// # Errors
    ///
    /// When none of the secrets made the signature.
    pub fn finish(self) -> Result<(), BadSignature> {
        let Some(UnderWay { mut made, theirs, unpacking }) = self.0 else { return Ok(()) };
        if let Some(unpacking) = unpacking {
            unpacking.finish(|bytes| made.iter_mut().for_each(|made| made.update(bytes)));
        }
        // Each comparison takes the same time for every wrong signature.
        let right = |made: Made| theirs.iter().any(|theirs| made.clone().is(theirs));
        if made.into_iter().any(right) { Ok(()) } else { Err(BadSignature::Mismatch) }
    }
}

impl Keys {
    /// None where a secret is for the other kind.
    fn of(self, secret: &WebhookSecret) -> Option<Cow<'_, [u8]>> {
        match self {
            Self::Text => Some(secret.0.expose_secret().as_bytes().into()),
            Self::Standard => standard::key(secret).map(Into::into),
        }
    }
}

#[derive(Clone)]
enum Made {
    Sha256(Hmac<Sha256>),
    Sha1(Hmac<Sha1>),
}

impl Made {
    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(mac) => mac.update(bytes),
            Self::Sha1(mac) => mac.update(bytes),
        }
    }

    fn is(self, theirs: &[u8]) -> bool {
        match self {
            Self::Sha256(mac) => mac.verify_slice(theirs).is_ok(),
            Self::Sha1(mac) => mac.verify_slice(theirs).is_ok(),
        }
    }
}

impl Digest {
    /// None for an empty key, with which anybody can sign.
    fn begin(self, key: &[u8]) -> Option<Made> {
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
