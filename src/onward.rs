//! Passes spans and log records on to the operator's own collector (OTLP over HTTP).
//!
//! Nobody waits for it: what does not fit into the queue, and what the collector does not take, is
//! dropped and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use http::HeaderValue;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Exports that wait.
const QUEUE: usize = 512;
/// Bytes that wait.
const QUEUE_BYTES: usize = 32 << 20;
/// Bounds a request, its answer included.
const LIMIT: Duration = Duration::from_secs(10);
/// How often an export is tried, and how long after one that failed.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);
/// How long what waits may still be sent once the agent is told to stop.
const GRACE: Duration = Duration::from_secs(3);

/// Where the operator's collector is.
#[derive(Debug, Clone)]
pub struct Collector {
    /// Without a slash at its end; `/v1/traces` and `/v1/logs` follow.
    pub endpoint: String,
    /// Sent with each request.
    pub headers: Vec<(String, SecretString)>,
}

/// What kind of export it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    Traces,
    Logs,
}

impl Signal {
    fn path(self) -> &'static str {
        match self {
            Self::Traces => "/v1/traces",
            Self::Logs => "/v1/logs",
        }
    }
}

/// The queue to the collector; cheap to clone.
#[derive(Debug, Clone)]
pub struct Onward {
    queue: mpsc::Sender<(Signal, Vec<u8>)>,
    waiting: Arc<AtomicUsize>,
    counts: Arc<Counts>,
}

/// Exports since the start.
#[derive(Debug, Default)]
struct Counts {
    sent: AtomicU64,
    dropped: AtomicU64,
}

impl Onward {
    /// Sends what is given to it until `shutdown`, and what waits then for a moment more.
    pub fn start(collector: Collector, shutdown: CancellationToken) -> (Self, JoinHandle<()>) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let onward = Self { queue, waiting: Arc::default(), counts: Arc::default() };
        let task = tokio::spawn(run(collector, onward.clone(), waiting, shutdown));
        (onward, task)
    }

    /// Puts an export into the queue, or drops it.
    pub fn send(&self, signal: Signal, body: Vec<u8>) {
        let length = body.len();
        let waiting = self.waiting.fetch_add(length, Ordering::Relaxed);
        if waiting + length > QUEUE_BYTES || self.queue.try_send((signal, body)).is_err() {
            self.waiting.fetch_sub(length, Ordering::Relaxed);
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many exports the collector has taken, and how many were dropped.
    pub fn counts(&self) -> (u64, u64) {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (count(&self.counts.sent), count(&self.counts.dropped))
    }
}

async fn run(
    collector: Collector,
    onward: Onward,
    mut queue: mpsc::Receiver<(Signal, Vec<u8>)>,
    shutdown: CancellationToken,
) {
    let mut client = None;
    loop {
        let next = tokio::select! {
            next = queue.recv() => next,
            () = shutdown.cancelled() => break,
        };
        let Some((signal, body)) = next else { return };
        deliver(&collector, &onward, &mut client, signal, body).await;
    }
    let rest = async {
        while let Ok((signal, body)) = queue.try_recv() {
            deliver(&collector, &onward, &mut client, signal, body).await;
        }
    };
    let _ = timeout(GRACE, rest).await;
}

async fn deliver(
    collector: &Collector,
    onward: &Onward,
    client: &mut Option<reqwest::Client>,
    signal: Signal,
    body: Vec<u8>,
) {
    onward.waiting.fetch_sub(body.len(), Ordering::Relaxed);
    let sent = match client {
        Some(client) => post(client, collector, signal, body).await,
        None => match connect(collector) {
            Ok(made) => post(client.insert(made), collector, signal, body).await,
            Err(why) => Err(why),
        },
    };
    let count = match sent {
        Ok(()) => &onward.counts.sent,
        Err(why) => {
            tracing::debug!(why, "An export was not passed on");
            if onward.counts.dropped.load(Ordering::Relaxed) == 0 {
                let endpoint = &collector.endpoint;
                tracing::warn!(
                    why,
                    "The collector at `{endpoint}` does not take what calls send: look at /metrics for how much"
                );
            }
            &onward.counts.dropped
        }
    };
    count.fetch_add(1, Ordering::Relaxed);
}

/// Made at the first export: TLS roots and buffers cost an idle agent two megabytes.
fn connect(collector: &Collector) -> Result<reqwest::Client, String> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
    for (name, value) in &collector.headers {
        let name: HeaderName = name.parse().map_err(|_| format!("`{name}` is no header"))?;
        let value = HeaderValue::from_str(value.expose_secret());
        let mut value = value.map_err(|_| format!("The value of the header `{name}` is none"))?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    let client = reqwest::Client::builder()
        .default_headers(headers)
        .timeout(LIMIT)
        // The headers are for the collector alone.
        .redirect(reqwest::redirect::Policy::none())
        .build();
    client.map_err(|error| error.without_url().to_string())
}

async fn post(
    client: &reqwest::Client,
    collector: &Collector,
    signal: Signal,
    body: Vec<u8>,
) -> Result<(), String> {
    let address = format!("{}{}", collector.endpoint, signal.path());
    let (body, mut tries) = (axum::body::Bytes::from(body), 0);
    loop {
        tries += 1;
        let (why, passing) = match client.post(&address).body(body.clone()).send().await {
            Ok(answer) if answer.status().is_success() => return Ok(()),
            Ok(answer) => {
                let status = answer.status().as_u16();
                (format!("It answered {status}"), matches!(status, 429 | 502 | 503 | 504))
            }
            Err(error) => (error.without_url().to_string(), true),
        };
        if !passing || tries == TRIES {
            return Err(why);
        }
        sleep(PAUSE * tries).await;
    }
}
