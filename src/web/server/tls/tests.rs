//! Certificates made here, clients of OpenSSL.

use std::path::Path;
use std::sync::Arc;

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::ssl::{SslConnector, SslVerifyMode};
use openssl::x509::{X509Builder, X509NameBuilder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::super::super::tests::{Agent, Hook, IMPATIENT};
use super::*;

/// Writes a certificate for this name and its key.
fn make(folder: &Path, name: &str) {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", name).unwrap();
    let subject = subject.build();
    let mut builder = X509Builder::new().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&BigNum::from_u32(1).unwrap().to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&subject).unwrap();
    builder.set_issuer_name(&subject).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(30).unwrap()).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    std::fs::write(folder.join("key.pem"), key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    std::fs::write(folder.join("cert.pem"), builder.build().to_pem().unwrap()).unwrap();
}

fn load(folder: &Path) -> anyhow::Result<Tls> {
    Tls::load(&folder.join("cert.pem"), &folder.join("key.pem"))
}

/// The name in the certificate that is served.
async fn served_name(agent: &Agent) -> String {
    let stream = shake(agent, |_| {}).await.unwrap();
    let certificate = stream.ssl().peer_certificate().unwrap();
    let entry = certificate.subject_name().entries().next().unwrap();
    entry.data().to_string().unwrap()
}

async fn shake(
    agent: &Agent,
    with: impl FnOnce(&mut openssl::ssl::SslConnectorBuilder),
) -> anyhow::Result<SslStream<TcpStream>> {
    let mut builder = SslConnector::builder(SslMethod::tls_client())?;
    builder.set_verify(SslVerifyMode::NONE);
    builder.set_alpn_protos(b"\x02h2\x08http/1.1")?;
    with(&mut builder);
    let ssl = builder.build().configure()?.into_ssl("localhost")?;
    let mut stream = SslStream::new(ssl, TcpStream::connect(agent.address).await?)?;
    Pin::new(&mut stream).connect().await?;
    Ok(stream)
}

#[tokio::test]
async fn deliveries_and_pages_come_by_tls() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), "one");
    let agent = Agent::with_tls(IMPATIENT, Arc::new(load(folder.path()).unwrap())).await;
    let mut stream = shake(&agent, |_| {}).await.unwrap();
    assert_eq!(stream.ssl().selected_alpn_protocol(), Some(b"http/1.1".as_slice()));
    stream.write_all(&Hook::push("a").bytes()).await.unwrap();
    let mut heard = String::new();
    let _ = stream.read_to_string(&mut heard).await;
    assert!(heard.starts_with("HTTP/1.1 202 "), "{heard}");
    assert!(heard.contains("strict-transport-security: max-age="), "{heard}");
    let old = |builder: &mut openssl::ssl::SslConnectorBuilder| {
        builder.set_max_proto_version(Some(SslVersion::TLS1_1)).unwrap();
    };
    assert!(shake(&agent, old).await.is_err(), "TLS 1.1 is not spoken");
}

#[tokio::test]
async fn plain_http_on_this_port_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), "one");
    let agent = Agent::with_tls(IMPATIENT, Arc::new(load(folder.path()).unwrap())).await;
    let answer = agent.get("/healthz").await;
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("https://"), "{answer:?}");
    assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()));
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), "one");
    let agent = Agent::with_tls(IMPATIENT, Arc::new(load(folder.path()).unwrap())).await;
    let mut silent = agent.connect().await;
    let mut slow = agent.connect().await;
    slow.say([HANDSHAKE, 3, 1]).await;
    assert!(silent.hear_bytes().await.is_empty());
    assert!(slow.hear_bytes().await.is_empty());
    assert_eq!(served_name(&agent).await, "one");
}

#[tokio::test]
async fn new_files_are_taken_up_and_broken_ones_are_told_of() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), "one");
    let tls = Arc::new(load(folder.path()).unwrap());
    let agent = Agent::with_tls(IMPATIENT, Arc::clone(&tls)).await;
    let health = Arc::clone(&agent.app.health);
    let watching = {
        let (tls, health) = (Arc::clone(&tls), Arc::clone(&health));
        tokio::spawn(async move { tls.watch(&health, CancellationToken::new()).await })
    };
    let condition = async |ok: bool| loop {
        if let Some(found) = health.condition(CONDITION).filter(|found| found.ok == ok) {
            return found.detail;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    condition(true).await;

    std::fs::write(folder.path().join("cert.pem"), "not a certificate").unwrap();
    let told = condition(false).await;
    assert!(told.contains("cert.pem") && told.contains("served on"), "{told}");
    assert_eq!(served_name(&agent).await, "one");

    make(folder.path(), "two");
    let told = condition(true).await;
    assert!(told.contains("until"), "{told}");
    assert_eq!(served_name(&agent).await, "two");
    watching.abort();
}

#[test]
fn what_cannot_be_served_is_told_at_the_start() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let error = |words: &str| {
        let error = format!("{:#}", load(folder.path()).unwrap_err());
        assert!(error.contains(words), "`{error}` has no `{words}`");
    };
    error("cert.pem` for TLS");
    make(folder.path(), "one");
    make(other.path(), "two");
    std::fs::copy(other.path().join("key.pem"), folder.path().join("key.pem")).unwrap();
    error("is not the key of");
    std::fs::write(folder.path().join("key.pem"), "nothing").unwrap();
    error("holds no key");
    make(folder.path(), "three");
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    assert!(!Tls::validity(&certificate, &key, 14).unwrap().1);
    assert!(Tls::validity(&certificate, &key, 60).unwrap().1);
}
