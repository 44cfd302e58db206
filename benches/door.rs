//! What unsigned requests cost: memory, and how long a good hook takes meanwhile.
//!
//! ```sh
//! cargo bench --locked --bench door
//! ```
//!
//! Everything is on loopback and ends by itself; the load comes from this process, on the same
//! cores. The bad and the good come from one address, the agent's own machine, which is the worst
//! case: an address of the own network is never limited, since it may be a proxy's.

#![expect(clippy::disallowed_methods, reason = "this is what starts the program it measures")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const SECRET: &str = "bench-secret-bench-secret";
const MEGABYTE: usize = 1 << 20;
/// Good hooks a second while something else goes on.
const GOOD: u32 = 50;
const ROUND: Duration = Duration::from_secs(12);

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let agent = Agent::start(&folder.path().join("data"));
    let body = br#"{"zen": "Keep it logically awesome.", "hook_id": 1}"#;
    let quiet = good_hooks(&agent, body, Duration::from_secs(4));
    report("nothing else", &agent, &quiet, agent.resident());

    let unsigned = format!("Content-Length: {}\r\n", 60 * MEGABYTE);
    let wrong = format!("X-Hub-Signature-256: {}\r\n", signature("wrong", b""));
    let long = format!("{wrong}Content-Length: {}\r\n", 25 * MEGABYTE);
    let chunked = format!("{wrong}Transfer-Encoding: chunked\r\n");
    for (name, head, megabytes) in [
        ("60 MB, unsigned", unsigned.as_str(), 60),
        ("60 MB, bad signature, chunked", chunked.as_str(), 60),
        ("25 MB, bad signature", long.as_str(), 25),
    ] {
        agent.forget_peak();
        let before = agent.resident();
        let latencies = during(
            || {
                let status = pour(&agent, head, megabytes);
                assert!((400..500).contains(&status), "{name}: {status}");
            },
            || good_hooks(&agent, body, ROUND / 4),
        );
        report(name, &agent, &latencies, before);
    }

    agent.forget_peak();
    let before = agent.resident();
    let slow = AtomicU64::new(0);
    let latencies = during(
        || {
            slow.store(hold(&agent, 1_000), Ordering::Relaxed);
        },
        || good_hooks(&agent, body, ROUND),
    );
    report("1,000 slow connections", &agent, &latencies, before);
    println!("  (opened {} of them, each anew when it was closed)", slow.into_inner());

    agent.forget_peak();
    let before = agent.resident();
    let bad = AtomicU64::new(0);
    let flood = || bad.store(flood(&agent, body, 10_000), Ordering::Relaxed);
    let latencies = during(flood, || good_hooks(&agent, body, ROUND));
    report("bad signatures", &agent, &latencies, before);
    println!("  ({:.0} a second of 10,000 wanted)", bad.into_inner() as f64 / ROUND.as_secs_f64());
}

fn report(name: &str, agent: &Agent, latencies: &[Duration], before: f64) {
    println!(
        "{name}: good hooks p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms ({} of them); memory {before:.1} MB, at most {:+.1} MB, after {:+.1} MB",
        percentile(latencies, 50.0),
        percentile(latencies, 99.0),
        percentile(latencies, 100.0),
        latencies.len(),
        agent.peak() - before,
        agent.resident() - before,
    );
}

/// The good hooks' latencies while the other is under way; it looks at [`OVER`] to end.
fn during(bad: impl FnOnce() + Send, good: impl FnOnce() -> Vec<Duration>) -> Vec<Duration> {
    OVER.store(false, Ordering::Relaxed);
    std::thread::scope(|scope| {
        let bad = scope.spawn(bad);
        std::thread::sleep(Duration::from_millis(200));
        let latencies = good();
        OVER.store(true, Ordering::Relaxed);
        bad.join().expect("no panic");
        latencies
    })
}

static OVER: AtomicBool = AtomicBool::new(false);

fn over() -> bool {
    OVER.load(Ordering::Relaxed)
}

/// Milliseconds.
fn percentile(sorted: &[Duration], percent: f64) -> f64 {
    let index = (sorted.len() as f64 * percent / 100.0).ceil() as usize;
    sorted.get(index.saturating_sub(1)).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
}

fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

static DELIVERY: AtomicU64 = AtomicU64::new(1);

fn request(body: &[u8], signature: &str) -> Vec<u8> {
    let id = DELIVERY.fetch_add(1, Ordering::Relaxed);
    let head = format!(
        "POST / HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\nx-github-event: ping\r\n\
         x-github-delivery: 00000000-0000-4000-8000-{id:012x}\r\nx-hub-signature-256: {signature}\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// One request on a connection of its own; the status of the answer.
fn exchange(agent: &Agent, request: &[u8]) -> std::io::Result<u16> {
    let mut stream = agent.connect()?;
    stream.write_all(request)?;
    let mut heard = [0; 12];
    stream.read_exact(&mut heard)?;
    Ok(String::from_utf8_lossy(&heard[9..]).parse().unwrap_or(0))
}

/// Latencies, sorted, of signed hooks at a steady rate, each on a new connection and counted from
/// when it should have been sent; all of them are accepted.
fn good_hooks(agent: &Agent, body: &[u8], length: Duration) -> Vec<Duration> {
    let right = signature(SECRET, body);
    let total = (f64::from(GOOD) * length.as_secs_f64()) as u64;
    let (next, latencies, began) = (AtomicU64::new(0), Mutex::new(Vec::new()), Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= total {
                        return;
                    }
                    let due = began + Duration::from_secs_f64(n as f64 / f64::from(GOOD));
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    let status = exchange(agent, &request(body, &right)).expect("an answer");
                    assert_eq!(status, 204, "a good hook was refused");
                    latencies.lock().expect("no panic").push(due.elapsed());
                }
            });
        }
    });
    let mut latencies = latencies.into_inner().expect("no panic");
    latencies.sort();
    latencies
}

/// Sends so many megabytes behind the head, or as many as are taken; the status of the answer.
fn pour(agent: &Agent, head: &str, megabytes: usize) -> u16 {
    let mut stream = agent.connect().expect("a connection");
    let mut writing = stream.try_clone().expect("another handle");
    let is_chunked = head.contains("chunked");
    let head = format!("POST / HTTP/1.1\r\nHost: ci\r\nX-GitHub-Event: push\r\n{head}\r\n");
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let piece = vec![b'x'; MEGABYTE];
            let _ = writing.write_all(head.as_bytes());
            for _ in 0..megabytes {
                let before = if is_chunked { format!("{MEGABYTE:x}\r\n") } else { String::new() };
                let after: &[u8] = if is_chunked { b"\r\n" } else { b"" };
                if writing.write_all(&[before.as_bytes(), &piece, after].concat()).is_err() {
                    return;
                }
            }
        });
        let mut heard = [0; 12];
        stream.read_exact(&mut heard).expect("an answer");
        String::from_utf8_lossy(&heard[9..]).parse().unwrap_or(0)
    })
}

/// Keeps so many connections open that say a byte now and then; how many it took.
fn hold(agent: &Agent, count: usize) -> u64 {
    let (mut open, mut opened) = (Vec::new(), 0);
    while !over() {
        while open.len() < count && !over() {
            let Ok(mut stream) = agent.connect() else { break };
            let said: &[u8] = match opened % 3 {
                0 => b"",
                1 => b"POST / HTTP/1.1\r\nHost: ci\r\nX-",
                _ => {
                    b"POST / HTTP/1.1\r\nHost: ci\r\nX-GitHub-Event: push\r\nX-Hub-Signature-256: \
                       sha256=00\r\nContent-Length: 60000\r\n\r\n{"
                }
            };
            let _ = stream.write_all(said);
            opened += 1;
            open.push(stream);
        }
        std::thread::sleep(Duration::from_millis(250));
        open.retain_mut(|stream| stream.write_all(b"x").is_ok());
    }
    opened
}

/// Sends bad signatures at this rate, as far as it goes; how many.
fn flood(agent: &Agent, body: &[u8], per_second: u32) -> u64 {
    let wrong = signature("wrong", body);
    let (sent, began) = (AtomicU64::new(0), Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                while !over() {
                    let n = sent.fetch_add(1, Ordering::Relaxed);
                    let due = began + Duration::from_secs_f64(n as f64 / f64::from(per_second));
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    let _ = exchange(agent, &request(body, &wrong));
                }
            });
        }
    });
    sent.into_inner()
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

    fn connect(&self) -> std::io::Result<TcpStream> {
        let stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(stream)
    }

    /// Megabytes of resident memory.
    fn resident(&self) -> f64 {
        self.figure("VmRSS:")
    }

    /// The most since it was forgotten.
    fn peak(&self) -> f64 {
        self.figure("VmHWM:")
    }

    fn forget_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").expect("our child");
    }

    fn figure(&self, name: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))
            .expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("the figure");
        line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
