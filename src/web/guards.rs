//! Headers that every answer has: what a browser must not do with it, whatever it is.

use axum::response::Response;
use http::header::{
    CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

/// For what is no page: it shows nothing and does nothing, not even inside another page. Pages
/// say themselves what they need.
const NOTHING: &str =
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// One's own pages alone may use what is here.
const SAME_ORIGIN: &str = "same-origin";
/// A year: who came by TLS once is not to be talked out of it.
const ALWAYS_TLS: &str = "max-age=31536000";

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

#[derive(Debug, Clone, Copy)]
pub(super) struct Guard {
    /// Whether we speak TLS ourselves; behind a proxy that does, this is the proxy's to say.
    pub(super) tls: bool,
}

impl Guard {
    /// Adds what the answer does not say itself.
    pub(super) fn on(self, mut response: Response) -> Response {
        let always_tls = self.tls.then_some((STRICT_TRANSPORT_SECURITY, ALWAYS_TLS));
        let guards = [
            (CONTENT_SECURITY_POLICY, NOTHING),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (REFERRER_POLICY, "no-referrer"),
            // For browsers that do not know `frame-ancestors`.
            (X_FRAME_OPTIONS, "DENY"),
            (RESOURCE_POLICY, SAME_ORIGIN),
            (OPENER_POLICY, SAME_ORIGIN),
        ];
        for (name, value) in guards.into_iter().chain(always_tls) {
            response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
        }
        response
    }
}

#[cfg(test)]
mod tests;
