use super::*;

fn globs(patterns: &[&str]) -> Globs {
    let patterns: Vec<String> = patterns.iter().map(|p| (*p).to_owned()).collect();
    Globs::new(&patterns).unwrap()
}

#[track_caller]
fn check(patterns: &[&str], path: &str, expected: bool) {
    assert_eq!(globs(patterns).matches(path), expected, "{patterns:?} on `{path}`");
}

#[test]
fn stars_and_slashes() {
    check(&["*.go"], "main.go", true);
    check(&["*.go"], "a/main.go", false);
    check(&["**/**.go"], "a/b/main.go", true);
    check(&["**/**.go"], "main.go", true);
    check(&["docs/**"], "docs/a/b.md", true);
    check(&["docs/**"], "docs", false);
    check(&["*"], ".gitignore", true);
    check(&["*.{rs,toml}"], "Cargo.toml", true);
    check(&["{,a}b"], "b", true);
}

#[test]
fn a_leading_bang_excludes_in_any_order() {
    check(&["**/*.rs", "!target/**"], "src/main.rs", true);
    check(&["**/*.rs", "!target/**"], "target/x.rs", false);
    check(&["!target/**", "**/*.rs"], "target/x.rs", false);
    check(&["!docs/**"], "src/main.rs", true);
    check(&["!docs/**"], "docs/a.md", false);
    check(&["\\!x"], "!x", true);
    check(&[], "x", false);
}

#[test]
fn a_bad_glob_is_named() {
    let error = Globs::new(&["**".into(), "![a".into()]).unwrap_err();
    assert_eq!(error.to_string(), "`![a` is not a glob: unclosed character class; missing ']'");
}

#[track_caller]
fn check_split(list: &str, expected: &[&str]) {
    assert_eq!(split(list), expected, "`{list}`");
}

#[test]
fn lists_are_split_outside_braces() {
    check_split("**/**.go,go.*", &["**/**.go", "go.*"]);
    check_split("*.{rs,toml}, !target/**", &["*.{rs,toml}", "!target/**"]);
    check_split("a\\,b,c", &["a\\,b", "c"]);
    check_split("a,{b,c", &["a", "{b", "c"]);
    check_split("", &[]);
    check_split(",", &[]);
}

#[test]
fn equal_when_written_alike() {
    assert_eq!(globs(&["a"]), globs(&["a"]));
    assert_ne!(globs(&["a"]), globs(&["b"]));
    assert_eq!(format!("{:?}", globs(&["a"])), r#"Globs(["a"])"#);
}

/// Every row of `docs/globs.md` that says something here.
#[test]
fn as_documented() {
    check(&["?.go"], "a.go", true);
    check(&["a?c"], "a/c", false);
    check(&["a/**/b"], "a/b", true);
    check(&["a/**/b"], "a/x/y/b", true);
    check(&["[a-z]"], "b", true);
    check(&["[^ab]"], "a", false);
    check(&["[!ab].go"], "a.go", false);
    check(&["[!ab].go"], "c.go", true);
    check(&["{a/*,b}"], "a/x", true);
    check(&["{**/*.go,go.mod}"], "go.mod", true);
    check(&["{**/*.go,go.mod}"], "main.go", true);
    check(&["{**/*.go,go.mod}"], "a/b/main.go", true);
    check(&["\\*"], "*", true);
    check(&["\\*"], "a", false);
    check(&["!*.go"], "!a.go", false);
    check(&["!*.go"], "main.go", false);
    check(&["!*.go"], "go.mod", true);
    check(&["!x"], "!x", true);
    check(&["!x"], "x", false);
    check(&["**/"], "main.go", true);
}
