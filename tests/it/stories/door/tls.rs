//! HTTPS without a proxy, with certificates made here.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::ssl::{SslConnector, SslMethod, SslStream};
use openssl::x509::extension::SubjectAlternativeName;
use openssl::x509::{X509, X509Builder, X509NameBuilder};

use super::{address, repository};
use crate::world::forge::{SECRET, headers, new_id, sign};
use crate::world::{World, eventually};

/// Writes a certificate for `ci.example` and its key.
fn make(folder: &Path) -> X509 {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "ci.example").unwrap();
    let name = name.build();
    let mut builder = X509Builder::new().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(30).unwrap()).unwrap();
    builder.set_pubkey(&key).unwrap();
    let context = builder.x509v3_context(None, None);
    let names = SubjectAlternativeName::new().dns("ci.example").build(&context).unwrap();
    builder.append_extension(names).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    let certificate = builder.build();
    std::fs::write(folder.join("key.pem"), key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    std::fs::write(folder.join("cert.pem"), certificate.to_pem().unwrap()).unwrap();
    certificate
}

/// A connection of a client who believes this certificate alone.
fn connect(world: &World, trusted: &X509) -> Option<SslStream<TcpStream>> {
    let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
    builder.cert_store_mut().add_cert(trusted.clone()).unwrap();
    let stream = TcpStream::connect(address(world)).unwrap();
    builder.build().connect("ci.example", stream).ok()
}

fn say(mut stream: SslStream<TcpStream>, request: &[u8]) -> String {
    stream.write_all(request).unwrap();
    let mut heard = Vec::new();
    let _ = stream.read_to_end(&mut heard);
    String::from_utf8(heard).unwrap()
}

#[test]
fn a_delivery_by_https_runs_and_links_are_https() {
    let mut world = World::prepare();
    let folder = world.path("tls");
    std::fs::create_dir(&folder).unwrap();
    let certificate = make(&folder);
    world.agent.set("POCKETCI_TLS_CERT", folder.join("cert.pem").to_str().unwrap());
    world.agent.set("POCKETCI_TLS_KEY", folder.join("key.pem").to_str().unwrap());
    world.agent.unset("POCKETCI_URL");
    world.agent.start();
    let repo = repository(&world);
    let body = world.forge.pushed(&repo, "main").to_string();
    let mut head = "POST / HTTP/1.1\r\nHost: ci.example\r\nConnection: close\r\n".to_owned();
    for (name, value) in
        headers(&new_id(), "push", "application/json", &sign(SECRET, body.as_bytes()))
    {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    let heard = say(connect(&world, &certificate).unwrap(), request.as_bytes());
    assert!(heard.starts_with("HTTP/1.1 202 "), "{heard}");
    let link = format!("https://{}/runs", address(&world));
    assert!(heard.contains(&link), "{heard}");
    let sha = repo.pushed("main").unwrap();
    let status = world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    assert!(status.target_url.starts_with(&link), "{}", status.target_url);

    // Plain HTTP is told where it is.
    let plain = world.agent.get("/healthz");
    assert_eq!(plain.status, 400);
    assert!(plain.body.contains("https://"), "{plain:?}");

    // A broken new file changes nothing but what is said; a good one is taken up.
    std::fs::write(folder.join("cert.pem"), "broken").unwrap();
    let readyz = b"GET /readyz HTTP/1.1\r\nHost: ci.example\r\nConnection: close\r\n\r\n";
    eventually("/readyz to tell of the broken file", || {
        let heard = say(connect(&world, &certificate)?, readyz);
        heard.contains("the certificate from before is served on").then_some(())
    });
    world.agent.expect_log("the certificate from before is served on");
    let findings = world.agent.doctor();
    let found = |words: &str| findings.iter().any(|(_, _, detail)| detail.contains(words));
    assert!(found("holds no certificate") && found("served on"), "{findings:?}");
    let next = make(&folder);
    eventually("the new certificate to be served", || connect(&world, &next));
    assert!(connect(&world, &certificate).is_none(), "the old one is still served");
}
