use http::Response;

use super::super::Level;
use super::clock;

#[track_caller]
fn check(date: &str, now: &str, expected: Option<Level>) {
    let answer = Response::builder().header("Date", date).body(Vec::new()).unwrap();
    let found = clock(&answer, now.parse().unwrap());
    assert_eq!(found.map(|finding| finding.level), expected, "{date}");
}

#[test]
fn the_clock_is_compared_with_the_forges() {
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    check(date, "1994-11-06T08:49:40Z", Some(Level::Ok));
    check(date, "1994-11-06T08:48:37Z", Some(Level::Ok));
    check(date, "1994-11-06T08:51:00Z", Some(Level::Warn));
    check(date, "1994-11-06T07:49:37Z", Some(Level::Warn));
    check("today", "1994-11-06T07:49:37Z", None);
}
