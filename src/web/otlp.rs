//! Where calls send their steps: OTLP over HTTP, on a listener of its own that only this machine
//! reaches. Each call has a token, which leads to its own steps and nowhere else.
//!
//! What is answered 200 is kept. Nothing here asks a call to come again: a `dagger` that waits for
//! its collector is a call that takes longer.

use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use flate2::read::MultiGzDecoder;
use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use http_body_util::{BodyExt as _, Limited};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::server::{self, Front, Seats};
use crate::domain::trace::{Record, forward};
use crate::onward::{Onward, Signal};
use crate::store::Store;
use crate::store::trace::{NotKept, TraceWriter};

/// The header with a call's token.
///
/// Not `Authorization`: its value has a blank in it, which some exporters send percent-encoded.
pub const TOKEN: &str = "x-pocketci-token";

/// Bytes of an export, compressed or not.
const LIMIT: usize = 8 << 20;
/// Exports in memory at once; the others wait.
const AT_ONCE: usize = 4;
/// How long a body may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Connections at once; a call has three at most.
const CONNECTIONS: usize = 512;
/// Bounds the wait for a request's head.
const HEAD: Duration = Duration::from_secs(5);

/// Takes what calls send.
#[derive(Debug)]
pub struct Receiver {
    listener: TcpListener,
    address: SocketAddr,
}

struct Taking {
    store: Store,
    onward: Option<Onward>,
    permits: Semaphore,
}

impl Receiver {
    /// Listens on a port of this machine's own address that is free.
    ///
    /// # Errors
    /// When there is none.
    pub async fn bind() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `shutdown`.
    pub async fn serve(self, store: Store, onward: Option<Onward>, shutdown: CancellationToken) {
        let taking = Arc::new(Taking { store, onward, permits: Semaphore::new(AT_ONCE) });
        let router = Router::new()
            .route("/v1/traces", post(traces))
            .route("/v1/logs", post(logs))
            .route("/v1/metrics", post(metrics))
            .with_state(taking);
        let seats = Arc::new(Seats::new(CONNECTIONS, 0));
        let front = Front { router, seats, tls: None, head_limit: HEAD };
        server::run(self.listener, front, shutdown).await;
    }
}

async fn traces(
    State(taking): State<Arc<Taking>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Response> {
    let onward = taking.onward.clone();
    let keep = move |writer: &TraceWriter, body: &[u8]| {
        writer.spans(body)?;
        if let Some(onward) = onward
            && let Ok(Some(passed)) = forward::spans(body, writer.trace(), &writer.redactor())
        {
            onward.send(Signal::Traces, passed);
        }
        Ok(())
    };
    taking.take(&headers, body, keep).await
}

async fn logs(
    State(taking): State<Arc<Taking>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Response> {
    let onward = taking.onward.clone();
    let keep = move |writer: &TraceWriter, body: &[u8]| {
        let kept = writer.records(body)?;
        let own = kept.iter().filter(|piece| piece.trace == writer.trace());
        let passed: Vec<Record<'_>> = own
            .map(|piece| Record {
                trace: piece.trace,
                span: piece.span,
                at: piece.at,
                stream: piece.stream,
                text: &piece.text,
                last: false,
            })
            .collect();
        if let Some(onward) = onward
            && !passed.is_empty()
        {
            onward.send(Signal::Logs, forward::records(&passed));
        }
        Ok(())
    };
    taking.take(&headers, body, keep).await
}

/// Figures of the engine, which nobody here looks at.
async fn metrics(
    State(taking): State<Arc<Taking>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Response> {
    taking.take(&headers, body, |_, _| Ok(())).await
}

impl Taking {
    async fn take(
        &self,
        headers: &HeaderMap,
        body: Body,
        keep: impl FnOnce(&TraceWriter, &[u8]) -> Result<(), NotKept> + Send + 'static,
    ) -> Result<Response, Response> {
        let token = headers.get(TOKEN).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let refused = |status| (status, Body::empty()).into_response();
        let writer = self.store.trace_of(token).ok_or_else(|| refused(StatusCode::UNAUTHORIZED))?;
        let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let zipped = match headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes) {
            None | Some(b"identity") => false,
            Some(b"gzip") => true,
            Some(_) => return Err(refused(StatusCode::UNSUPPORTED_MEDIA_TYPE)),
        };
        if kind.is_none_or(|kind| !kind.starts_with("application/x-protobuf")) {
            return Err(refused(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        // It is never closed.
        let _permit = self.permits.acquire().await;
        let body = timeout(PATIENCE, Limited::new(body, LIMIT).collect()).await;
        let body = body.map_err(|_| refused(StatusCode::REQUEST_TIMEOUT))?;
        let body = body.map_err(|_| refused(StatusCode::PAYLOAD_TOO_LARGE))?.to_bytes();
        let work = move || {
            let body = if zipped { inflate(&body).map_err(NotKept::Io)? } else { body };
            keep(&writer, &body)
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(())) => {
                // An empty answer is one that has no complaint.
                let kind = HeaderValue::from_static("application/x-protobuf");
                Ok(([(CONTENT_TYPE, kind)], Body::empty()).into_response())
            }
            Ok(Err(NotKept::Malformed(_))) => Err(refused(StatusCode::BAD_REQUEST)),
            Ok(Err(NotKept::Io(error))) if error.kind() == io::ErrorKind::InvalidData => {
                Err(refused(StatusCode::BAD_REQUEST))
            }
            Ok(Err(NotKept::Io(error))) => {
                tracing::warn!(%error, "Cannot keep the steps of a call, which goes on without");
                Err(refused(StatusCode::INTERNAL_SERVER_ERROR))
            }
            Err(error) => {
                tracing::error!(%error, "Panicked while keeping the steps of a call");
                Err(refused(StatusCode::INTERNAL_SERVER_ERROR))
            }
        }
    }
}

/// What was compressed, as long as it is no more than is taken otherwise.
fn inflate(body: &[u8]) -> io::Result<Bytes> {
    let mut inflated = Vec::new();
    let read = MultiGzDecoder::new(body).take(LIMIT as u64 + 1).read_to_end(&mut inflated);
    if read.is_err() || inflated.len() > LIMIT {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(Bytes::from(inflated))
}

#[cfg(test)]
mod tests;
