//! The API is what its document says: every operation, asked for with what it wants and with what
//! it does not, answers as described; and nothing answers that is not described.

mod schema;
mod streams;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use self::schema::{Chance, Schemas};
use crate::world::http::{self, Answer};
use crate::world::{Module, World};

const METHODS: [&str; 5] = ["get", "post", "put", "delete", "patch"];
/// How often each operation is asked for with other values.
const ROUNDS: u64 = 24;

/// A run that has passed and failed, one that waits, and somebody who may do everything.
fn world() -> (World, String) {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci")
        .function("testOnPush", |f| f.prints("all is well"))
        .function("lintOnPush", |f| f.executes("echo one; exit 3"))
        .function("testOnPullRequest", |f| f.src());
    let sha = repo.commit("main", module);
    world.forge.push(&repo, "main");
    world.forge.expect_status(&sha, "pocketci", "failure");
    let fork = world.forge.fork(&repo, "mallory");
    let held = fork.commit("feature", [("a", "1\n")]);
    world.forge.open_pull_request_from_fork(&fork, "feature", &repo, "main");
    world.forge.expect_status_like(&held, "it to be held", |one| one.description.contains("waits"));
    let socket = world.agent.data().join("agent.sock");
    let wish = json!({"name": "walker", "scope": "admin"}).to_string();
    let made = http::send_to_socket("POST", &socket, "/api/v1/tokens", wish.as_bytes()).unwrap();
    let token = made.json()["token"].as_str().unwrap().to_owned();
    (world, token)
}

/// An operation of the document.
struct Operation<'a> {
    path: &'a str,
    method: &'a str,
    about: &'a Value,
}

impl Operation<'_> {
    fn parameters(&self, place: &str) -> impl Iterator<Item = &Value> {
        let all = self.about["parameters"].as_array().into_iter().flatten();
        all.filter(move |one| one["in"] == place)
    }

    /// An address of it, with its path and query filled in.
    fn address(&self, chance: &mut Chance) -> String {
        let mut address = self.path.to_owned();
        for one in self.parameters("path") {
            let name = one["name"].as_str().unwrap();
            let value = value(one, chance);
            address = address.replace(&format!("{{{name}}}"), &value);
        }
        let mut sign = '?';
        for one in self.parameters("query") {
            if one["required"] != true && chance.one_of(3) > 0 {
                continue;
            }
            address.push_str(&format!(
                "{sign}{}={}",
                one["name"].as_str().unwrap(),
                value(one, chance)
            ));
            sign = '&';
        }
        address
    }

    fn ends(&self) -> bool {
        let content = &self.about["responses"]["200"]["content"];
        !content.is_object()
            || content.as_object().unwrap().keys().any(|kind| kind != "text/event-stream")
    }

    /// Holds an answer against the description.
    fn check(&self, asked: &str, answer: &Answer, schemas: &Schemas<'_>) {
        let Self { path, method, .. } = self;
        let status = answer.status;
        assert!(status < 500, "{method} {asked}: {answer:?}");
        let told = &self.about["responses"][status.to_string()];
        assert!(
            told.is_object(),
            "{method} {asked} of {path}: {status} is not described: {answer:?}"
        );
        let kind = answer.header("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap();
        match told["content"].as_object() {
            None => assert_eq!(answer.body, "", "{method} {asked}: nothing was to be said"),
            Some(content) => {
                let shape = content.get(kind).unwrap_or_else(|| {
                    panic!("{method} {asked}: {kind} is not described: {answer:?}")
                });
                let fits = |value: &Value| {
                    if let Err(why) = schemas.check(&shape["schema"], value) {
                        panic!("{method} {asked}: {why} in {value}");
                    }
                };
                match kind {
                    "application/jsonl" => answer.body.lines().for_each(|line| {
                        fits(&serde_json::from_str(line).unwrap());
                    }),
                    _ if kind.ends_with("json") => fits(&answer.json()),
                    _ => {}
                }
            }
        }
    }
}

/// What stands for a parameter: mostly what fits, now and then what does not.
fn value(parameter: &Value, chance: &mut Chance) -> String {
    let fit: &[&str] = match parameter["name"].as_str().unwrap() {
        "forge" => &["github"],
        "repository" => &["ada/site", "github/ada/site", "ada/site.svg", "ada/site.xml"],
        "branch" => &["main"],
        "state" => &["finished", "held", "failed"],
        "outcome" => &["planned", "waiting"],
        "event" => &["push", "pull_request"],
        "cursor" | "limit" | "attempt" | "run" | "delivery" | "pull" => &["1", "2"],
        "id" => &["1", "2", "1"],
        "call" | "token" => &["1", "2", "3"],
        _ => &["a", ""],
    };
    let odd = [
        "0",
        "-1",
        "x",
        "99999",
        "9223372036854775807",
        "9223372036854775808",
        "1e3",
        "%20",
        "%00",
        "%FF%FE",
        "%F0%9F%92%A9",
        "%27%3B--",
        "%25",
        "a%2Fb",
        "..",
        "%2E%2E%2F",
        "null",
        "1.5",
        "+1",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ];
    let of = if chance.one_of(3) > 0 { fit } else { &odd };
    of[chance.one_of(of.len())].to_owned()
}

#[test]
fn every_operation_answers_as_described() {
    let (world, token) = world();
    let document = http::get(&world.agent.url("/api/v1/openapi.json")).json();
    let schemas = Schemas::of(&document);
    let bearer = format!("Bearer {token}");
    let mut operations: Vec<Operation<'_>> = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, about) in methods.as_object().unwrap() {
            if METHODS.contains(&method.as_str()) {
                operations.push(Operation { path, method, about });
            }
        }
    }
    assert!(operations.len() >= 19, "{}", operations.len());
    // What removes tokens comes last: ours may be among them.
    operations.sort_by_key(|one| one.method == "delete");
    let mut asked = 0;
    for operation in &operations {
        for seed in 0..ROUNDS {
            let mut chance = Chance::new(seed);
            let address = operation.address(&mut chance);
            let url = world.agent.url(&address);
            let method = operation.method.to_uppercase();
            if !operation.ends() {
                operation.check(&address, &beginning(&url, &bearer), &schemas);
                continue;
            }
            let accept = ["*/*", "application/json", "application/jsonl"][chance.one_of(3)];
            let wish = &operation.about["requestBody"]["content"]["application/json"]["schema"];
            let body = if wish.is_null() { String::new() } else { schemas.wish(wish, &mut chance) };
            let mut headers = vec![("Accept", accept), ("Content-Type", "application/json")];
            // Now and then by nobody.
            if chance.one_of(8) > 0 {
                headers.push(("Authorization", bearer.as_str()));
            }
            let mut more = Vec::new();
            for one in operation.parameters("header").filter(|one| one["required"] != true) {
                if chance.one_of(2) == 0 {
                    more.push((one["name"].as_str().unwrap(), value(one, &mut chance)));
                }
            }
            headers.extend(more.iter().map(|(name, value)| (*name, value.as_str())));
            let answer = http::send(&method, &url, &headers, body.as_bytes()).unwrap();
            operation.check(&address, &answer, &schemas);
            asked += 1;
        }
    }
    assert!(asked > 400, "{asked}");
}

#[test]
fn nothing_answers_that_is_not_described() {
    let (world, token) = world();
    let document = http::get(&world.agent.url("/api/v1/openapi.json")).json();
    let bearer = format!("Bearer {token}");
    for (path, methods) in document["paths"].as_object().unwrap() {
        let mut address = path.clone();
        for (name, value) in [
            ("id", "1"),
            ("call", "1"),
            ("token", "99"),
            ("forge", "github"),
            ("repository", "ada/site"),
        ] {
            address = address.replace(&format!("{{{name}}}"), value);
        }
        let url = world.agent.url(&address);
        for method in METHODS {
            if !methods.as_object().unwrap().contains_key(method) {
                let headers = [("Authorization", bearer.as_str())];
                let answer = http::send(&method.to_uppercase(), &url, &headers, b"").unwrap();
                assert!(matches!(answer.status, 404 | 405), "{method} {address}: {answer:?}");
            }
        }
    }
}

#[test]
fn who_has_the_newest_is_told_so() {
    let (world, token) = world();
    let bearer = format!("Bearer {token}");
    let ask = |path: &str, tag: &str| {
        let headers = [("Authorization", bearer.as_str()), ("If-None-Match", tag)];
        http::send("GET", &world.agent.url(path), &headers, b"").unwrap()
    };
    let mut tags = Vec::new();
    for path in [
        "/api/v1/runs",
        "/api/v1/runs/1",
        "/api/v1/runs/1/calls/1/log",
        "/api/v1/badge/github/ada/site.svg",
        "/api/v1/cc/github/ada/site.xml",
    ] {
        let first = ask(path, "\"another\"");
        assert_eq!(first.status, 200, "{path}");
        let tag = first.header("etag").unwrap_or_else(|| panic!("{path}: {first:?}")).to_owned();
        let again = ask(path, &format!("\"x\", W/{tag}"));
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{path}");
        assert_eq!(again.header("etag"), Some(tag.as_str()), "{path}");
        tags.push((path, tag));
    }
    let rerun = [("Authorization", bearer.as_str())];
    let url = world.agent.url("/api/v1/runs/1/rerun");
    assert_eq!(http::send("POST", &url, &rerun, br#"{"which": "all"}"#).unwrap().status, 200);
    for (path, tag) in &tags[..2] {
        assert_eq!(ask(path, tag).status, 200, "{path} has changed");
    }
    // The first attempt's log stays what it was.
    assert_eq!(ask("/api/v1/runs/1/calls/1/log?attempt=1", &tags[2].1).status, 304);
}

/// The head of an answer that goes on.
fn beginning(url: &str, bearer: &str) -> Answer {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(crate::world::PATIENCE)).unwrap();
    let head = format!("GET /{path} HTTP/1.0\r\nHost: {host}\r\nAuthorization: {bearer}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut said = Vec::new();
    let mut piece = [0; 1024];
    // A refusal ends; a stream begins.
    loop {
        let text = String::from_utf8_lossy(&said).into_owned();
        let read =
            if text.contains("event: reload") { 0 } else { stream.read(&mut piece).unwrap() };
        if read > 0 {
            said.extend_from_slice(&piece[..read]);
            continue;
        }
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let lines = head.lines().filter_map(|line| line.split_once(": "));
        return Answer {
            status: head[9..12].parse().unwrap(),
            headers: lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            body: body.to_owned(),
        };
    }
}
