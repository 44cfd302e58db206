//! What is started by hand.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// What is to be planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Trigger {
    /// `owner/name`; of another forge than GitHub with the forge in front: `gitea/owner/name`,
    /// `gitea:work/owner/name`.
    pub repository: String,
    /// The forge (`gitea`, `gitea:work`), where it is not in front of the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forge: Option<String>,
    /// A branch, else a tag of that name; or `refs/heads/…`, `refs/tags/…`. The default branch where
    /// nothing is said.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What functions find as `inputs` in the payload of their event trigger. It is kept and shown
    /// with the delivery: no place for secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub inputs: Option<Map<String, Value>>,
}

/// The delivery that was made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Triggered {
    pub delivery: i64,
    pub forge_id: String,
    /// Its page.
    pub url: String,
}
