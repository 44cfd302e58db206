use jiff::Timestamp;

use super::super::tests::Agent;
use crate::health::Condition;

fn condition(ok: bool, detail: &str) -> Condition {
    let since = Timestamp::from_second(60).unwrap();
    Condition::new(ok, detail, since)
}

#[tokio::test]
async fn alive_is_not_the_same_as_ready() {
    let agent = Agent::start().await;
    agent.app.health.set("database", condition(true, "/var/lib/pocketci/pocketci.db"));
    assert_eq!(agent.get("/readyz").await.status, 200);

    agent.app.health.set("engine", condition(false, "No engine answers: start one"));
    let ready = agent.get("/readyz").await;
    assert_eq!(ready.status, 503);
    insta::assert_snapshot!(ready.body, @r#"{"ready":false,"checks":{"database":{"ok":true,"detail":"/var/lib/pocketci/pocketci.db","since":"1970-01-01T00:01:00Z"},"engine":{"ok":false,"detail":"No engine answers: start one","since":"1970-01-01T00:01:00Z"}}}"#);
    let alive = agent.get("/healthz").await;
    assert_eq!((alive.status, alive.body.as_str()), (200, "ok"));
}

#[tokio::test]
async fn the_version_is_told() {
    let version = Agent::start().await.get("/version").await.json();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(version["name"], "pocketci-agent");
}
