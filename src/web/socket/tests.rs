use std::os::unix::fs::PermissionsExt as _;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::web::tests::{Agent, Answer};
use crate::web::{Limits, front};

#[tokio::test]
async fn what_an_earlier_agent_left_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    drop(std::os::unix::net::UnixListener::bind(folder.path().join(NAME)).unwrap());
    let socket = LocalSocket::bind(folder.path()).unwrap();
    let mode = std::fs::metadata(&socket.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    drop(socket);
    assert!(!folder.path().join(NAME).exists());
    std::fs::write(folder.path().join(NAME), "a file").unwrap();
    assert!(LocalSocket::bind(folder.path()).is_err());
}

#[tokio::test]
async fn the_agents_own_user_may_do_everything() {
    let agent = Agent::start().await;
    let folder = tempfile::tempdir().unwrap();
    let socket = LocalSocket::bind(folder.path()).unwrap();
    let front = front(agent.app.clone(), Limits::default());
    let shutdown = CancellationToken::new();
    let served = tokio::spawn(run(socket, front, shutdown.clone()));
    let mut client = UnixStream::connect(folder.path().join(NAME)).await.unwrap();
    let body = r#"{"name": "first", "scope": "admin"}"#;
    let request = format!(
        "POST /api/v1/tokens HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    client.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    client.read_to_end(&mut bytes).await.unwrap();
    let answer = Answer::read(&bytes);
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.json()["created_by"], "the command line");
    shutdown.cancel();
    served.await.unwrap();
    assert!(!folder.path().join(NAME).exists());
}
