use super::super::tests::{World, at, run};
use super::*;
use crate::domain::run::Outcome;
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
