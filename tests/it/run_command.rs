//! `run` and `plan` in working copies, as people use them there: the real binary, a real
//! repository, uncommitted changes included.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::world::{Engine, Module, Tree, eventually, process};

/// A working copy with one commit on `main`, and an engine.
struct Copy {
    dir: tempfile::TempDir,
    engine: Engine,
}

/// How a command ended.
struct Ended {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Copy {
    fn with(tree: impl Into<Tree>) -> Self {
        let dir = tempfile::Builder::new().prefix("pocketci-copy-").tempdir().unwrap();
        let engine = Engine::start(&dir.path().join("engine"));
        let copy = Self { dir, engine };
        std::fs::create_dir(copy.root()).unwrap();
        copy.git(&["init", "-q", "-b", "main"]);
        copy.write(&tree.into());
        copy.commit("The first");
        copy
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("hello")
    }

    /// A path beside the working copy.
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, tree: &Tree) {
        for (path, text) in tree.files() {
            let file = self.root().join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text.text()).unwrap();
        }
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", message]);
    }

    fn git(&self, arguments: &[&str]) {
        let mut git = process::program("git");
        git.args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]);
        git.env("HOME", self.dir.path()).args(arguments).current_dir(self.root());
        let done = git.output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    fn command(&self, arguments: &[&str], env: &[(&str, &str)]) -> Command {
        let mut command = process::program(env!("CARGO_BIN_EXE_pocketci-agent"));
        command.args(arguments).current_dir(self.root()).env("HOME", self.dir.path());
        command.env("POCKETCI_DAGGER", process::stand_in());
        command.env("_EXPERIMENTAL_DAGGER_RUNNER_HOST", self.engine.address());
        command.envs(env.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run_with(&self, arguments: &[&str], env: &[(&str, &str)]) -> Ended {
        let done = self.command(arguments, env).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(done.stdout), text(done.stderr));
        Ended { status: done.status.code(), stdout, stderr }
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, &[])
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
    fn never_says(self, unexpected: &str) -> Self {
        let said = format!("{}\n{}", self.stdout, self.stderr);
        assert!(!said.contains(unexpected), "{said}");
        self
    }

    #[track_caller]
    fn complains(self, expected: &str) -> Self {
        assert!(self.stderr.contains(expected), "{}\n{}", self.stdout, self.stderr);
        self
    }
}

fn commands(text: &str) -> Tree {
    Tree::new().file("pocketci.yaml", format!("commands:\n{text}")).file("a.txt", "one\n")
}

#[test]
fn commands_run_in_the_working_copy() {
    let copy = Copy::with(commands(
        "  testOnPush: {run: 'cat a.txt; env; pwd'}\n  docsOnPush: {run: 'echo no', on-changes: 'docs/**'}\n",
    ));
    copy.write(&Tree::new().file("a.txt", "two, and not committed\n"));
    let root = copy.root();
    copy.run(&["run"])
        .status(0)
        .says("push main")
        .says("call  testOnPush")
        .says("skip  1 function")
        .says("test-on-push │ two, and not committed")
        .says("test-on-push │ POCKETCI_RUN_ID=local")
        .says("test-on-push │ CI=pocketci")
        .says("test-on-push │ GITHUB_REF=refs/heads/main")
        .says("test-on-push │ COMPOSE_PROJECT_NAME=pocketci-local-")
        .says(&format!("test-on-push │ POCKETCI_SRC={}\n", root.display()))
        .says("passed  test-on-push")
        .never_says("docs-on-push");
}

#[test]
fn a_failing_call_is_exit_1_and_the_others_go_on() {
    let copy = Copy::with(commands(
        "  testOnPush: {run: 'echo fine'}\n  lintOnPush: {run: 'echo bad >&2; exit 4'}\n",
    ));
    copy.run(&["run"])
        .status(1)
        .says("lint-on-push │ bad")
        .says("test-on-push │ fine")
        .says("failed  lint-on-push  with exit status 4")
        .says("passed  test-on-push")
        .complains("1 of 2 failed: lint-on-push");
}

#[test]
fn calls_run_at_the_same_time() {
    let copy = Copy::with(commands(
        "  aOnPush: {run: 'touch .git/a; while ! [ -e .git/b ]; do sleep 0.01; done'}\n  \
         bOnPush: {run: 'touch .git/b; while ! [ -e .git/a ]; do sleep 0.01; done'}\n",
    ));
    copy.run_with(&["run"], &[("POCKETCI_PARALLELISM", "2")]).status(0);
}

#[test]
fn the_specs_time_limit_counts() {
    let spec = "commands:\n  testOnPush: {run: 'sleep 1000'}\ntimeout: 1s\n";
    let copy = Copy::with([("pocketci.yaml", spec)]);
    copy.run(&["run"]).status(1).says("failed  test-on-push  Timed out after");
}

#[test]
fn secrets_are_the_users_own_and_masked() {
    let spec = "commands:\n  testOnPush: {run: 'echo \"it is $MY_KEY\"'}\n\
                secrets:\n  - {name: key, from-env: MY_KEY}\n";
    let copy = Copy::with([("pocketci.yaml", spec)]);
    copy.run_with(&["run"], &[("MY_KEY", "open-sesame")])
        .status(0)
        .says("test-on-push │ it is ***")
        .never_says("open-sesame");
}

#[test]
fn a_module_is_called_with_the_working_copy_for_its_source() {
    let module = Module::new("ci")
        .function("testOnPush", |f| {
            f.src().event_trigger().secret("key").returns("String!").step(serde_json::json!(
                {"return": "a.txt says ${src/a.txt}, key ${key}"}
            ))
        })
        .function("lintOnPush", |f| f.src().on_changes("**/*.rs"))
        .file("a.txt", "one\n")
        .file("pocketci.yaml", "secrets:\n  - {name: key, from-env: MY_KEY}\n");
    let copy = Copy::with(module);
    copy.write(&Tree::new().file("a.txt", "two\n"));
    copy.run_with(&["run"], &[("MY_KEY", "open-sesame")])
        .status(0)
        .says("pocketci.yaml · module ci")
        .says("test-on-push │ a.txt says two")
        .says("passed  test-on-push")
        .never_says("open-sesame");
    let call = copy.engine.expect("call");
    assert_eq!(call.flag("src"), copy.root().to_str());
    assert_eq!(call.flag("key"), Some("env:MY_KEY"));
    assert_eq!(call.env["POCKETCI_RUN_ID"], "local");
    assert!(!call.cwd.starts_with(copy.root().to_str().unwrap()));
    assert!(!Path::new(call.flag("event-trigger").unwrap()).exists(), "the folder is kept");
}

/// On the server a module is loaded without it.
#[test]
fn a_dotenv_beside_a_module_is_warned_of() {
    let module = Module::new("ci").function("testOnPush", |f| f).file("ci/.env", "A=1\n");
    let copy = Copy::with(module);
    copy.run(&["run"]).status(0).complains("`ci/.env` is read by dagger");
}

#[test]
fn a_failing_function_is_exit_1() {
    let copy = Copy::with(Module::new("ci").function("testOnPush", |f| f.raises("it broke")));
    copy.run(&["run"]).status(1).says("it broke").complains("1 of 1 failed: test-on-push");
}

/// The commit has no change that the function wants; the working copy has.
#[test]
fn uncommitted_changes_count() {
    let copy = Copy::with(commands("  docsOnPush: {run: 'echo built', on-changes: 'docs/**'}\n"));
    copy.write(&Tree::new().file("a.txt", "two\n"));
    copy.commit("The second");
    copy.run(&["run"]).status(0).says("nothing to call").never_says("built");
    copy.write(&Tree::new().file("docs/guide.md", "# Guide\n"));
    copy.run(&["run"]).status(0).says("docs-on-push │ built");
}

#[test]
fn without_dagger_or_an_engine_it_is_exit_3() {
    let copy = Copy::with(Module::new("ci").function("testOnPush", |f| f));
    let none = copy.path("no-dagger");
    copy.run_with(&["run"], &[("POCKETCI_DAGGER", none.to_str().unwrap())])
        .status(3)
        .complains("install the dagger CLI");
    copy.engine.is("killed");
    copy.run(&["run"]).status(3).complains("engine");
}

#[test]
fn what_cannot_be_understood_is_exit_2() {
    let copy = Copy::with([("pocketci.yaml", "modul-path: ci\n")]);
    copy.run(&["run"]).status(2).complains("pocketci.yaml:1:1");
    copy.run(&["run", "pushh"]).status(2).complains("did you mean `push`?");
}

/// Reads until a line holds this.
#[track_caller]
fn wait_for(lines: &mut impl Iterator<Item = std::io::Result<String>>, text: &str) {
    let found = lines.any(|line| line.unwrap().contains(text));
    assert!(found, "it ended without `{text}`");
}

fn interrupt(child: &Child) {
    process::signal(child.id() as i32, Signal::SIGINT);
}

#[test]
fn an_interruption_ends_all_children_in_good_order() {
    let copy = Copy::with(commands(
        "  testOnPush: {run: 'trap \"echo tidied up; exit 1\" INT; sleep 1000 & echo here; wait'}\n",
    ));
    let mut child = copy.command(&["run"], &[]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    wait_for(&mut lines, "│ here");
    interrupt(&child);
    wait_for(&mut lines, "│ tidied up");
    wait_for(&mut lines, "Cancelled: interrupted");
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("1 of 1 failed: test-on-push"), "{said}");
    eventually("the end of everything", || {
        process::carrying(copy.dir.path()).is_empty().then_some(())
    });
}

#[track_caller]
fn plan(copy: &Copy, arguments: &[&str]) -> Value {
    let arguments: Vec<&str> = ["plan", "--json"].iter().chain(arguments).copied().collect();
    let ended = copy.run(&arguments).status(0);
    serde_json::from_str(&ended.stdout).unwrap()
}

#[test]
fn a_plan_is_made_of_the_last_commit() {
    let copy = Copy::with(
        Module::new("ci")
            .function("testOnPush", |f| f.src().on_changes("**/*.rs"))
            .file("a.rs", ""),
    );
    copy.write(&Tree::new().file("b.rs", ""));
    copy.commit("The second");
    let plan = plan(&copy, &[]);
    assert_eq!(plan["event"]["event_type"], "push");
    assert_eq!(plan["event"]["filter"], "main");
    assert_eq!(plan["event"]["changes"], serde_json::json!(["b.rs"]));
    assert_eq!(plan["event"]["commit"]["message"].as_str().unwrap().trim(), "The second");
    assert_eq!(plan["specs"][0]["calls"][0]["function"], "testOnPush");
    let source = format!("--src={}", copy.root().display());
    let args = plan["specs"][0]["calls"][0]["args"].as_array().unwrap();
    assert!(args.contains(&source.into()), "{args:?}");
    assert_eq!(copy.engine.listings(), 1);
}

#[test]
fn a_plan_is_made_of_a_pull_request_to_a_branch() {
    let copy = Copy::with(commands(
        "  testOnPullRequest: {run: 'true'}\n  docsOnPullRequest: {run: 'true', on-changes: 'docs/**'}\n",
    ));
    copy.git(&["checkout", "-q", "-b", "feature"]);
    copy.write(&Tree::new().file("docs/a.md", "a\n"));
    copy.commit("On the branch");
    copy.git(&["checkout", "-q", "main"]);
    copy.write(&Tree::new().file("elsewhere.txt", "a\n"));
    copy.commit("Meanwhile on main");
    copy.git(&["checkout", "-q", "feature"]);
    copy.write(&Tree::new().file("b.txt", "not committed\n"));
    let plan = plan(&copy, &["pull_request", "--base", "main"]);
    assert_eq!(plan["event"]["event_type"], "pull_request");
    assert_eq!(plan["event"]["filter"], "opened");
    assert_eq!(plan["event"]["pull_request"]["base"]["ref"], "main");
    assert_eq!(plan["event"]["pull_request"]["head"]["ref"], "feature");
    assert_eq!(plan["event"]["changes"], serde_json::json!(["b.txt", "docs/a.md"]));
    assert_eq!(plan["specs"][0]["calls"].as_array().unwrap().len(), 2);
}

#[test]
fn a_plan_is_made_of_a_tag_that_is_not_there_yet() {
    let copy = Copy::with(commands(
        "  testOnTag: {run: 'true'}\n  publishOnTag: {run: 'true', filter: 'v2'}\n",
    ));
    copy.git(&["tag", "v1.0.0"]);
    copy.write(&Tree::new().file("b.txt", "b\n"));
    copy.commit("The second");
    let plan = plan(&copy, &["tag", "v1.2.3"]);
    assert_eq!(plan["event"]["event_type"], "tag");
    assert_eq!(plan["event"]["tag"], "v1.2.3");
    assert_eq!(plan["event"]["changes"], serde_json::json!(["b.txt"]));
    let calls = plan["specs"][0]["calls"].as_array().unwrap();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0]["function"], "testOnTag");
}

/// A listing that takes longer than a second says so.
#[test]
fn a_slow_listing_is_told_of() {
    let copy = Copy::with(Module::new("ci").function("testOnPush", |f| f));
    copy.engine.is("delay 1500ms");
    copy.run(&["plan"]).status(0).says("call  testOnPush").complains("listing the functions of ci");
}
