use super::super::tests::{World, at, run};
use super::*;
use crate::store::Startable;

#[tokio::test]
async fn which_check_run_shows_a_report_is_kept() {
    let world = World::new().await;
    world.run("a", run(&["test"])).await;
    let rows = sqlx::query_scalar::<_, i64>("SELECT min(id) FROM report");
    let report = ReportId(rows.fetch_one(&world.store.inner.readers).await.unwrap());
    assert_eq!(world.store.check_run(report).await.unwrap(), None);
    let mut check = CheckRun {
        external_id: "pocketci:1:1:1".to_owned(),
        number: None,
        completed: false,
        annotated: false,
    };
    for (number, completed) in [(None, false), (Some(7), true)] {
        check = CheckRun { number, completed, annotated: completed, ..check };
        world.store.keep_check_run(report, &check).await.unwrap();
        assert_eq!(world.store.check_run(report).await.unwrap(), Some(check.clone()));
    }
}

#[tokio::test]
async fn that_a_call_has_begun_is_owed_only_while_it_runs() {
    let world = World::new().await;
    let id = world.run("a", run(&["test"])).await;
    let text = async || {
        let reports = world.store.reports(id).await.unwrap();
        let texts: Vec<String> =
            reports.into_iter().map(|it| it.report.status.description).collect();
        texts.join("; ")
    };
    let call = world.store.claim_call(Startable::Any, at(10)).await.unwrap().unwrap();
    world.store.owe_begun(call.id, at(10)).await.unwrap();
    assert!(text().await.contains("Running since"), "{}", text().await);
    world.store.finish_call(call.id, &crate::domain::run::Outcome::Passed, at(11)).await.unwrap();
    world.store.owe_begun(call.id, at(12)).await.unwrap();
    assert!(!text().await.contains("Running"), "{}", text().await);
}
