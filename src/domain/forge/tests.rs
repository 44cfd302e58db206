use super::*;

#[track_caller]
fn check(content_type: Option<&str>, body: &str, expected: Result<&str, &str>) {
    let found = payload(content_type, body.as_bytes());
    let found = found.map(|json| String::from_utf8(json.into_owned()).unwrap());
    let found = found.map_err(|error| error.to_string());
    assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned));
}

#[test]
fn json_is_the_body_itself() {
    check(Some("application/json"), "{}", Ok("{}"));
    check(Some("Application/JSON; charset=utf-8"), "{}", Ok("{}"));
    check(Some(" application/json ;x"), "not read here", Ok("not read here"));
}

#[test]
fn a_form_holds_it_in_a_field() {
    let form = Some("application/x-www-form-urlencoded");
    check(form, "payload=%7B%22yo%22%3A+true%7D", Ok("{\"yo\": true}"));
    check(form, "a=b&payload=%7B%7D&payload=x", Ok("{}"));
    check(Some("application/x-www-form-urlencoded;charset=UTF-8"), "payload=", Ok(""));
    check(form, "a=b", Err("The webhook's body lacks the field `payload`"));
    check(form, "", Err("The webhook's body lacks the field `payload`"));
}

#[test]
fn other_kinds_of_body_are_named_in_the_refusal() {
    for content_type in [None, Some("text/plain"), Some("application/json5"), Some("")] {
        let error = payload(content_type, b"{}").unwrap_err();
        let found = content_type.unwrap_or_default().to_owned();
        assert_eq!(error, PayloadError::ContentType { found });
    }
    check(
        Some("text/plain"),
        "{}",
        Err("The content type `text/plain` is neither `application/json` nor \
             `application/x-www-form-urlencoded`; choose one of them in the webhook's settings"),
    );
}

#[test]
fn headers_are_found_in_any_case() {
    let headers = Headers::from_pairs([("X-GitHub-Event", " push "), ("x-github-event", "no")]);
    assert_eq!(headers.get("x-gitHUB-event"), Some("push"));
    assert_eq!(headers.get("x-github"), None);
    assert_eq!(format!("{headers:?}"), r#"{"X-GitHub-Event", "x-github-event"}"#);
}

#[test]
fn references_are_taken_apart() {
    let branch = |name: &str| Some(Reference::Branch(name.to_owned()));
    let tag = |name: &str| Some(Reference::Tag(name.to_owned()));
    assert_eq!(Reference::parse("refs/heads/main"), branch("main"));
    assert_eq!(Reference::parse("refs/heads/feature/ünï-1"), branch("feature/ünï-1"));
    assert_eq!(Reference::parse("main"), branch("main"));
    assert_eq!(Reference::parse("refs/tags/v1.0"), tag("v1.0"));
    assert_eq!(Reference::parse("refs/heads/refs/tags/v1"), branch("refs/tags/v1"));
    let notes = "refs/notes/commits".to_owned();
    assert_eq!(Reference::parse("refs/notes/commits"), Some(Reference::Other(notes)));
}

#[test]
fn what_git_would_not_take_is_no_reference() {
    let names = [
        "",
        "@",
        "refs/heads/",
        "/main",
        "a//b",
        "a b",
        "a:b",
        "refs/heads/*",
        "a..b",
        "a@{1}",
        "a\n",
        "a\u{7f}",
        "a.lock",
        ".a",
        "a/.b",
        "a.",
        "a~1",
        "a^",
        "a?",
        "a[",
        "a\\b",
    ];
    for name in names {
        assert_eq!(Reference::parse(name), None, "{name:?}");
    }
}
