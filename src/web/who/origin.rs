//! Requests that another site's page makes a browser send: what changes something is refused.

use http::header::{HOST, HeaderName, ORIGIN};
use http::{HeaderMap, StatusCode};

use crate::web::problem::Problem;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Lets through what a page of ours sent, a person's own hand, or no browser at all.
///
/// # Errors
/// 403 for anything else.
pub(super) fn same(headers: &HeaderMap, public_url: &str) -> Result<(), Problem> {
    let text = |name: HeaderName| headers.get(name).map(|it| it.to_str().unwrap_or("?"));
    let own = match (text(FETCH_SITE), text(ORIGIN)) {
        (Some(site), _) => site == "same-origin" || site == "none",
        // Browsers that do not know the header above tell this with everything but reading.
        (None, Some(origin)) => {
            let host = authority(origin);
            host.is_some() && (host == text(HOST) || host == authority(public_url))
        }
        (None, None) => true,
    };
    if own {
        return Ok(());
    }
    Err(Problem::new(StatusCode::FORBIDDEN, "The request was sent by another site's page"))
}

/// `ci.example.com:8443` of `https://ci.example.com:8443/`.
fn authority(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    rest.split('/').next().filter(|host| !host.is_empty())
}

#[cfg(test)]
mod tests;
