//! Signed tokens (JWS): whether one was signed by one of a provider's published keys.
//!
//! Two ways of signing are taken, RS256 and ES256; above all not `none`, and none whose key both
//! sides know. What the token claims is another matter.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Public};
use openssl::rsa::Rsa;
use openssl::sign::Verifier;
use serde::Deserialize;

use super::grants::Claims;

/// The shortest RSA key that is taken.
const BITS: i32 = 2048;
/// Bytes of each half of an ES256 signature.
const HALF: usize = 32;

/// Why a token is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    #[error("it is no signed token")]
    Form,
    #[error("it is signed by `{0}`: only RS256 and ES256 are taken")]
    Algorithm(String),
    #[error("the provider publishes no key that it could be signed with")]
    NoKey,
    #[error("its signature is wrong")]
    Signature,
}

/// The keys that a provider publishes.
#[derive(Debug, Default)]
pub struct Keys(Vec<Key>);

#[derive(Debug, Deserialize)]
struct Key {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: Option<String>,
    /// Whatever it asks for, we do not know it.
    crit: Option<serde_json::Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Rs256,
    Es256,
}

impl Keys {
    /// Reads a key set; what is no key in it is left out.
    pub fn parse(body: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<serde_json::Value>,
        }
        let set: Set = serde_json::from_slice(body).ok()?;
        let keys = set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok());
        Some(Self(keys.collect()))
    }

    /// What a token claims, if one of the keys has signed it.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn verified(&self, token: &str) -> Result<Claims, BadToken> {
        let (signed, signature) = token.rsplit_once('.').ok_or(BadToken::Form)?;
        let (head, claims) = signed.split_once('.').ok_or(BadToken::Form)?;
        let signature = decoded(signature).ok_or(BadToken::Form)?;
        let head: Head = json(head)?;
        let algorithm = match head.alg.as_str() {
            "RS256" => Algorithm::Rs256,
            "ES256" => Algorithm::Es256,
            other => return Err(BadToken::Algorithm(other.chars().take(20).collect())),
        };
        if head.crit.is_some() {
            return Err(BadToken::Form);
        }
        let fitting = self.0.iter().filter(|key| key.fits(algorithm, head.kid.as_deref()));
        let mut fitting = fitting.filter_map(|key| key.public(algorithm)).peekable();
        fitting.peek().ok_or(BadToken::NoKey)?;
        let right = |key: PKey<Public>| is_right(algorithm, &key, signed.as_bytes(), &signature);
        if !fitting.any(right) {
            return Err(BadToken::Signature);
        }
        json(claims)
    }
}

impl Key {
    fn fits(&self, algorithm: Algorithm, kid: Option<&str>) -> bool {
        let (kind, name) = match algorithm {
            Algorithm::Rs256 => ("RSA", "RS256"),
            Algorithm::Es256 => ("EC", "ES256"),
        };
        self.kty == kind
            && self.alg.as_deref().is_none_or(|alg| alg == name)
            && self.usage.as_deref().is_none_or(|usage| usage == "sig")
            && kid.is_none_or(|kid| self.kid.as_deref() == Some(kid))
    }

    /// None where it is not one, or a weak one.
    fn public(&self, algorithm: Algorithm) -> Option<PKey<Public>> {
        let number = |text: &Option<String>| BigNum::from_slice(&decoded(text.as_deref()?)?).ok();
        match algorithm {
            Algorithm::Rs256 => {
                let n = number(&self.n).filter(|n| n.num_bits() >= BITS)?;
                let key = Rsa::from_public_components(n, number(&self.e)?).ok()?;
                PKey::from_rsa(key).ok()
            }
            Algorithm::Es256 => {
                if self.crv.as_deref() != Some("P-256") {
                    return None;
                }
                let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).ok()?;
                let (x, y) = (number(&self.x)?, number(&self.y)?);
                // Looks itself whether the point lies on the curve.
                let key = EcKey::from_public_key_affine_coordinates(&curve, &x, &y).ok()?;
                let mut context = BigNumContext::new().ok()?;
                key.public_key().is_on_curve(&curve, &mut context).ok().filter(|is| *is)?;
                PKey::from_ec_key(key).ok()
            }
        }
    }
}

fn is_right(algorithm: Algorithm, key: &PKey<Public>, signed: &[u8], signature: &[u8]) -> bool {
    let verified = |signature: &[u8]| {
        let mut verifier = Verifier::new(MessageDigest::sha256(), key).ok()?;
        verifier.verify_oneshot(signature, signed).ok()
    };
    let signature = match algorithm {
        Algorithm::Rs256 => Some(signature.to_vec()),
        // Two numbers one behind the other, which OpenSSL wants as a structure.
        Algorithm::Es256 if signature.len() == 2 * HALF => {
            let half = |bytes: &[u8]| BigNum::from_slice(bytes).ok();
            half(&signature[..HALF])
                .zip(half(&signature[HALF..]))
                .and_then(|(r, s)| EcdsaSig::from_private_components(r, s).ok()?.to_der().ok())
        }
        Algorithm::Es256 => None,
    };
    signature.and_then(|signature| verified(&signature)).unwrap_or(false)
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn json<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, BadToken> {
    let bytes = decoded(part).ok_or(BadToken::Form)?;
    serde_json::from_slice(&bytes).map_err(|_| BadToken::Form)
}

#[cfg(test)]
mod tests;
