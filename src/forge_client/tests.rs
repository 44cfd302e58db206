use http::{Request, header};
use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

use super::ForgeClient;

const TOKEN: &str = "ghp_secret";

/// A forge that hears one request and gives one answer.
async fn forge(answer: &'static str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api = format!("http://{}/api/v3", listener.local_addr().unwrap());
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = vec![0; 4096];
        let read = stream.read(&mut heard).await.unwrap();
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8_lossy(&heard[..read]).to_lowercase()
    });
    (api, heard)
}

fn client(api: &str) -> ForgeClient {
    let token = Some(SecretString::from(TOKEN));
    ForgeClient::new(Url::parse("https://forge.example").unwrap(), api.to_owned(), token)
}

fn get(address: &str) -> Request<Vec<u8>> {
    Request::get(address).body(Vec::new()).unwrap()
}

#[tokio::test]
async fn the_token_goes_home_and_the_answer_comes_back_whole() {
    let answer =
        "HTTP/1.1 201 Created\r\nX-Rate: 5\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
    let (api, heard) = forge(answer).await;
    let request = Request::post(format!("{api}/statuses/1")).body(b"{}".to_vec()).unwrap();
    let response = client(&api).send(request).await.unwrap();
    assert_eq!((response.status().as_u16(), response.body().as_slice()), (201, b"{}".as_slice()));
    assert_eq!(response.headers()["x-rate"], "5");
    let heard = heard.await.unwrap();
    assert!(heard.starts_with("post /api/v3/statuses/1 "), "{heard}");
    assert!(heard.contains("authorization: bearer ghp_secret\r\n"), "{heard}");
    let agent = concat!("user-agent: pocketci-agent/", env!("CARGO_PKG_VERSION"), "\r\n");
    assert!(heard.contains(agent), "{heard}");
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let answer = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let (api, _heard) = forge(answer).await;
    let response = client(&api).send(get(&api)).await.unwrap();
    assert_eq!(response.status().as_u16(), 302);
    assert_eq!(response.headers()[header::LOCATION], "http://127.0.0.1:1/");
}

#[tokio::test]
async fn nothing_is_sent_elsewhere() {
    let (elsewhere, heard) = forge("").await;
    let client = client("https://api.forge.example");
    let port = elsewhere.rsplit(':').next().unwrap();
    for address in [
        elsewhere.as_str(),
        "http://api.forge.example/",
        "https://api.forge.example:444/",
        "https://user:word@api.forge.example/",
        "https://api.forge.example.evil.example/",
        &format!("http://localhost:{port}"),
    ] {
        let error = client.send(get(address)).await.unwrap_err().to_string();
        assert!(error.starts_with("Did not send"), "{error}");
        assert!(!error.contains(TOKEN) && !error.contains("word"), "{error}");
    }
    assert!(!heard.is_finished(), "somebody connected");
    heard.abort();
}

#[tokio::test]
async fn a_forge_that_is_down_is_said_to_be_without_the_token() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = client(&api);
    let error = client.send(get(&format!("{api}/repos?token=abc"))).await.unwrap_err().to_string();
    assert!(error.contains(&format!("GET {api}/repos: ")), "{error}");
    assert!(!error.contains(TOKEN) && !error.contains("abc"), "{error}");
    assert!(!format!("{client:?}").contains(TOKEN));
}

#[tokio::test]
async fn a_token_with_a_line_break_is_refused_and_not_shown() {
    let token = Some(SecretString::from("ghp_\nsecret"));
    let client = ForgeClient::new(
        Url::parse("https://forge.example").unwrap(),
        "https://forge.example".to_owned(),
        token,
    );
    let error = client.send(get("https://forge.example/")).await.unwrap_err().to_string();
    assert!(error.contains("line break") && !error.contains("ghp_"), "{error}");
}
