use super::super::tests::{Agent, Hook};
use super::*;

#[tokio::test]
async fn every_answer_says_what_a_browser_must_not_do() {
    let agent = Agent::start().await;
    let paths = [
        "/",
        "/runs/1",
        "/nowhere",
        "/healthz",
        "/readyz",
        "/metrics",
        "/version",
        "/assets/0/style.css",
        "/runs/1/calls/1/log",
        "/webhooks/github",
    ];
    let mut answers = Vec::new();
    for path in paths {
        answers.push((path, agent.get(path).await));
    }
    answers.push(("401", agent.send(&Hook::push("a").signed("wrong")).await));
    answers.push(("202", agent.send(&Hook::push("a")).await));
    for (what, answer) in answers {
        let policy = answer.header("content-security-policy").unwrap_or_else(|| panic!("{what}"));
        assert!(policy.contains("default-src 'none'"), "{what}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{what}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{what}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{what}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{what}");
        assert_eq!(answer.header("strict-transport-security"), None, "{what}: it is no TLS");
    }
}

#[test]
fn with_tls_a_browser_is_to_stay_with_it() {
    let response = Guard { tls: true }.on(Response::default());
    assert_eq!(response.headers()[STRICT_TRANSPORT_SECURITY], ALWAYS_TLS);
}
