//! Properties that hold for whatever a stranger makes up: arguments, webhooks, specs.
//!
//! A bounded number of cases in a normal run; `POCKETCI_TEST_CASES` says how many in a long one
//! (docs/security-tests.md).

use pocketci::domain::plan::{Action, Arg, ArgValue, Places, PlannedCall};
use pocketci::domain::spec;
use proptest::prelude::*;
use proptest::test_runner::Config;
use serde_json::json;

use crate::world::forge::{SECRET, headers, sign};
use crate::world::{Module, Tree, World, process};

#[expect(clippy::disallowed_methods, reason = "a long run is asked for from outside")]
fn cases(normal: u32) -> Config {
    let asked = std::env::var("POCKETCI_TEST_CASES").ok().and_then(|text| text.parse().ok());
    Config { cases: asked.unwrap_or(normal), failure_persistence: None, ..Config::default() }
}

/// Words that a command line could take for something else.
fn word() -> impl Strategy<Value = String> {
    let evil = prop::sample::select(vec![
        "--help",
        "-m",
        "--mod=/etc",
        "--",
        "-",
        "=",
        "--env-file=/etc/x",
        "sync",
        "env:HOME",
        "a b",
        "$(id)",
        "\u{1b}[31m",
        "\u{202e}",
        "\"",
        "'",
        "\\",
        ",",
        "@/etc/passwd",
    ]);
    prop_oneof![
        evil.prop_map(str::to_owned),
        "[^\\x00]{0,40}",
        (".{0,5}", "\n|\r|--|=|,", ".{0,5}")
            .prop_map(|(a, b, c)| format!("{a}{b}{c}").replace('\0', "")),
    ]
}

#[test]
fn a_value_is_never_another_flag() {
    let dir = tempfile::tempdir().unwrap();
    let engine = crate::world::Engine::start(&dir.path().join("engine"));
    let module = Module::new("ci").function("testOnPush", |f| {
        f.arg("filter: String!")
            .arg("vendor: String!")
            .returns("String!")
            .step(json!({"return": "${filter}|${vendor}"}))
    });
    for (path, content) in Tree::from(module).files() {
        let place = dir.path().join(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, content.text()).unwrap();
    }
    let root = dir.path().to_str().unwrap();
    let places = Places { module_tree: root, source: root, event_trigger: root };
    proptest!(cases(48), |(first in word(), second in word())| {
        let arg = |flag: &str, text: &str| Arg { flag: flag.to_owned(), value: ArgValue::Text(text.to_owned()) };
        let argv = argv_of(vec![arg("filter", &first), arg("vendor", &second)], places);
        let mut dagger = process::program(process::stand_in());
        dagger.env("_EXPERIMENTAL_DAGGER_RUNNER_HOST", engine.address()).current_dir("/");
        let output = dagger.args(&argv).output().unwrap();
        prop_assert!(output.status.success(), "{argv:?}: {}", String::from_utf8_lossy(&output.stderr));
        prop_assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{first}|{second}"));
    });
}

fn argv_of(args: Vec<Arg>, places: Places<'_>) -> Vec<String> {
    let action =
        Action::Dagger { module: "ci".to_owned(), constructor: Vec::new(), args, sync: false };
    let call = PlannedCall {
        function: "testOnPush".to_owned(),
        kebab: "test-on-push".to_owned(),
        level: 1,
        context: String::new(),
        posts_status: false,
        action,
        notes: Vec::new(),
    };
    call.argv(places)
}

/// Unsigned, or signed by somebody else, or signed and then changed: refused, and not kept.
#[test]
fn an_unsigned_webhook_never_reaches_the_database() {
    let world = World::start();
    // What would be work if it were signed, and what would not.
    let repo = world.forge.repository("ada/site");
    repo.commit("main", Module::new("ci").function("testOnPush", |f| f));
    let push = world.forge.pushed(&repo, "main").to_string().into_bytes();
    let bytes = prop_oneof![Just(push), proptest::collection::vec(any::<u8>(), 0..400)];
    let event = prop_oneof![Just("push".to_owned()), "[a-z_]{0,20}"];
    let kind = prop_oneof![Just("application/json".to_owned()), "[ -~]{0,60}"];
    proptest!(cases(150), |(body in bytes, event in event, kind in kind, signature in "[ -~]{0,60}", how in 0..4)| {
        let right = sign(SECRET, &body);
        let signature = match how {
            0 => signature,
            1 => sign("somebody else's", &body),
            2 => sign(SECRET, &[&body[..], b"x"].concat()),
            _ => right.chars().rev().collect(),
        };
        prop_assume!(signature.trim() != right);
        let all = headers("unsigned", &event, &kind, &signature);
        let all: Vec<_> = all.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = world.forge.deliver_raw(&all, &body);
        prop_assert!((400..500).contains(&answer.status), "{answer:?}");
        prop_assert!(!answer.body.contains("runs_url"));
    });
    // Signed bytes of any kind are answered, too.
    let bytes = proptest::collection::vec(any::<u8>(), 0..400);
    proptest!(cases(100), |(body in bytes, event in "[a-z_]{0,20}", form in any::<bool>())| {
        let kind = if form { "application/x-www-form-urlencoded" } else { "application/json" };
        let signature = sign(SECRET, &body);
        let all = headers("signed", &event, kind, &signature);
        let all: Vec<_> = all.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = world.forge.deliver_raw(&all, &body);
        prop_assert!((200..500).contains(&answer.status), "{answer:?}");
    });
    let database = std::fs::read(world.agent.data().join("pocketci.db")).unwrap();
    let log = std::fs::read(world.agent.data().join("pocketci.db-wal")).unwrap_or_default();
    for kept in [database, log] {
        assert!(!kept.windows(8).any(|eight| eight == b"unsigned"));
    }
    assert!(!world.agent.said().iter().any(|line| line.contains("panicked")));
    world.agent.expect_healthy();
}

const SPEC: &str = "module-path: ./ci\nname: api\nevents:\n  push: [main, 'release/**', '!x']\n  tags: v*\n\
paths: [src/**, '!docs']\nsecrets:\n  - {name: deployKey, from-env: DEPLOY_KEY}\nfunctions:\n  \
testOnPush: &f {event: push, filter: 'opened,closed', on-changes: '**/*.{rs,toml}'}\n  other: *f\n\
timeout: 10m\nrun-timeout: 1h\nmax-parallel: 2\nconcurrency: {group: deploy, cancel: true}\nreport: {summary: false}\n\
git-depth: full\n---\ncommands:\n  lint: {run: make lint}\n";

/// A real spec with a few bytes changed, left out or doubled: read or refused in words.
#[test]
fn a_mutated_spec_is_read_or_refused() {
    let change = (
        any::<prop::sample::Index>(),
        prop_oneof![any::<u8>(), prop::sample::select(b"&*{}[]:-'\"\n #!|>%@,".to_vec())],
        0..4_u8,
    );
    proptest!(cases(300), |(changes in proptest::collection::vec(change, 1..8))| {
        let mut bytes = SPEC.as_bytes().to_vec();
        for (at, byte, how) in changes {
            let at = at.index(bytes.len().max(1)).min(bytes.len().saturating_sub(1));
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => drop(bytes.drain(at..(at + 9).min(bytes.len()))),
                _ => {
                    let part = bytes[at..(at + 40).min(bytes.len())].to_vec();
                    bytes.extend(part);
                }
            }
            if bytes.is_empty() {
                bytes.push(b'a');
            }
        }
        match spec::parse_bytes("a/pocketci.yaml", &bytes) {
            Ok(specs) => prop_assert!(!specs.is_empty()),
            Err(errors) => {
                prop_assert!(!errors.headline().contains('\n'));
                let escape = errors.render(false).contains('\u{1b}');
                prop_assert!(!escape);
            }
        }
    });
}
