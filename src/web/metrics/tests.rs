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
    health.set("engine", Condition::new(false, "away", at(1)));
    health.set_figure("disk_free_bytes", 1234);
    let refused = Refused::default();
    refused.count(StatusCode::UNAUTHORIZED);
    refused.count(StatusCode::IM_A_TEAPOT);

    let page = page(Some(&figures), &health, &refused, at(100));

    let values: Vec<&str> = page.lines().filter(|line| !line.starts_with('#')).collect();
    insta::assert_snapshot!(values.join("\n"), @r#"
    pocketci_build_info{version="0.1.0"} 1
    pocketci_deliveries_refused_total{status="400"} 0
    pocketci_deliveries_refused_total{status="401"} 1
    pocketci_deliveries_refused_total{status="408"} 0
    pocketci_deliveries_refused_total{status="413"} 0
    pocketci_deliveries_refused_total{status="415"} 0
    pocketci_deliveries_refused_total{status="429"} 0
    pocketci_deliveries_refused_total{status="503"} 0
    pocketci_deliveries_refused_total{status="other"} 1
    pocketci_deliveries_total{outcome="planned"} 3
    pocketci_deliveries_total{outcome="skipped"} 0
    pocketci_deliveries_total{outcome="faulty"} 0
    pocketci_deliveries{state="received"} 1
    pocketci_deliveries{state="claimed"} 0
    pocketci_deliveries{state="settled"} 0
    pocketci_oldest_delivery_seconds 10.000
    pocketci_calls_total{outcome="passed"} 2
    pocketci_calls_total{outcome="failed"} 0
    pocketci_calls_total{outcome="timed_out"} 0
    pocketci_calls_total{outcome="cancelled"} 0
    pocketci_calls_total{outcome="lost"} 0
    pocketci_calls_total{outcome="errored"} 0
    pocketci_calls{state="held"} 0
    pocketci_calls{state="queued"} 4
    pocketci_calls{state="running"} 0
    pocketci_calls{state="finished"} 0
    pocketci_oldest_queued_call_seconds 0.000
    pocketci_call_duration_seconds_bucket{le="1"} 0
    pocketci_call_duration_seconds_bucket{le="5"} 2
    pocketci_call_duration_seconds_bucket{le="15"} 2
    pocketci_call_duration_seconds_bucket{le="60"} 2
    pocketci_call_duration_seconds_bucket{le="300"} 2
    pocketci_call_duration_seconds_bucket{le="900"} 2
    pocketci_call_duration_seconds_bucket{le="3600"} 2
    pocketci_call_duration_seconds_bucket{le="+Inf"} 3
    pocketci_call_duration_seconds_sum 7204.000
    pocketci_call_duration_seconds_count 3
    pocketci_statuses{state="owed"} 1
    pocketci_statuses{state="sent"} 0
    pocketci_statuses{state="dropped"} 0
    pocketci_statuses_total{end="sent"} 0
    pocketci_statuses_total{end="dropped"} 0
    pocketci_oldest_owed_status_seconds 0.000
    pocketci_taken_up_total{what="deliveries"} 0
    pocketci_taken_up_total{what="calls"} 5
    pocketci_taken_up_total{what="reports"} 0
    pocketci_watchdog_mended_total{what="calls"} 0
    pocketci_watchdog_mended_total{what="runs"} 0
    pocketci_watchdog_mended_total{what="deliveries"} 0
    pocketci_watchdog_mended_total{what="loops"} 0
    pocketci_condition{name="engine"} 0
    pocketci_disk_free_bytes 1234
    "#);
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
