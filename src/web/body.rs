//! Reading a request's body: how much, how fast, and how many large ones at once.

use std::time::Duration;

use axum::body::Body;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body_util::BodyExt;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::refusal::Refusal;

/// The largest body: GitHub sends no larger ones.
pub(super) const LIMIT: usize = 25 * 1024 * 1024;
/// A body above this is large: it needs a permit to be read on, so that senders who have proven
/// nothing yet cannot fill the memory.
const LARGE: usize = 256 * 1024;
/// Large bodies read at once; the others wait, for half of their time.
pub(super) const LARGE_AT_ONCE: usize = 8;

/// Whether the request says itself that it is too large.
pub(super) fn declares_too_much(headers: &HeaderMap) -> bool {
    declared(headers).is_some_and(|length| length > LIMIT as u64)
}

/// The body's bytes, all of which arrive within `limit`; `permits` are [`LARGE_AT_ONCE`].
///
/// # Errors
/// [`Refusal::TooLarge`], [`Refusal::TooSlow`], [`Refusal::Busy`] and [`Refusal::Cut`].
pub(super) async fn read(
    headers: &HeaderMap,
    mut body: Body,
    permits: &Semaphore,
    limit: Duration,
) -> Result<Vec<u8>, Refusal> {
    let expected = declared(headers).map_or(0, |length| length.min(LARGE as u64) as usize);
    let mut bytes = Vec::with_capacity(expected);
    let mut permit: Option<SemaphorePermit<'_>> = None;
    let reading = async {
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| Refusal::Cut)?.into_data() else { continue };
            if bytes.len() + data.len() > LIMIT {
                return Err(Refusal::TooLarge);
            }
            if permit.is_none() && bytes.len() + data.len() > LARGE {
                let waited = timeout(limit / 2, permits.acquire()).await;
                permit = waited.map_err(|_| Refusal::Busy)?.ok();
            }
            bytes.extend_from_slice(&data);
        }
        Ok(())
    };
    timeout(limit, reading).await.map_err(|_| Refusal::TooSlow)??;
    Ok(bytes)
}

fn declared(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
