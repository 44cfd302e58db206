use std::collections::BTreeMap;

use super::*;

/// Files by path; a folder's id is a hash of everything below it.
struct Files(BTreeMap<String, String>);

impl Tree for Files {
    fn folder(&self, path: &str) -> Option<String> {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let below: Vec<_> = self.0.iter().filter(|(name, _)| name.starts_with(&prefix)).collect();
        (!below.is_empty()).then(|| format!("{below:?}"))
    }

    fn file(&self, path: &str) -> Option<Vec<u8>> {
        self.0.get(path).map(|text| text.clone().into_bytes())
    }
}

fn tree(files: &[(&str, &str)]) -> Files {
    Files(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
}

const WITH_DEPENDENCY: &str = r#"{"name":"ci","sdk":{"source":"go"},"dependencies":[{"name":"lib","source":"../lib"},{"name":"far","source":"github.com/a/b@v1","pin":"c0ffee"}]}"#;

/// Whether changing (or adding) one file changes the identity of `ci`.
#[track_caller]
fn check(json: &str, changed: &str, expected: bool) {
    let files = [
        ("ci/dagger.json", json),
        ("ci/main.go", "package main"),
        ("lib/dagger.json", r#"{"name":"lib"}"#),
        ("lib/lib.go", "package lib"),
        ("app/app.go", "package app"),
    ];
    let before = tree(&files);
    let mut after = tree(&files);
    after.0.insert(changed.to_owned(), "changed".to_owned());
    let same = identity(&before, "ci", "v1") == identity(&after, "ci", "v1");
    assert_eq!(!same, expected, "{changed} with {json}");
}

#[test]
fn only_what_the_module_is_made_of_changes_it() {
    check(WITH_DEPENDENCY, "app/app.go", false);
    check(WITH_DEPENDENCY, "ci/main.go", true);
    check(WITH_DEPENDENCY, "lib/lib.go", true);
    check(r#"{"name":"ci"}"#, "lib/lib.go", false);
    check(r#"{"name":"ci","dependencies":["../lib"]}"#, "lib/lib.go", true);
    check(r#"{"name":"ci","toolchains":[{"name":"lib","source":"../lib"}]}"#, "lib/lib.go", true);
    check(r#"{"name":"ci","source":"../lib"}"#, "lib/lib.go", true);
    check(r#"{"name":"ci","sdk":"../lib"}"#, "lib/lib.go", true);
}

#[test]
fn what_cannot_be_told_is_the_whole_tree() {
    check(r#"{"name":"ci","include":["../app"]}"#, "app/app.go", true);
    check(r#"{"name":"ci","dependencies":["../../elsewhere"]}"#, "app/app.go", true);
    check("not json", "app/app.go", true);
}

#[test]
fn another_cli_lists_again() {
    let files = tree(&[("ci/dagger.json", "{}")]);
    assert_ne!(identity(&files, "ci", "v0.21.8"), identity(&files, "ci", "v0.21.9"));
    assert_ne!(identity(&files, "ci", "v0.21.8"), identity(&files, "", "v0.21.8"));
}
