//! The commands that need no server, as people run them: the real binary, outside any repository.

mod event;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

/// A folder that is no repository, and the binary in it with an environment that starts empty.
struct Shell {
    folder: tempfile::TempDir,
}

/// How a command ended.
struct Ended {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Shell {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let file = self.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    #[expect(clippy::disallowed_methods, reason = "tests run the binary")]
    fn run_with(&self, arguments: &[&str], input: &[u8], env: &[(&str, &str)]) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pocketci-agent"));
        command.args(arguments).current_dir(self.path()).env_clear();
        command.env("HOME", self.path()).env("PATH", self.path()).envs(env.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that does not want its input may be gone already.
        let _ = child.stdin.take().unwrap().write_all(input);
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended { status: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, b"", &[])
    }
}

impl Ended {
    #[track_caller]
    fn status(self, expected: i32) -> Self {
        assert_eq!(self.status, Some(expected), "{}\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    fn says(self, expected: &str) -> Self {
        assert!(self.stdout.contains(expected), "{}\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    fn complains(self, expected: &str) -> Self {
        assert!(self.stderr.contains(expected), "{}\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

const SHA: &str = "6113728f27ae82c7b1a177c8d03f9e96e0adf246";

fn repository() -> Value {
    json!({
        "name": "hello", "full_name": "alice/hello", "private": false,
        "owner": {"login": "alice", "name": "alice"},
        "html_url": "https://github.com/alice/hello",
        "clone_url": "https://github.com/alice/hello.git",
        "default_branch": "main",
    })
}

fn pull_request(action: &str) -> Vec<u8> {
    let side = |branch: &str| json!({"ref": branch, "sha": SHA, "repo": repository()});
    let body = json!({
        "action": action,
        "number": 7,
        "pull_request": {
            "number": 7, "title": "Say hello", "draft": false, "merged": false, "labels": [],
            "html_url": "https://github.com/alice/hello/pull/7",
            "user": {"login": "bob"},
            "head": side("feature"),
            "base": side("main"),
        },
        "repository": repository(),
        "sender": {"login": "bob", "id": 2},
    });
    body.to_string().into_bytes()
}

fn deletion() -> Vec<u8> {
    let body = json!({
        "ref": "refs/heads/feature", "before": SHA, "after": "0".repeat(40), "created": false,
        "deleted": true, "forced": false, "head_commit": null, "commits": [],
        "repository": repository(), "sender": {"login": "bob", "id": 2},
    });
    body.to_string().into_bytes()
}

/// A listing of functions that take the arguments named, all optional texts but `src`.
fn listing(functions: &[(&str, &[&str])]) -> String {
    let function = |(name, arguments): &(&str, &[&str])| {
        let argument = |name: &&str| {
            let (name, default) = name.split_once('=').unwrap_or((name, ""));
            let object = (name == "src").then(|| json!({"name": "Directory"}));
            let kind = if object.is_some() { "OBJECT_KIND" } else { "STRING_KIND" };
            let default = (!default.is_empty()).then(|| format!("\"{default}\""));
            json!({
                "name": name, "description": "", "defaultPath": "", "ignore": [],
                "defaultValue": default,
                "typeDef": {
                    "kind": kind, "optional": object.is_none(), "asObject": object,
                    "name": if kind == "OBJECT_KIND" { "Directory" } else { "String" },
                    "asList": null, "asEnum": null,
                },
            })
        };
        json!({
            "name": name, "description": "",
            "args": arguments.iter().map(argument).collect::<Vec<_>>(),
            "returnType": {
                "kind": "STRING_KIND", "name": "String", "optional": false, "asObject": null,
                "asList": null, "asEnum": null,
            },
        })
    };
    let functions: Vec<Value> = functions.iter().map(function).collect();
    let object = json!({"name": "Ci", "constructor": null, "functions": functions});
    let source = json!({
        "configExists": true, "moduleName": "ci", "engineVersion": "v0.21.8", "digest": "x",
        "asModule": {
            "name": "ci", "description": "", "enums": [], "objects": [{"asObject": object}],
        },
    });
    json!({"moduleSource": source}).to_string()
}

/// A saved pull request, module and spec.
fn saved() -> Shell {
    let shell = Shell::new();
    shell.write("body.json", pull_request("opened"));
    let functions: [(&str, &[&str]); 3] = [
        ("testOnPullRequest", &["src", "filter"]),
        ("lintOnPullRequest", &["src", "onChanges=docs/**"]),
        ("onPush", &["src"]),
    ];
    shell.write("functions.json", listing(&functions));
    shell.write("spec.yaml", "module-path: ci\n");
    shell
}

const SAVED: [&str; 9] = [
    "plan",
    "--payload=body.json",
    "--event=pull_request",
    "--functions=functions.json",
    "--changed=main.go",
    "--changed=go.mod",
    "--spec=spec.yaml",
    "--vendor",
    "github",
];

#[test]
fn a_saved_webhook_is_planned_without_repository_and_engine() {
    let shell = saved();
    let plan = shell.run(&[&SAVED[..], &["--json"]].concat()).status(0).json();
    let event = &plan["event"];
    assert_eq!(event["event_type"], "pull_request");
    assert_eq!(event["filter"], "opened");
    assert_eq!(event["changes"], json!(["main.go", "go.mod"]));
    assert!(event.get("payload").is_none());
    let keys: Vec<&String> = plan.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["event", "specs"]);
    let spec = &plan["specs"][0];
    let keys: Vec<&String> = spec.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["path", "module", "decision", "reason", "calls", "functions"]);
    assert_eq!(spec["path"], "pocketci.yaml");
    assert_eq!(spec["module"], "ci");
    assert_eq!(spec["decision"], "call");
    assert_eq!(spec["reason"], Value::Null);
    let call = json!({
        "function": "testOnPullRequest",
        "kebab": "test-on-pull-request",
        "level": 4,
        "args": ["--src=.", "--filter=opened"],
        "argv": [
            "dagger", "call", "--progress=plain", "-m", "./ci", "test-on-pull-request", "--src=.",
            "--filter=opened",
        ],
    });
    assert_eq!(spec["calls"], json!([call]));
    let functions = spec["functions"].as_array().unwrap();
    assert_eq!(functions.len(), 3);
    for function in functions {
        let keys: Vec<&String> = function.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["name", "decision", "code", "text"]);
    }
    assert_eq!(functions[1]["decision"], "skip");
    assert!(functions[1]["text"].as_str().unwrap().contains("docs/**"), "{functions:?}");
}

#[test]
fn a_plan_for_people_has_a_line_for_every_function() {
    let shell = saved();
    let plain = shell.run(&SAVED).status(0);
    assert!(!plain.stdout.contains('\u{1b}'), "{}", plain.stdout);
    let plain = plain
        .says("pull_request opened · feature → main · alice/hello · 6113728 · 2 changed files: ")
        .says("pocketci.yaml · module ci\n")
        .says("  call  testOnPullRequest  ")
        .says("  skip  lintOnPullRequest  ")
        .says("  skip  onPush             ");
    assert!(!plain.stdout.contains("dagger call"), "{}", plain.stdout);
    shell.run(&[&SAVED[..], &["-v"]].concat()).says(
        "dagger call --progress=plain -m ./ci test-on-pull-request --src=. --filter=opened\n",
    );
    let env = [("CLICOLOR_FORCE", "1")];
    assert!(shell.run_with(&SAVED, b"", &env).stdout.contains("\u{1b}["));
}

#[test]
fn nothing_to_call_is_said_and_no_error() {
    let shell = saved();
    shell.write("functions.json", listing(&[("onPush", &["src"])]));
    shell.run(&SAVED).status(0).says("nothing to call: ");
    let plan = shell.run(&[&SAVED[..], &["--json"]].concat()).status(0).json();
    assert_eq!(plan["specs"][0]["decision"], "skip");
    assert_eq!(plan["specs"][0]["calls"], json!([]));
    assert!(plan["specs"][0]["reason"]["text"].is_string());
}

#[test]
fn an_event_that_is_not_planned_has_no_specs() {
    let shell = saved();
    shell.write("body.json", deletion());
    let arguments: Vec<&str> = SAVED
        .iter()
        .map(|arg| if *arg == "--event=pull_request" { "--event=push" } else { arg })
        .collect();
    shell.run(&arguments).status(0).says("nothing to plan: a deletion leaves no commit to build");
    let plan = shell.run(&[&arguments[..], &["--json"]].concat()).status(0).json();
    assert_eq!(plan["specs"], json!([]));
    assert_eq!(plan["event"]["deleted"], true);
}

#[test]
fn a_broken_spec_is_drawn_and_ends_with_2() {
    let shell = saved();
    shell.write("spec.yaml", "modul-path: ci\n");
    shell.run(&SAVED).status(2).complains("--> spec.yaml:1:1").complains("did you mean");
    let plan = shell.run(&[&SAVED[..], &["--json"]].concat()).status(2).json();
    assert_eq!(plan["specs"][0]["decision"], "error");
    assert_eq!(plan["specs"][0]["calls"], json!([]));
}

#[test]
fn commands_are_planned_without_a_listing() {
    let shell = saved();
    shell.write("spec.yaml", "commands:\n  bOnPullRequest: {run: make it}\n  aOnPush: {run: no}\n");
    let arguments: Vec<&str> =
        SAVED.into_iter().filter(|a| !a.starts_with("--functions")).collect();
    let plan = shell.run(&[&arguments[..], &["--json"]].concat()).status(0).json();
    let spec = &plan["specs"][0];
    assert_eq!(spec["module"], Value::Null);
    assert_eq!(spec["calls"][0]["argv"], json!(["sh", "-c", "make it"]));
    assert_eq!(spec["functions"][0]["name"], "bOnPullRequest");
    assert_eq!(spec["functions"][1]["decision"], "skip");
}

#[test]
fn an_event_can_be_named_outside_a_repository() {
    let shell = saved();
    let saved = ["--functions=functions.json", "--changed=a", "--spec=spec.yaml"];
    let run = |event: &[&str]| shell.run(&[&["plan"], event, &saved[..]].concat());
    run(&["push", "--branch=main"]).status(0).says("  call  onPush");
    run(&["pull_request", "--branch=x", "--base=main"]).status(0).says("call  testOnPullRequest");
    run(&["tag", "v1.2.3"]).status(0).says("tag v1.2.3");
    run(&["push"]).status(2).complains("no repository here");
    run(&["tag"]).status(2).complains("plan tag v1.2.3");
    run(&["pul_request"]).status(2).complains("did you mean `pull_request`?");
}

#[test]
fn what_is_missing_is_said() {
    let shell = saved();
    shell.run(&["plan"]).status(2).complains("no repository here");
    let event = ["plan", "push", "--branch=main"];
    let run = |more: &[&str]| shell.run(&[&event[..], more].concat());
    run(&[]).status(2).complains("--changed");
    run(&["--changed=a"]).status(2).complains("--spec FILE");
    run(&["--changed=a", "--spec=spec.yaml"]).status(2).complains("--functions FILE");
    run(&["--changed=a", "--spec=spec.yaml", "--functions=none"]).status(2).complains("listing");
    run(&["--changed=a", "--spec=spec.yaml", "--functions=spec.yaml"]).status(2);
    run(&["--payload=body.json"]).status(2);
}

#[test]
fn help_version_completions_and_manual() {
    let shell = Shell::new();
    shell.run(&["--help"]).status(0).says("doctor").says("Exit status");
    shell.run(&["--version"]).status(0).says("pocketci-agent ");
    shell.run(&["serve", "--help"]).status(0).says("X_HUB_SIGNATURE").says("POCKETCI_FORKS");
    shell.run(&["nonsense"]).status(2).complains("nonsense");
    for name in ["bash", "zsh", "fish"] {
        shell.run(&["completions", name]).status(0).says("pocketci-agent");
    }
    shell.run(&["man"]).status(0).says(".TH pocketci-agent 1").says("POCKETCI_DATA_DIR");
}

#[test]
fn doctor_says_what_is_missing() {
    let shell = Shell::new();
    // Nothing listens on port 1, so that nobody's network is asked.
    let env = [("POCKETCI_GITHUB_URL", "http://127.0.0.1:1"), ("POCKETCI_DATA_DIR", "state")];
    shell
        .run_with(&["doctor"], b"", &env)
        .status(3)
        .says("FAIL  webhook secret — ")
        .says("ok    git — libgit2 ")
        .says("ok    data folder — ")
        .says("FAIL  dagger — ")
        .says("FAIL  forge — ");
    assert!(!shell.path().join("state").exists());
    let findings = shell.run_with(&["doctor", "--json"], b"", &env).status(3).json();
    assert_eq!(findings[0]["what"], "webhook secret");
    assert_eq!(findings[0]["level"], "fail");
    let env = [("POCKETCI_FORKS", "ask")];
    shell.run_with(&["doctor"], b"", &env).status(3).says("POCKETCI_FORKS is `ask`");
}
