use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::super::tests::{Agent, Hook, IMPATIENT, PUSH};

#[tokio::test]
async fn a_head_that_never_ends_is_not_waited_for() {
    let agent = Agent::with(IMPATIENT, false).await;
    let mut silent = agent.connect().await;
    let mut slow = agent.connect().await;
    slow.say("GET /healthz HTTP/1.1\r\nHost: ci\r\n").await;
    assert!(silent.hear_bytes().await.is_empty());
    assert!(!String::from_utf8_lossy(&slow.hear_bytes().await).contains(" 200 "));
}

#[tokio::test]
async fn a_head_has_its_limit() {
    let agent = Agent::start().await;
    let long = "x".repeat(64 * 1024);
    assert_eq!(agent.say(format!("GET /{long} HTTP/1.1\r\nHost: ci\r\n\r\n")).await.status, 431);
    let head = format!("GET / HTTP/1.1\r\nHost: ci\r\nX-Long: {long}\r\n\r\n");
    assert_eq!(agent.say(head).await.status, 431);
    assert_eq!(agent.say("\u{1}\u{2}\r\n\r\n").await.status, 400);
}

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let agent = Agent::start().await;
    let mut client = agent.connect().await;
    client.say("GET /healthz HTTP/1.1\r\nHost: ci\r\n\r\n".repeat(2)).await;
    client.say("GET /healthz HTTP/1.1\r\nHost: ci\r\nConnection: close\r\n\r\n").await;
    let heard = String::from_utf8(client.hear_bytes().await).unwrap();
    assert_eq!(heard.matches("HTTP/1.1 200 OK").count(), 3, "{heard}");
}

#[tokio::test]
async fn nothing_is_read_behind_a_refusal() {
    let agent = Agent::start().await;
    let refused = Hook::push("a").without("X-Hub-Signature-256").without("Connection");
    let mut client = agent.connect().await;
    client.say([refused.bytes(), Hook::push("b").bytes()].concat()).await;
    let heard = String::from_utf8(client.hear_bytes().await).unwrap();
    assert_eq!(heard.matches("HTTP/1.1 ").count(), 1, "{heard}");
    assert_eq!(agent.send(&Hook::push("b")).await.status, 202, "it was not taken before");
}

#[tokio::test]
async fn what_is_in_flight_at_shutdown_is_finished() {
    let agent = Agent::start().await;
    let mut idle = agent.connect().await;
    let mut busy = agent.connect().await;
    let hook = Hook::push("a").with("Expect", "100-continue");
    busy.say(hook.head()).await;
    let mut words = [0; 25];
    busy.0.read_exact(&mut words).await.unwrap();

    agent.shutdown.cancel();
    assert!(idle.hear_bytes().await.is_empty(), "a connection that asks nothing is closed");
    busy.say(PUSH).await;
    let answer = busy.hear().await;
    assert_eq!((answer.status, answer.header("connection")), (202, Some("close")));
    agent.served.await.unwrap();
    assert!(TcpStream::connect(agent.address).await.is_err(), "nothing listens any more");
}

#[tokio::test]
async fn a_panic_ends_one_answer_and_nothing_else() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let broken = move || async move {
        if address.port() > 0 {
            panic!("on purpose")
        }
    };
    let router = Router::new().route("/broken", get(broken)).route("/", get(|| async { "fine" }));
    let shutdown = CancellationToken::new();
    let seats = std::sync::Arc::new(super::Seats::new(9, 1));
    let front = super::Front { router, seats, tls: None, head_limit: Duration::from_secs(5) };
    let served = tokio::spawn(super::run(listener, front, shutdown.clone()));

    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /broken HTTP/1.1\r\nHost: ci\r\n\r\n").await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: ci\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).await.unwrap();
    assert!(heard.starts_with("HTTP/1.1 500 "), "{heard}");
    assert!(heard.contains("HTTP/1.1 200 OK") && heard.ends_with("fine"), "{heard}");
    shutdown.cancel();
    served.await.unwrap();
}
