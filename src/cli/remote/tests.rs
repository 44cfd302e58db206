use super::run_number;

#[track_caller]
fn check(text: &str, expected: Option<i64>) {
    assert_eq!(run_number(text).ok(), expected, "{text}");
}

#[test]
fn a_run_is_named_in_several_ways() {
    check("7", Some(7));
    check("#7", Some(7));
    check("https://ci.example.com/runs/7", Some(7));
    check("https://ci.example.com/ci/runs/7/calls/12#L3", Some(7));
    check("/runs/7?fragment=x", Some(7));
    for wrong in ["", "#", "0", "-1", "main", "https://ci.example.com/deliveries/7"] {
        check(wrong, None);
    }
}
