//! Tokens.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::store::TokenView;

/// The tokens, the newest first; those that are revoked too.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Tokens {
    pub tokens: Vec<Token>,
}

/// A token, without its text.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Token {
    pub id: i64,
    pub name: String,
    /// `read`, `operate`, `admin`.
    pub scope: String,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// To the minute; null: never.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub used_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<Timestamp>,
}

/// A token to be made.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NewToken {
    /// What it is for: acts are put down to this name.
    pub name: String,
    /// `read`, `operate`, `admin`.
    pub scope: String,
}

/// A token that was made.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct MadeToken {
    #[serde(flatten)]
    pub about: Token,
    /// What opens; it is shown this once and kept nowhere.
    pub token: String,
}

impl From<&TokenView> for Token {
    fn from(token: &TokenView) -> Self {
        Self {
            id: token.id,
            name: token.name.clone(),
            scope: token.scope.to_string(),
            created_at: token.created_at,
            created_by: token.created_by.clone(),
            used_at: token.used_at,
            revoked_at: token.revoked_at,
        }
    }
}
