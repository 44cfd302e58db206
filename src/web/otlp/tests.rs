use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{LIMIT, Receiver};
use crate::domain::ids::{CallId, RunId};
use crate::domain::redact::{Masks, Redactor};
use crate::domain::trace::forward::{self, OwnSpan};
use crate::domain::trace::{SpanId, TraceId};
use crate::store::Store;
use crate::store::trace::{OpenTrace, read};

const TRACE: TraceId = TraceId([7; 16]);

/// A receiver with two calls under way.
struct Scene {
    address: std::net::SocketAddr,
    store: Store,
    one: OpenTrace,
    two: OpenTrace,
    shutdown: CancellationToken,
    served: JoinHandle<()>,
    _data: tempfile::TempDir,
}

impl Scene {
    async fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let store = Store::open(data.path()).await.unwrap();
        let receiver = Receiver::bind().await.unwrap();
        let (address, shutdown) = (receiver.address(), CancellationToken::new());
        let served = tokio::spawn(receiver.serve(store.clone(), None, shutdown.clone()));
        let open = |call| {
            let masks = Masks::new(["correct-horse"]);
            store.open_trace((RunId(1), CallId(call), 1), TRACE, masks, 1 << 20).unwrap()
        };
        let (one, two) = (open(1), open(2));
        Self { address, store, one, two, shutdown, served, _data: data }
    }

    /// Posts a body with these headers, and gives the answer's status.
    async fn post(&self, path: &str, headers: &str, body: &[u8]) -> u16 {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Length: {}\r\n{headers}\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // A refusal may come before all of it was sent.
        let _ = stream.write_all(body).await;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }

    fn headers(open: &OpenTrace, more: &str) -> String {
        let token = open.token();
        format!("X-Pocketci-Token: {token}\r\nContent-Type: application/x-protobuf\r\n{more}")
    }

    fn names(&self, call: i64) -> Vec<String> {
        let path = self.store.trace_path(RunId(1), CallId(call), 1);
        let trace = read(&path).unwrap().unwrap_or_default();
        trace.tree().steps.into_iter().map(|step| step.name).collect()
    }

    async fn end(self) {
        self.shutdown.cancel();
        self.served.await.unwrap();
    }
}

fn span(name: &str) -> Vec<u8> {
    let own = OwnSpan {
        trace: TRACE,
        id: SpanId::from_bytes(&[1; 8]).unwrap(),
        parent: None,
        name: name.to_owned(),
        start: Timestamp::from_second(1).unwrap(),
        end: Timestamp::from_second(2).unwrap(),
        failure: None,
        attributes: Vec::new(),
    };
    forward::own(&[own], &Redactor::default())
}

fn zipped(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_calls_steps_are_its_own() {
    let scene = Scene::new().await;
    let headers = Scene::headers(&scene.two, "");
    assert_eq!(scene.post("/v1/traces", &headers, &span("say correct-horse")).await, 200);
    assert_eq!((scene.names(1), scene.names(2)), (vec![], vec!["say ***".to_owned()]));
    scene.end().await;
}

#[tokio::test]
async fn without_a_token_of_a_call_that_runs_nothing_is_taken() {
    let scene = Scene::new().await;
    let over = scene.store.open_trace((RunId(1), CallId(3), 1), TRACE, Masks::default(), 1000);
    let over = Scene::headers(&over.unwrap(), "");
    let right = Scene::headers(&scene.one, "");
    let wrong = right.replace(scene.one.token(), &scene.one.token()[1..]);
    let kind = "Content-Type: application/x-protobuf\r\n";
    for path in ["/v1/traces", "/v1/logs", "/v1/metrics"] {
        for headers in [over.as_str(), wrong.as_str(), kind] {
            assert_eq!(scene.post(path, headers, &span("x")).await, 401, "{path} {headers}");
        }
        assert_eq!(scene.post(path, &right, b"").await, 200, "{path}");
    }
    assert_eq!(scene.post("/v1/else", &right, b"").await, 404);
    assert_eq!(scene.names(1), Vec::<String>::new());
    scene.end().await;
}

#[tokio::test]
async fn bodies_are_taken_in_the_forms_that_exporters_send() {
    let scene = Scene::new().await;
    let plain = Scene::headers(&scene.one, "");
    let gzip = Scene::headers(&scene.one, "Content-Encoding: gzip\r\n");
    let json = plain.replace("x-protobuf", "json");
    let other = Scene::headers(&scene.one, "Content-Encoding: zstd\r\n");
    assert_eq!(scene.post("/v1/traces", &gzip, &zipped(&span("zipped"))).await, 200);
    assert_eq!(scene.names(1), ["zipped"]);
    let bomb = zipped(&vec![0; LIMIT + 1]);
    for (headers, body, expected) in [
        (&plain, b"no export".to_vec(), 400),
        (&gzip, span("not zipped"), 400),
        (&gzip, bomb, 400),
        (&plain, vec![0; LIMIT + 1], 413),
        (&json, b"{}".to_vec(), 415),
        (&other, span("x"), 415),
    ] {
        assert_eq!(scene.post("/v1/traces", headers, &body).await, expected, "{headers}");
    }
    assert_eq!(scene.names(1), ["zipped"]);
    scene.end().await;
}
