use super::nearest;

const KEYS: [&str; 5] = ["module-path", "events", "paths", "name", "on-changes"];

#[track_caller]
fn check(text: &str, expected: Option<&str>) {
    assert_eq!(nearest(text, KEYS), expected, "{text:?}");
}

#[test]
fn slips_are_recognised() {
    check("modul-path", Some("module-path"));
    check("module_path", Some("module-path"));
    check("modulePath", Some("module-path"));
    check("event", Some("events"));
    check("evnets", Some("events"));
    check("path", Some("paths"));
    check("Name", Some("name"));
    check("onChanges", Some("on-changes"));
}

#[test]
fn other_words_are_left_alone() {
    for text in ["", "x", "jobs", "steps", "é", "a much longer text than any of the keys"] {
        check(text, None);
    }
}
