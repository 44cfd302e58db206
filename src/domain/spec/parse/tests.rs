mod hostile;

use std::time::Duration;

use super::super::{
    Command, Concurrency, GitDepth, Matchers, OnInterrupt, SecretUse, Spec, Target,
};
use super::{default_for_root, inside, name_of, parse, parse_bytes};
use crate::domain::yaml::MAX_BYTES;

#[track_caller]
fn one(path: &str, text: &str) -> Spec {
    let specs = parse(path, text).unwrap_or_else(|errors| panic!("{}", errors.render(false)));
    assert_eq!(specs.len(), 1);
    specs.into_iter().next().unwrap()
}

/// Every error of a file, one a line, without the path.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let path = "pocketci.yaml";
    let found = match parse(path, text) {
        Ok(specs) => panic!("{text:?} was taken: {specs:#?}"),
        Err(errors) => errors,
    };
    let found: Vec<String> = found.diagnostics().iter().map(|one| one.headline()).collect();
    let found: Vec<&str> = found.iter().map(|one| &one[path.len() + 1..]).collect();
    assert_eq!(found, expected, "{text:?}");
}

#[track_caller]
fn help(text: &str, expected: &str) {
    let errors = parse("pocketci.yaml", text).unwrap_err();
    let helps: Vec<_> = errors.diagnostics().iter().filter_map(|one| one.help.clone()).collect();
    assert!(helps.iter().any(|help| help.contains(expected)), "{text:?}: {helps:?}");
}

fn texts(list: &[&str]) -> Option<Vec<String>> {
    Some(list.iter().map(|text| (*text).to_owned()).collect())
}

#[test]
fn a_text_in_place_of_keys_is_told_the_keys() {
    help("commands: {onPush: make}\n", "it holds keys: run, ");
    help("report: true\n", "it holds keys: summary");
}

#[test]
fn an_empty_file_is_the_default() {
    for text in ["", "\n\n", "# nothing\n", "---\n", "{}", "\u{feff}", "null\n"] {
        assert_eq!(one("pocketci.yaml", text), default_for_root(), "{text:?}");
    }
    let spec = one("services/api/pocketci.yaml", "");
    assert_eq!(spec.name, "services/api");
    assert_eq!(spec.target, Target::Module("services/api/ci".into()));
    assert_eq!(default_for_root().target, Target::Module("ci".into()));
    assert_eq!(default_for_root().name, "");
}

#[test]
fn every_key_is_read() {
    let spec = one(
        "services/api/pocketci.yaml",
        r#"
module-path: ../ci/api
events:
  pull_request: [main]
  commits: main
  tags: ['v[0-9]+.[0-9]+.[0-9]+']
  release: [published]
paths: ["**/**.go"]
secrets:
  - name: ghPassword
    from-env: GITHUB_TOKEN
name: api
timeout: 1h30m
cancel-superseded: true
max-parallel: 2
run-timeout: 4h
concurrency: {group: deploy, cancel: true}
on-interrupt: fail
report: {summary: false}
git-depth: full
functions:
  lintOnPullRequest: {on-changes: "**/*.{rs,toml}, !target/**", filter: "opened,synchronize"}
  onPush: {vendor: [github, gitea], event: push}
"#,
    );
    assert_eq!(spec.folder, "services/api");
    assert_eq!(spec.name, "api");
    assert_eq!(spec.target, Target::Module("services/ci/api".into()));
    let events: Vec<_> = spec.events.as_ref().unwrap().by_event.keys().collect();
    assert_eq!(events, ["pull_request", "push", "release", "tag"]);
    assert!(spec.paths.is_some());
    let secret = SecretUse { name: "ghPassword".into(), from_env: "GITHUB_TOKEN".into() };
    assert_eq!(spec.secrets, [secret]);
    assert_eq!(spec.timeout, Some(Duration::from_secs(5400)));
    assert_eq!(spec.run_timeout, Some(Duration::from_secs(4 * 3600)));
    assert_eq!(spec.cancel_superseded, Some(true));
    assert_eq!(spec.max_parallel, Some(2));
    let group = Concurrency { group: "deploy".into(), cancel: true };
    assert_eq!(spec.concurrency, Some(group));
    assert_eq!(spec.on_interrupt, OnInterrupt::Fail);
    assert!(!spec.summary);
    assert_eq!(spec.git_depth, GitDepth::Full);
    let lint = Matchers {
        on_changes: texts(&["**/*.{rs,toml}", "!target/**"]),
        filter: texts(&["opened", "synchronize"]),
        ..Matchers::default()
    };
    assert_eq!(spec.functions["lintOnPullRequest"], lint);
    let push = Matchers {
        vendor: texts(&["github", "gitea"]),
        event: texts(&["push"]),
        ..Matchers::default()
    };
    assert_eq!(spec.functions["onPush"], push);
}

#[test]
fn commands_keep_the_order_of_the_file() {
    let spec = one(
        "pocketci.yaml",
        "commands:\n  zOnPush: {run: cargo test, on-changes: '**/*.rs'}\n  aOnPush: {run: true}\n",
    );
    let matchers = Matchers { on_changes: texts(&["**/*.rs"]), ..Matchers::default() };
    let first = Command { name: "zOnPush".into(), run: "cargo test".into(), matchers };
    let second =
        Command { name: "aOnPush".into(), run: "true".into(), matchers: Matchers::default() };
    assert_eq!(spec.target, Target::Commands(vec![first, second]));
}

#[test]
fn documents_are_specs_and_empty_ones_are_not() {
    let specs = parse("pocketci.yaml", "---\nname: a\n---\n# nothing\n---\nname: b\n...\n---\n");
    let names: Vec<_> = specs.unwrap().into_iter().map(|spec| spec.name).collect();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn texts_are_taken_as_they_are_written() {
    assert_eq!(one("pocketci.yaml", "name: 1.10\n").name, "1.10");
    assert_eq!(one("pocketci.yaml", "name: 0x10\r\ntimeout: 5m\r\n").name, "0x10");
    assert_eq!(one("pocketci.yaml", "\u{feff}name: bom\n").name, "bom");
    assert_eq!(one("pocketci.yaml", "git-depth: 1\n").git_depth, GitDepth::Commits(1));
}

#[test]
fn anchors_and_merges_are_resolved() {
    let text = "functions:\n  a: &a {filter: x}\n  b: *a\n  c:\n    <<: *a\n    event: push\n";
    let spec = one("pocketci.yaml", text);
    assert_eq!(spec.functions["a"], spec.functions["b"]);
    assert_eq!(spec.functions["c"].filter, texts(&["x"]));
    assert_eq!(spec.functions["c"].event, texts(&["push"]));
}

#[test]
fn unknown_and_duplicate_keys() {
    check("modul-path: ./ci\n", &["1:1: unknown key `modul-path`"]);
    help("modul-path: ./ci\n", "did you mean `module-path`?");
    help("jobs: {}\n", "allowed here: module-path, commands, events");
    check("name: a\npaths: [x]\nname: b\n", &["3:1: duplicate key `name`"]);
    help("name: a\nname: b\n", "already given in line 1");
    check("report: {summry: true}\n", &["1:10: unknown key `summry`"]);
    check(
        "secrets:\n- name: a\n  fromenv: B\n",
        &[
            "2:3: a secret has no `from-env`, the agent's variable that holds it",
            "3:3: unknown key `fromenv`",
        ],
    );
    help("secrets:\n- name: a\n  fromenv: B\n", "did you mean `from-env`?");
    check("functions: {onPush: {onChanges: x}}\n", &["1:22: unknown key `onChanges`"]);
    help("functions: {onPush: {onChanges: x}}\n", "did you mean `on-changes`?");
    check("[a]: b\n", &["1:1: a key of a pocketci.yaml must be a text, not a list"]);
}

#[test]
fn wrong_types() {
    check("- a\n", &["1:1: a pocketci.yaml must be a mapping, not a list"]);
    check("hello\n", &["1:1: a pocketci.yaml must be a mapping, not a text"]);
    check("name: [a]\n", &["1:7: `name` must be a text, not a list"]);
    check("name: ''\n", &["1:7: `name` is an empty text"]);
    check("name: true\n", &["1:7: `name` must be a text, not a boolean"]);
    check("paths: {a: b}\n", &["1:8: `paths` must be a text or a list of texts, not a mapping"]);
    check("paths: [a, [b]]\n", &["1:12: an entry of `paths` must be a text, not a list"]);
    check("paths: []\n", &["1:8: `paths` is an empty list"]);
    check("paths:\nname: a\n", &["1:6: `paths` is left empty"]);
    check(
        "secrets: {a: B}\n",
        &["1:10: `secrets` must be a list of `name` and `from-env` pairs, not a mapping"],
    );
    check(
        "cancel-superseded: yes\n",
        &["1:20: `cancel-superseded` must be `true` or `false`, not `yes`"],
    );
    check("report: true\n", &["1:9: `report` must be a mapping, not a boolean"]);
    check("commands: {}\n", &["1:11: `commands` names none"]);
    check("commands: {onPush: make}\n", &["1:20: `onPush` must be a mapping, not a text"]);
    check("commands: {onPush: {filter: a}}\n", &["1:12: `onPush` has no `run`"]);
}

#[test]
fn values_that_cannot_be_meant() {
    check("module-path: ../ci\n", &["1:14: `module-path` `../ci` leaves the repository"]);
    check("module-path: /ci\n", &["1:14: `module-path` `/ci` is absolute"]);
    check("module-path: ci/../../x\n", &["1:14: `module-path` `ci/../../x` leaves the repository"]);
    check("module-path: .git/x\n", &["1:14: `module-path` `.git/x` leads into `.git`"]);
    check(
        "module-path: ci\ncommands: {onPush: {run: x}}\n",
        &["2:1: `commands` and `module-path` exclude one another"],
    );
    check("timeout: 30\n", &["1:10: `timeout`: `30` has no unit: write `30s`, `30m` or `30h`"]);
    check(
        "on-interrupt: retri\n",
        &["1:15: `on-interrupt` must be `retry` or `fail`, not `retri`"],
    );
    for wrong in ["0", "-1", "1.5"] {
        let message =
            format!("1:15: `max-parallel` must be a whole number from 1 on, not `{wrong}`");
        check(&format!("max-parallel: {wrong}\n"), &[&message]);
    }
    check(
        "max-parallel: many\n",
        &["1:15: `max-parallel` must be a whole number from 1 on, not a text"],
    );
    check("concurrency: {cancel: true}\n", &["1:14: `concurrency` has no `group`"]);
    check(
        "concurrency: {groups: a}\n",
        &["1:14: `concurrency` has no `group`", "1:15: unknown key `groups`"],
    );
    check("concurrency: {group: [a]}\n", &["1:22: `group` must be a text, not a list"]);
    check(
        "git-depth: 0\n",
        &["1:12: `git-depth` must be a number of commits from 1 on, or `full`, not `0`"],
    );
    check(
        "git-depth: all\n",
        &["1:12: `git-depth` must be a number of commits from 1 on, or `full`, not `all`"],
    );
    check("paths: [./src/**]\n", &["1:9: `./src/**` starts with `./` and can match nothing"]);
    check("name: a/\n", &["1:7: `name` `a/` must not start or end with a slash"]);
    check("functions: {on push: {}}\n", &["1:13: `on push` is not a function's name"]);
    help("functions: {on-push: {}}\n", "`onPush`");
    check(
        "functions: {onPush: {vendor: githb}}\n",
        &[
            "1:30: `githb` is not a forge (github, gitlab, gitea, forgejo, gogs, bitbucket, bitbucket-server)",
        ],
    );
    check("events: {pull-request: [main]}\n", &["1:10: unknown event `pull-request`"]);
    check(
        "events: {push: [a], commits: [b]}\n",
        &["1:21: `commits` names the same events as another key"],
    );
}

#[test]
fn ignore_is_for_the_root() {
    assert!(one("pocketci.yaml", "ignore: ['tests/**']\n").ignore.is_some());
    let errors = parse("a/pocketci.yaml", "name: x\nignore: ['tests/**']\n").unwrap_err();
    assert_eq!(errors.headline(), "a/pocketci.yaml:2:1: `ignore` counts in the root's file only");
}

#[test]
fn secrets() {
    check(
        "secrets:\n- {name: a, from-env: B}\n- {name: a, from-env: C}\n",
        &["3:10: secret `a` is given twice"],
    );
    check("secrets: [{name: a, from-env: 'B-C'}]\n", &["1:31: `B-C` is not a variable's name"]);
    check("secrets: [{name: a-b, from-env: B}]\n", &["1:18: `a-b` is not an argument's name"]);
    check(
        "secrets: [{name: a, from-env: X_HUB_SIGNATURE}]\n",
        &["1:31: `X_HUB_SIGNATURE` is the agent's own and is never handed out"],
    );
    check(
        "secrets: [{name: a, from-env: POCKETCI_URL}]\n",
        &["1:31: `POCKETCI_URL` is the agent's own and is never handed out"],
    );
    check(
        "secrets: [{name: src, from-env: B}]\n",
        &["1:18: `src` is an argument that the agent fills itself"],
    );
}

#[test]
fn a_secret_is_no_flag_of_the_cli() {
    for name in ["mod", "workdir", "envFile", "EnvFile", "progress", "noMod"] {
        let text = format!("secrets: [{{name: {name}, from-env: A}}]\n");
        check(&text, &[&format!("1:18: `{name}` is a flag of dagger's own")]);
    }
}

#[test]
fn a_folder_that_no_status_can_show_is_called_by_its_hash() {
    assert_eq!(name_of("services/api/pocketci.yaml"), "services/api");
    assert_eq!(name_of("pocketci.yaml"), "");
    let names = ["a\nb", "a\rb", "a\u{202e}b"].map(|it| name_of(&format!("{it}/pocketci.yaml")));
    for name in &names {
        assert!(name.starts_with("a b~") && name.chars().count() == 12, "{name:?}");
        assert_eq!(names.iter().filter(|other| *other == name).count(), 1);
    }
    assert_eq!(name_of(&format!("{}/pocketci.yaml", "x".repeat(5000))).chars().count(), 100);
}

#[test]
fn several_errors_are_found_at_once() {
    let errors = parse("pocketci.yaml", "nam: a\ntimeout: x\n---\npath: b\n").unwrap_err();
    assert_eq!(errors.diagnostics().len(), 3);
    assert_eq!(errors.headline(), "pocketci.yaml:1:1: unknown key `nam` (and 2 more)");
}

#[test]
fn errors_are_drawn_as_compilers_do() {
    let text = "# the service\nname: api\nreport:\n    sumary: true\ntimeout: soon\n";
    let errors = parse("services/api/pocketci.yaml", text).unwrap_err();
    insta::assert_snapshot!(errors.render(false), @r"
    error: unknown key `sumary`
     --> services/api/pocketci.yaml:4:5
      |
    4 |     sumary: true
      |     ^^^^^^
      = help: did you mean `summary`? allowed here: summary

    error: `timeout`: `soon` is not a duration: write hours, minutes and seconds like `1h30m`, `30m` or `90s`
     --> services/api/pocketci.yaml:5:10
      |
    5 | timeout: soon
      |          ^^^^
    ");
    assert!(errors.render(true).contains("\u{1b}["));
}

#[test]
fn the_caret_stands_right_behind_wide_and_long_text() {
    let errors = parse("pocketci.yaml", "{name: \"äöü\", tímeout: 1m}\n").unwrap_err();
    insta::assert_snapshot!(errors.render(false), @r#"
    error: unknown key `tímeout`
     --> pocketci.yaml:1:15
      |
    1 | {name: "äöü", tímeout: 1m}
      |               ^^^^^^^
      = help: did you mean `timeout`? allowed here: module-path, commands, events, paths, secrets, functions, name, ignore, timeout, run-timeout, cancel-superseded, max-parallel, concurrency, on-interrupt, report, git-depth
    "#);
    let text = format!("paths: [{}, [x]]\n", vec!["aaaa"; 60].join(", "));
    let errors = parse("pocketci.yaml", &text).unwrap_err();
    for line in errors.render(false).lines().filter(|line| line.starts_with("1 |")) {
        assert!(line.chars().count() < 110 && line.contains("[x]"), "{line}");
    }
}

#[test]
fn module_paths_stay_inside() {
    let table = [
        ("", "./ci", Ok("ci")),
        ("", ".", Ok("")),
        ("", "ci/", Ok("ci")),
        ("a/b", "../ci", Ok("a/ci")),
        ("a/b", "../../ci", Ok("ci")),
        ("a/b", "./x//y/.", Ok("a/b/x/y")),
        ("a/b", "../../../ci", Err("leaves the repository")),
        ("a", "../../a/ci", Err("leaves the repository")),
        ("", "a\\b", Err("holds a backslash")),
        ("", "a/.GIT/b", Err("leads into `.git`")),
    ];
    for (folder, path, expected) in table {
        assert_eq!(inside(folder, path).as_deref(), expected.as_deref(), "{folder:?} {path:?}");
    }
}
