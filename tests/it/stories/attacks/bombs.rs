//! Small things that become large ones when they are read.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::json;

use super::pushed;
use crate::world::forge::{SECRET, Status, headers, new_id, sign};
use crate::world::http::Answer;
use crate::world::{Module, World, git};

/// How much more memory the agent may have after it has read one, in MB.
const GROWTH: f64 = 48.0;

/// A spec that is refused in good time, on the commit.
#[track_caller]
fn check_spec(text: &str, expected: &str) {
    let world = World::start();
    world.let_later_work_pass();
    let before = world.agent.resident();
    let module = Module::new("ci").function("testOnPush", |f| f.src());
    let sha = pushed(&world, module.file("pocketci.yaml", text));
    let statuses = world.forge.statuses(&sha);
    let told =
        statuses.iter().any(|one| one.state == "error" && one.description.contains(expected));
    assert!(told, "{statuses:?}");
    let grown = world.agent.resident() - before;
    assert!(grown < GROWTH, "{grown} MB");
}

#[test]
fn a_spec_of_aliases() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    check_spec(&bomb, "pocketci.yaml:");
}

#[test]
fn a_spec_that_is_deep_or_long_or_many() {
    check_spec(&format!("paths: {}", "[".repeat(100_000)), "nested more than 32 deep");
    check_spec(&format!("# {}", "x".repeat(10_000_000)), "KiB long");
    check_spec(&"---\nname: a\n".repeat(1_000), "more than 50 documents");
    check_spec(&format!("paths: [{}a]", "a, ".repeat(10_000)), "entries");
    check_spec(&format!("paths: ['{}']", "{a,b}".repeat(10_000)), "characters long");
}

/// More specs than anybody has: some are read, and the rest is said.
#[test]
fn a_thousand_specs() {
    let world = World::start();
    let mut module = Module::new("ci").function("testOnPush", |f| f.src());
    for number in 0..1_000 {
        module = module.file(&format!("s{number}/pocketci.yaml"), "name: 'x\n");
    }
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", module);
    world.forge.push(&repo, "main");
    world.forge.expect_status_like(&sha, "what is not read", |status| {
        status.description.contains("more than 200 specs")
    });
}

fn form(payload: &str) -> Vec<u8> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("payload", payload).finish().into_bytes()
}

#[track_caller]
fn send(world: &World, kind: &str, body: &[u8]) -> Answer {
    let headers = headers(&new_id(), "push", kind, &sign(SECRET, body));
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    world.forge.deliver_raw(&headers, body)
}

/// Signed, and still not worth a crash: answered, and the next one is served.
#[test]
fn payloads() {
    const JSON: &str = "application/json";
    const FORM: &str = "application/x-www-form-urlencoded";
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
    let good = world.forge.pushed(&repo, "main").to_string();
    let before = world.agent.resident();
    let with =
        |more: &str| format!("{},\"bomb\":{more}}}", good.trim_end_matches('}').to_owned() + "}");
    let deep = |open: &str, close: &str| open.repeat(100_000) + "1" + &close.repeat(100_000);
    for body in [
        deep("[", "]"),
        deep("{\"a\":", "}"),
        "[".repeat(100_000),
        format!("{{\"repository\":{}}}", deep("{\"owner\":", "}")),
        format!("{{\"ref\":{}}}", deep("[", "]")),
        format!("{{\"head_commit\":{{\"message\":{}}}}}", deep("[", "]")),
        format!("{{\"number\":{}}}", "9".repeat(1_000_000)),
        "{\"number\":1e999999999}".to_owned(),
        "{\"number\":-1e-999999999}".to_owned(),
        format!("\"{}\"", "\\ud800".repeat(100_000)),
        "\0".repeat(100_000),
        with("1e400"),
    ] {
        for (kind, body) in [(JSON, body.clone().into_bytes()), (FORM, form(&body))] {
            let answer = send(&world, kind, &body);
            assert!((200..500).contains(&answer.status), "{kind} {:.40?}: {answer:?}", body);
        }
    }
    let forms = [
        "payload=%".repeat(50_000),
        "&".repeat(1_000_000),
        "payload=".to_owned(),
        format!("payload={}", "%5B".repeat(300_000)),
        "a=b&".repeat(200_000) + "payload={}",
        "payload=%ff%fe&payload={}".to_owned(),
    ];
    for body in &forms {
        let answer = send(&world, FORM, body.as_bytes());
        assert!((400..500).contains(&answer.status), "{body:.40}: {answer:?}");
    }
    // A megabyte of zeroes in a thousand bytes: nobody unpacks it.
    let mut headers: Vec<_> = Vec::new();
    let packed = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03".as_slice();
    let signed = signed(packed);
    headers.extend(signed.iter().map(|(name, value)| (*name, value.as_str())));
    headers.push(("Content-Encoding", "gzip"));
    let answer = world.forge.deliver_raw(&headers, packed);
    assert!((400..500).contains(&answer.status), "{answer:?}");

    let grown = world.agent.resident() - before;
    assert!(grown < GROWTH, "{grown} MB");
    let sha = repo.commit("main", [("a", "a\n")]);
    world.forge.push(&repo, "main");
    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    assert!(!world.agent.said().iter().any(|line| line.contains("panicked")));
}

fn signed(body: &[u8]) -> Vec<(&'static str, String)> {
    headers(&new_id(), "push", "application/json", &sign(SECRET, body))
}

/// A module that names itself into a knot, or too much.
#[test]
fn a_module_of_modules() {
    let world = World::start();
    let knot = Module::new("ci").function("testOnPush", |f| f.src());
    let about = json!({"name": "ci", "sdk": "go", "include": vec!["x"; 20_000]});
    let sha = pushed(&world, knot.file("ci/dagger.json", about.to_string()));
    let statuses = world.forge.statuses(&sha);
    assert!(statuses.iter().any(|one| one.state == "error"), "{statuses:?}");
    assert!(world.engine.calls("test-on-push").is_empty());
}

/// What `git` makes of this.
fn made(repository: &Path, arguments: &[&str], input: &str) -> String {
    let mut git = git::command(repository);
    let mut git = git.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    git.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let made = git.wait_with_output().unwrap();
    assert!(made.status.success());
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}

/// The same folder under a hundred names, and that again, and again: some kilobytes of a fork's
/// that are a million files, which nobody has to let go to have them looked at.
#[test]
fn a_folder_of_folders_of_folders() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let good = Module::new("ci").function("testOnPullRequest", |f| f.src());
    repo.commit("main", good.function("testOnPush", |f| f.src()));
    world.forge.pushed(&repo, "main");
    let fork = world.forge.fork(&repo, "mallory");
    let parent = fork.commit("feature", [("a", "1\n")]);
    let mut entry =
        format!("100644 blob {}", made(fork.path(), &["hash-object", "-w", "--stdin"], "x"));
    for _ in 0..3 {
        let names: String = (0..101).map(|number| format!("{entry}\t{number}\n")).collect();
        entry = format!("040000 tree {}", made(fork.path(), &["mktree"], &names));
    }
    let whole = format!("{}\n{entry}\tbomb\n", git::git(fork.path(), &["ls-tree", &parent]));
    let tree = made(fork.path(), &["mktree"], &whole);
    let sha = git::git(fork.path(), &["commit-tree", &tree, "-p", &parent, "-m", "Tidy up"]);
    fork.reset("feature", &sha);
    world.let_later_work_pass();
    let before = world.agent.resident();

    world.forge.open_pull_request_from_fork(&fork, "feature", &repo, "main");

    let told = world.forge.expect_status_like(&sha, "a refusal", |one| one.state == "error");
    assert!(told.description.contains("holds more than 1000000 files"), "{told:?}");
    let grown = world.agent.resident() - before;
    assert!(grown < GROWTH, "{grown} MB");
    world.forge.push(&repo, "main");
    let good = repo.pushed("main").unwrap();
    world.forge.expect_status(&good, "pocketci/test-on-push", "success");
}

/// One target for many links: each of them would be kept.
#[test]
fn links_that_lead_nowhere_at_length() {
    let world = World::start();
    world.let_later_work_pass();
    let before = world.agent.resident();
    let target = "x/".repeat(2 << 20);
    let links = (0..30)
        .fold(Module::new("ci").function("testOnPush", |f| f.src()), |module, it| {
            module.link(&format!("l{it}"), &target)
        });
    let sha = pushed(&world, links);
    let statuses = world.forge.statuses(&sha);
    let told = |one: &Status| one.state == "error" && one.description.contains("is too long");
    assert!(statuses.iter().any(told), "{statuses:?}");
    let grown = world.agent.resident() - before;
    assert!(grown < GROWTH, "{grown} MB");
}
