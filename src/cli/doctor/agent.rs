//! A running agent: what it says about itself at the address that it would listen on.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_openssl::SslStream;

use super::Finding;

/// How long a running agent may take to say how it is.
const LIMIT: Duration = Duration::from_secs(5);
/// Bytes of an answer that are read.
const LONGEST: u64 = 1 << 20;

#[derive(Debug, Deserialize)]
struct Readiness {
    checks: BTreeMap<String, Check>,
}

#[derive(Debug, Deserialize)]
struct Check {
    ok: bool,
    detail: String,
    since: String,
}

/// What `/readyz` says there, by the agent's own socket where it is at hand: whoever may use that is
/// told of repositories too. That nobody answers is no fault.
pub(super) async fn running(listen: SocketAddr, tls: bool, socket: &Path) -> Vec<Finding> {
    let address = reachable(listen);
    let Ok(Ok(stream)) = timeout(LIMIT, TcpStream::connect(address)).await else {
        return vec![Finding::ok("agent", format!("none is running at {address}"))];
    };
    let asked = async {
        match tls {
            true => ask(encrypted(stream).await?).await,
            false => ask(stream).await,
        }
    };
    match timeout(LIMIT, asked).await {
        Ok(Ok(answer)) => match timeout(LIMIT, by_socket(socket)).await {
            Ok(Ok(whole)) => understand(address, &whole),
            // Another user's agent, or on another machine.
            _ => understand(address, &answer),
        },
        Ok(Err(error)) => vec![stranger(address, &error.to_string())],
        Err(_) => vec![stranger(address, "no answer")],
    }
}

async fn by_socket(socket: &Path) -> std::io::Result<Vec<u8>> {
    ask(UnixStream::connect(socket).await?).await
}

/// Where an agent that listens everywhere can be asked from here.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let here = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(here, listen.port())
}

/// The answer to one request, as bytes.
async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<Vec<u8>> {
    let request = "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    match stream.take(LONGEST).read_to_end(&mut answer).await {
        // An end that TLS was not told of is an end.
        Err(error) if answer.is_empty() => Err(error),
        _ => Ok(answer),
    }
}

/// The own agent is asked at its own address, where its certificate has no name for.
async fn encrypted(stream: TcpStream) -> std::io::Result<SslStream<TcpStream>> {
    let mut builder = SslConnector::builder(SslMethod::tls_client())?;
    builder.set_verify(SslVerifyMode::NONE);
    let configuration = builder.build().configure()?.verify_hostname(false);
    let mut stream = SslStream::new(configuration.into_ssl("localhost")?, stream)?;
    Pin::new(&mut stream).connect().await.map_err(std::io::Error::other)?;
    Ok(stream)
}

fn understand(address: SocketAddr, answer: &[u8]) -> Vec<Finding> {
    let text = String::from_utf8_lossy(answer);
    let body = text.split_once("\r\n\r\n").map(|(_, body)| body);
    let Some(Ok(readiness)) = body.map(serde_json::from_str::<Readiness>) else {
        let first = text.lines().next().unwrap_or_default();
        return vec![stranger(
            address,
            &format!("`{}`", &first.chars().take(60).collect::<String>()),
        )];
    };
    let mut findings = vec![Finding::ok("agent", format!("runs at {address}"))];
    findings.extend(readiness.checks.into_iter().map(|(name, check)| {
        let detail = format!("{name}: {}", check.detail);
        match check.ok {
            true => Finding::ok("agent", detail),
            false => {
                let since = format!("it says so since {}; its log says more", check.since);
                Finding::fail("agent", detail, since)
            }
        }
    }));
    findings
}

fn stranger(address: SocketAddr, said: &str) -> Finding {
    let detail = format!("what listens at {address} is no pocketci-agent: {said}");
    Finding::warn("agent", detail, "stop it, or set POCKETCI_LISTEN to another address")
}

#[cfg(test)]
mod tests;
