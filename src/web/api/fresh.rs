//! Whether an asker has the newest already: an `ETag` of what an answer says.

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, ETAG, HeaderValue, IF_NONE_MATCH};
use http::{HeaderMap, Method, StatusCode};
use sha2::{Digest, Sha256};

use crate::web::problem::Problem;

/// Answers of more bytes are sent as they are.
const LONGEST: u64 = 8 * 1024 * 1024;

/// Gives an answer its tag, and 304 to whoever has it already.
pub(super) async fn tagged(request: Request, next: Next) -> Response {
    let get = request.method() == Method::GET;
    let known = request.headers().get_all(IF_NONE_MATCH).iter().cloned().collect::<Vec<_>>();
    let answer = next.run(request).await;
    let short = answer.body().size_hint().exact().is_some_and(|size| size <= LONGEST);
    if !get || !short || answer.status() != StatusCode::OK {
        return answer;
    }
    let (mut head, body) = answer.into_parts();
    let Ok(body) = to_bytes(body, LONGEST as usize).await else {
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "The answer cannot be read")
            .into_response();
    };
    let Ok(tag) =
        HeaderValue::from_str(&format!("\"{}\"", hex::encode(&Sha256::digest(&body)[..12])))
    else {
        return Response::from_parts(head, Body::from(body));
    };
    let same = matches(known.iter(), &tag);
    head.headers.insert(ETAG, tag);
    // Whoever keeps it asks each time whether it is still so.
    let fresh = HeaderValue::from_static("private, no-cache");
    head.headers.entry(CACHE_CONTROL).or_insert(fresh);
    if same {
        return not_modified(head.headers);
    }
    Response::from_parts(head, Body::from(body))
}

/// The answer to whoever has it already, with the headers that it would have.
pub(super) fn not_modified(mut headers: HeaderMap) -> Response {
    headers.remove(http::header::CONTENT_LENGTH);
    headers.remove(http::header::CONTENT_TYPE);
    (StatusCode::NOT_MODIFIED, headers).into_response()
}

/// Whether one of the tags of `If-None-Match` is this one.
pub(super) fn matches<'a>(
    known: impl IntoIterator<Item = &'a HeaderValue>,
    tag: &HeaderValue,
) -> bool {
    let lists = known.into_iter().filter_map(|list| list.to_str().ok());
    let mut tags = lists.flat_map(|list| list.split(',')).map(str::trim);
    tags.any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one).as_bytes() == tag.as_bytes())
}
