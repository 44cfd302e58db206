use std::time::Duration;

use super::{BadDuration, parse};

#[track_caller]
fn check(text: &str, expected: Option<u64>) {
    assert_eq!(parse(text).ok(), expected.map(Duration::from_secs), "{text:?}");
}

#[test]
fn hours_minutes_and_seconds_in_this_order() {
    check("90s", Some(90));
    check("30m", Some(1800));
    check("1h", Some(3600));
    check("1h30m", Some(5400));
    check("1h30m5s", Some(5405));
    check("168h", Some(604_800));
    check("0h30s", Some(30));
}

#[test]
fn anything_else_is_refused() {
    for text in
        ["", "30", "m", "1m1h", "1m1m", "1.5h", "-1m", "1 h", "1H", "1d", "30min", "٣m", "é"]
    {
        check(text, None);
    }
}

#[test]
fn the_message_fits_the_mistake() {
    assert_eq!(parse("30"), Err(BadDuration::NoUnit("30".into())));
    assert_eq!(parse("0m"), Err(BadDuration::Zero));
    assert_eq!(parse("169h"), Err(BadDuration::TooLong("169h".into())));
    assert_eq!(
        parse("99999999999999999999h"),
        Err(BadDuration::TooLong("99999999999999999999h".into()))
    );
    assert_eq!(parse("soon"), Err(BadDuration::Form("soon".into())));
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in ".{0,30}") {
        let _ = parse(&text);
    }
}
