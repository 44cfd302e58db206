//! Deliveries that are not taken, and how that is said.

use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{ALLOW, CONNECTION, HeaderValue, RETRY_AFTER};
use serde_json::json;

use crate::domain::forge::PayloadError;
use crate::domain::signature::BadSignature;

/// After how many seconds a sender may try again.
const RETRY_SECONDS: u64 = 30;

/// Why a delivery was not taken. Up to [`Refusal::Unsigned`] nobody has proven who they are, and
/// they are told the status in words and nothing else.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A webhook that comes by GET: its secret-less query would end in logs.
    ByGet,
    /// Too many from there, or from everywhere, that proved nothing; after how long to try again.
    TooMany(Duration),
    TooLarge,
    TooSlow,
    /// The connection broke, or its framing did.
    Cut,
    /// Too many large bodies at once.
    Busy,
    Unsigned,
    /// Neither JSON nor a form; says what to choose.
    ContentType(String),
    /// Not a webhook of this forge; what is wrong with it, naming the field.
    Unreadable(String),
    NotStored,
}

impl Refusal {
    /// How it is answered.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::ByGet => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Cut | Self::Unreadable(_) => StatusCode::BAD_REQUEST,
            Self::Busy | Self::NotStored => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unsigned => StatusCode::UNAUTHORIZED,
            Self::ContentType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        }
    }

    /// The words; none where the status says all that may be told.
    fn words(&self) -> Option<String> {
        match self {
            Self::ByGet => {
                Some("Webhooks come by POST here: set the webhook's method to POST".to_owned())
            }
            Self::ContentType(why) | Self::Unreadable(why) => Some(why.clone()),
            Self::NotStored => Some("The delivery could not be stored, send it again".to_owned()),
            // Whether one is missing or wrong, and whether the address is one, is in our own log.
            Self::Unsigned => Some(
                "The signature is missing or wrong: compare the webhook's address and secret with \
                 the agent's"
                    .to_owned(),
            ),
            Self::TooMany(_) | Self::TooLarge | Self::TooSlow | Self::Cut | Self::Busy => None,
        }
    }
}

impl From<BadSignature> for Refusal {
    fn from(_: BadSignature) -> Self {
        Self::Unsigned
    }
}

impl From<PayloadError> for Refusal {
    fn from(error: PayloadError) -> Self {
        let why = error.to_string();
        match error {
            PayloadError::ContentType { .. } => Self::ContentType(why),
            PayloadError::NotJson { .. }
            | PayloadError::Missing { .. }
            | PayloadError::Vendor { .. }
            | PayloadError::Wrong { .. } => Self::Unreadable(why),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.status();
        let words = self.words();
        let words = words.as_deref().or(status.canonical_reason()).unwrap_or("Refused");
        let mut response = (status, Json(json!({ "error": words }))).into_response();
        // What is left of the body is not read: a sender that is not wanted costs no more.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        if status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        }
        let retry = match self {
            Self::TooMany(wait) => Some(wait.as_secs() + 1),
            Self::Busy | Self::NotStored => Some(RETRY_SECONDS),
            _ => None,
        };
        if let Some(seconds) = retry {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
