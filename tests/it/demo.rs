//! The README's first command, on a machine with next to nothing.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Instant;

use nix::sys::signal::Signal;

use crate::world::{Engine, PATIENCE, process};

/// `demo` with an environment of these variables and nothing else.
#[expect(clippy::disallowed_methods, reason = "tests run the binary")]
fn demo(arguments: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pocketci-agent"));
    command.arg("demo").args(arguments).env_clear().envs(env.iter().copied()).current_dir("/");
    command
}

#[track_caller]
fn said(output: &Output, status: i32) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(status), "{out}\n{err}");
    // An engine may take its time to answer; nothing else is to be said beside.
    assert!(matches!(err.as_str(), "" | "asking dagger …\n"), "{err}\n{out}");
    out
}

/// What was shown of one event.
#[track_caller]
fn part<'a>(text: &'a str, event: &str) -> &'a str {
    let begin = text.find(&format!("\n{event} ")).unwrap_or_else(|| panic!("no {event} in {text}"));
    let part = &text[begin + 1..];
    &part[..part.find("\n\n").unwrap_or(part.len())]
}

#[track_caller]
fn holds(part: &str, words: &[&str]) {
    let mut rest = part;
    for word in words {
        let at = rest.find(word).unwrap_or_else(|| panic!("no `{word}` in its place:\n{part}"));
        rest = &rest[at + word.len()..];
    }
}

#[test]
fn a_whole_delivery_is_shown_where_there_is_nothing_but_a_path() {
    let nowhere = tempfile::tempdir().unwrap();
    // Neither git nor dagger is there, and no home.
    let output = demo(&["--exit"], &[("PATH", nowhere.path().to_str().unwrap())]).output().unwrap();
    let text = said(&output, 0);
    assert!(text.contains("is not installed"), "{text}");
    let push = part(&text, "push");
    holds(push, &["accepted", "202", "fetched", "planned", "2 of 8", "running", "passed"]);
    holds(push, &["call  testOnPush"]);
    holds(push, &["call  lintOnPush"]);
    holds(push, &["skip  docsOnPush", "onChanges docs/** matches none of 3 changed files"]);
    holds(push, &["skip  publishOnPush", "filter release does not list main"]);
    holds(push, &["test-on-push │ testing the greeting of Ada", "test-on-push │ Hello, Barbara!"]);
    holds(push, &["lint-on-push │ and that is right"]);
    // On a slow machine a status can be overtaken by the next one of its context.
    holds(push, &["status", "pending pocketci", "success pocketci"]);
    holds(push, &["success pocketci/test-on-push"]);
    holds(push, &["success pocketci/lint-on-push"]);
    holds(push, &["success pocketci ", "2 passed"]);
    let pull = part(&text, "pull_request");
    holds(pull, &["accepted", "202", "fetched", "planned", "2 of 8", "running", "passed"]);
    holds(pull, &["skip  lintOnPullRequest", "onChanges **/*.sh matches none of 2 changed files"]);
    holds(pull, &["skip  thankOnPullRequest", "filter closed does not list opened"]);
    holds(pull, &["test-on-pull-request │ Hello, Pierre!"]);
    holds(pull, &["success pocketci/docs-on-pull-request"]);
    holds(pull, &["success pocketci ", "2 passed"]);
    assert!(text.contains("everything passed: 2 events, 4 calls"), "{text}");
    assert!(!text.contains('\u{1b}'), "colours without a terminal: {text}");
}

/// Nothing of the host's settings gets in: what it sends itself goes through no proxy.
#[test]
fn a_proxy_of_the_environment_is_not_asked() {
    let nowhere = tempfile::tempdir().unwrap();
    let proxy = "http://127.0.0.1:9";
    let path = nowhere.path().to_str().unwrap();
    let env = [("PATH", path), ("http_proxy", proxy), ("HTTP_PROXY", proxy), ("ALL_PROXY", proxy)];
    said(&demo(&["--exit"], &env).output().unwrap(), 0);
}

/// Functions under the names of the sample's, as the stand-in for the CLI understands them.
fn stand_in_module(failing: bool) -> String {
    let function = |name: &str| {
        let does = match failing && name == "lintOnPush" {
            true => serde_json::json!([{"raise": "the script is not right"}]),
            false => serde_json::json!([{"return": "seen ${src.entries}"}]),
        };
        serde_json::json!({
            "name": name, "args": ["src: Directory!"], "returns": "String!", "does": does
        })
    };
    let names = [
        "testOnPush",
        "lintOnPush",
        "docsOnPush",
        "publishOnPush",
        "testOnPullRequest",
        "docsOnPullRequest",
        "lintOnPullRequest",
        "thankOnPullRequest",
    ];
    serde_json::json!({"functions": names.map(function)}).to_string()
}

/// A folder with a `dagger` that reads the sample's module as the stand-in can: it puts the
/// functions into a module that has only its source.
fn dagger(folder: &Path, failing: bool) {
    use std::os::unix::fs::PermissionsExt as _;
    let functions = folder.join("functions.json");
    std::fs::write(&functions, stand_in_module(failing)).unwrap();
    let (functions, stand_in) = (functions.display(), process::stand_in());
    let script = format!(
        r#"#!/bin/sh
for word in "$@"; do
  case "$word" in ref=*) module=${{word#ref=}};; esac
  [ "$before" = -m ] && module=$word
  before=$word
done
if [ -n "$module" ] && grep -q testOnPullRequest "$module/main.dang"; then
  cp {functions} "$module/stand-in.$$" && mv "$module/stand-in.$$" "$module/stand-in.json"
fi
exec {} "$@"
"#,
        stand_in.display()
    );
    let program = folder.join("dagger");
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn with_dagger(failing: bool, up: bool) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(&folder.path().join("engine"));
    if !up {
        engine.is("killed");
    }
    dagger(folder.path(), failing);
    let path = format!("{}:{}", folder.path().display(), process::PATH);
    let address = engine.address();
    let env = [("PATH", path.as_str()), ("_EXPERIMENTAL_DAGGER_RUNNER_HOST", &address)];
    demo(&["--exit"], &env).output().unwrap()
}

#[test]
fn with_a_working_dagger_a_module_is_called() {
    let text = said(&with_dagger(false, true), 0);
    assert!(text.contains("0.21.8 answers: the sample has a module"), "{text}");
    let push = part(&text, "push");
    holds(push, &["accepted", "fetched", "planned", "2 of 8", "running", "passed"]);
    holds(push, &["skip  docsOnPush", "onChanges docs/** matches none"]);
    holds(push, &["test-on-push │ seen", "hello.sh"]);
    holds(part(&text, "pull_request"), &["success pocketci ", "2 passed"]);
}

#[test]
fn an_engine_that_does_not_answer_is_no_working_dagger() {
    let text = said(&with_dagger(false, false), 0);
    assert!(text.contains("no engine answers: the sample has commands"), "{text}");
    assert!(text.contains("everything passed"), "{text}");
}

#[test]
fn what_failed_is_said_and_the_exit_status_tells() {
    let output = with_dagger(true, true);
    let out = String::from_utf8(output.stdout).unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{out}\n{err}");
    holds(part(&out, "push"), &["failed", "lint-on-push"]);
    holds(part(&out, "push"), &["lint-on-push", "the script is not right"]);
    assert!(err.contains("push: the status pocketci/lint-on-push is failure"), "{err}");
}

#[test]
fn without_exit_it_stays_up_until_it_is_interrupted() {
    use std::io::{BufRead as _, BufReader};
    let nowhere = tempfile::tempdir().unwrap();
    let mut command = demo(&[], &[("PATH", nowhere.path().to_str().unwrap())]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.find(|line| line.as_ref().unwrap().contains("The pages are at"));
    let line = line.unwrap().unwrap();
    let url = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap();

    let page = crate::world::http::get(&format!("{url}/runs/1"));
    assert_eq!(page.status, 200);
    assert!(page.body.contains("testOnPush"), "{}", page.body);

    let since = Instant::now();
    process::signal(child.id() as i32, Signal::SIGINT);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(since.elapsed() < PATIENCE);
}
