//! A collector of traces that takes everything and remembers it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Listens on a free port until the process ends.
#[derive(Debug, Clone)]
pub struct Collector {
    address: String,
    taken: Arc<Mutex<Vec<Taken>>>,
}

/// A request.
#[derive(Debug, Clone)]
pub struct Taken {
    pub path: String,
    /// In lower case, `name: value`.
    pub headers: Vec<String>,
    pub body: Vec<u8>,
}

impl Collector {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let collector = Self { address, taken: Arc::default() };
        let taken = Arc::clone(&collector.taken);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let taken = Arc::clone(&taken);
                std::thread::spawn(move || serve(&stream, &taken));
            }
        });
        collector
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }
}

fn serve(stream: &TcpStream, taken: &Mutex<Vec<Taken>>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            match line.trim_end() {
                "" => break,
                line => head.push(line.to_owned()),
            }
        }
        let path = head[0].split(' ').nth(1).unwrap().to_owned();
        let headers: Vec<String> = head[1..].iter().map(|it| it.to_lowercase()).collect();
        let length = headers.iter().find_map(|it| it.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |it| it.parse().unwrap())];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        taken.lock().unwrap().push(Taken { path, headers, body });
        let mut stream = stream;
        if stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").is_err() {
            return;
        }
    }
}
