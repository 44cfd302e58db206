use std::collections::BTreeSet;
use std::io::Write as _;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

use super::shape;
use crate::domain::ids::RunId;
use crate::domain::run::Outcome;
use crate::store::log::{LogStream, LogWriter};
use crate::store::{ClaimedCall, Startable};
use crate::web::tests::fixture::{at, hostile, keep, push, run_of};
use crate::web::tests::{Agent, Answer};

fn json(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}

/// Two runs: a push's, and a pull request's.
async fn with_runs() -> (Agent, [RunId; 2]) {
    let agent = Agent::start().await;
    let store = &agent.app.store;
    let first = keep(store, "one", run_of(push(), &["testOnPush", "lintOnPush"])).await;
    let second = keep(store, "two", run_of(hostile(), &["testOnPush"])).await;
    (agent, [first, second])
}

impl Agent {
    async fn problem(&self, path: &str) -> (u16, String) {
        let answer = self.get(path).await;
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
        let problem = json(&answer);
        assert_eq!(problem["status"], json!(answer.status));
        (answer.status, problem["detail"].as_str().unwrap().to_owned())
    }

    /// Asks for a log, with headers.
    async fn log(&self, call: &ClaimedCall, headers: &str) -> Answer {
        let (run, call) = (call.run, call.id);
        self.say(format!(
            "GET /api/v1/runs/{run}/calls/{call}/log HTTP/1.1\r\nHost: ci\r\n\
             Connection: close\r\n{headers}\r\n"
        ))
        .await
    }
}

#[tokio::test]
async fn every_route_is_described_and_every_description_has_a_route() {
    let agent = Agent::start().await;
    let document = json(&agent.get("/api/v1/openapi.json").await);
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path = path.replace("{id}", "1").replace("{call}", "1");
        let path = path.replace("{span}", "00f067aa0ba902b7");
        let path = path.replace("{forge}", "github").replace("{repository}", "o/r");
        for (method, about) in methods.as_object().unwrap() {
            let told: BTreeSet<&str> =
                about["responses"].as_object().unwrap().keys().map(String::as_str).collect();
            if path == "/api/v1/events" {
                continue; // Never ends.
            }
            let request = format!(
                "{} {path} HTTP/1.1\r\nHost: ci\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
                method.to_uppercase()
            );
            let answer = agent.say(request).await;
            let status = answer.status.to_string();
            assert!(
                told.contains(status.as_str()),
                "{method} {path}: {status} is not among {told:?}"
            );
            assert_ne!(answer.body, agent.get("/api/v1/nothing").await.body, "{path}");
        }
    }
}

#[tokio::test]
async fn runs_are_listed_in_pages() {
    let (agent, [first, second]) = with_runs().await;
    let page = json(&agent.get("/api/v1/runs?limit=1").await);
    assert_eq!(page["runs"][0]["id"], json!(second));
    let next = page["next"].as_str().unwrap();
    let page = json(&agent.get(&format!("/api/v1/runs?limit=1&cursor={next}")).await);
    let run = &page["runs"][0];
    assert_eq!((run["id"].clone(), page["next"].clone()), (json!(first), Value::Null));
    assert_eq!(run["headline"], "alice pushed to main");
    assert_eq!(run["calls"][0]["function"], "test-on-push");
    assert_eq!(run["created_at"], "1970-01-01T00:00:02Z");
}

#[tokio::test]
async fn a_list_is_narrowed_by_every_word() {
    let (agent, [first, second]) = with_runs().await;
    for (query, expected) in [
        ("repository=octo/hello", vec![second, first]),
        ("repository=github/octo/hello&branch=main", vec![first]),
        ("repository=gitea/octo/hello", vec![]),
        ("event=push", vec![first]),
        ("pull=7&q=&state=", vec![second]),
        ("state=running", vec![]),
        ("q=say+hello", vec![first]),
        ("delivery=2", vec![second]),
    ] {
        let page = json(&agent.get(&format!("/api/v1/runs?{query}")).await);
        let ids: Vec<_> = page["runs"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
        assert_eq!(json!(ids), json!(expected), "{query}");
    }
    for (query, expected) in [
        ("state=asleep", "`state` is one of held, queued, running, finished, passed"),
        ("pull=seven", "`pull` is a number"),
        ("repository=hello", "`repository`: `hello` is not a repository (owner/name)"),
    ] {
        let (status, detail) = agent.problem(&format!("/api/v1/runs?{query}")).await;
        assert_eq!(status, 400);
        assert!(detail.starts_with(expected), "{detail}");
    }
}

#[tokio::test]
async fn a_run_is_shown_with_its_plan_and_its_calls() {
    let (agent, [first, _]) = with_runs().await;
    let run: shape::Run =
        serde_json::from_value(json(&agent.get(&format!("/api/v1/runs/{first}")).await)).unwrap();
    assert_eq!(run.url, format!("https://ci.example.com/runs/{first}"));
    let why: Vec<_> = run.functions.iter().map(|it| (&*it.name, &*it.decision)).collect();
    assert_eq!(
        why,
        [
            ("testOnPush", "call"),
            ("lintOnPush", "call"),
            ("docsOnPush", "skip"),
            ("deployOnPush", "error")
        ]
    );
    let call = &run.call_details[0];
    let path = format!("/api/v1/runs/{first}/calls/{}", call.id);
    assert_eq!(json(&agent.get(&path).await), serde_json::to_value(call).unwrap());
    for path in ["/api/v1/runs/99", "/api/v1/runs/x", &format!("/api/v1/runs/{first}/calls/99")] {
        assert_eq!(agent.problem(path).await.0, 404, "{path}");
    }
}

/// A call that is running, with a log of some lines.
async fn with_log(agent: &Agent) -> (ClaimedCall, LogWriter) {
    let call = agent.app.store.claim_call(Startable::Any, at(10)).await.unwrap().unwrap();
    let path = agent.app.store.log_path(call.run, call.id, call.attempt);
    let mut log = LogWriter::create(&path, 1 << 20).unwrap();
    log.line(at(11), LogStream::Stdout, b"one").unwrap();
    log.line(at(12), LogStream::Stderr, b"two \xff").unwrap();
    log.flush().unwrap();
    (call, log)
}

#[tokio::test]
async fn a_log_is_text_or_some_of_its_bytes() {
    let (agent, _) = with_runs().await;
    let (call, _log) = with_log(&agent).await;
    let whole = agent.log(&call, "").await;
    assert_eq!((whole.status, whole.header("content-length")), (200, Some("64")));
    let first = "1970-01-01T00:00:11.000Z 1 one\n";
    assert!(whole.body.starts_with(first), "{whole:?}");
    for (range, status, expected, about) in [
        ("bytes=0-30", 206, first, Some("bytes 0-30/64")),
        ("bytes=27-29", 206, "one", Some("bytes 27-29/64")),
        ("bytes=64-", 416, "", None),
        ("bytes=5-2", 416, "", None),
        ("bytes=0-1,3-4", 200, whole.body.as_str(), None),
        ("lines=0-1", 200, whole.body.as_str(), None),
    ] {
        let answer = agent.log(&call, &format!("Range: {range}\r\n")).await;
        assert_eq!((answer.status, answer.header("content-range")), (status, about), "{range}");
        if status != 416 {
            assert_eq!(answer.body, expected, "{range}");
        }
    }
    let tail = agent.log(&call, "Range: bytes=-33\r\n").await;
    assert!(tail.body.contains(" 2 two ") && !tail.body.contains("one"), "{tail:?}");
    let path = format!("/api/v1/runs/{}/calls/{}/log?attempt=2", call.run, call.id);
    assert_eq!(agent.problem(&path).await.0, 404);
}

#[tokio::test]
async fn a_log_is_a_json_object_for_each_line() {
    let (agent, _) = with_runs().await;
    let (call, _log) = with_log(&agent).await;
    let answer = agent.log(&call, "Accept: application/jsonl\r\n").await;
    let lines: Vec<shape::LogLine> =
        answer.body.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let seen: Vec<_> = lines.iter().map(|it| (it.end, &*it.stream, &*it.text)).collect();
    assert_eq!(seen, [(31, "stdout", "one"), (64, "stderr", "two \u{fffd}")]);
    assert_eq!(lines[0].at, Some(at(11)));
}

/// What a stream has told: the texts of its lines, the last id, and how it ended.
#[derive(Debug, Default)]
struct Told {
    lines: Vec<String>,
    id: Option<String>,
    end: Option<Value>,
}

impl Told {
    /// Reads events as far as they are whole.
    fn read(&mut self, stream: &str) {
        for event in stream.split("\n\n").filter(|event| event.contains("data:")) {
            let field =
                |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            let Ok(data) = serde_json::from_str::<Value>(field("data:").unwrap()) else { return };
            match field("event:").unwrap() {
                "lines" => {
                    let lines: Vec<shape::LogLine> = serde_json::from_value(data).unwrap();
                    self.lines.extend(lines.into_iter().map(|line| line.text));
                    self.id = Some(field("id:").unwrap().to_owned());
                }
                "end" => self.end = Some(data),
                other => panic!("{other}"),
            }
        }
    }
}

/// Follows a log until it ends, cut off behind every event; `patience`: bytes that are read at once.
async fn follow(agent: &Agent, call: &ClaimedCall, patience: usize) -> Told {
    let mut told = Told::default();
    for _ in 0..2000 {
        let mut client = agent.connect().await;
        let last = told.id.as_ref().map(|id| format!("Last-Event-ID: {id}\r\n"));
        let (run, id) = (call.run, call.id);
        client
            .say(format!(
                "GET /api/v1/runs/{run}/calls/{id}/log HTTP/1.1\r\nHost: ci\r\n\
                 Accept: text/event-stream\r\n{}\r\n",
                last.unwrap_or_default()
            ))
            .await;
        let (mut heard, mut piece) = (Vec::new(), vec![0; patience]);
        while let Ok(read @ 1..) = client.0.read(&mut piece).await {
            heard.extend_from_slice(&piece[..read]);
            // Cut somewhere behind the first event that is whole.
            let text = String::from_utf8_lossy(&heard);
            let whole = text.find("id: ").is_some_and(|at| text[at..].contains("\n\n"));
            if whole || text.contains("event: end") && text.ends_with("0\r\n\r\n") {
                break;
            }
        }
        // Chunks of HTTP: their sizes stand on lines of their own.
        let text = String::from_utf8_lossy(&heard);
        let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let mut events = String::new();
        for line in body.split("\r\n").filter(|it| u64::from_str_radix(it, 16).is_err()) {
            events.push_str(line);
        }
        told.read(&events);
        if told.end.is_some() {
            break;
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_cut_again_and_again_tells_every_line_once() {
    let (agent, _) = with_runs().await;
    let (call, mut log) = with_log(&agent).await;
    let store = agent.app.store.clone();
    let id = call.id;
    let writer = tokio::spawn(async move {
        for number in 0..300 {
            let mut line = Vec::new();
            write!(line, "line {number}").unwrap();
            log.line(Timestamp::now(), LogStream::Stdout, &line).unwrap();
            if number % 7 == 0 {
                log.flush().unwrap();
                tokio::task::yield_now().await;
            }
        }
        log.close().unwrap();
        store.finish_call(id, &Outcome::Failed { exit: 1 }, at(20)).await.unwrap();
    });
    let (patient, hasty) = tokio::join!(follow(&agent, &call, 4096), follow(&agent, &call, 700));
    writer.await.unwrap();
    for told in [patient, hasty] {
        let mut expected = vec!["one".to_owned(), "two \u{fffd}".to_owned()];
        expected.extend((0..300).map(|number| format!("line {number}")));
        assert_eq!(told.lines, expected);
        assert_eq!(told.end.unwrap()["outcome"], "failed");
    }
}

#[tokio::test]
async fn changes_are_told_as_they_happen() {
    let (agent, [first, _]) = with_runs().await;
    let mut client = agent.connect().await;
    client.say("GET /api/v1/events?repository=octo/hello HTTP/1.1\r\nHost: ci\r\n\r\n").await;
    let mut heard = String::new();
    let mut piece = [0; 4096];
    while !heard.contains("event: reload") {
        let read = client.0.read(&mut piece).await.unwrap();
        heard.push_str(std::str::from_utf8(&piece[..read]).unwrap());
    }
    agent.app.store.claim_call(Startable::Any, at(10)).await.unwrap().unwrap();
    while !heard.contains("event: run") || !heard.contains("\"state\":\"running\"") {
        let read = client.0.read(&mut piece).await.unwrap();
        assert_ne!(read, 0, "{heard}");
        heard.push_str(std::str::from_utf8(&piece[..read]).unwrap());
    }
    assert!(heard.contains(&format!("{{\"id\":{first},")), "{heard}");
}

#[tokio::test]
async fn a_badge_and_a_feed_tell_how_pushes_ended() {
    let (agent, _) = with_runs().await;
    let store = &agent.app.store;
    let badge = || agent.get("/api/v1/badge/github/octo/hello.svg?branch=main");
    assert!(badge().await.body.contains("no runs"));
    for _ in 0..2 {
        let call = store.claim_call(Startable::Any, at(10)).await.unwrap().unwrap();
        store.finish_call(call.id, &Outcome::Passed, at(20)).await.unwrap();
    }
    let answer = badge().await;
    assert_eq!(answer.header("content-type"), Some("image/svg+xml"));
    // Its calls passed, and one function could not be called at all.
    assert!(answer.body.contains(">error<"), "{answer:?}");
    let feed = agent.get("/api/v1/cc/github/octo/hello.xml").await;
    assert!(feed.body.contains("<Project name=\"octo/hello/api\" activity=\"Sleeping\" lastBuildStatus=\"Exception\" lastBuildLabel=\"1\" lastBuildTime=\"1970-01-01T00:00:20Z\" webUrl=\"https://ci.example.com/runs/1\"/>"), "{feed:?}");
    assert_eq!(agent.problem("/api/v1/badge/sourcehut/o/r.svg").await.0, 404);
}
