//! People look at a running agent, and act, from a command line.

mod acts;
mod completion;
mod cut;

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

use insta::assert_snapshot;
use regex_lite::Regex;
use serde_json::Value;

use crate::world::{Module, Repo, World, process};

/// The command line of somebody on the agent's machine.
pub(super) struct Shell<'a> {
    world: &'a World,
    environment: Vec<(String, String)>,
}

/// How a command ended.
#[derive(Debug)]
pub(super) struct Ended {
    status: Option<i32>,
    pub(super) stdout: String,
    stderr: String,
}

/// A command under way.
pub(super) struct Going {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
    said: String,
}

impl<'a> Shell<'a> {
    /// Asks at the agent's address.
    pub(super) fn remote(world: &'a World) -> Self {
        let url = ("POCKETCI_URL".to_owned(), world.agent.url(""));
        Self { world, environment: vec![url] }
    }

    /// Asks at the socket in the agent's data folder.
    pub(super) fn local(world: &'a World) -> Self {
        let data = world.agent.data().to_str().unwrap().to_owned();
        Self { world, environment: vec![("POCKETCI_DATA_DIR".to_owned(), data)] }
    }

    fn command(&self, line: &str) -> Command {
        let mut command = process::program(env!("CARGO_BIN_EXE_pocketci-agent"));
        command.args(line.split_whitespace()).current_dir(self.world.path(""));
        // Not in the agent's folder: its stories look there for what was left behind.
        command.env("TZ", "UTC").envs(self.environment.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(super) fn run(&self, line: &str) -> Ended {
        let done = self.command(line).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended { status: done.status.code(), stdout: text(done.stdout), stderr: text(done.stderr) }
    }

    fn begin(&self, line: &str) -> Going {
        let mut child = self.command(line).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Going { child, out, said: String::new() }
    }
}

impl Going {
    /// Waits until it has printed this.
    #[track_caller]
    fn expect(&mut self, text: &str) {
        while !self.said.contains(text) {
            let mut line = String::new();
            let read = self.out.read_line(&mut line).unwrap();
            assert_ne!(read, 0, "it ended without `{text}`:\n{}", self.said);
            self.said.push_str(&line);
        }
    }

    fn end(mut self) -> Ended {
        self.out.read_to_string(&mut self.said).unwrap();
        let mut stderr = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        let status = self.child.wait().unwrap().code();
        Ended { status, stdout: self.said, stderr }
    }
}

impl Ended {
    #[track_caller]
    pub(super) fn status(self, expected: i32) -> Self {
        assert_eq!(self.status, Some(expected), "{}\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub(super) fn says(self, expected: &str) -> Self {
        assert!(self.stdout.contains(expected), "{}\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub(super) fn complains(self, expected: &str) -> Self {
        assert!(self.stderr.contains(expected), "{}\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|why| panic!("{why}: {self:?}"))
    }

    /// Without what differs from one time to the other: commits and durations.
    fn same(&self) -> String {
        let commit = Regex::new(r"\b[0-9a-f]{7}\b").unwrap();
        let time = Regex::new(r"\b\d+(\.\d)? s\b *").unwrap();
        let text = commit.replace_all(&self.stdout, "1234567");
        let text = time.replace_all(&text, "N s ");
        // Columns are as wide as what is in them.
        let text = Regex::new(r"(\S) {2,}").unwrap().replace_all(&text, "$1  ").into_owned();
        text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }
}

/// A repository whose push passes one call, fails another and skips a third.
fn mixed(world: &World) -> (Repo, String) {
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci")
        .function("testOnPush", |f| f.prints("all is well"))
        .function("lintOnPush", |f| f.executes("echo one; echo '\u{1b}[2Jtwo' >&2; exit 3"))
        .function("deploy", |f| f);
    let sha = repo.commit("main", module);
    world.forge.push(&repo, "main");
    world.forge.expect_status(&sha, "pocketci", "failure");
    (repo, sha)
}

#[test]
fn runs_are_listed_and_shown() {
    let world = World::start();
    let shell = Shell::remote(&world);
    shell.run("runs list").status(0).says("There are no runs yet");
    let (_, sha) = mixed(&world);

    let listed = shell.run("runs list").status(0);
    assert_snapshot!(listed.same(), @"
    RUN  STATE  REPOSITORY  WHERE  WHAT  CALLS  TOOK  AGE
    1  ✗ failed  ada/site  main  Work on main  ✓✗  N s N s
    ");
    let shown = shell.run("runs show 1").status(0);
    assert_snapshot!(shown.same(), @"
    Run 1 ada/site
      ada pushed the new branch main: Work on main
      commit 1234567, pocketci.yaml
      http://ci.example/runs/1

    ✗ failed in N s
      ✓ 1 test-on-push  passed in N s
      ✗ 2 lint-on-push  failed (exit 3) in N s

    Not called
      - deploy  its name asks for no event
    ");

    shell.run("runs list --state passed").status(0).says("No run is like that");
    shell.run("runs list -r ada/site -b main -e push -s failed -t site").status(0).says("failed");
    let json = shell.run("runs list --json").status(0).json();
    assert_eq!(json["runs"][0]["sha"], sha.as_str());
    let json = shell.run("runs show #1 --json").status(0).json();
    assert_eq!(json["call_details"][0]["outcome"], "passed");
}

#[test]
fn logs_are_shown() {
    let world = World::start();
    mixed(&world);
    let shell = Shell::remote(&world);

    let one = shell.run("runs logs 1 test-on-push").status(0);
    assert_eq!(one.stdout.matches("all is well").count(), 1, "{one:?}");
    let all = shell.run("runs logs 1").status(0);
    let all = all.says("test-on-push ┆ ").says("all is well").says("lint-on-push ┆ ").says("two");
    assert!(!all.stdout.contains('\u{1b}'), "{all:?}");
    // Followed after the end, it is the same.
    let followed = shell.run("runs logs 1 test-on-push -f").status(0);
    assert_eq!(followed.stdout, one.stdout);
    shell.run("runs logs 1 -f").status(1).complains("1 call did not pass");
    let json = shell.run("runs logs 1 test-on-push --json").status(0);
    let lines: Vec<Value> =
        json.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(
        lines.iter().any(|line| line["text"].as_str().unwrap().contains("all is well")),
        "{json:?}"
    );

    shell.run("runs logs 1 nothing").status(2).complains("test-on-push, lint-on-push");
    for line in ["runs show 77", "runs watch 77", "runs logs 77 -f"] {
        shell.run(line).status(2).complains("There is no run 77").complains("runs list");
    }
    let https = world.agent.url("").replace("http:", "https:");
    let wrong = shell.run(&format!("runs list --server {https}"));
    wrong.status(3).complains("does not speak https");
    shell.run("runs show main").status(2).complains("by its number");
}

#[test]
fn a_run_that_is_over_is_watched() {
    let world = World::start();
    mixed(&world);
    let watched = Shell::remote(&world).run("runs watch 1").status(1);
    let watched = watched.complains("Run 1 failed").says("\n── lint-on-push\n").says("two");
    let told = watched.same();
    assert_snapshot!(told.split("\n──").next().unwrap(), @"
    Run 1 ada/site
      ada pushed the new branch main: Work on main
      commit 1234567, pocketci.yaml
      http://ci.example/runs/1
    ✓ test-on-push  passed in N s
    ✗ lint-on-push  failed (exit 3) in N s

    ✗ failed in N s
    ");
}

/// The agent goes away and comes back while one watches a run and another follows its log.
#[test]
fn a_restart_is_waited_for() {
    let mut world = World::with(&[("POCKETCI_DRAIN_TIMEOUT", "1s")]);
    let (began, go) = (world.path("began"), world.path("go"));
    let module = Module::new("ci").function("testOnPush", |f| {
        f.prints("the first line").touches(&began).waits_for(&go).prints("the last line")
    });
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", module);
    world.forge.push(&repo, "main");
    world.expect_file("began");
    // At the same address, as behind a name.
    let address = world.agent.url("").trim_start_matches("http://").to_owned();
    world.agent.set("POCKETCI_LISTEN", &address);

    let shell = Shell::remote(&world);
    let mut watch = shell.begin("runs watch 1");
    let mut logs = shell.begin("runs logs 1 -f");
    let mut json = shell.begin("runs logs 1 -f --json");
    watch.expect("running");
    logs.expect("the first line");
    json.expect("the first line");
    world.agent.restart();
    world.touch("go");
    world.forge.expect_status(&sha, "pocketci", "success");

    let watch = watch.end().status(0);
    watch.says("passed").complains("is asked again").complains("there again");
    let logs = logs.end().status(0);
    // As it is: nothing lost, nothing doubled.
    let whole = Shell::remote(&world).run("runs logs 1");
    assert_eq!(logs.stdout, whole.stdout);
    assert!(logs.stdout.contains("the last line"), "{logs:?}");
    let json = json.end().status(0);
    assert_eq!(json.stdout, Shell::remote(&world).run("runs logs 1 --json").stdout);
}

#[test]
fn who_cannot_be_reached_is_told() {
    let mut world = World::start();
    let url = world.agent.url("");
    world.agent.terminate();
    let shell = Shell { world: &world, environment: Vec::new() };
    let line = |rest: &str| format!("runs list --server {rest}");
    shell.run(&line(&url)).status(3).complains("is the agent running?");
    let nowhere = format!("unix:{}", world.path("no.sock").display());
    let ended = shell.run(&line(&nowhere)).status(3);
    ended.complains("No agent answers at").complains("pocketci-agent serve");
    shell.run(&line("ftp://ci.example")).status(2).complains("is no address");
    shell.run(&line("http://127.0.0.1:1 --limit 0")).status(2);
    let secret = ("POCKETCI_TOKEN".to_owned(), "pci_0123".to_owned());
    let shell = Shell { world: &world, environment: vec![secret] };
    shell.run(&line("http://192.0.2.1")).status(2).complains("over plain http");
}
