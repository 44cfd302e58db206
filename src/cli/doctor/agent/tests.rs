use super::super::Level;
use super::*;

fn shown(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|one| format!("{:?} {}", one.level, one.detail)).collect()
}

fn address() -> SocketAddr {
    "127.0.0.1:8080".parse().unwrap()
}

#[test]
fn an_agents_own_checks_are_shown() {
    let answer = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\r\n\
        {\"ready\":false,\"checks\":{\
        \"disk\":{\"ok\":false,\"detail\":\"1 MB free\",\"since\":\"2026-11-21T07:00:00Z\"},\
        \"engine\":{\"ok\":true,\"detail\":\"answers\",\"since\":\"2026-11-21T07:00:00Z\"}}}";
    let findings = understand(address(), answer.as_bytes());
    assert_eq!(
        shown(&findings),
        ["Ok runs at 127.0.0.1:8080", "Fail disk: 1 MB free", "Ok engine: answers"]
    );
    let since = "it says so since 2026-11-21T07:00:00Z; its log says more";
    assert_eq!(findings[1].advice.as_deref(), Some(since));
}

#[test]
fn somebody_else_is_told_from_an_agent() {
    for answer in ["HTTP/1.1 200 OK\r\n\r\n<html>", "SSH-2.0-OpenSSH\r\n", ""] {
        let [finding] = understand(address(), answer.as_bytes()).try_into().unwrap();
        assert_eq!(finding.level, Level::Warn, "{answer}");
    }
}

#[tokio::test]
async fn nobody_there_is_no_fault() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let [finding] = running(address, false, Path::new("/nonexistent")).await.try_into().unwrap();
    assert_eq!(
        (finding.level, finding.detail),
        (Level::Ok, format!("none is running at {address}"))
    );
}

#[test]
fn an_agent_that_listens_everywhere_is_asked_here() {
    #[track_caller]
    fn check(listen: &str, expected: &str) {
        assert_eq!(reachable(listen.parse().unwrap()), expected.parse().unwrap());
    }
    check("0.0.0.0:8080", "127.0.0.1:8080");
    check("[::]:8080", "[::1]:8080");
    check("10.1.2.3:80", "10.1.2.3:80");
}
