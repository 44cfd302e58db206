//! Pages, assets and answers of the API, packed for whoever takes it.
//!
//! Nothing in them is secret and of a stranger's choosing at once: forms are guarded by where they
//! come from and carry no token, so that the length of a packed page tells nothing. Logs are sent
//! as they are, by ranges, and streams line by line.

use std::io::Write as _;

use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::HeaderMap;
use http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, HeaderValue, VARY,
};

/// Shorter ones fit into one packet as they are.
const LEAST: u64 = 1024;
/// Longer ones would hold up others on the same thread.
const MOST: u64 = 4 << 20;

/// What becomes much shorter.
const KINDS: [&str; 6] = [
    "text/html",
    "text/css",
    "text/javascript",
    "image/svg+xml",
    "application/json",
    "application/problem+json",
];

/// Packs an answer with gzip where that is worth it.
pub(super) async fn compress(request: Request, next: Next) -> Response {
    let wanted = takes_gzip(request.headers());
    let response = next.run(request).await;
    if !is_worth_it(&response) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    parts.headers.append(VARY, HeaderValue::from_static("accept-encoding"));
    if !wanted {
        return Response::from_parts(parts, body);
    }
    // It was made before, so that collecting it waits for nothing.
    let Ok(plain) = axum::body::to_bytes(body, MOST as usize).await else {
        return Response::from_parts(parts, Body::empty());
    };
    match packed(&plain) {
        Ok(packed) => {
            parts.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            parts.headers.remove(CONTENT_LENGTH);
            Response::from_parts(parts, Body::from(packed))
        }
        Err(_) => Response::from_parts(parts, Body::from(plain)),
    }
}

fn is_worth_it(response: &Response) -> bool {
    let headers = response.headers();
    // What has a tag or is given in parts is known by its bytes.
    let as_it_is = [CONTENT_ENCODING, CONTENT_RANGE, ACCEPT_RANGES, ETAG];
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let length = response.body().size_hint().exact();
    !as_it_is.iter().any(|name| headers.contains_key(name))
        && KINDS.contains(&kind)
        && length.is_some_and(|length| (LEAST..=MOST).contains(&length))
}

/// Whether gzip is among what the asker takes, and not by the weight 0.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").unwrap_or("1");
        name.trim().eq_ignore_ascii_case("gzip") && weight.parse().is_ok_and(|q: f32| q > 0.0)
    })
}

fn packed(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::fast());
    encoder.write_all(plain)?;
    encoder.finish()
}

#[cfg(test)]
mod tests;
