use std::collections::{BTreeMap, BTreeSet};

use super::super::tests::{Agent, Hook};
use super::*;
use crate::health::Condition;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[test]
fn the_page_says_it_all_in_the_text_format() {
    let tally = [
        ("delivery_total:planned", 3),
        ("delivery:received", 1),
        ("call_total:passed", 2),
        ("call:queued", 4),
        ("call_seconds:5", 2),
        ("call_seconds:+Inf", 1),
        ("call_microseconds:sum", 7_204_000_000),
        ("report:owed", 1),
        ("taken_up:calls", 5),
        ("probe:at", 99),
    ];
    let tally: BTreeMap<String, u64> = tally.map(|(name, n)| (name.to_owned(), n)).into();
    let figures = Figures {
        tally,
        oldest_delivery: Some(at(90)),
        oldest_call: Some(at(200)),
        oldest_report: None,
    };
    let health = Health::default();
    health.set("engine", Condition { ok: false, detail: "away".to_owned(), since: at(1) });
    health.set_figure("disk_free_bytes", 1234);
    let refused = Refused::default();
    refused.count(StatusCode::UNAUTHORIZED);
    refused.count(StatusCode::IM_A_TEAPOT);

    let page = page(Some(&figures), &health, &refused, at(100));

    let values: Vec<&str> = page.lines().filter(|line| !line.starts_with('#')).collect();
    insta::assert_snapshot!(values.join("\n"), @"");
    let names = |mark: &str| -> BTreeSet<String> {
        let lines = page.lines().filter_map(|line| line.strip_prefix(mark));
        lines.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    assert_eq!(names("# HELP "), names("# TYPE "));
    assert_eq!(page.matches("# TYPE ").count(), names("# TYPE ").len(), "each family once");
    assert!(page.ends_with('\n'));
}

#[tokio::test]
async fn what_happens_is_counted() {
    let agent = Agent::start().await;
    assert_eq!(agent.send(&Hook::push("a")).await.status, 202);
    let forged = Hook::push("b").signed("not the secret");
    assert_eq!(agent.send(&forged).await.status, 401);

    let metrics = agent.get("/metrics").await;

    assert_eq!(metrics.status, 200);
    let has = |line: &str| metrics.body.lines().any(|it| it == line);
    assert!(has("pocketci_deliveries{state=\"received\"} 1"), "{}", metrics.body);
    assert!(has("pocketci_deliveries_refused_total{status=\"401\"} 1"), "{}", metrics.body);
}
