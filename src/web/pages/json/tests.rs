use super::indented;

#[track_caller]
fn check(json: &str, expected: &str) {
    assert_eq!(indented(json, 1000), expected);
}

#[test]
fn each_value_has_a_line_in_the_order_of_the_text() {
    check(r#"{"b":[1, 2],"a":{}}"#, "{\n  \"b\": [\n    1,\n    2\n  ],\n  \"a\": {}\n}");
    check(r#"[ ]"#, "[]");
    check("null", "null");
}

#[test]
fn what_stands_in_quotes_is_left_alone() {
    for text in [r#""a, b: {c}""#, r#""say \"hi, you\"""#, r#""\\""#, r#""é \u00e9""#] {
        check(text, text);
    }
}

#[test]
fn what_is_deep_does_not_become_long() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(indented(&deep, 1000).len() < 10_000);
}
