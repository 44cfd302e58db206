//! The providers that people sign in through, asked over the network.
//!
//! What is asked and what an answer means is `domain::sign_in`'s. What belongs to a provider is
//! sent to no other host, and redirects are not followed with it.

mod github;
mod oidc;

pub use github::Github;
pub use oidc::{Oidc, OidcRights};

use crate::domain::sign_in::Failed;
use crate::forge_client::Unreachable;

impl From<Unreachable> for Failed {
    fn from(error: Unreachable) -> Self {
        Self::Unreachable(error.to_string())
    }
}

/// An answer's body; what a provider says in words of its own may come with any status.
fn body(answer: http::Response<Vec<u8>>, what: &str) -> Result<Vec<u8>, Failed> {
    let status = answer.status();
    if status.is_server_error() || status.is_redirection() || status.as_u16() == 429 {
        return Err(Failed::Unreachable(format!("{what}: it answered {status}")));
    }
    Ok(answer.into_body())
}
