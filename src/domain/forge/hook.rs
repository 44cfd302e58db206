//! A webhook of a repository, whichever forge it is at.

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
