//! Connections: how many, how slow, and how they end. Knows nothing of what is asked for.
//!
//! An accept loop of its own, because `axum::serve` sets no time limit on a request's head.

mod patience;
mod seats;
mod tls;

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::select;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use tracing::{debug, error, warn};

use self::patience::Patient;
pub(super) use self::seats::{Seat, Seats, Stage};
pub use self::tls::Tls;

/// Connections open at once; when there are more, [`Seats`] says whose end is near.
pub(super) const CONNECTIONS: usize = 1024;
/// Bounds a request's head and each read of its body.
const BUFFER: usize = 16 * 1024;
/// How long a client may take nothing of an answer.
const STALL: Duration = Duration::from_secs(30);
/// What requests in flight get to finish at shutdown.
pub(super) const GRACE: Duration = Duration::from_secs(5);
/// What a connection without a complete head gets at shutdown: enough for one on its way.
const GRACE_UNASKED: Duration = Duration::from_millis(300);
/// How long a closed connection's rest is thrown away, so that the answer in it is not lost: a
/// socket closed with unread bytes resets the connection.
const LINGER: Duration = Duration::from_millis(500);
/// The pause after a failed accept, which is mostly a lack of file descriptors.
pub(super) const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What connections are made of.
#[derive(Clone)]
pub(super) struct Front {
    pub(super) router: Router,
    pub(super) seats: Arc<Seats>,
    /// None for plain HTTP.
    pub(super) tls: Option<Arc<Tls>>,
    /// Bounds a handshake, and the wait for a request's head.
    pub(super) head_limit: Duration,
}

/// Serves connections until `shutdown`, then those that are open for [`GRACE`].
pub(super) async fn run(listener: TcpListener, front: Front, shutdown: CancellationToken) {
    let (open, give_up) = (TaskTracker::new(), CancellationToken::new());
    loop {
        let accepted = select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                warn!(%error, "Cannot accept a connection, will try again");
                front.seats.free_one();
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(ticket) = front.seats.take(address.ip()) else { continue };
        let talk = greet(stream, front.clone(), Arc::clone(&ticket.seat), shutdown.clone());
        let give_up = give_up.clone();
        open.spawn(async move {
            select! {
                () = talk => {}
                () = ticket.seat.left() => {}
                () = give_up.cancelled() => {}
            }
        });
    }
    drop(listener);
    open.close();
    if timeout(GRACE, open.wait()).await.is_err() {
        warn!("Closed connections that did not finish in time");
        give_up.cancel();
        open.wait().await;
    }
}

/// A new connection, with its handshake when there is one.
async fn greet(stream: TcpStream, front: Front, seat: Arc<Seat>, shutdown: CancellationToken) {
    // Answers are small: one that waits for its acknowledgement costs the forge 40 ms.
    let _ = stream.set_nodelay(true);
    let Some(tls) = front.tls.clone() else {
        return converse(stream, front, seat, shutdown).await;
    };
    let handshake = select! {
        handshake = timeout(front.head_limit, tls.accept(stream)) => handshake,
        () = shutdown.cancelled() => return,
    };
    match handshake {
        Ok(Ok(stream)) => converse(stream, front, seat, shutdown).await,
        Ok(Err(error)) => debug!(%error, "A handshake failed"),
        Err(_) => debug!("A handshake took too long"),
    }
}

/// One connection from its first request to its last byte.
pub(super) async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    front: Front,
    seat: Arc<Seat>,
    shutdown: CancellationToken,
) {
    let asked = Arc::new(AtomicBool::new(false));
    let service = service_fn({
        let (asked, seat) = (asked.clone(), Arc::clone(&seat));
        move |request: Request<Incoming>| {
            asked.store(true, Ordering::Relaxed);
            let (router, seat) = (front.router.clone(), Arc::clone(&seat));
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(Arc::clone(&seat));
            Box::pin(async move {
                seat.enter(Stage::Answering);
                let answer = answer(router, request).await;
                seat.enter(Stage::Waiting);
                answer
            })
        }
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(front.head_limit)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(Patient::new(stream, STALL)), service);

    let mut stopping = false;
    let ended = loop {
        select! {
            ended = poll_fn(|cx| connection.poll_without_shutdown(cx)) => break ended,
            () = shutdown.cancelled(), if !stopping => {
                stopping = true;
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
            () = sleep(GRACE_UNASKED), if stopping && !asked.load(Ordering::Relaxed) => {
                break Ok(());
            }
        }
    };
    if let Err(error) = ended {
        debug!(%error, "Connection ended early");
    }
    seat.enter(Stage::Lingering);
    let mut stream = connection.into_parts().io.into_inner().into_inner();
    let _ = timeout(LINGER, async {
        stream.shutdown().await?;
        let mut rest = [0; 4096];
        while stream.read(&mut rest).await? > 0 {}
        std::io::Result::Ok(())
    })
    .await;
}

/// The router's answer; a panic in it is an answer too, and this connection's affair alone.
async fn answer(router: Router, request: Request<Body>) -> Result<Response, Infallible> {
    let path = request.uri().path().to_owned();
    let mut answer = pin!(router.oneshot(request));
    poll_fn(move |cx| {
        catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(cx))).unwrap_or_else(|_| {
            error!(path, "Panicked while answering a request");
            Poll::Ready(Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response()))
        })
    })
    .await
}

#[cfg(test)]
mod tests;
