//! A webhook of a repository, whichever forge it is at.

use jiff::Timestamp;

/// A webhook as its forge lists it. Its secret is told by none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// In the forge's own form.
    pub id: String,
    /// Where it sends to.
    pub url: String,
    pub active: bool,
    pub events: Vec<String>,
    /// `json` or `form`.
    pub content_type: String,
}

/// What a webhook of ours is to be.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    pub url: &'a str,
    pub secret: &'a str,
}

/// Something that a webhook has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The forge's own number of it.
    pub id: String,
    /// None where the forge does not say.
    pub at: Option<Timestamp>,
    pub event: String,
    /// What was answered; 0 when nobody did.
    pub status: u16,
}

/// What a forge's answer says of a test that it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tested {
    /// It is on its way.
    Sent,
    /// It was sent, and what was answered to it is the newest of what the webhook has sent.
    Newest,
    /// It was sent, and this was answered; 0 when nobody did.
    Answered(u16),
    /// It has reached the agent, but proves nothing: it was not signed.
    NotSigned,
    /// The repository has nothing that a test could tell of.
    NothingToTell,
}
