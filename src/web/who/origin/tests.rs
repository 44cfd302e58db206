use super::*;

#[track_caller]
fn check(pairs: &[(&'static str, &str)], expected: bool) {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.insert(*name, value.parse().unwrap());
    }
    assert_eq!(same(&headers, "https://ci.example.com/").is_ok(), expected, "{pairs:?}");
}

#[test]
fn only_our_own_pages_may_send_what_changes_something() {
    for (site, expected) in [
        ("same-origin", true),
        ("none", true),
        ("same-site", false),
        ("cross-site", false),
        ("", false),
    ] {
        check(&[("sec-fetch-site", site)], expected);
        // The newer header counts, whatever else is said.
        check(&[("sec-fetch-site", site), ("origin", "https://ci"), ("host", "ci")], expected);
    }
    for (origin, expected) in [
        ("http://ci:8080", true),
        ("https://ci.example.com", true),
        ("http://ci", false),
        ("https://ci.example.com.evil.example", false),
        ("https://evil.example", false),
        ("null", false),
        ("", false),
    ] {
        check(&[("origin", origin), ("host", "ci:8080")], expected);
    }
    check(&[("host", "ci")], true);
}
