//! Those who follow the log of a call.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;

use super::asker::sorted;
use super::printer;
use super::world::{Tree, World, eventually};

/// A call that prints.
pub(super) struct Call {
    sha: String,
    log: String,
}

impl Call {
    /// Pushes a commit whose one command is this program with these words, and waits for it.
    pub(super) fn start(world: &World, repository: &str, words: &str) -> Self {
        let repo = world.forge.repository(repository);
        let shell = serde_json::to_string(&printer::shell(words)).expect("JSON");
        let spec = format!("commands:\n  onPush: {{run: {shell}}}\n");
        let sha = repo.commit("main", Tree::new().file("pocketci.yaml", spec));
        world.forge.push(&repo, "main");
        let query = format!("/api/v1/runs?repository={repository}");
        let log = eventually("the call to start", || {
            let runs = world.agent.get(&query).json();
            let run = runs["runs"].get(0)?.clone();
            let call = run["calls"].get(0).filter(|call| call["state"] != "queued")?;
            Some(format!("/api/v1/runs/{}/calls/{}/log", run["id"], call["id"]))
        });
        Self { sha, log }
    }

    pub(super) fn expect_success(&self, world: &World) {
        // Even where it printed for longer than anybody usually waits.
        for _ in 0..5 {
            let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                world.forge.expect_status(&self.sha, "pocketci/on-push", "success");
            }));
            if found.is_ok() {
                return;
            }
        }
        panic!("the call did not end well");
    }

    fn request(&self, host: &str) -> String {
        format!(
            "GET {} HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\n\
             Connection: close\r\n\r\n",
            self.log
        )
    }
}

/// Reads a log as events from its beginning to its end; how many bytes they were.
pub(super) fn stream(url: &str, call: &Call) -> u64 {
    let host = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).expect("the agent listens");
    stream.write_all(call.request(host).as_bytes()).expect("it is sent");
    let (mut bytes, mut buffer, mut tail) = (0, vec![0; 1 << 18], Vec::new());
    loop {
        let read = stream.read(&mut buffer).expect("a stream");
        if read == 0 {
            break;
        }
        bytes += read as u64;
        tail.extend_from_slice(&buffer[read.saturating_sub(200)..read]);
        tail.drain(..tail.len().saturating_sub(200));
    }
    let tail = String::from_utf8_lossy(&tail);
    assert!(tail.contains("event: end"), "the stream ended with {tail}");
    bytes
}

pub(super) struct Viewers {
    /// Lines that were printed before are not counted.
    since: AtomicU64,
    connected: AtomicUsize,
    over: CancellationToken,
}

impl Viewers {
    /// Lets so many follow the log for a while; how late each line reached each of them.
    pub(super) fn watch(url: &str, call: &Call, count: usize, length: Duration) -> Vec<Duration> {
        let host = url.trim_start_matches("http://").to_owned();
        let viewers = Arc::new(Self {
            since: AtomicU64::new(u64::MAX),
            connected: AtomicUsize::new(0),
            over: CancellationToken::new(),
        });
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let late = runtime.block_on(async {
            let request = call.request(&host);
            let tasks: Vec<_> = (0..count)
                .map(|_| tokio::spawn(view(viewers.clone(), host.clone(), request.clone())))
                .collect();
            while viewers.connected.load(Ordering::Relaxed) < count {
                tokio::time::sleep(Duration::from_millis(10)).await;
                assert!(!tasks.iter().any(|it| it.is_finished()), "a viewer was refused");
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            viewers.since.store(printer::now(), Ordering::Relaxed);
            tokio::time::sleep(length).await;
            viewers.over.cancel();
            let mut late = Vec::new();
            for task in tasks {
                late.extend(task.await.expect("no viewer fails"));
            }
            late
        });
        sorted(late)
    }
}

async fn view(viewers: Arc<Viewers>, host: String, request: String) -> Vec<Duration> {
    let stream = tokio::net::TcpStream::connect(&host).await.expect("the agent listens");
    let (mut reading, mut writing) = stream.into_split();
    writing.write_all(request.as_bytes()).await.expect("it is sent");
    let (mut late, mut rest, mut buffer) = (Vec::new(), Vec::new(), vec![0; 8 << 10]);
    let mut next = None;
    loop {
        let read = tokio::select! {
            read = reading.read(&mut buffer) => read.expect("a stream"),
            () = viewers.over.cancelled() => return late,
        };
        let now = printer::now();
        assert!(read > 0, "the stream has ended");
        if next.is_none() {
            next = Some(0);
            viewers.connected.fetch_add(1, Ordering::Relaxed);
        }
        rest.extend_from_slice(&buffer[..read]);
        let Some(end) = rest.iter().rposition(|byte| *byte == b'\n') else { continue };
        let lines = String::from_utf8_lossy(&rest[..end]);
        let since = viewers.since.load(Ordering::Relaxed);
        for said in lines.split("\"tick ").skip(1) {
            let mut words = said.split(' ');
            let number: u32 = words.next().and_then(|it| it.parse().ok()).expect("a number");
            let at: u64 = words.next().and_then(|it| it.parse().ok()).expect("a time");
            assert_eq!(Some(number), next, "a line was lost or doubled");
            next = Some(number + 1);
            if at > since {
                late.push(Duration::from_nanos(now.saturating_sub(at)));
            }
        }
        rest.drain(..=end);
    }
}
