//! A log by its stream and by ranges, over connections that are cut at any byte: it is the stored
//! log, byte by byte.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;

use super::schema::Chance;
use crate::world::{Module, PATIENCE, World};

const LOG: &str = "/api/v1/runs/1/calls/1/log";
const LINES: usize = 1500;

/// A run whose log grows for a while, in bursts, with lines of all lengths and both streams.
fn world() -> World {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let text = format!(
        "i=0; while [ $i -lt {LINES} ]; do i=$((i+1)); \
         printf 'line %d \\033[32m%s\\033[0m\\n' $i \"$(printf '%*s' $((i % 97)) é)\"; \
         [ $((i % 50)) = 0 ] && {{ echo \"err $i\" >&2; sleep 0.05; }}; done; exit 3"
    );
    let module = Module::new("ci").function("testOnPush", |f| f.executes(&text));
    repo.commit("main", module);
    world.forge.push(&repo, "main");
    crate::world::eventually("the call to start", || {
        std::fs::metadata(world.agent.data().join("logs/1/1-1.log")).ok()
    });
    world
}

/// Says something and hears at most so many bytes of the answer's body; none: it had ended.
fn hear(world: &World, headers: &str, most: usize) -> (String, Vec<u8>, bool) {
    let url = world.agent.url(LOG);
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // Of HTTP/1.0, whose bodies are the bytes up to the end of the connection.
    let head = format!("GET /{path} HTTP/1.0\r\nHost: {host}\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut said = Vec::new();
    let mut piece = [0; 512];
    loop {
        let end = said.windows(4).position(|four| four == b"\r\n\r\n");
        let body = end.map(|end| said.len() - end - 4);
        let room = most.saturating_sub(body.unwrap_or(0)).min(piece.len());
        let read = if room == 0 { 0 } else { stream.read(&mut piece[..room]).unwrap() };
        if read == 0 {
            let end = end.unwrap();
            let head = String::from_utf8(said[..end].to_vec()).unwrap();
            return (head, said.split_off(end + 4), room > 0);
        }
        said.extend_from_slice(&piece[..read]);
    }
}

/// Follows the log over cut connections: every line with where it ends, as the stored log has it.
fn followed(world: &World, seed: u64) -> (Vec<(u64, String)>, usize) {
    let mut chance = Chance::new(seed);
    let (mut lines, mut at, mut cuts) = (Vec::new(), String::from("0"), 0);
    loop {
        let headers = format!("Accept: text/event-stream\r\nLast-Event-ID: {at}\r\n");
        let (_, body, ended) = hear(world, &headers, 1 + chance.one_of(250_000));
        // More than the longest event has at times: or one would not come on.
        let whole = body.windows(2).rposition(|two| two == b"\n\n").map_or(0, |end| end + 2);
        let text = std::str::from_utf8(&body[..whole]).unwrap();
        for event in text.split_terminator("\n\n") {
            let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
            match field("event: ") {
                Some("lines") => {
                    let data: Value = serde_json::from_str(field("data: ").unwrap()).unwrap();
                    lines.extend(data.as_array().unwrap().iter().map(stored));
                    at = field("id: ").unwrap().to_owned();
                }
                Some("end") => {
                    assert!(event.contains("\"outcome\":\"failed\""), "{event}");
                    return (lines, cuts);
                }
                _ => {}
            }
        }
        assert!(!ended, "a stream ends with its end");
        cuts += 1;
    }
}

/// A line as the file has it, and where it ends.
fn stored(line: &Value) -> (u64, String) {
    let mark = match line["stream"].as_str().unwrap() {
        "stdout" => '1',
        "stderr" => '2',
        _ => '-',
    };
    let at = moment(line["at"].as_str().unwrap());
    (line["end"].as_u64().unwrap(), format!("{at} {mark} {}", line["text"].as_str().unwrap()))
}

/// With milliseconds, however many of them are zeros.
fn moment(at: &str) -> String {
    let at = at.strip_suffix('Z').unwrap();
    let (seconds, part) = at.split_once('.').unwrap_or((at, ""));
    format!("{seconds}.{part:0<3}Z")
}

#[test]
fn a_stream_that_is_cut_anywhere_is_the_stored_log() {
    let world = world();
    let told: Vec<_> = std::thread::scope(|scope| {
        let world = &world;
        let all: Vec<_> = (1..=4).map(|seed| scope.spawn(move || followed(world, seed))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let file = std::fs::read(world.agent.data().join("logs/1/1-1.log")).unwrap();
    let mut end = 0;
    let expected: Vec<(u64, String)> = file
        .split_inclusive(|byte| *byte == b'\n')
        .map(|line| {
            end += line.len() as u64;
            (end, std::str::from_utf8(line).unwrap().trim_end_matches('\n').to_owned())
        })
        .collect();
    assert!(expected.len() > LINES, "{}", expected.len());
    let cuts: usize = told.iter().map(|(_, cuts)| cuts).sum();
    assert!(cuts > 3, "{cuts}");
    for (lines, _) in told {
        assert_eq!(lines.len(), expected.len());
        for (line, expected) in lines.iter().zip(&expected) {
            assert_eq!(line, expected);
        }
    }
}

#[test]
fn ranges_that_are_cut_anywhere_are_the_stored_log() {
    let world = world();
    followed(&world, 9);
    let file = std::fs::read(world.agent.data().join("logs/1/1-1.log")).unwrap();
    for seed in 1..=4 {
        let mut chance = Chance::new(seed);
        let (mut got, mut tag) = (Vec::new(), String::new());
        while got.len() < file.len() {
            let last = match chance.one_of(3) {
                0 => String::new(),
                _ => (got.len() + chance.one_of(30_000)).to_string(),
            };
            let range = format!("Range: bytes={}-{last}\r\n{tag}", got.len());
            let (head, body, _) = hear(&world, &range, 1 + chance.one_of(20_000));
            assert!(head.starts_with("HTTP/1.0 206"), "{head}");
            let of = format!("/{}", file.len());
            assert!(
                head.lines().any(|line| line.starts_with("content-range: ") && line.ends_with(&of))
            );
            let etag = head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
            tag = format!("If-Range: {etag}\r\n");
            got.extend(body);
        }
        assert!(got == file, "seed {seed}");
        // Of another log than the one that was begun with, one wants all.
        let other = hear(&world, "Range: bytes=5-\r\nIf-Range: \"another\"\r\n", usize::MAX);
        assert!(other.0.starts_with("HTTP/1.0 200") && other.1 == file, "{}", other.0);
    }
}
