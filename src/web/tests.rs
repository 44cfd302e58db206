//! The server over real sockets, and clients that say exactly the bytes that a test wants said.

pub(super) mod fixture;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{App, Door, Limits, Tls, front, server};
use crate::domain::ids::{ForgeId, Vendor};
use crate::domain::network::Proxies;
use crate::domain::rights::Readers;
use crate::domain::signature::WebhookSecret;
use crate::health::Health;
use crate::store::Store;

pub(super) const SECRET: &str = "It's a Secret to Everybody";
pub(super) const NEXT_SECRET: &str = "the one that replaces it";

/// Less patient than the real thing; long enough for a busy machine to send a small request.
pub(super) const IMPATIENT: Limits =
    Limits { head: Duration::from_millis(600), body: Duration::from_millis(600) };

/// A running server with a store of its own.
pub(super) struct Agent {
    pub(super) app: App,
    pub(super) address: SocketAddr,
    pub(super) shutdown: CancellationToken,
    pub(super) served: JoinHandle<()>,
    _data: TempDir,
}

/// A forge with both secrets.
pub(super) fn door(forge: ForgeId) -> Door {
    let secrets = vec![WebhookSecret::new(SECRET), WebhookSecret::new(NEXT_SECRET)];
    Door { forge, secrets, secret_name: "X_HUB_SIGNATURE".to_owned(), app: None }
}

impl Agent {
    pub(super) async fn start() -> Self {
        Self::with(Limits::default(), false).await
    }

    pub(super) async fn with(limits: Limits, allow_sha1: bool) -> Self {
        Self::run(limits, allow_sha1, None, Readers::All).await
    }

    pub(super) async fn with_tls(limits: Limits, tls: Arc<Tls>) -> Self {
        Self::run(limits, false, Some(tls), Readers::All).await
    }

    /// With these who may read without having signed in.
    pub(super) async fn read_by(readers: Readers) -> Self {
        Self::run(Limits::default(), false, None, readers).await
    }

    async fn run(
        limits: Limits,
        allow_sha1: bool,
        tls: Option<Arc<Tls>>,
        readers: Readers,
    ) -> Self {
        let data = tempfile::tempdir().unwrap();
        let app = App {
            store: Store::open(data.path()).await.unwrap(),
            doors: Arc::new([door(Vendor::Github.into())]),
            allow_sha1,
            wake: Arc::new(Notify::new()),
            wake_calls: Arc::new(Notify::new()),
            health: Arc::new(Health::default()),
            readers,
            forges: Arc::new(fixture::PretendForges),
            ways: Arc::new([]),
            admins: Arc::default(),
            public_url: "https://ci.example.com/".to_owned(),
            spool: data.path().to_owned(),
            proxies: Arc::new(Proxies::parse("127.0.0.1").unwrap()),
            tls,
            onward: None,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let front = front(app.clone(), limits);
        let served = tokio::spawn(server::run(listener, front, shutdown.clone()));
        Self { app, address, shutdown, served, _data: data }
    }

    /// Another one in its place, with the same store.
    pub(super) async fn serve(&mut self, app: App) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.address = listener.local_addr().unwrap();
        let front = front(app.clone(), Limits::default());
        self.served = tokio::spawn(server::run(listener, front, self.shutdown.clone()));
        self.app = app;
    }

    pub(super) async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.say(format!("GET {path} HTTP/1.1\r\nHost: ci\r\nConnection: close\r\n\r\n")).await
    }

    pub(super) async fn send(&self, hook: &Hook) -> Answer {
        self.say(hook.bytes()).await
    }

    /// Says it on a connection of its own and hears the whole answer.
    pub(super) async fn say(&self, bytes: impl AsRef<[u8]>) -> Answer {
        let mut client = self.connect().await;
        client.say(bytes).await;
        client.hear().await
    }
}

/// One connection.
pub(super) struct Client(pub(super) TcpStream);

impl Client {
    /// Says as much as the server takes.
    pub(super) async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.0.write_all(bytes.as_ref()).await;
    }

    /// Everything up to the end of the connection.
    pub(super) async fn hear(&mut self) -> Answer {
        Answer::read(&self.hear_bytes().await)
    }

    pub(super) async fn hear_bytes(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut piece = [0; 4096];
        // A connection that is reset has ended too.
        while let Ok(read @ 1..) = self.0.read(&mut piece).await {
            bytes.extend_from_slice(&piece[..read]);
        }
        bytes
    }
}

/// An HTTP answer, taken apart.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    head: String,
    pub(super) body: String,
}

impl Answer {
    #[track_caller]
    pub(super) fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text:?}"));
        let status = head[9..12].parse().unwrap();
        let mut answer = Self { status, head: head.to_owned(), body: body.to_owned() };
        if answer.header("transfer-encoding") == Some("chunked") {
            answer.body = joined(&answer.body);
        }
        answer
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// A chunked body put together again.
fn joined(mut chunked: &str) -> String {
    let mut body = String::new();
    while let Some((size, rest)) = chunked.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        body.push_str(&rest[..size]);
        chunked = rest[size..].trim_start_matches("\r\n");
    }
    body
}

/// A webhook request as GitHub would make it, and its variations.
#[derive(Clone)]
pub(super) struct Hook {
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Hook {
    /// A signed delivery of JSON.
    pub(super) fn new(event: &str, id: &str, body: &str) -> Self {
        let hook = Self { path: "/".to_owned(), headers: Vec::new(), body: body.into() };
        hook.with("Host", "ci")
            .with("Connection", "close")
            .with("Content-Type", "application/json")
            .with("User-Agent", "GitHub-Hookshot/044aadd")
            .with("X-GitHub-Event", event)
            .with("X-GitHub-Delivery", id)
            .with("Content-Length", &body.len().to_string())
            .signed(SECRET)
    }

    pub(super) fn push(id: &str) -> Self {
        Self::new("push", id, PUSH)
    }

    pub(super) fn to(mut self, path: &str) -> Self {
        self.path = path.to_owned();
        self
    }

    /// Sets a header, or replaces it.
    pub(super) fn with(self, name: &str, value: &str) -> Self {
        let mut hook = self.without(name);
        hook.headers.push((name.to_owned(), value.to_owned()));
        hook
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(found, _)| !found.eq_ignore_ascii_case(name));
        self
    }

    pub(super) fn signature(body: &[u8]) -> String {
        Self::signature_with(SECRET, body)
    }

    fn signature_with(secret: &str, body: &[u8]) -> String {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(body);
        format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
    }

    pub(super) fn signed(self, secret: &str) -> Self {
        let signature = Self::signature_with(secret, &self.body);
        self.with("X-Hub-Signature-256", &signature)
    }

    pub(super) fn signed_sha1(self) -> Self {
        let mut mac = Hmac::<sha1::Sha1>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(&self.body);
        let signature = format!("sha1={}", hex::encode(mac.finalize().into_bytes()));
        self.without("X-Hub-Signature-256").with("X-Hub-Signature", &signature)
    }

    pub(super) fn head(&self) -> String {
        let headers = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
        format!("POST {} HTTP/1.1\r\n{}\r\n", self.path, headers.collect::<String>())
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        [self.head().as_bytes(), &self.body].concat()
    }
}

/// A push that needs nothing more to be planned.
pub(super) const PUSH: &str = r#"{
    "ref": "refs/heads/main",
    "before": "1111111111111111111111111111111111111111",
    "after": "2222222222222222222222222222222222222222",
    "repository": {
        "id": 1, "name": "hello", "full_name": "octo/hello", "private": false,
        "owner": {"login": "octo", "name": "octo"},
        "html_url": "https://github.com/octo/hello",
        "clone_url": "https://github.com/octo/hello.git",
        "default_branch": "main"
    },
    "created": false, "deleted": false, "forced": false,
    "head_commit": {
        "id": "2222222222222222222222222222222222222222", "message": "Say hello",
        "timestamp": "2026-11-21T07:34:28Z", "url": "https://github.com/octo/hello/commit/2222",
        "author": {"name": "Alice", "email": "alice@example.com"}
    },
    "sender": {"login": "alice", "id": 123}
}"#;
