use super::*;

#[track_caller]
fn check(body: &str, expected: Option<(Access, &str)>) {
    let read = permission(body.as_bytes());
    assert_eq!(read.as_ref().map(|it| (it.access, it.user.id.as_str())), expected, "{body}");
}

#[test]
fn permissions() {
    let body =
        |word: &str| format!(r#"{{"permission": "{word}", "user": {{"login": "a", "id": 7}}}}"#);
    check(&body("admin"), Some((Access::Admin, "7")));
    check(&body("write"), Some((Access::Write, "7")));
    check(&body("read"), Some((Access::Read, "7")));
    check(&body("none"), Some((Access::None, "7")));
    check(&body("owner"), Some((Access::None, "7")));
    check(r#"{"permission": "admin", "user": null}"#, None);
    check(r#"{"permission": "admin", "role_name": "admin"}"#, None);
    check(r#"{"user": {"login": "a", "id": 7}}"#, None);
    check("[]", None);
    check("<html>", None);
}

#[test]
fn a_login_cannot_leave_its_place() {
    let repo = "ada/site".parse().unwrap();
    let request = permission_request("https://api.example", &repo, "../../x?y#z");
    assert_eq!(
        request.uri(),
        "https://api.example/repos/ada/site/collaborators/..%2F..%2Fx%3Fy%23z/permission"
    );
}

#[test]
fn a_pull_requests_head() {
    let sha = "a".repeat(40);
    let body = format!(r#"{{"head": {{"sha": "{sha}"}}}}"#);
    assert_eq!(pull_request(body.as_bytes()).unwrap().as_str(), sha);
    assert_eq!(pull_request(br#"{"head": {"sha": "main"}}"#), None);
    assert_eq!(pull_request(b"{}"), None);
}
