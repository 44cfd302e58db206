use super::*;
use crate::domain::event::tests::{pull_request, push, tag};

#[track_caller]
fn check(message: &str, expected: Option<&str>) {
    assert_eq!(words(message), expected, "{message:?}");
}

#[test]
fn words_are_found_anywhere() {
    check("[skip ci] Fix a word", Some("[skip ci]"));
    check("Fix a word\n\nOnly words. [CI SKIP]", Some("[ci skip]"));
    check("Fix a word [no ci]", Some("[no ci]"));
    check("Fix the skip ci button", None);
    check("Fix [skip  ci]", None);
    check("", None);
}

#[test]
fn the_trailer_stands_among_trailers() {
    let yes = Some("skip-checks: true");
    check("Fix a word\n\nskip-checks: true", yes);
    check("Fix a word\n\nWhy.\n\nSigned-off-by: Ada <a@b>\nSkip-Checks:true\n\n", yes);
    check("Fix a word\r\n\r\nskip-checks: true\r\n", yes);
    check("skip-checks: true", None);
    check("Fix a word\n\nskip-checks: false", None);
    check("Fix a word\n\nWe write\nskip-checks: true", None);
    check("Fix a word\n\nskip-checks: true\n\nSigned-off-by: Ada <a@b>", None);
}

#[test]
fn pushes_and_pull_requests_are_skipped_and_tags_are_not() {
    let message = "Fix a word [skip ci]";
    let reason = asked(&push("main", 'a', 'b'), message).unwrap();
    assert_eq!(
        (&*reason.code, &*reason.text),
        ("skip_ci", "the commit's message says `[skip ci]`")
    );
    assert!(asked(&pull_request("synchronize", 'b'), message).is_some());
    assert_eq!(asked(&tag("v1", 'b'), message), None);
    assert_eq!(asked(&push("main", 'a', 'b'), "Fix a word"), None);
}
