//! The stand-in for `dagger` is held to recordings of the real one: same arguments, same exit
//! status, same standard output, and on standard error the same `Error:` with what belongs to it.
//! Progress with its timings and ids is not compared: nobody should read it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

mod engine;
pub(crate) mod otlp;

/// The stand-in, where cargo puts examples.
pub(crate) fn program() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let folder = test.ancestors().nth(2).expect("tests lie in target/<profile>/deps");
    let program = folder.join("examples/dagger-stand-in");
    assert!(program.exists(), "run `cargo build --example dagger-stand-in` first");
    program
}

/// The folder with the recordings; without it the test has nothing to compare.
#[expect(clippy::disallowed_methods, reason = "a test finds its data by a variable")]
pub(crate) fn recorded() -> Option<PathBuf> {
    let shared = std::env::var_os("POCKETCI_TEST_SHARED");
    if shared.is_none() {
        println!("skipped: POCKETCI_TEST_SHARED is not set");
    }
    Some(PathBuf::from(shared?).join("dagger/recorded"))
}

/// Cases that are not compared, by how their name begins, with the reason.
const NOT_COMPARED: &[(&str, &str)] = &[
    ("01-introspect/call-fn-help", "help is for people; the agent never asks for it"),
    ("01-introspect/call-help", "as above"),
    ("02-call/goci-help", "as above"),
    ("02-call/goci-lint-help", "as above"),
    ("01-introspect/functions", "lists fields too; the agent asks by query"),
    ("01-introspect/goci-functions", "as above"),
    ("01-introspect/query-td", "asks the engine for types of its own"),
    ("06-names/defaultvalue-format", "as above"),
    ("05-src/query-host-dir", "asks the engine for the host's folders"),
    ("01-introspect/query-full", "asks for fields that the agent does not ask for"),
    ("01-introspect/goci-cold", "as above, or the same as goci-warm-1 but slower"),
    ("01-introspect/goci-warm/", "as above"),
    ("02-call/progress-dots-fail", "a format of progress that leaves out the error"),
    ("02-call/progress-report-fail", "as above"),
    ("02-call/ret-dir-export", "exporting to the host is not pretended"),
    ("02-call/ret-dir-entries", "the function adds a file, which the stand-in's folders cannot"),
    ("02-call/ret-files", "identities of files in a list are not pretended"),
    ("02-call/goci-lint-first", "the recorded module did not compile yet"),
    ("02-call/goci-lint-second", "as above"),
    ("03-errors/engine-", "takes minutes: its own tests below do the same in milliseconds"),
    ("03-errors/signal-", "sent while it runs: its own test below"),
    ("03-errors/goci-sigint", "as above"),
    ("03-errors/dagger-json-gosdk-offline", "an SDK that cannot be fetched"),
    ("03-errors/workdir-missing", "`--workdir` before the command"),
    ("05-cache/", "the engine's cache is not pretended"),
    ("05-src/", "what an upload holds is the file system's business; `defPath` is compared"),
    ("07-env/labels-", "another program"),
    ("08-exec/biglog", "the recording is cut in the middle"),
    ("08-exec/stream-1s", "takes seconds; only the timing is special"),
];

/// Cases of a group above that are compared all the same.
const COMPARED: &[&str] = &[
    "05-src/defpath-demo",
    "05-src/defpath-sub",
    "05-src/entries-defpath",
    "05-src/entries-nogit",
];

fn skipped(name: &str) -> bool {
    let name = format!("{name}/");
    let listed = |begin: &str| name.starts_with(begin);
    NOT_COMPARED.iter().any(|(begin, _)| listed(begin)) && !COMPARED.iter().any(|c| listed(c))
}

/// The places of the recordings, rebuilt below a temporary folder.
struct World {
    root: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let world = Self { root: tempfile::tempdir().unwrap() };
        let demo = include_str!("stand_in/demo.json");
        let goci = include_str!("stand_in/goci.json");
        world.write("ref/payload.json", r#"{"action":"opened","number":1}"#);
        world.write("rootfs/bin/sh", "");
        for root in ["demo", "demo-badroot"] {
            for name in [".gitignore", "README.md", "b.go", "go.mod", "ignored.txt", ".git/HEAD"] {
                world.write(&format!("{root}/{name}"), "");
            }
            world.write(&format!("{root}/a.go"), "package main\n\nfunc main() {}\n");
            world.write(&format!("{root}/sub/x.txt"), "x");
            world.module(&format!("{root}/ci"), "ci", Some("dang"), demo);
        }
        // The recorded `goci` lay beside `ci`, but not in what was listed.
        world.module("goci", "goci", Some("go"), goci);
        world.write("ref/big/.git/HEAD", "");
        world.module("ref/big/ci", "ci", Some("dang"), demo);
        world.write("ref/nogit/a.go", "");
        world.module("ref/nogit/ci", "ci", Some("dang"), demo);
        world.module("ref/badmods/badsdk", "ci", Some("nosuchsdk"), demo);
        world.module("ref/badmods/nosdk", "ci", None, demo);
        let mut nomain: Value = serde_json::from_str(demo).unwrap();
        nomain["main"] = "Ci".into();
        world.module("ref/badmods/nomain", "other", Some("dang"), &nomain.to_string());
        let broken = |how: &str| {
            let mut goci: Value = serde_json::from_str(goci).unwrap();
            goci["broken"] = how.into();
            goci.to_string()
        };
        world.module("ref/badmods/goci-bad", "goci", Some("go"), &broken("syntax"));
        world.module("ref/badmods/goci-typeerr", "goci", Some("go"), &broken("types"));
        world.module(
            "ref/badmods/syntax",
            "ci",
            Some("dang"),
            &json!({"broken": "syntax"}).to_string(),
        );
        world.write("ref/badmods/json/dagger.json", "{");
        world.write("ref/badmods/empty/x", "");
        world.module("ref/badmods/future", "ci", Some("dang"), demo);
        world.write(
            "ref/badmods/future/dagger.json",
            r#"{"name": "ci", "engineVersion": "v99.0.0", "sdk": "dang"}"#,
        );
        world
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn module(&self, folder: &str, name: &str, sdk: Option<&str>, source: &str) {
        let mut config = json!({"name": name, "engineVersion": "v0.21.8"});
        if let Some(sdk) = sdk {
            config["sdk"] = json!({"source": sdk});
        }
        self.write(&format!("{folder}/dagger.json"), &config.to_string());
        self.write(&format!("{folder}/stand-in.json"), source);
    }

    /// A recorded path or argument, moved below the temporary folder.
    fn moved(&self, text: &str) -> String {
        let mut text = text.to_owned();
        if text == "./goci" || text == "ref=./goci" {
            text = text.replace("./goci", "/goci");
        }
        for place in ["/demo", "/ref/", "/rootfs", "/goci"] {
            if let Some(at) = text.find(place) {
                let whole = at == 0 || text[..at].ends_with('=') || text[..at].ends_with("//");
                if whole {
                    text.insert_str(at, &self.root.path().display().to_string());
                }
            }
        }
        text
    }

    /// What was printed, as the recording has it: recorded places, no ids.
    fn normal(&self, text: &[u8]) -> String {
        let text = String::from_utf8_lossy(text);
        let text = text.replace(&self.root.path().display().to_string(), "");
        let mut normal = String::new();
        let mut rest = text.as_str();
        for (begin, digits) in [("[traceparent:", 66), ("@xxh3:", 16)] {
            let mut kept = String::new();
            while let Some((before, after)) = rest.split_once(begin) {
                kept.push_str(before);
                kept.push_str(begin);
                let id = |c: char| c.is_ascii_hexdigit() || c == '-';
                let end = after.find(|c| !id(c)).unwrap_or(after.len());
                assert!(end <= digits, "{after}");
                rest = &after[end..];
            }
            kept.push_str(rest);
            normal = kept;
            rest = normal.clone().leak();
        }
        normal
    }
}

/// What of standard error matters: from the last `Error:` on, and what a `.env` set.
fn essential(stderr: &str) -> Vec<String> {
    let lines: Vec<&str> = stderr.lines().map(str::trim_end).collect();
    let error = lines.iter().rposition(|line| line.starts_with("Error:"));
    let mut kept: Vec<String> = match error {
        Some(from) => lines[from..].iter().map(|line| (*line).to_owned()).collect(),
        None => Vec::new(),
    };
    kept.retain(|line| !line.is_empty() && !line.starts_with("user default: "));
    let mut defaults: Vec<_> = lines.iter().filter(|l| l.starts_with("user default: ")).collect();
    defaults.sort();
    defaults.dedup();
    kept.extend(defaults.into_iter().map(|line| (*line).to_owned()));
    kept
}

/// Standard error where the words are the compiler's, the shell's or the stand-in's own: only
/// the first line, or its beginning, is the same.
const FIRST_LINE_ONLY: &[&str] = &[
    "02-call/goci-panic",
    "03-errors/goci-typeerr-call",
    "03-errors/invalid-dang-syntax",
    "03-errors/query-syntax",
    "08-exec/exit127",
    "02-call/flag-d-fail",
];

#[test]
fn it_agrees_with_the_recordings() {
    let Some(recorded) = recorded() else { return };
    let world = World::new();
    let (mut compared, mut differences) = (0, Vec::new());
    for group in [
        "01-introspect",
        "02-call",
        "03-errors",
        "05-cache",
        "05-src",
        "06-names",
        "07-env",
        "08-exec",
    ] {
        let mut cases: Vec<_> = fs::read_dir(recorded.join(group)).unwrap().flatten().collect();
        cases.sort_by_key(fs::DirEntry::file_name);
        for case in cases.iter().filter(|case| case.path().join("argv.json").exists()) {
            let name = format!("{group}/{}", case.file_name().display());
            if skipped(&name) {
                continue;
            }
            compared += 1;
            if let Err(difference) = compare(&world, &name, &case.path()) {
                differences.push(format!("{name}: {difference}"));
            }
        }
    }
    assert!(
        differences.is_empty(),
        "{} of {compared}:\n{}",
        differences.len(),
        differences.join("\n")
    );
    assert!(compared >= 110, "only {compared} cases were compared");
}

fn compare(world: &World, name: &str, case: &Path) -> Result<(), String> {
    let read = |file: &str| fs::read_to_string(case.join(file)).unwrap_or_default();
    let argv: Vec<String> = serde_json::from_str(&read("argv.json")).unwrap();
    let argv = argv.into_iter().skip_while(|word| word != "dagger").skip(1);
    let argv: Vec<String> = argv.map(|word| world.moved(&word)).collect();
    let meta: Value = serde_json::from_str(&read("meta.json")).unwrap();
    let mut env: BTreeMap<String, String> =
        serde_json::from_value(meta["env_set"].clone()).unwrap();
    env.remove("_EXPERIMENTAL_DAGGER_RUNNER_HOST");
    env.insert("PATH".to_owned(), "/usr/bin:/bin".to_owned());
    let cwd = world.moved(meta["cwd"].as_str().unwrap());
    if argv.iter().any(|word| word.ends_with("min.graphql")) {
        world.write(
            "ref/q/min.graphql",
            &fs::read_to_string(case.with_file_name("min.graphql")).unwrap(),
        );
    }
    let root = world.root.path().join("demo-badroot");
    if name.contains("/badroot") {
        world.write("demo-badroot/dagger.json", "");
    } else if name.contains("/goodroot") {
        world.module("demo-badroot", "root", Some("dang"), "{}");
    } else if name.contains("/dotenv") {
        world.write("demo-badroot/.env", "GREETING=fromdotenv\nFAIL_MSG=dotenvmsg\n");
    }
    // What was asked in two cases was not recorded, but follows from the answer.
    let stdin = match (name.rsplit('/').next(), meta["stdin"].as_bool()) {
        (Some("query-graphql-syntax-error"), _) => Some("{ version {} }".to_owned()),
        (Some("query-graphql-validation-error"), _) => Some("{ nosuchfield }".to_owned()),
        (_, Some(true)) => Some(read("stdin")),
        _ => None,
    };
    let output = run(&argv, &env, Path::new(&cwd), stdin.as_deref());
    for file in [".env", "dagger.json", "stand-in.json"] {
        let _ = fs::remove_file(root.join(file));
    }

    let expected = meta["rc"].as_i64().unwrap();
    let exit = output.status.code().map(i64::from);
    if exit != Some(expected) {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!("exit {exit:?}, not {expected}\n{stderr}"));
    }
    let (stdout, recorded) =
        (world.normal(&output.stdout), world.normal(read("stdout").as_bytes()));
    let listings = listing(&stdout).zip(listing(&recorded));
    if listings.map_or(stdout != recorded, |(a, b)| a != b) {
        return Err(format!("stdout\n{stdout}\n  not\n{recorded}"));
    }
    let (mut stderr, mut recorded) = (
        essential(&world.normal(&output.stderr)),
        essential(&world.normal(read("stderr").as_bytes())),
    );
    if FIRST_LINE_ONLY.contains(&name) {
        for lines in [&mut stderr, &mut recorded] {
            lines.truncate(1);
            let line = lines.first().cloned().unwrap_or_default();
            let end = line.find("failed to parse file").unwrap_or(line.len());
            *lines = vec![line[..end].to_owned()];
        }
    }
    if stderr != recorded {
        return Err(format!("stderr\n{stderr:#?}\n  not\n{recorded:#?}"));
    }
    Ok(())
}

/// A listing, with its objects in one order: the real one has none.
fn listing(stdout: &str) -> Option<Value> {
    let mut listing: Value = serde_json::from_str(stdout).ok()?;
    let objects = listing.pointer_mut("/moduleSource/asModule/objects")?.as_array_mut()?;
    objects.sort_by_key(|object| object["asObject"]["name"].to_string());
    Some(listing)
}

fn run(argv: &[String], env: &BTreeMap<String, String>, cwd: &Path, stdin: Option<&str>) -> Output {
    #[expect(clippy::disallowed_methods, reason = "the program under test")]
    let mut command = Command::new(program());
    command.args(argv).env_clear().envs(env).current_dir(cwd);
    command.stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() });
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    if let (Some(text), Some(mut pipe)) = (stdin, child.stdin.take()) {
        pipe.write_all(text.as_bytes()).unwrap();
    }
    child.wait_with_output().unwrap()
}

#[test]
fn a_lost_engine_is_told_from_a_failed_function_in_every_recording() {
    let Some(recorded) = recorded() else { return };
    let lost = |name: &str| {
        // Of those that were killed while they tried, the progress does not say that it failed.
        let silent = ["engine-sock-missing", "engine-sock-mute", "engine-sock-refused"];
        name.starts_with("engine-") && !silent.contains(&name) && !name.ends_with("sigterm")
    };
    for group in
        ["01-introspect", "02-call", "03-errors", "05-src", "06-names", "07-env", "08-exec"]
    {
        for case in fs::read_dir(recorded.join(group)).unwrap().flatten() {
            let Ok(stderr) = fs::read(case.path().join("stderr")) else { continue };
            let name = case.file_name().display().to_string();
            let trouble = pocketci::dagger::engine_trouble(&String::from_utf8_lossy(&stderr));
            let expected = lost(&name) && !name.starts_with("engineversion");
            assert_eq!(trouble.is_some(), expected, "{group}/{name}: {trouble:?}");
        }
    }
}

#[tokio::test]
async fn the_agent_asks_for_all_that_the_recorded_listings_have() {
    let Some(recorded) = recorded() else { return };
    let world = World::new();
    let query = fs::read_to_string(recorded.join("../listing.graphql")).unwrap();
    let module = world.root.path().join("goci");
    let argv = ["query", "-s", "-M", "--var", &format!("ref={}", module.display())];
    let env = BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]);
    let expected = run(&argv.map(str::to_owned), &env, Path::new("/"), Some(&query));
    let env = env.into_iter().map(|(name, value)| (name, value.into())).collect();
    let scratch = world.root.path().to_owned();
    let dagger = pocketci::dagger::Dagger::new(program(), env, scratch);
    let listing = dagger.list(&module, std::time::Duration::from_secs(60)).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&listing), String::from_utf8_lossy(&expected.stdout));
}
