//! The page on this machine that leads to GitHub and that GitHub leads back to.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// Bytes of a request that are read; a browser's first lines have a few hundred.
const HEAD: usize = 16 * 1024;
/// How long one that says nothing may take.
const SLOW: std::time::Duration = std::time::Duration::from_secs(5);

/// The page that posts the manifest.
pub(super) fn form(action: &str, manifest: &str) -> String {
    let (action, manifest) = (escaped(action), escaped(manifest));
    format!(
        "<!doctype html><meta charset=utf-8><title>pocketci-agent</title>\
         <form method=post action=\"{action}\"><input type=hidden name=manifest \
         value=\"{manifest}\"><p>GitHub is asked to make an App for this agent.\
         <p><button autofocus>Go on to GitHub</button></form>"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Shows the page until GitHub leads back with a code and the state that it was sent with.
///
/// # Errors
/// When nobody can connect any more.
pub(super) async fn code(
    listener: TcpListener,
    form: &str,
    state: &str,
) -> std::io::Result<String> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        let mut head = Vec::new();
        let read = async {
            let mut some = [0; 1024];
            while head.len() < HEAD && !head.windows(4).any(|four| four == b"\r\n\r\n") {
                match stream.read(&mut some).await {
                    Ok(0) | Err(_) => break,
                    Ok(read) => head.extend_from_slice(&some[..read]),
                }
            }
        };
        let _slow = tokio::time::timeout(SLOW, read).await;
        let (status, body, code) = answer(&String::from_utf8_lossy(&head), form, state);
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\n\
             Content-Length: {length}\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n\
             X-Frame-Options: DENY\r\nConnection: close\r\n\r\n{body}"
        );
        let write =
            async { stream.write_all(answer.as_bytes()).await.and(stream.shutdown().await) };
        // Whoever does not read it is not waited for.
        let _gone = tokio::time::timeout(SLOW, write).await;
        if let Some(code) = code {
            return Ok(code);
        }
    }
}

/// What a request gets, and the code that it brings.
pub(super) fn answer<'a>(
    head: &str,
    form: &'a str,
    state: &str,
) -> (&'static str, &'a str, Option<String>) {
    let target = head.strip_prefix("GET ").and_then(|rest| rest.split(' ').next());
    let Some(target) = target else { return ("400 Bad Request", "Not a page", None) };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if path == "/" {
        return ("200 OK", form, None);
    }
    if path != "/created" {
        return ("404 Not Found", "Not a page", None);
    }
    let pairs = || form_urlencoded::parse(query.as_bytes());
    let value =
        |name: &str| pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    // Another page that leads here has not come from our form.
    let ours = value("state").is_some_and(|theirs| theirs == state);
    match value("code").filter(|code| ours && !code.is_empty()) {
        Some(code) => ("200 OK", "The App is made. Go on in the terminal.", Some(code)),
        None => ("400 Bad Request", "This does not come from the form: begin again", None),
    }
}
