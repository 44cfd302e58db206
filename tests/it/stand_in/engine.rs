//! The agent's own view of the CLI, on the stand-in: questions, lost engines, interrupts, and the
//! traps of the real one.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use pocketci::dagger::child::{Activity, Stream};
use pocketci::dagger::child::{Ended, Limits, watch};
use pocketci::dagger::{Dagger, EngineError, ListError, engine_trouble};
use pocketci::domain::redact::Redactor;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// Only a broken test meets it.
const LONG: Duration = Duration::from_secs(120);

/// A folder with a module, an engine and room to work in.
struct Place {
    root: tempfile::TempDir,
    dagger: Dagger,
}

impl Place {
    /// The steps are those of the module's one function, `testOnPush`.
    fn new(steps: &Value) -> Self {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        for folder in ["ci", "scratch", "cwd", "src"] {
            fs::create_dir(path(folder)).unwrap();
        }
        let env = vec![
            ("PATH".to_owned(), OsString::from("/usr/bin:/bin")),
            (
                "_EXPERIMENTAL_DAGGER_RUNNER_HOST".to_owned(),
                format!("unix://{}", path("engine.sock").display()).into(),
            ),
        ];
        let dagger = Dagger::new(super::program(), env, path("scratch"));
        let place = Self { root, dagger };
        place.engine("up");
        let config = json!({"name": "ci", "sdk": {"source": "go"}});
        fs::write(place.path("ci/dagger.json"), config.to_string()).unwrap();
        let source = json!({
            "constructor": ["token: Secret"],
            "functions": [{
                "name": "testOnPush",
                "args": ["src: Directory", "other: Secret"],
                "returns": "String!",
                "does": steps,
            }, {
                "name": "lazy",
                "returns": "Container!",
                "does": [{"exec": format!("touch {}", place.path("ran").display())}],
            }],
        });
        fs::write(place.path("ci/stand-in.json"), source.to_string()).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Says how the engine is; whole at once, as it may be read at any moment.
    fn engine(&self, text: &str) {
        fs::write(self.path("engine.new"), text).unwrap();
        fs::rename(self.path("engine.new"), self.path("engine.sock")).unwrap();
    }

    fn log(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.path("engine.sock.log")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    async fn call(&self, args: &[&str]) -> Called {
        self.call_with(args, &CancellationToken::new(), |_| {}).await
    }

    async fn call_with(
        &self,
        args: &[&str],
        cancel: &CancellationToken,
        mut on_line: impl FnMut(&str) + Send,
    ) -> Called {
        let module = self.path("ci").display().to_string();
        let mut argv = vec!["call", "--progress=plain", "-m", &module];
        argv.extend(args);
        let argv = argv.into_iter().map(str::to_owned).collect();
        let address = format!("unix://{}", self.path("engine.sock").display());
        let env = [("PATH", "/usr/bin:/bin"), ("NO_COLOR", "1"), ("SECRET", "hunter2")];
        let mut env: Vec<_> =
            env.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value))).collect();
        env.push(("_EXPERIMENTAL_DAGGER_RUNNER_HOST".to_owned(), address.into()));
        let program = self.dagger.call(argv, env, self.path("cwd"));
        let (mut stdout, mut stderr) = (String::new(), String::new());
        let nothing = Redactor::default();
        let ended = watch(program, &nothing, Limits::deadline(LONG), cancel, |activity| {
            if let Activity::Line(stream, line) = activity {
                let line = String::from_utf8_lossy(line);
                let text = if stream == Stream::Stdout { &mut stdout } else { &mut stderr };
                text.push_str(&line);
                text.push('\n');
                on_line(&line);
            }
        })
        .await;
        Called { ended, stdout, stderr }
    }
}

struct Called {
    ended: Ended,
    stdout: String,
    stderr: String,
}

#[tokio::test]
async fn the_questions_are_answered() {
    let place = Place::new(&json!([]));
    assert_eq!(place.dagger.version().await.unwrap().to_string(), "0.21.8");
    place.dagger.ping(LONG).await.unwrap();
    let listing = place.dagger.list(&place.path("ci"), LONG).await.unwrap();
    let listing: Value = serde_json::from_slice(&listing).unwrap();
    let module = &listing["moduleSource"]["asModule"];
    assert_eq!(module["objects"][0]["asObject"]["functions"][0]["name"], "testOnPush");

    let starts: Vec<_> = place.log().into_iter().filter(|entry| entry["at"] == "start").collect();
    let kinds: Vec<_> = starts.iter().map(|entry| entry["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["version", "ping", "list"]);
    for start in &starts {
        let env = start["env"].as_object().unwrap();
        let mut names: Vec<_> = env.keys().map(String::as_str).collect();
        names.sort_unstable();
        let expected = [
            "DAGGER_NO_NAG",
            "DAGGER_NO_UPDATE_CHECK",
            "DO_NOT_TRACK",
            "HOME",
            "NO_COLOR",
            "PATH",
            "_EXPERIMENTAL_DAGGER_RUNNER_HOST",
        ];
        assert_eq!(names, expected);
        assert_eq!(env["HOME"], start["cwd"], "both are the question's own empty folder");
    }
    let ends = place.log().into_iter().filter(|entry| entry["at"] == "end");
    assert!(ends.map(|entry| entry["exit"].clone()).eq([0, 0, 0].map(Value::from)));
    assert_eq!(fs::read_dir(place.path("scratch")).unwrap().count(), 0, "folders are left");
}

#[tokio::test]
async fn an_old_cli_is_told() {
    let place = Place::new(&json!([]));
    place.engine("version v0.20.1");
    assert!(place.dagger.version().await.unwrap().supported().is_err());
}

#[tokio::test]
async fn an_engine_that_does_not_answer_is_noticed() {
    let place = Place::new(&json!([]));
    let soon = Duration::from_millis(100);
    place.engine("down");
    assert!(
        matches!(place.dagger.ping(soon).await, Err(EngineError::Slow(limit)) if limit == soon)
    );
    fs::remove_file(place.path("engine.sock")).unwrap();
    assert!(matches!(place.dagger.ping(soon).await, Err(EngineError::Slow(_))));
    place.engine("down 0s");
    let error = place.dagger.ping(LONG).await.unwrap_err();
    let text =
        "The dagger engine cannot be used: start engine: new client: context deadline exceeded";
    assert_eq!(error.to_string(), text);
    let error = place.dagger.list(&place.path("ci"), LONG).await.unwrap_err();
    assert!(matches!(error, ListError::Engine(EngineError::Unreachable(_))), "{error}");
}

#[tokio::test]
async fn a_module_that_cannot_be_loaded_says_why() {
    let place = Place::new(&json!([]));
    let missing = place.dagger.list(&place.path("nope"), LONG).await.unwrap_err();
    let path = place.path("nope").display().to_string();
    let text =
        format!("The module cannot be loaded: moduleSource local path \"{path}\" does not exist");
    assert_eq!(missing.to_string(), text);
    fs::write(place.path("ci/dagger.json"), "{").unwrap();
    let malformed = place.dagger.list(&place.path("ci"), LONG).await.unwrap_err();
    assert!(
        matches!(malformed, ListError::Module(text) if text.contains("failed to decode module config"))
    );
}

#[tokio::test]
async fn an_engine_killed_under_a_call_is_told_from_a_failure() {
    let place = Place::new(&json!([{"print": "running"}, {"wait-for": "/nowhere"}]));
    let called = place
        .call_with(&["test-on-push"], &CancellationToken::new(), |line| {
            if line.ends_with("| running") {
                place.engine("killed 0s");
            }
        })
        .await;
    assert!(matches!(called.ended, Ended::Exited(1)), "{:?}", called.ended);
    let text = engine_trouble(&called.stderr).unwrap();
    assert_eq!(text, "Post \"http://dagger/query\": unexpected EOF");

    let place = Place::new(&json!([{"raise": "dial tcp: connect: connection refused"}]));
    let called = place.call(&["test-on-push"]).await;
    assert!(matches!(called.ended, Ended::Exited(1)));
    assert_eq!(engine_trouble(&called.stderr), None);
}

#[tokio::test]
async fn an_interrupted_call_is_cancelled() {
    let place = Place::new(&json!([{"print": "running"}, {"sleep-ms": 1_000_000}]));
    let cancel = CancellationToken::new();
    let called = place
        .call_with(&["test-on-push"], &cancel, |line| {
            if line.ends_with("| running") {
                cancel.cancel();
            }
        })
        .await;
    assert!(matches!(called.ended, Ended::Cancelled), "{:?}", called.ended);
    assert!(called.stderr.ends_with("Canceled.\n"), "{}", called.stderr);
}

#[tokio::test]
async fn a_container_runs_only_when_something_is_chained() {
    let place = Place::new(&json!([]));
    let called = place.call(&["lazy"]).await;
    assert!(called.stdout.starts_with("Container@xxh3:"), "{}", called.stdout);
    assert!(!place.path("ran").exists());
    let called = place.call(&["lazy", "sync"]).await;
    assert!(called.stdout.starts_with("Container@xxh3:"), "{}", called.stdout);
    assert!(place.path("ran").exists());
}

#[tokio::test]
async fn a_dotenv_is_code() {
    let place = Place::new(&json!([{"return": "ok"}]));
    let ran = |name: &str| format!("cmd://touch {}", place.path(name).display());
    // In the module's folder, for the constructor and for a function, used or not.
    let text = format!("TOKEN={}\nTEST_ON_PUSH_OTHER={}\n", ran("first"), ran("second"));
    fs::write(place.path("ci/.env"), text).unwrap();
    let called = place.call(&["test-on-push"]).await;
    assert!(matches!(called.ended, Ended::Exited(0)));
    assert!(called.stderr.contains("user default: ci(token="), "{}", called.stderr);
    assert!(place.path("first").exists() && place.path("second").exists());
    fs::remove_file(place.path("ci/.env")).unwrap();
    // Above the working directory.
    fs::write(place.path(".env"), format!("CI_TOKEN={}\n", ran("third"))).unwrap();
    place.call(&["test-on-push"]).await;
    assert!(place.path("third").exists());
    // At the repository's root, when the working directory is elsewhere.
    fs::remove_file(place.path(".env")).unwrap();
    fs::write(place.path("src/.env"), format!("CI_TOKEN={}\n", ran("fourth"))).unwrap();
    let src = format!("--src={}", place.path("src").display());
    place.call(&["test-on-push", &src]).await;
    assert!(!place.path("fourth").exists());
}

#[tokio::test]
async fn links_are_followed() {
    let place = Place::new(&json!([{"return": "${src.entries}"}]));
    std::os::unix::fs::symlink("/etc", place.path("src/link")).unwrap();
    let src = format!("--src={}", place.path("src/link").display());
    assert!(place.call(&["test-on-push", &src]).await.stdout.contains("passwd"));
}

#[tokio::test]
async fn secrets_are_masked_in_containers_only() {
    let steps = json!([
        {"print": "module: ${other}"},
        {"exec": "echo container: $TOKEN", "env": {"TOKEN": "${other}"}},
        {"return": "${stdout}"},
    ]);
    let called = Place::new(&steps).call(&["test-on-push", "--other=env:SECRET"]).await;
    assert_eq!(called.stdout, "container: ***\n");
    assert!(called.stderr.contains("| module: hunter2"), "{}", called.stderr);
    let called = Place::new(&steps).call(&["test-on-push", "--other=env:UNSET_NAME"]).await;
    assert!(matches!(called.ended, Ended::Exited(1)));
    assert!(called.stderr.contains("secret env var not found: \"UNS...\""), "{}", called.stderr);
}
