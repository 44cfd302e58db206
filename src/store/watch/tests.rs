use super::super::tests::{World, at, run};
use super::*;
use crate::domain::run::Outcome;
use crate::domain::spec::Concurrency;
use crate::store::Startable;

#[tokio::test]
async fn running_calls_are_told_with_their_attempt() {
    let world = World::new().await;
    world.run("a", run(&["one", "two"])).await;
    assert_eq!(world.store.running_calls().await.unwrap(), []);
    let call = world.store.claim_call(Startable::Any, at(5)).await.unwrap().unwrap();
    let running = RunningCall { id: call.id, run: call.run, attempt: 1, started_at: Some(at(5)) };
    assert_eq!(world.store.running_calls().await.unwrap(), [running]);
}

#[tokio::test]
async fn a_run_whose_calls_have_all_ended_is_stuck_until_it_has() {
    let world = World::new().await;
    let runs = [world.run("a", run(&["one"])).await, world.run("b", run(&["one"])).await];
    let none = world.store.stuck_runs(RunId(0)).await.unwrap();
    assert_eq!(none, (vec![], runs[1]));
    assert_eq!(world.store.finish_stuck_run(runs[0], at(9)).await.unwrap(), None);
    // What no transaction of ours leaves behind.
    for run in runs {
        let sql = format!(
            "UPDATE call SET state = 'finished', outcome = 'passed', finished_at = 1
             WHERE run = {run}"
        );
        world.sql(&sql).await;
    }
    world.sql(&format!("UPDATE run SET state = 'running' WHERE id = {}", runs[1])).await;
    let (stuck, next) = world.store.stuck_runs(RunId(0)).await.unwrap();
    assert_eq!((stuck, next), (vec![runs[1], runs[0]], runs[0]));
    let (stuck, next) = world.store.stuck_runs(next).await.unwrap();
    assert_eq!((stuck, next), (vec![runs[1]], RunId(0)));
    for run in runs {
        let verdict = world.store.finish_stuck_run(run, at(9)).await.unwrap();
        assert_eq!(verdict, Some(Verdict::Passed));
        assert_eq!(world.store.finish_stuck_run(run, at(9)).await.unwrap(), None);
    }
    assert_eq!(world.store.stuck_runs(RunId(0)).await.unwrap().0, []);
}

#[tokio::test]
async fn a_run_that_has_ended_is_not_looked_at() {
    let world = World::new().await;
    world.run("a", run(&["one"])).await;
    let call = world.store.claim_call(Startable::Any, at(5)).await.unwrap().unwrap();
    world.store.finish_call(call.id, &Outcome::Passed, at(6)).await.unwrap();
    assert_eq!(world.store.stuck_runs(RunId(0)).await.unwrap(), (vec![], RunId(0)));
}

#[tokio::test]
async fn a_group_that_nobody_holds_lets_its_first_go_on() {
    let world = World::new().await;
    let mut runs = Vec::new();
    for (name, group) in [("a", "deploy"), ("b", "deploy"), ("c", "deploy"), ("d", "other")] {
        let mut new = run(&["one"]);
        new.settings.concurrency = Some(Concurrency { group: group.to_owned(), cancel: false });
        runs.push(world.run(name, new).await);
    }
    assert_eq!(world.store.forgotten_runs().await.unwrap(), []);
    // What no transaction of ours leaves behind.
    world
        .sql("UPDATE call SET held = 1; UPDATE run SET waits = 1 WHERE concurrency = 'deploy'")
        .await;
    assert_eq!(world.store.forgotten_runs().await.unwrap(), [runs[0]]);
    assert!(world.store.let_forgotten_go(runs[0], at(9)).await.unwrap());
    assert_eq!(world.store.forgotten_runs().await.unwrap(), []);
    let call = world.store.claim_call(Startable::Any, at(10)).await.unwrap().unwrap();
    assert_eq!(call.run, runs[0]);
    assert!(world.store.claim_call(Startable::Any, at(10)).await.unwrap().is_none());
    assert!(!world.store.let_forgotten_go(runs[1], at(11)).await.unwrap());
}

#[tokio::test]
async fn runs_are_overdue_by_their_own_limits() {
    let world = World::new().await;
    let limited = |limit: Option<u64>| {
        let mut new = run(&["one", "two"]);
        new.settings.run_timeout = limit.map(Duration::from_secs);
        new
    };
    let short = world.run("a", limited(Some(60))).await;
    let long = world.run("b", limited(Some(100))).await;
    world.run("c", limited(None)).await;
    let overdue =
        async |from, now| world.store.overdue_runs(at(from), true, at(now)).await.unwrap();
    assert_eq!(overdue(0, 1000).await, (vec![], None), "none has begun");
    let mut running = Vec::new();
    while let Some(call) = world.store.claim_call(Startable::Any, at(10)).await.unwrap() {
        running.push(call);
    }
    assert_eq!(overdue(0, 69).await, (vec![], Some(at(70))));
    let minute = (short, Duration::from_secs(60));
    assert_eq!(overdue(0, 70).await, (vec![minute], Some(at(110))));
    assert_eq!(overdue(30, 70).await, (vec![], Some(at(90))), "what lay before does not count");

    let first = running.remove(0);
    world.store.retry_call(first.id, "engine gone", at(2000), at(60)).await.unwrap();
    let away = world.store.overdue_runs(at(0), false, at(70)).await.unwrap();
    assert_eq!((first.run, away), (short, (vec![], Some(at(110)))), "it waits for the engine");

    world.store.cancel_run(short, "too long", at(71)).await.unwrap();
    assert_eq!(overdue(0, 71).await, (vec![], Some(at(110))), "it is being ended");
    for call in running.iter().filter(|call| call.run == long) {
        world.store.finish_call(call.id, &Outcome::Passed, at(72)).await.unwrap();
    }
    assert_eq!(overdue(0, 1000).await, (vec![], None));
}

#[tokio::test]
async fn what_the_watchdog_asks_costs_what_is_under_way() {
    let world = World::new().await;
    for sql in [FORGOTTEN, LIMITED] {
        let plan = world.query_plan(sql).await;
        assert!(plan.contains("USING INDEX run_"), "{plan}");
        assert!(!plan.contains("SCAN call") && !plan.contains("TEMP B-TREE"), "{plan}");
    }
}
