//! Signing in through somebody else, who knows the person: what a browser is sent there with, what
//! comes back, and who that is.
//!
//! Of what a provider says only the person's id and name are kept, and the rights that the
//! operator gives them; never a token.

pub mod admins;
pub mod github;
pub mod grants;
pub mod jwt;
pub mod oidc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::actor::Actor;
use super::event::Sender;
use super::ids::ForgeId;
use super::inert::inert;
use super::rights::{Answered, Scope};

/// The longest name that is kept of a person.
const LONGEST_NAME: usize = 100;

/// Somebody who has signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The forge that knows them, and whose answers decide what they may do.
    pub forge: Option<ForgeId>,
    /// The provider's id, which outlives a renaming.
    pub id: String,
    /// What they are called there.
    pub login: String,
    /// What the operator lets them do, in every repository.
    pub scope: Option<Scope>,
}

impl Person {
    /// Whom an act is put down to.
    pub fn actor(&self) -> Actor {
        let (login, id) = (self.login.clone(), self.id.clone());
        match self.forge {
            Some(_) => Actor::Forge { login, id },
            None => Actor::Person { login, id },
        }
    }

    /// The same for the forge.
    pub fn sender(&self) -> Sender {
        Sender { login: self.login.clone(), id: self.id.clone() }
    }
}

/// What one attempt to sign in is recognised by. All of it comes from one random text that only
/// the browser has, so that nothing is remembered here until it comes back.
#[derive(Clone)]
pub struct Attempt {
    /// Comes back with the browser: the answer is to a question of ours.
    pub state: String,
    /// Proves to the provider that whoever brings the code is who began.
    pub verifier: String,
    /// Its hash, which the browser may show.
    pub challenge: String,
    /// Stands in what the provider signs: it was signed for this attempt.
    pub nonce: String,
}

impl Attempt {
    /// The attempt of a browser's random text.
    pub fn of(secret: &str) -> Self {
        let derived = |what: &str| hex::encode(Sha256::digest(format!("{what}:{secret}")));
        let verifier = derived("verifier");
        Self {
            state: derived("state"),
            challenge: URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier)),
            verifier,
            nonce: derived("nonce"),
        }
    }
}

/// What a browser brings back.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    pub code: &'a str,
    /// Who says to have sent it, where they say so.
    pub issuer: Option<&'a str>,
    pub now: Timestamp,
}

/// Why nobody was signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failed {
    /// The provider does not answer, or not as it should; why, for the operator.
    Unreachable(String),
    /// It does not take what the browser brought; why, for the operator.
    Refused(String),
    /// The person is known, and nothing is theirs to see.
    NoRights { login: String },
}

/// A provider that people can sign in through.
pub trait Way: Send + Sync {
    /// What stands in addresses and in the database.
    fn word(&self) -> &str;

    /// What people call it.
    fn name(&self) -> &str;

    /// What its sessions rest on: they end when the operator changes it.
    fn basis(&self) -> String;

    /// Where the browser goes.
    fn leave<'a>(
        &'a self,
        attempt: &'a Attempt,
        back: &'a str,
    ) -> Answered<'a, Result<String, Failed>>;

    /// Who came back; `back` is the address that they came to.
    fn arrive<'a>(
        &'a self,
        attempt: &'a Attempt,
        back: &'a str,
        arrival: Arrival<'a>,
    ) -> Answered<'a, Result<Person, Failed>>;
}

/// A name as it can stand in a line.
fn name(text: &str) -> String {
    inert(text).trim().chars().take(LONGEST_NAME).collect()
}

/// A form's body.
fn form(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(pairs);
    form.finish().into_bytes()
}

const FORM: &str = "application/x-www-form-urlencoded";
const ALWAYS: &str = "the address was parsed before, and the headers are constants";

fn post(address: &str, body: Vec<u8>) -> http::Request<Vec<u8>> {
    let request = http::Request::post(address).header("accept", "application/json");
    request.header("content-type", FORM).body(body).expect(ALWAYS)
}

fn get(address: &str) -> http::Request<Vec<u8>> {
    http::Request::get(address).header("accept", "application/json").body(Vec::new()).expect(ALWAYS)
}

/// What a token's endpoint says instead of a token, as its standard has it.
fn refusal(body: &serde_json::Value) -> Option<String> {
    let error = body["error"].as_str().filter(|error| !error.is_empty())?;
    let words = body["error_description"].as_str().unwrap_or_default();
    Some(inert(&format!("{error} {words}")).trim().chars().take(200).collect())
}

#[cfg(test)]
mod tests;
