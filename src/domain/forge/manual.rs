//! What the agent records itself when somebody starts something by hand, in the place of what a
//! forge would have sent: the same for all of them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{PayloadError, Reference, blank};
use crate::domain::event::{Disposition, Event, Repository, Sender};
use crate::domain::ids::{Sha, Vendor};

/// The event's name, which no forge may use.
pub const EVENT: &str = "manual";

/// How the ids of such deliveries begin.
pub const ID: &str = "manual:";

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// As far as the agent knew it then.
    pub repository: Repository,
    /// A branch or a tag, by its name or whole; none: the default branch.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// For the functions: theirs to understand.
    pub inputs: Map<String, Value>,
    pub sender: Sender,
}

impl Asked {
    /// The body of its delivery, which functions see as the payload.
    pub fn body(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a struct of texts and JSON is always JSON")
    }
}

const EXPECTED: PayloadError =
    PayloadError::Wrong { field: "ref", expected: "the name of a branch or a tag" };

/// Whether it can be asked for: what only looks like a repository's own (`refs/pull/7/head`) is not
/// a branch or a tag.
///
/// # Errors
/// When it is no name of either.
pub fn check(reference: &str) -> Result<(), PayloadError> {
    match Reference::parse(reference) {
        Some(Reference::Branch(_) | Reference::Tag(_)) => Ok(()),
        Some(Reference::Other(_)) | None => Err(EXPECTED),
    }
}

/// Reads the body again. The reference is as it was asked for, until it is [`found`].
pub(super) fn event(vendor: Vendor, json: &[u8]) -> Result<Event, PayloadError> {
    let asked: Asked = serde_json::from_slice(json)
        .map_err(|error| PayloadError::NotJson { why: error.to_string() })?;
    let mut event = blank(vendor, EVENT, Disposition::Planned);
    let default = Some(asked.repository.default_branch.as_str()).filter(|name| !name.is_empty());
    let wanted = asked.reference.or_else(|| default.map(|name| format!("refs/heads/{name}")));
    if let Some(wanted) = wanted {
        check(&wanted)?;
        event.filter = Reference::parse(&wanted).ok_or(EXPECTED)?.short().to_owned();
        event.reference = Some(wanted);
    }
    event.repository = Some(asked.repository);
    event.sender = Some(asked.sender);
    Ok(event)
}

/// The whole names that may be meant, the likeliest first; none: the default branch, by no name.
pub fn meant(event: &Event) -> Vec<String> {
    match event.reference.as_deref() {
        None => Vec::new(),
        Some(whole) if whole.starts_with("refs/") => vec![whole.to_owned()],
        Some(name) => vec![format!("refs/heads/{name}"), format!("refs/tags/{name}")],
    }
}

/// Takes the reference that was meant, and its commit.
pub fn found(event: &mut Event, reference: Option<&str>, sha: Sha) {
    if let Some(reference) = reference.and_then(Reference::parse) {
        reference.apply(event);
    }
    event.sha = Some(sha);
}

#[cfg(test)]
mod tests;
