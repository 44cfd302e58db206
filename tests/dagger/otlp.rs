//! What the CLI tells an OpenTelemetry collector of a call while it works: spans when they begin
//! and when they end, and what they print, as protobuf over HTTP.
//!
//! Nothing without `OTEL_EXPORTER_OTLP_ENDPOINT`; no logs without their own endpoint, as with the
//! real one. A collector that does not answer is no failure.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant, SystemTime};

static COLLECTOR: OnceLock<Option<Collector>> = OnceLock::new();

/// How long spans and lines wait for others.
const BATCH: Duration = Duration::from_millis(100);

/// Bytes that are not waited with.
const MUCH: usize = 256 << 10;

struct Collector {
    address: String,
    headers: String,
    logs: bool,
    trace: Vec<u8>,
    root: u64,
    parent: Vec<u8>,
    name: String,
    began: u64,
    next: AtomicU64,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    spans: Vec<u8>,
    records: Vec<u8>,
    since: Option<Instant>,
}

/// A span under way; ended by [`Span::end`] and its like, else never.
#[derive(Clone)]
pub struct Span {
    id: u64,
    parent: u64,
    name: String,
    began: u64,
    marks: Vec<&'static str>,
    /// The arguments of the call, as the engine knows it.
    call: Vec<(String, Vec<String>)>,
    resumes: Option<u64>,
}

fn collector() -> Option<&'static Collector> {
    COLLECTOR.get().and_then(Option::as_ref)
}

/// Reads the environment, and begins the span of a whole call: what was typed behind the flags.
pub fn start(name: &str) {
    COLLECTOR.get_or_init(|| {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let endpoint = variable("OTEL_EXPORTER_OTLP_ENDPOINT")?;
        let address = endpoint.strip_prefix("http://")?.trim_end_matches('/').to_owned();
        let headers = variable("OTEL_EXPORTER_OTLP_HEADERS").unwrap_or_default();
        let headers = headers.split(',').filter_map(|pair| pair.split_once('='));
        let headers = headers.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let above = variable("TRACEPARENT").unwrap_or_default();
        let above: Vec<Vec<u8>> = above.split('-').map(unhex).collect();
        let seed = u64::from(std::process::id()) << 32 | now() >> 20 & 0xffff_fff0;
        Some(Collector {
            address,
            headers,
            logs: variable("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT").is_some(),
            trace: above.get(1).filter(|it| it.len() == 16).cloned().unwrap_or(vec![1; 16]),
            parent: above.get(2).filter(|it| it.len() == 8).cloned().unwrap_or_default(),
            root: seed,
            name: name.to_owned(),
            began: now(),
            next: AtomicU64::new(seed + 1),
            waiting: Mutex::default(),
        })
    });
    root().send(None, &[]);
}

fn unhex(text: &str) -> Vec<u8> {
    let pair = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).filter_map(pair).collect()
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or_default()
}

/// The span of the whole call.
pub fn root() -> Span {
    let (id, name, began) = match collector() {
        Some(it) => (it.root, it.name.clone(), it.began),
        None => (0, String::new(), 0),
    };
    let (marks, call) = (Vec::new(), Vec::new());
    Span { id, parent: 0, name, began, marks, call, resumes: None }
}

/// Ends the whole, with the failure's message and the span that it came from, and sends the rest.
pub fn finish(error: Option<&str>, origin: Option<&Span>) {
    root().end(error, origin);
    flush();
}

/// Sends what has waited for long enough.
pub fn tick() {
    let Some(collector) = collector() else { return };
    let waiting = collector.waiting.lock().expect("nobody panics with it");
    let long = waiting.since.is_some_and(|since| since.elapsed() >= BATCH);
    let much = waiting.spans.len() + waiting.records.len() >= MUCH;
    drop(waiting);
    if long || much {
        flush();
    }
}

fn flush() {
    let Some(collector) = collector() else { return };
    let waiting = std::mem::take(&mut *collector.waiting.lock().expect("nobody panics with it"));
    for (path, scope) in [("/v1/traces", waiting.spans), ("/v1/logs", waiting.records)] {
        if !scope.is_empty() {
            // ResourceSpans, ScopeSpans: the spans are in the scope.
            let body = message(1, &message(2, &scope));
            let _ = post(collector, path, &body);
        }
    }
}

fn post(collector: &Collector, path: &str, body: &[u8]) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(&collector.address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let (address, headers, length) = (&collector.address, &collector.headers, body.len());
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: stand-in\r\n\
         Content-Length: {length}\r\nContent-Type: application/x-protobuf\r\n{headers}\
         Connection: close\r\n\r\n"
    );
    stream.write_all(&[head.as_bytes(), body].concat())?;
    stream.read_to_end(&mut Vec::new()).map(|_| ())
}

impl Span {
    /// Begins a part of this one, with these of the attributes that are true.
    pub fn begin(&self, name: &str, marks: &[&'static str]) -> Self {
        let span = self.part(name, marks);
        span.send(None, &[]);
        span
    }

    /// Begins a call into the engine, with the arguments that are texts.
    pub fn begin_call(&self, name: &str, call: &[(&str, Vec<String>)]) -> Self {
        let call = call.iter().map(|(name, words)| ((*name).to_owned(), words.clone())).collect();
        let span = Self { call, ..self.part(name, &[]) };
        span.send(None, &[]);
        span
    }

    /// Begins what does the work of another span, as a part of this one.
    pub fn resume(&self, other: &Self, name: &str) -> Self {
        let span = Self { resumes: Some(other.id), ..self.part(name, &["ui.passthrough"]) };
        span.send(None, &[]);
        span
    }

    fn part(&self, name: &str, marks: &[&'static str]) -> Self {
        let id = collector().map_or(0, |it| it.next.fetch_add(1, Ordering::Relaxed));
        let (parent, name, began) = (self.id, name.to_owned(), now());
        Self { id, parent, name, began, marks: marks.to_vec(), call: Vec::new(), resumes: None }
    }

    /// Ends it, with the failure's message and where that came from.
    pub fn end(&self, error: Option<&str>, origin: Option<&Self>) {
        let mut status = Vec::new();
        if let Some(error) = error {
            status = message(2, error.as_bytes());
        }
        status.extend(number(3, if error.is_some() { 2 } else { 1 }));
        let mut more = message(15, &status);
        if let Some(origin) = origin.filter(|_| error.is_some()) {
            more.extend(link(origin.id, Some("error_origin")));
        }
        self.send(Some(now()), &more);
    }

    /// Ends it with a mark that is known only then.
    pub fn end_marked(&self, mark: &'static str) {
        let span = Self { marks: [&self.marks[..], &[mark]].concat(), ..self.clone() };
        span.end(None, None);
    }

    /// Ends a process with its exit status.
    pub fn end_process(&self, exit: i32, error: Option<&str>, origin: &Self) {
        let code = any(3, exit.unsigned_abs().into());
        let event = [message(2, b"Container exited"), message(3, &attribute("exit.code", &code))];
        let mut status = Vec::new();
        if let Some(error) = error {
            status = message(2, error.as_bytes());
        }
        status.extend(number(3, if error.is_some() { 2 } else { 1 }));
        let mut more = [message(11, &event.concat()), message(15, &status)].concat();
        if error.is_some() {
            more.extend(link(origin.id, Some("error_origin")));
        }
        self.send(Some(now()), &more);
    }

    /// Begins and ends so many parts, a hundred in each part of this one; of three one was cached.
    pub fn fill(&self, number: u64) {
        for part in 0..number.div_ceil(100) {
            let above = self.begin(&format!("Container.part {part}"), &[]);
            for step in part * 100..number.min(part * 100 + 100) {
                let words = ["make".to_owned(), format!("target-{step}")].to_vec();
                let span = above.begin_call("Container.withExec", &[("args", words)]);
                if step % 3 == 0 { span.end_marked("dag.cached") } else { span.end(None, None) }
            }
            above.end(None, None);
        }
    }

    fn send(&self, end: Option<u64>, more: &[u8]) {
        let Some(collector) = collector() else { return };
        let mut span = message(1, &collector.trace);
        span.extend(message(2, &self.id.to_be_bytes()));
        if self.parent != 0 {
            span.extend(message(4, &self.parent.to_be_bytes()));
        } else if !collector.parent.is_empty() {
            span.extend(message(4, &collector.parent));
        }
        span.extend(message(5, self.name.as_bytes()));
        span.extend(number(6, 1));
        span.extend(fixed(7, self.began));
        if let Some(end) = end {
            span.extend(fixed(8, end));
        }
        for mark in &self.marks {
            let key = format!("dagger.io/{mark}");
            span.extend(message(9, &attribute(&key, &any(2, 1))));
        }
        if !self.call.is_empty() {
            let call = message(1, base64(&self.described()).as_bytes());
            span.extend(message(9, &attribute("dagger.io/dag.call", &call)));
        }
        if let Some(resumes) = self.resumes {
            span.extend(link(resumes, None));
        }
        span.extend_from_slice(more);
        collector.wait(|waiting| waiting.spans.extend(message(2, &span)));
    }

    /// The call as dagger describes it: a name and a literal for each argument.
    fn described(&self) -> Vec<u8> {
        let text = |word: &String| message(7, word.as_bytes());
        let argument = |(name, words): &(String, Vec<String>)| {
            let value = match words.as_slice() {
                [one] => text(one),
                list => {
                    let list: Vec<u8> = list.iter().flat_map(|it| message(1, &text(it))).collect();
                    message(8, &list)
                }
            };
            message(4, &[message(1, name.as_bytes()), message(2, &value)].concat())
        };
        self.call.iter().flat_map(argument).collect()
    }

    /// What it prints, to standard output or error.
    pub fn print(&self, out: bool, text: &str) {
        let Some(collector) = collector().filter(|it| it.logs) else { return };
        let mut record = fixed(1, now());
        record.extend(message(5, &message(1, text.as_bytes())));
        let stream = any(3, if out { 1 } else { 2 });
        record.extend(message(6, &attribute("stdio.stream", &stream)));
        record.extend(message(9, &collector.trace));
        record.extend(message(10, &self.id.to_be_bytes()));
        collector.wait(|waiting| waiting.records.extend(message(2, &record)));
    }
}

impl Collector {
    fn wait(&self, put: impl FnOnce(&mut Waiting)) {
        let mut waiting = self.waiting.lock().expect("nobody panics with it");
        put(&mut waiting);
        waiting.since.get_or_insert_with(Instant::now);
        drop(waiting);
        tick();
    }
}

fn link(to: u64, purpose: Option<&str>) -> Vec<u8> {
    let trace = collector().map(|it| it.trace.clone()).unwrap_or_default();
    let mut link = [message(1, &trace), message(2, &to.to_be_bytes())].concat();
    if let Some(purpose) = purpose {
        let value = message(1, purpose.as_bytes());
        link.extend(message(4, &attribute("dagger.io/link.purpose", &value)));
    }
    message(13, &link)
}

fn attribute(key: &str, value: &[u8]) -> Vec<u8> {
    [message(1, key.as_bytes()), message(2, value)].concat()
}

/// A value that is a number, or a truth.
fn any(field: u64, value: u64) -> Vec<u8> {
    number(field, value)
}

fn message(field: u64, bytes: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(bytes.len() as u64), bytes.to_vec()].concat()
}

fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn fixed(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3 | 1), value.to_le_bytes().to_vec()].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
