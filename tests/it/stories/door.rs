//! Who may knock: what unsigned requests cost, and that they shut nobody out.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::world::forge::{SECRET, headers, new_id, sign};
use crate::world::http::{self, Answer};
use crate::world::{Module, Repo, World};

mod tls;

/// What one such body may cost, in MB.
const GROWTH: f64 = 5.0;
const MEGABYTE: usize = 1 << 20;

/// A repository whose pushes call one function.
fn repository(world: &World) -> Repo {
    let repo = world.forge.repository("ada/site");
    repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
    repo
}

/// Sends a signed ping as if it came from there: it is kept, answered 204, and starts nothing.
fn ping_from(world: &World, address: &str, secret: &str) -> Answer {
    let body = br#"{"zen": "Keep it logically awesome."}"#;
    let mut headers = headers(&new_id(), "ping", "application/json", &sign(secret, body));
    headers.push(("X-Forwarded-For", address.to_owned()));
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    world.forge.deliver_raw(&headers, body)
}

fn address(world: &World) -> SocketAddr {
    world.agent.url("").trim_start_matches("http://").parse().unwrap()
}

/// The most that it has had resident since it was forgotten, in MB.
fn peak(world: &World) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", world.agent.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

fn forget_peak(world: &World) {
    std::fs::write(format!("/proc/{}/clear_refs", world.agent.pid()), "5").unwrap();
}

/// Sends the head and then so many megabytes, and gives the status of the answer.
fn pour(world: &World, head: &str, megabytes: usize, chunked: bool) -> u16 {
    let mut stream = TcpStream::connect(address(world)).unwrap();
    let mut writing = stream.try_clone().unwrap();
    let head = format!("POST / HTTP/1.1\r\nHost: ci\r\nX-GitHub-Event: push\r\n{head}\r\n");
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let piece = vec![b'x'; MEGABYTE];
            let _ = writing.write_all(head.as_bytes());
            for _ in 0..megabytes {
                let before = if chunked { format!("{MEGABYTE:x}\r\n") } else { String::new() };
                let after: &[u8] = if chunked { b"\r\n" } else { b"" };
                let said = [before.as_bytes(), &piece, after].concat();
                if writing.write_all(&said).is_err() {
                    return;
                }
            }
            let _ = writing.write_all(if chunked { b"0\r\n\r\n" } else { b"" });
        });
        let mut heard = [0; 12];
        stream.read_exact(&mut heard).unwrap();
        String::from_utf8_lossy(&heard[9..12]).parse().unwrap()
    })
}

#[test]
fn what_is_not_signed_costs_no_memory() {
    let world = World::start();
    // Whatever the first delivery needs is there.
    assert_eq!(ping_from(&world, "", SECRET).status, 204);
    let wrong = format!("X-Hub-Signature-256: {}\r\n", sign("wrong", b""));
    let declared = |megabytes| format!("Content-Length: {}\r\n", megabytes * MEGABYTE);
    let chunked = "Transfer-Encoding: chunked\r\n".to_owned();
    let check = |head: &str, megabytes, is_chunked, status| {
        forget_peak(&world);
        let before = world.agent.resident();
        let answered = pour(&world, head, megabytes, is_chunked);
        // Hashing so much may take a build for tests longer than a sender has.
        assert!([status, 408].contains(&answered), "{head}: {answered}");
        let growth = peak(&world) - before;
        assert!(growth <= GROWTH, "{head} {megabytes} MB: {growth:.1} MB");
    };
    check(&declared(60), 60, false, 401);
    check(&chunked, 60, true, 401);
    check(&format!("{wrong}{}", declared(60)), 60, false, 413);
    check(&format!("{wrong}{chunked}"), 60, true, 413);
    check(&format!("{wrong}{}", declared(25)), 25, false, 401);
    check(&format!("{wrong}{chunked}"), 24, true, 401);
    let spool = world.agent.data().join("spool");
    assert_eq!(std::fs::read_dir(spool).unwrap().count(), 0);
}

#[test]
fn a_stranger_is_told_to_slow_down_and_the_forge_is_heard() {
    let mut world = World::with(&[("POCKETCI_TRUSTED_PROXIES", "127.0.0.0/8")]);
    let statuses: Vec<u16> =
        (0..130).map(|_| ping_from(&world, "203.0.113.7", "wrong").status).collect();
    assert_eq!((statuses[0], statuses[129]), (401, 429), "{statuses:?}");
    let refused = ping_from(&world, "203.0.113.7", SECRET);
    assert_eq!(refused.status, 429, "a signature helps only who is heard");
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
    assert_eq!(ping_from(&world, "140.82.115.1", SECRET).status, 204);
    let metrics = world.agent.get("/metrics").body;
    assert!(!metrics.contains(r#"refused_total{status="429"} 0"#), "{metrics}");
    // The log is not the strangers' to fill.
    world.agent.expect_log("Refused");
    let lines = world.agent.said().iter().filter(|line| line.contains("Refused")).count();
    assert!(lines < 10, "{lines} lines");
}

#[test]
fn behind_an_unnamed_proxy_the_forge_is_not_shut_out() {
    let world = World::start();
    for _ in 0..130 {
        assert_eq!(ping_from(&world, "203.0.113.7", "wrong").status, 401);
    }
    assert_eq!(ping_from(&world, "203.0.113.7", SECRET).status, 204);
}

#[test]
fn connections_that_say_nothing_shut_nobody_out() {
    let world = World::start();
    let mut open = Vec::new();
    // More than there are seats for, each as slow as it may be.
    for number in 0..1_100 {
        let mut stream = TcpStream::connect(address(&world)).unwrap();
        let said: &[u8] = match number % 3 {
            0 => b"",
            1 => b"POST / HTTP/1.1\r\nHost: ci\r\nX-",
            _ => {
                b"POST / HTTP/1.1\r\nHost: ci\r\nX-GitHub-Event: push\r\nX-Hub-Signature-256: \
                   sha256=00\r\nContent-Length: 100\r\n\r\n{"
            }
        };
        let _ = stream.write_all(said);
        open.push(stream);
    }
    for _ in 0..20 {
        assert_eq!(ping_from(&world, "", SECRET).status, 204);
    }
    let metrics = world.agent.get("/metrics").body;
    let open_now = metrics.lines().find_map(|it| it.strip_prefix("pocketci_connections "));
    assert!(open_now.unwrap().parse::<u32>().unwrap() <= 1_024, "{metrics}");
    drop(open);
}

#[test]
fn strangers_are_told_the_same_whatever_they_try() {
    let world = World::start();
    let tries = [
        ("/", None),
        ("/webhooks/github", None),
        ("/webhooks/gitlab", None),
        ("/webhooks/nothing-of-ours", None),
        ("/", Some(("X-Hub-Signature-256", sign("wrong", b"{}")))),
        ("/", Some(("X-Hub-Signature-256", "nonsense".to_owned()))),
        ("/", Some(("X-Hub-Signature", "sha1=00".to_owned()))),
        ("/webhooks/gitlab", Some(("X-Gitlab-Token", "guess".to_owned()))),
    ];
    let mut told: Vec<(u16, String)> = Vec::new();
    for (path, header) in &tries {
        let headers: Vec<_> = header.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = http::post(&world.agent.url(path), &headers, b"{}");
        told.push((answer.status, answer.body));
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0, 401);
}

#[test]
fn what_is_not_understood_is_told_at_the_start() {
    let mut world = World::prepare();
    world.agent.set("POCKETCI_TRUSTED_PROXIES", "my-proxy");
    world.agent.set("POCKETCI_TLS_CERT", "/nowhere/cert.pem");
    let (code, said) = world.agent.refuses_to_start();
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("`my-proxy`") && said.contains("POCKETCI_TLS_KEY is not"), "{said}");
    world.agent.unset("POCKETCI_TRUSTED_PROXIES");
    world.agent.set("POCKETCI_TLS_KEY", "/nowhere/key.pem");
    let (code, said) = world.agent.refuses_to_start();
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("/nowhere/cert.pem"), "{said}");
}
