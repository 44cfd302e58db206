//! `check`, as people run it in a repository.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// A folder that looks like a repository to whoever only looks at files.
fn repository(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(".git")).unwrap();
    for (name, text) in files {
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    folder
}

#[expect(clippy::disallowed_methods, reason = "tests run the binary")]
fn check(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pocketci-agent"));
    command.arg("check").args(arguments).current_dir(folder).env_clear();
    let output = command.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn every_file_below_the_folder_is_checked() {
    let folder = repository(&[
        ("pocketci.yaml", "ignore: ['tests/**']\n"),
        ("ci/dagger.json", "{}"),
        ("services/api/pocketci.yaml", "commands: {onPush: {run: make}}\n---\nname: other\n"),
        ("services/api/ci/dagger.json", "{}"),
        ("tests/fixtures/pocketci.yaml", "jobs: {}\n"),
        ("node_modules/x/pocketci.yaml", "jobs: {}\n"),
    ]);
    let (status, output) = check(folder.path(), &[]);
    insta::assert_snapshot!(output, @r"
    ok pocketci.yaml (1 spec)
    ok services/api/pocketci.yaml (2 specs)
    ");
    assert_eq!(status, Some(0));
    let (status, output) = check(&folder.path().join("services"), &[]);
    insta::assert_snapshot!(output, @"ok api/pocketci.yaml (2 specs)");
    assert_eq!(status, Some(0));
}

#[test]
fn errors_are_drawn_and_end_with_2() {
    let folder = repository(&[
        ("pocketci.yaml", "paths: [**/*.rs]\n"),
        ("services/api/pocketci.yaml", "name: api\nreport:\n    sumary: true\ntimeout: 30\n"),
        ("web/pocketci.yaml", "name: web\n"),
        ("web/ci/dagger.json", "{}"),
    ]);
    let (status, output) = check(folder.path(), &[]);
    insta::assert_snapshot!(output, @r"
    error: an unquoted `*` refers to an anchor, and there is none of this name
     --> pocketci.yaml:1:9
      |
    1 | paths: [**/*.rs]
      |         ^^^^^^^
      = help: a text that starts with `*` needs quotes: '**/*.rs'

    error: unknown key `sumary`
     --> services/api/pocketci.yaml:3:5
      |
    3 |     sumary: true
      |     ^^^^^^
      = help: did you mean `summary`? allowed here: summary

    error: `timeout`: `30` has no unit: write `30s`, `30m` or `30h`
     --> services/api/pocketci.yaml:4:10
      |
    4 | timeout: 30
      |          ^^

    ok web/pocketci.yaml (1 spec)
    ");
    assert_eq!(status, Some(2));
}

#[test]
fn a_file_is_checked_as_part_of_its_repository() {
    let folder = repository(&[
        ("services/api/pocketci.yaml", "module-path: ../../ci\nignore: [x]\n"),
        ("ci/dagger.json", "{}"),
    ]);
    let (status, output) = check(&folder.path().join("services"), &["api/pocketci.yaml"]);
    insta::assert_snapshot!(output, @r"
    error: `ignore` counts in the root's file only
     --> api/pocketci.yaml:2:1
      |
    2 | ignore: [x]
      | ^^^^^^
      = help: move it to the `pocketci.yaml` at the root of the repository
    ");
    assert_eq!(status, Some(2));
}

#[test]
fn what_is_probably_not_meant_is_a_warning() {
    let folder = repository(&[
        ("a/pocketci.yaml", "name: x\ncommands: {build: {run: make}}\n"),
        ("b/pocketci.yaml", "name: x\n"),
    ]);
    let (status, output) = check(folder.path(), &[]);
    insta::assert_snapshot!(output, @r"
    warning: a/pocketci.yaml: no event calls `build`: names end in `On…` or `dispatch`
    ok a/pocketci.yaml (1 spec)
    warning: b/pocketci.yaml: there is no folder `b/ci` for its module
    warning: b/pocketci.yaml: two specs report as `pocketci/x` (the other is in a/pocketci.yaml): give one a `name`
    ok b/pocketci.yaml (1 spec)
    ");
    assert_eq!(status, Some(0));
}

#[test]
fn programs_read_json() {
    let folder = repository(&[("pocketci.yaml", "nam: x\n")]);
    let (status, output) = check(folder.path(), &["--json"]);
    let files: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(status, Some(2));
    assert_eq!(files[0]["path"], "pocketci.yaml");
    assert_eq!(files[0]["ok"], false);
    let diagnostic = &files[0]["diagnostics"][0];
    assert_eq!((&diagnostic["line"], &diagnostic["column"]), (&1.into(), &1.into()));
    assert_eq!(diagnostic["severity"], "error");
}

#[test]
fn a_repository_without_a_file_is_fine() {
    let folder = repository(&[]);
    let (status, output) = check(folder.path(), &[]);
    assert_eq!((status, output.lines().count()), (Some(0), 1), "{output}");
}
