//! The world itself is held to what it pretends to be, so that a story fails for the agent's sake.

use std::io::{Read as _, Write as _};
use std::process::Stdio;

use serde_json::json;

use crate::world::forge::{SECRET, TOKEN, USERNAME, sign};
use crate::world::{Engine, Forge, Module, Refusal, Tree, git, http, process};

#[test]
fn a_clone_needs_credentials_and_brings_what_was_pushed() {
    let forge = Forge::start();
    let repo = forge.repository("ada/site");
    repo.commit("main", [("a.txt", "one\n")]);
    forge.pushed(&repo, "main");
    let hidden = repo.commit("main", [("a.txt", "two\n")]);
    let dir = tempfile::tempdir().unwrap();

    let anonymous = git::try_git(dir.path(), &["clone", "-q", &clone_url(&forge, ""), "no"]);
    assert!(anonymous.unwrap_err().contains("could not read Username"));
    git::git(dir.path(), &["clone", "-q", &clone_url(&forge, &credentials()), "copy"]);

    let copy = dir.path().join("copy");
    assert_eq!(std::fs::read_to_string(copy.join("a.txt")).unwrap(), "one\n");
    assert_eq!(git::resolve(&copy, &hidden), None);
    assert!(forge.fetches() > 0);
}

#[test]
fn a_pull_request_of_a_fork_lies_in_the_base() {
    let forge = Forge::start();
    let receiver = Receiver::listen(&forge);
    let repo = forge.repository("ada/site");
    repo.commit("main", [("a.txt", "one\n")]);
    forge.pushed(&repo, "main");
    let fork = forge.fork(&repo, "bob");
    let sha = fork.commit("feature", [("b.txt", "two\n")]);
    let number = forge.open_pull_request_from_fork(&fork, "feature", &repo, "main");

    let dir = tempfile::tempdir().unwrap();
    let url = clone_url(&forge, &credentials());
    git::git(dir.path(), &["clone", "-q", &url, "copy"]);
    let copy = dir.path().join("copy");
    git::git(&copy, &["fetch", "-q", "origin", &format!("refs/pull/{number}/head")]);
    assert_eq!(git::resolve(&copy, "FETCH_HEAD"), Some(sha.clone()));

    let (_, body) = receiver.next();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["pull_request"]["head"]["sha"], sha);
    assert_eq!(body["pull_request"]["head"]["repo"]["full_name"], "bob/site");
    assert_eq!(body["pull_request"]["base"]["repo"]["full_name"], "ada/site");
}

#[test]
fn a_webhook_is_signed_over_its_bytes() {
    let forge = Forge::start();
    let receiver = Receiver::listen(&forge);
    let repo = forge.repository("ada/site");
    let first = repo.commit("main", [("a.txt", "one\n")]);
    let delivery = forge.push(&repo, "main");
    let (head, body) = receiver.next();
    assert!(head.contains(&format!("X-Hub-Signature-256: {}", sign(SECRET, &body))), "{head}");
    assert!(head.contains(&format!("X-GitHub-Delivery: {}", delivery.id)));
    assert!(head.contains("X-GitHub-Event: push"));

    let second = repo.commit("main", [("a.txt", "two\n")]);
    forge.push(&repo, "main");
    let (_, body) = receiver.next();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&body["before"], &body["after"]), (&json!(first), &json!(second)));
    assert_eq!(body["head_commit"]["modified"], json!(["a.txt"]));
    assert_eq!(body["forced"], false);

    repo.reset("main", &first);
    let third = repo.commit("main", [("a.txt", "three\n")]);
    forge.push(&repo, "main");
    let (_, body) = receiver.next();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&body["before"], &body["after"]), (&json!(second), &json!(third)));
    assert_eq!(body["forced"], true);

    let (_, commit) = forge.push_tag(&repo, "v1", true);
    let (_, body) = receiver.next();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["head_commit"]["id"], commit);
    assert_ne!(body["after"], commit);
}

/// The example that GitHub publishes.
#[test]
fn the_signature_is_githubs() {
    let expected = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    assert_eq!(sign(SECRET, b"Hello, World!"), expected);
}

#[test]
fn statuses_are_checked_as_github_does() {
    let forge = Forge::start();
    let repo = forge.repository("ada/site");
    let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
    let good = json!({"state": "success", "context": "x", "description": "fine"});
    let check = |sha: &str, token: &str, body: &serde_json::Value, expected: u16| {
        let url = format!("{}/api/v3/repos/ada/site/statuses/{sha}", forge.url());
        let bearer = format!("Bearer {token}");
        let answer = http::post(&url, &[("Authorization", &bearer)], body.to_string().as_bytes());
        assert_eq!(answer.status, expected, "{}", answer.body);
        answer
    };
    check(&sha, TOKEN, &good, 201);
    check(&sha, "wrong", &good, 401);
    let missing = "1111111111111111111111111111111111111111";
    assert!(check(missing, TOKEN, &good, 422).body.contains("No commit found for SHA"));
    check(&sha, TOKEN, &json!({"state": "green"}), 422);
    check(&sha, TOKEN, &json!({"state": "error", "description": "é".repeat(140)}), 201);
    check(&sha, TOKEN, &json!({"state": "error", "description": "é".repeat(141)}), 422);

    forge.refuse_some_statuses_with(1, Refusal::RateLimited(7));
    assert_eq!(check(&sha, TOKEN, &good, 429).header("retry-after"), Some("7"));
    check(&sha, TOKEN, &good, 201);
    forge.refuse_statuses_with(Refusal::Drop);
    let url = format!("{}/api/v3/repos/ada/site/statuses/{sha}", forge.url());
    let bearer = format!("Bearer {TOKEN}");
    let dropped = http::send("POST", &url, &[("Authorization", &bearer)], b"{}");
    assert!(dropped.is_err() || dropped.unwrap().body.is_empty());

    assert_eq!(forge.history(&sha, "x"), "success success");
    assert_eq!(forge.expect_status(&sha, "x", "success").description, "fine");
}

/// The same files are the same commit, whichever forge they lie on.
#[test]
fn commits_are_repeatable() {
    let (one, other) = (Forge::start(), Forge::start());
    let sha = |forge: &Forge| forge.repository("a/b").commit("main", [("a", "1"), ("b/c", "2")]);
    assert_eq!(sha(&one), sha(&other));
}

/// What stories write as a module is one to the stand-in for `dagger`, engine and all.
#[test]
fn a_module_is_listed_and_called() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Engine::start(&dir.path().join("engine"));
    let handed = dir.path().join("handed");
    let module = Module::new("ci")
        .function("testOnPush", |f| f.src().hands_over("${filter}", &handed).arg("filter: String!"))
        .function("lintOnPush", |f| f.on_changes("**/*.rs").exits(3));
    for (path, text) in Tree::from(module).files() {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text.text()).unwrap();
    }
    let dagger = |arguments: &[&str], input: &str| {
        let mut dagger = process::program(process::stand_in());
        dagger.env("_EXPERIMENTAL_DAGGER_RUNNER_HOST", engine.address()).current_dir(&dir);
        dagger.env("NO_COLOR", "1").args(arguments);
        dagger.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = dagger.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };

    let query = "query Listing($ref: String!) { moduleSource(refString: $ref) { asModule { \
                 objects { asObject { functions { name args { name defaultValue } } } } } } }";
    let listed = dagger(&["query", "-s", "-M", "--var", "ref=ci"], query);
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    let functions = &listed["moduleSource"]["asModule"]["objects"][0]["asObject"]["functions"];
    assert_eq!(functions[0]["name"], "testOnPush", "{listed}");
    assert_eq!(functions[1]["args"][0]["defaultValue"], "\"**/*.rs\"", "{listed}");

    let called = ["call", "--progress=plain", "-m", "ci"];
    let arguments = [&called[..], &["test-on-push", "--src=.", "--filter=main"]].concat();
    let passed = dagger(&arguments, "");
    assert_eq!(passed.status.code(), Some(0), "{passed:?}");
    assert_eq!(std::fs::read_to_string(&handed).unwrap(), "main");
    let failed = dagger(&[&called[..], &["lint-on-push"]].concat(), "");
    assert_eq!(failed.status.code(), Some(3), "{failed:?}");

    assert_eq!(engine.listings(), 1);
    let [call] = engine.calls("test-on-push").try_into().unwrap();
    assert_eq!((call.flag("filter"), call.flag("src")), (Some("main"), Some(".")));
}

fn credentials() -> String {
    format!("{USERNAME}:{TOKEN}@")
}

fn clone_url(forge: &Forge, credentials: &str) -> String {
    let host = forge.url().strip_prefix("http://").unwrap();
    format!("http://{credentials}{host}/ada/site.git")
}

/// Takes webhooks and answers 202.
struct Receiver(std::sync::mpsc::Receiver<(String, Vec<u8>)>);

impl Receiver {
    fn listen(forge: &Forge) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        forge.send_hooks_to(&format!("http://{}/", listener.local_addr().unwrap()));
        let (send, receive) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut bytes = Vec::new();
                let (head, body) = loop {
                    let mut chunk = [0; 4096];
                    let n = stream.read(&mut chunk).unwrap();
                    bytes.extend_from_slice(&chunk[..n]);
                    if let Some(whole) = whole(&bytes) {
                        break whole;
                    }
                };
                stream.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}").unwrap();
                if send.send((head, body)).is_err() {
                    return;
                }
            }
        });
        Self(receive)
    }

    fn next(&self) -> (String, Vec<u8>) {
        self.0.recv_timeout(crate::world::PATIENCE).unwrap()
    }
}

fn whole(bytes: &[u8]) -> Option<(String, Vec<u8>)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "))?;
    let body = &bytes[end + 4..];
    (body.len() >= length.parse().unwrap()).then(|| (head, body.to_vec()))
}
