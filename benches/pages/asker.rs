//! One who asks for pages, on one connection.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

pub(super) struct Asker {
    host: String,
    stream: BufReader<TcpStream>,
}

pub(super) struct Answer {
    /// Until the last byte.
    pub(super) took: Duration,
    pub(super) length: usize,
    body: Vec<u8>,
}

impl Asker {
    pub(super) fn new(url: &str) -> Self {
        let host = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let stream = TcpStream::connect(&host).expect("the agent listens");
        stream.set_nodelay(true).expect("a socket");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket");
        Self { host, stream: BufReader::with_capacity(1 << 16, stream) }
    }

    pub(super) fn get(&mut self, path: &str, encoding: &str) -> Answer {
        let host = &self.host;
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: {encoding}\r\n\r\n");
        let began = Instant::now();
        self.stream.get_mut().write_all(request.as_bytes()).expect("it is sent");
        let mut line = String::new();
        self.stream.read_line(&mut line).expect("an answer");
        assert!(line.contains(" 200 "), "{path}: {line}");
        let (mut length, mut chunked) = (0, false);
        loop {
            line.clear();
            self.stream.read_line(&mut line).expect("a head");
            let head = line.trim().to_ascii_lowercase();
            if head.is_empty() {
                break;
            }
            if let Some(text) = head.strip_prefix("content-length: ") {
                length = text.parse().expect("a number");
            }
            chunked |= head == "transfer-encoding: chunked";
        }
        let mut body = Vec::new();
        loop {
            if chunked {
                line.clear();
                self.stream.read_line(&mut line).expect("a chunk");
                length = usize::from_str_radix(line.trim(), 16).expect("a length");
            }
            let from = body.len();
            body.resize(from + length, 0);
            self.stream.read_exact(&mut body[from..]).expect("a body");
            if chunked {
                self.stream.read_exact(&mut [0; 2]).expect("its end");
            }
            if !chunked || length == 0 {
                break;
            }
        }
        Answer { took: began.elapsed(), length: body.len(), body }
    }

    pub(super) fn json(&mut self, path: &str) -> serde_json::Value {
        serde_json::from_slice(&self.get(path, "identity").body).expect("JSON")
    }
}

pub(super) fn sorted(mut times: Vec<Duration>) -> Vec<Duration> {
    times.sort();
    times
}

/// Milliseconds that so many of a hundred take at most.
pub(super) fn p(sorted: &[Duration], percent: f64) -> f64 {
    let index = (sorted.len() as f64 * percent / 100.0).ceil() as usize;
    sorted.get(index.saturating_sub(1)).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
}
