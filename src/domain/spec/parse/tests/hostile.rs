//! Texts that nobody writes who means well: no YAML, too much of it, any bytes.

use super::*;

#[test]
fn text_that_is_not_yaml() {
    check(
        "paths: [**/*.rs]\n",
        &["1:9: an unquoted `*` refers to an anchor, and there is none of this name"],
    );
    help("paths: [**/*.rs]\n", "'**/*.rs'");
    check("events: {push: [main, !dev]}\n", &["1:23: an unquoted `!` is a tag to YAML"]);
    help("events: {push: [main, !dev]}\n", "'!dev'");
    check("paths:\n\t- a\n", &["2:1: YAML is indented by spaces, not by tabs"]);
    check("name: @x\n", &["1:7: a plain text cannot start with `@`"]);
    check("name: x: y\n", &["1:8: mapping values are not allowed in this context"]);
    check("name: a\u{7}\n", &["1:8: the control character U+0007 is not allowed"]);
    check("paths: [a, b\n", &["1:8: unclosed bracket '['"]);
}

#[test]
fn limits() {
    let deep = format!("paths: {}{}\n", "[".repeat(40), "]".repeat(40));
    check(&deep, &["1:40: lists and mappings are nested more than 32 deep"]);
    let mut deep = String::new();
    for level in 0..40 {
        deep.push_str(&format!("{}a:\n", " ".repeat(level)));
    }
    let errors = parse("pocketci.yaml", &deep).unwrap_err();
    assert!(errors.headline().contains("more than 32 deep"), "{errors}");
    let documents = "---\nname: a\n".repeat(51);
    check(&documents, &["101:1: more than 50 documents in one file"]);
    let long = format!("name: a #{}\n", "x".repeat(MAX_BYTES));
    check(&long, &["1:1: the file is 257 KiB long"]);
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    assert!(parse("pocketci.yaml", &bomb).is_err());
    assert!(parse("pocketci.yaml", "a: &a [*a]\n").is_err());
}

#[test]
fn limits_on_numbers_and_patterns() {
    let list = |entry: &str| format!("[{}]", vec![entry; 501].join(", "));
    check(&format!("paths: {}\n", list("a")), &["1:8: `paths` has 501 entries"]);
    check(&format!("events: {{push: {}}}\n", list("a")), &["1:16: `push` has 501 entries"]);
    check(&format!("secrets: {}\n", list("a")), &["1:10: `secrets` has 501 entries"]);
    let functions: String = (0..501).map(|n| format!("  f{n}: {{event: push}}\n")).collect();
    check(&format!("functions:\n{functions}"), &["2:3: `functions` has 501 entries"]);
    let commas = format!("functions: {{f: {{on-changes: \"{}\"}}}}\n", "a,".repeat(501));
    check(&commas, &["1:29: this list has 501 entries"]);
    let long = "{a,b}".repeat(201);
    check(&format!("paths: [\"{long}\"]\n"), &["1:9: this pattern is 1005 characters long"]);
    check(
        &format!("events: {{push: \"{long}\"}}\n"),
        &["1:16: this pattern is 1005 characters long"],
    );
}

#[test]
fn bytes_that_are_not_utf_8() {
    let errors = parse_bytes("pocketci.yaml", b"name: a\npaths: [\xff]\n").unwrap_err();
    assert_eq!(errors.headline(), "pocketci.yaml:2:9: the file is not UTF-8 from here on");
    let errors = parse_bytes("pocketci.yaml", b"\xff\xfen\0").unwrap_err();
    assert_eq!(errors.headline(), "pocketci.yaml:1:1: the file is UTF-16");
    assert!(parse_bytes("pocketci.yaml", b"name: a\n").is_ok());
}

#[test]
fn text_from_the_file_cannot_command_the_terminal() {
    let errors = parse("pocketci.yaml", "\"\\e[2J\\u202Ex\": 1\nname: \u{1b}[31m\n").unwrap_err();
    assert!(!errors.render(false).contains('\u{1b}'), "{:?}", errors.render(false));
    let errors = parse("pocketci.yaml", "\"\\e[2J\\u202Ex\": 1\n").unwrap_err();
    assert!(!errors.render(false).contains(['\u{1b}', '\u{202e}']), "{:?}", errors.render(false));
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "(?s).{0,120}") {
        let _ = parse("a/pocketci.yaml", &text).map_err(|errors| errors.render(true));
    }

    #[test]
    fn no_yaml_like_text_panics(
        words in proptest::collection::vec(
            proptest::sample::select(vec![
                "module-path", "events", "paths", "secrets", "commands", "functions", "name",
                "timeout", ": ", ":", "\n", "\n  ", "\n- ", "- ", "[", "]", "{", "}", ",", "'",
                "\"", "*", "&a ", "*a", "!", "!!str ", "<<", "|", ">", "#", "\t", "\r\n", "---\n",
                "...", "~", "1.0", "é", "push", "\\", "%", "@", "run", "\u{feff}", "? ",
            ]),
            0..40,
        ),
    ) {
        let text = words.concat();
        let _ = parse("pocketci.yaml", &text).map_err(|errors| errors.render(false));
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..60)) {
        let _ = parse_bytes("pocketci.yaml", &bytes).map_err(|errors| errors.render(false));
    }
}
