use super::*;

#[track_caller]
fn check(folder: &str, json: &str, expected: &[&str]) {
    assert_eq!(paths(folder, json.as_bytes()).unwrap(), expected, "{json}");
}

#[track_caller]
fn refuses(json: &str) {
    let found = paths("services/ci", json.as_bytes());
    assert!(matches!(found, Err(BadPath::Outside { .. })), "{json}: {found:?}");
}

#[test]
fn what_a_module_names_is_relative_to_its_folder() {
    check(
        "ci",
        r#"{"name": "../../x", "engineVersion": "v0.21.8", "sdk": {"source": "go"}}"#,
        &["ci/go"],
    );
    check(
        "services/ci",
        r#"{"source": ".dagger", "dependencies": [{"name": "a", "source": "../lib"}, {"source": "./b/../c"}],
            "include": ["!../../docs/**", "/x"]}"#,
        &["docs/**", "services/ci/.dagger", "services/ci/c", "services/ci/x", "services/lib"],
    );
    check("", r#"{"toolchains": ["ci"], "n": [1, -1, 1.5, true, null]}"#, &["ci"]);
    check(
        "ci",
        r#"{"dependencies": [{"source": "github.com/a/b@v1"}]}"#,
        &["ci/github.com/a/b@v1"],
    );
}

#[test]
fn what_leads_out_is_refused_wherever_it_stands() {
    for json in [
        r#"{"source": "../../.."}"#,
        r#"{"source": "/etc"}"#,
        r#"{"source": "file:///etc"}"#,
        r#"{"SOURCE": "a/../../../../x"}"#,
        r#"{"dependencies": [{"source": "../../../x"}]}"#,
        r#"{"dependencies": [{"source": "../../../x"}], "dependencies": [{"name": "x"}]}"#,
        r#"{"Dependencies": ["../../../../data/pocketci.db"]}"#,
        r#"{"toolchains": [{"\u0073ource": "\u002e./../../x"}]}"#,
        r#"{"include": ["../../../**"]}"#,
        r#"{"include": ["!../../../**"]}"#,
        r#"{"sdk": "../../../sdk"}"#,
        r#"{"sdk": {"source": "/sdk"}}"#,
        r#"{"anything": {"deep": [[["../../../x"]]]}}"#,
    ] {
        refuses(json);
    }
    // The reader behind us would take the bad bytes for a sign, and go on.
    let bad = b"{\"a\": \"\xff\", \"source\": \"../../../x\"}";
    assert!(matches!(paths("services/ci", bad), Err(BadPath::Outside { .. })));
}

#[test]
fn what_cannot_be_read_is_not_used() {
    let deep = "[".repeat(100_000);
    for json in ["", "{", "\u{feff}{}", r#"{"source": "\ud800../../../x"}"#, &deep] {
        let found = paths("ci", json.as_bytes());
        assert!(matches!(found, Err(BadPath::Unreadable { .. })), "{json:.20}: {found:?}");
    }
    let many = format!("[{}\"\"]", "\"a\",".repeat(20_000));
    assert_eq!(paths("ci", many.as_bytes()), Err(BadPath::TooMany));
}
