//! How fast signed webhooks are stored and synced, how long an answer takes at a steady rate, and
//! what the agent weighs, beside Debian's `webhook` in the same run when it is installed.
//!
//! ```sh
//! cargo bench --locked --bench intake
//! ```
//!
//! Everything is on loopback and ends by itself. The load comes from this process on the same
//! cores, for both programs alike; rounds take turns, so that a noisy machine is noisy for both.

#![expect(clippy::disallowed_methods, reason = "this is what starts the programs it measures")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const SECRET: &str = "bench-secret-bench-secret";
const CONNECTIONS: usize = 32;
const ROUND: Duration = Duration::from_secs(4);
const ROUNDS: usize = 3;

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let body = push_body();
    println!("body: {} bytes; {CONNECTIONS} connections; {ROUNDS} rounds of {ROUND:?}", body.len());

    let agent = Agent::start(&folder.path().join("throughput"));
    let webhook = Webhook::start(folder.path());
    let (mut ours, mut theirs, mut theirs_quiet) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(closed_loop(agent.port, "/", &body, 200..300));
        if let Some(webhook) = &webhook {
            theirs.push(closed_loop(webhook.port, "/hooks/run", &body, 200..300));
            theirs_quiet.push(closed_loop(webhook.port, "/hooks/quiet", &body, 200..300));
        }
    }
    print_rate("pocketci-agent, stored and synced", &ours, None);
    match webhook {
        Some(_) => {
            print_rate("webhook, signature checked, runs /bin/true", &theirs, Some(&ours));
            print_rate("webhook, signature checked, runs nothing", &theirs_quiet, Some(&ours));
        }
        None => println!("webhook is not installed (apt-get install webhook): no comparison"),
    }
    drop((agent, webhook));

    let agent = Agent::start(&folder.path().join("steady"));
    let idle = agent.resident();
    let latencies = open_loop(agent.port, &body, 200, Duration::from_secs(10));
    println!(
        "steady 200/s for 10 s: p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms, {} answered",
        percentile(&latencies, 50.0),
        percentile(&latencies, 99.0),
        percentile(&latencies, 100.0),
        latencies.len()
    );
    open_loop(agent.port, &body, 2000, Duration::from_secs(4));
    println!(
        "resident memory: idle {idle:.1} MB, after 10,000 deliveries {:.1} MB",
        agent.resident()
    );
}

fn print_rate(name: &str, rates: &[f64], ours: Option<&[f64]>) {
    let rate = median(rates);
    let ratio = ours
        .map_or(String::new(), |ours| format!("  (ours is {:.1} times that)", median(ours) / rate));
    println!("{name}: {rate:.0} hooks/s{ratio}");
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// Milliseconds.
fn percentile(sorted: &[Duration], percent: f64) -> f64 {
    let index = (sorted.len() as f64 * percent / 100.0).ceil() as usize;
    sorted.get(index.saturating_sub(1)).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
}

/// A push of about 10 KB, as GitHub sends for a handful of commits.
fn push_body() -> Vec<u8> {
    let commit = |n: usize| {
        serde_json::json!({
            "id": format!("{n:040x}"), "message": format!("Change number {n}\n\nwith a body that says why"),
            "timestamp": "2026-11-21T07:00:00Z", "url": format!("https://github.com/o/r/commit/{n:040x}"),
            "author": {"name": "A. Developer", "email": "a@example.com", "username": "a"},
            "added": (0..4).map(|f| format!("src/module_{n}/added_{f}.rs")).collect::<Vec<_>>(),
            "removed": [], "modified": (0..4).map(|f| format!("src/module_{n}/file_{f}.rs")).collect::<Vec<_>>(),
        })
    };
    let commits: Vec<_> = (1..=14).map(commit).collect();
    let body = serde_json::json!({
        "ref": "refs/heads/main", "before": "1".repeat(40), "after": format!("{:040x}", 14),
        "created": false, "deleted": false, "forced": false, "head_commit": commits[13], "commits": commits,
        "repository": {"id": 1, "full_name": "o/r", "name": "r", "owner": {"login": "o"}, "private": false,
            "html_url": "https://github.com/o/r", "clone_url": "https://github.com/o/r.git", "default_branch": "main"},
        "sender": {"login": "a", "id": 1},
    });
    serde_json::to_vec(&body).expect("JSON")
}

fn signature(body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any key");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

static DELIVERY: AtomicU64 = AtomicU64::new(1);

fn request(path: &str, body: &[u8], signature: &str) -> Vec<u8> {
    let id = DELIVERY.fetch_add(1, Ordering::Relaxed);
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\nx-github-event: watch\r\n\
         x-github-delivery: 00000000-0000-4000-8000-{id:012x}\r\nx-hub-signature-256: {signature}\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

/// Sends one request and reads the whole answer; returns the status.
fn exchange(stream: &mut BufReader<TcpStream>, request: &[u8]) -> std::io::Result<u16> {
    stream.get_mut().write_all(request)?;
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
    let mut length = 0;
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        let header = line.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut rest = vec![0; length];
    stream.read_exact(&mut rest)?;
    Ok(status)
}

fn connect(port: u16) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    BufReader::new(stream)
}

/// Hooks per second with every connection sending as fast as it is answered.
fn closed_loop(port: u16, path: &str, body: &[u8], good: std::ops::Range<u16>) -> f64 {
    let (end, answered) = (Instant::now() + ROUND, AtomicU64::new(0));
    let signature = signature(body);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let mut stream = connect(port);
                while Instant::now() < end {
                    let status =
                        exchange(&mut stream, &request(path, body, &signature)).expect("an answer");
                    assert!(good.contains(&status), "{path} answered {status}");
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    answered.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64()
}

/// Latencies, sorted, at a steady rate; each is counted from when it should have been sent, so
/// that a stall is not hidden by the requests that it held back.
fn open_loop(port: u16, body: &[u8], per_second: u32, length: Duration) -> Vec<Duration> {
    let signature = signature(body);
    let total = (f64::from(per_second) * length.as_secs_f64()) as u64;
    let (next, latencies) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let mut stream = connect(port);
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= total {
                        return;
                    }
                    let due = began + Duration::from_secs_f64(n as f64 / f64::from(per_second));
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    let status =
                        exchange(&mut stream, &request("/", body, &signature)).expect("an answer");
                    assert!((200..300).contains(&status), "answered {status}");
                    latencies.lock().expect("no panic").push(due.elapsed());
                }
            });
        }
    });
    let mut latencies = latencies.into_inner().expect("no panic");
    latencies.sort();
    latencies
}

struct Agent {
    child: Child,
    port: u16,
}

impl Agent {
    fn start(data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pocketci-agent"))
            .arg("serve")
            .env_clear()
            .env("POCKETCI_LISTEN", "127.0.0.1:0")
            .env("POCKETCI_DATA_DIR", data)
            .env("X_HUB_SIGNATURE", SECRET)
            .env("PATH", "/nonexistent")
            .stderr(Stdio::piped())
            .spawn()
            .expect("the agent starts");
        let lines = BufReader::new(child.stderr.take().expect("piped"));
        let (port_sender, port) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                if let Some((_, rest)) = line.split_once("listening on http://127.0.0.1:") {
                    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
                    let _ = port_sender.send(digits.parse().expect("a port"));
                }
            }
        });
        let port = port.recv_timeout(Duration::from_secs(20)).expect("the agent listens");
        Self { child, port }
    }

    /// Megabytes of resident memory.
    fn resident(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))
            .expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Webhook {
    child: Child,
    port: u16,
}

impl Webhook {
    /// None when it is not installed.
    fn start(folder: &Path) -> Option<Self> {
        let rule = serde_json::json!({"match": {"type": "payload-hmac-sha256", "secret": SECRET,
            "parameter": {"source": "header", "name": "X-Hub-Signature-256"}}});
        let never = serde_json::json!({"match": {"type": "value", "value": "nothing",
            "parameter": {"source": "payload", "name": "ref"}}});
        let hooks = serde_json::json!([
            {"id": "run", "execute-command": "/bin/true", "trigger-rule": rule},
            {"id": "quiet", "execute-command": "/bin/true", "trigger-rule": {"and": [rule, never]}},
        ]);
        let file = folder.join("hooks.json");
        std::fs::write(&file, hooks.to_string()).expect("hooks.json");
        let port =
            TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("it").port();
        let child = Command::new("webhook")
            .args(["-ip", "127.0.0.1", "-port", &port.to_string(), "-hooks"])
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let webhook = Self { child, port };
        let until = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "webhook does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(webhook)
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
