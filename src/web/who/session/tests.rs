use super::*;

#[test]
fn nobody_is_sent_to_another_site() {
    for (next, expected) in [
        (Some("/runs/7?x=1"), "/runs/7?x=1"),
        (Some("//evil.example"), "/runs"),
        (Some("/\\evil.example"), "/runs"),
        (Some("https://evil.example"), "/runs"),
        (Some("/runs\r\nSet-Cookie: a=b"), "/runs"),
        (Some("/\t/evil.example"), "/runs"),
        (Some(""), "/runs"),
        (None, "/runs"),
    ] {
        assert_eq!(place(next.map(str::to_owned)), expected, "{next:?}");
    }
}
