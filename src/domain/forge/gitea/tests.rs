use super::super::Refused;
use super::*;
use crate::domain::forge::{Answer, any};
use crate::domain::rights::Access;
use crate::domain::run::{CommitState, Status};

#[track_caller]
fn answers(status: u16, expected: &str) {
    let found = answer(Vendor::Gitea, status, &Headers::default(), b"{\"id\": 7}");
    let kind = match found {
        Answer::Done { post } => format!("done {post:?}"),
        Answer::NotYet { .. } => "not yet".to_owned(),
        Answer::Retry { .. } => "retry".to_owned(),
        Answer::Limited { after, .. } => format!("limited {after:?}"),
        Answer::Refused { whom: Refused::Everything, .. } => "refused".to_owned(),
        Answer::Refused { whom: Refused::Repository, .. } => "refused there".to_owned(),
        Answer::Never { .. } => "never".to_owned(),
    };
    assert_eq!(kind, expected, "{status}");
}

#[test]
fn answers_mean_what_they_say() {
    answers(201, "done Some(7)");
    answers(302, "refused there");
    answers(401, "refused");
    answers(403, "refused there");
    answers(404, "refused there");
    answers(422, "never");
    answers(423, "never");
    answers(429, "limited 60s");
    answers(500, "retry");
}

#[test]
fn a_status_is_posted_to_the_commit() {
    let sha = "a".repeat(40).parse().unwrap();
    let status = Status {
        context: "pocketci/test".to_owned(),
        state: CommitState::Success,
        description: "Passed".to_owned(),
    };
    let repo = "acme/app".parse().unwrap();
    let request = status_request("https://git.example/api/v1", &repo, &sha, &status, "http://x/1");
    let at = format!("https://git.example/api/v1/repos/acme/app/statuses/{sha}");
    assert_eq!(request.uri().to_string(), at);
    let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
    let expected = serde_json::json!({
        "state": "success", "context": "pocketci/test", "description": "Passed",
        "target_url": "http://x/1",
    });
    assert_eq!(body, expected);
    let gogs = any::status_request(Vendor::Gogs, "http://x", &repo, (&sha, None), &status, "");
    assert!(gogs.is_none(), "Gogs has no statuses");
}

#[test]
fn each_sends_the_headers_of_those_before_it() {
    let names = ["X-GitHub-Event", "X-Gogs-Event", "X-Gitea-Event", "X-Forgejo-Event"];
    let vendors = [Vendor::Github, Vendor::Gogs, Vendor::Gitea, Vendor::Forgejo];
    for (count, vendor) in (1..).zip(vendors) {
        let headers = Headers::from_pairs(names[..count].iter().map(|name| (*name, "push")));
        assert_eq!(any::recognised(&headers), Some(vendor));
    }
}

#[test]
fn what_somebody_may_do_is_said_in_a_word() {
    let said = |word: &str| {
        let body = format!(r#"{{"permission": "{word}", "user": {{"id": 7, "login": "ada"}}}}"#);
        let said = permission(body.as_bytes())?;
        assert_eq!((said.user.login.as_str(), said.user.id.as_str()), ("ada", "7"));
        Some(said.access)
    };
    assert_eq!(["owner", "admin"].map(said), [Some(Access::Admin); 2]);
    assert_eq!(["write", "read"].map(said), [Some(Access::Write), Some(Access::Read)]);
    assert_eq!(["none", "else"].map(said), [Some(Access::None); 2]);
    assert_eq!(permission(br#"{"permission": "write"}"#), None);
    assert_eq!(permission(b"[]"), None);
}

#[test]
fn a_test_of_the_webhook_starts_nothing() {
    let sha = "a".repeat(40);
    let body = format!(
        r#"{{"ref": "refs/heads/main", "before": "{sha}", "after": "{sha}",
            "repository": {{"full_name": "acme/app"}}}}"#
    );
    let event = event(Vendor::Gitea, "push", body.as_bytes()).unwrap();
    assert_eq!(event.disposition, Disposition::Skipped(Skip::Ping));
}

#[test]
fn a_fork_that_is_gone_is_a_fork() {
    let body = |head: &str| {
        format!(
            r#"{{"action": "synchronized", "number": 3, "repository": {{"full_name": "acme/app"}},
                "pull_request": {{"head": {head}, "base": {{"ref": "main", "repo_id": 1,
                "sha": "{0}", "repo": {{"full_name": "acme/app"}}}}}}}}"#,
            "b".repeat(40)
        )
    };
    let sha = "a".repeat(40);
    let gone = format!(r#"{{"ref": "refs/pull/3/head", "sha": "{sha}", "repo_id": -1}}"#);
    let read = event(Vendor::Gitea, "pull_request", body(&gone).as_bytes()).unwrap();
    let pull = read.pull_request.clone().unwrap();
    assert_eq!(
        (pull.fork, pull.action.as_str(), read.filter.as_str()),
        (true, "synchronize", "synchronize")
    );
    assert_eq!(any::head_reference(&read).as_deref(), Some("refs/pull/3/head"));
    let own = format!(r#"{{"ref": "x", "sha": "{sha}", "repo_id": 1}}"#);
    let read = event(Vendor::Gitea, "pull_request", body(&own).as_bytes()).unwrap();
    assert!(!read.is_fork());
}
