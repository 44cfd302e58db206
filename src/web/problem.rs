//! What went wrong, for machines: `application/problem+json`.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::Serialize;
use tracing::error;
use utoipa::ToSchema;

use crate::store::{ActError, Refused, StoreError};

/// After how many seconds a question to a database that did not answer may be put again.
const RETRY_SECONDS: u32 = 5;

/// An answer that is not what was asked for; see RFC 9457.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Problem {
    /// The status of the answer.
    pub(super) status: u16,
    /// The same in words.
    pub(super) title: &'static str,
    /// What is wrong in this case, and what to do about it.
    pub(super) detail: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or_default();
        Self { status: status.as_u16(), title, detail: detail.into() }
    }

    /// Something that is not there, or that the asker may not even know of.
    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// A question that cannot be understood.
    pub(super) fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        error!(%error, "Cannot read from the database for an answer");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "The database does not answer: try again in a moment; the agent's log says what is wrong",
        )
    }
}

impl From<ActError> for Problem {
    fn from(error: ActError) -> Self {
        let refused = match error {
            ActError::Store(error) => return error.into(),
            ActError::Refused(refused) => refused,
        };
        let status = match refused {
            Refused::NoRun(_) => StatusCode::NOT_FOUND,
            _ => StatusCode::CONFLICT,
        };
        // Its words go on where a sentence of ours begins elsewhere.
        let words = refused.to_string();
        let mut letters = words.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        Self::new(status, first.into_iter().chain(letters).collect::<String>())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let json = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, json).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS));
            }
            _ => {}
        }
        response
    }
}
