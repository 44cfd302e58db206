use super::super::tests::{World, at, event, reason, run, sha};
use super::super::{CallState, NewRunState, RunState, Settlement, Startable};
use crate::domain::ids::RunId;
use crate::domain::plan::{Changes, Decision};
use crate::domain::run::Verdict;

#[tokio::test]
async fn a_run_comes_back_as_it_was_planned() {
    let world = World::new().await;
    let new = run(&["test", "lint"]);
    let id = world.run("a", new.clone()).await;
    let view = world.store.run(id).await.unwrap().unwrap();
    assert_eq!((view.event, view.sha, view.plan), (event(), sha(), new.plan.clone()));
    assert_eq!((view.settings, view.state, view.attempt), (new.settings, RunState::Queued, 1));
    assert_eq!((view.created_at, view.started_at, view.finished_at), (at(2), None, None));
    let calls: Vec<_> = view.calls.iter().map(|it| (it.call.clone(), it.state.clone())).collect();
    let expected: Vec<_> = new.plan.calls.into_iter().map(|it| (it, CallState::Queued)).collect();
    assert_eq!(calls, expected);
    assert_eq!(world.store.run(RunId(99)).await.unwrap(), None);
}

#[tokio::test]
async fn the_newest_runs_come_first() {
    let world = World::new().await;
    let first = world.run("a", run(&["test"])).await;
    let second = world.run("b", run(&["lint"])).await;
    let runs = world.store.runs(10, None).await.unwrap();
    assert_eq!(runs.iter().map(|run| run.id).collect::<Vec<_>>(), [second, first]);
    assert_eq!(runs[1].calls[0].call.function, "test");
    assert_eq!(world.store.runs(1, None).await.unwrap().len(), 1);
    let of_one = world.store.runs(10, Some(runs[1].delivery)).await.unwrap();
    assert_eq!(of_one.iter().map(|run| run.id).collect::<Vec<_>>(), [first]);
}

#[tokio::test]
async fn the_calls_of_a_held_run_wait() {
    let world = World::new().await;
    let mut held = run(&["test"]);
    held.state = NewRunState::Held("from a fork".to_owned());
    let id = world.run("a", held).await;
    assert!(world.store.claim_call(Startable::Any, at(3)).await.unwrap().is_none());
    let view = world.store.run(id).await.unwrap().unwrap();
    assert_eq!(view.state, RunState::Held("from a fork".to_owned()));
    assert_eq!(view.calls.len(), 1);
}

#[tokio::test]
async fn a_run_with_nothing_to_call_is_finished() {
    let world = World::new().await;
    let mut nothing = run(&[]);
    nothing.state = NewRunState::Finished(Verdict::Passed);
    nothing.plan.decision = Decision::Skip;
    nothing.plan.reason = Some(reason());
    nothing.changes = Changes::NoDiff;
    let id = world.run("a", nothing).await;
    let view = world.store.run(id).await.unwrap().unwrap();
    assert_eq!(view.state.verdict(), Some(Verdict::Passed));
    assert_eq!((view.finished_at, view.calls.len()), (Some(at(2)), 0));
    assert!(world.store.claim_call(Startable::Any, at(3)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_large_run_is_stored_whole() {
    let world = World::new().await;
    let names: Vec<String> = (0..1000).map(|n| format!("test{n}")).collect();
    let id = world.run("a", run(&names.iter().map(String::as_str).collect::<Vec<_>>())).await;
    let view = world.store.run(id).await.unwrap().unwrap();
    let functions: Vec<_> = view.calls.into_iter().map(|call| call.call.function).collect();
    assert_eq!(functions, names);
}

#[tokio::test]
async fn a_delivery_takes_its_runs_with_it() {
    let world = World::new().await;
    world.run("a", run(&["test"])).await;
    let id = world.claimed_delivery("b").await;
    world.store.settle(id, Settlement::Skipped(reason()), at(2)).await.unwrap();
    world.sql("DELETE FROM delivery WHERE id = 1").await;
    for (table, left) in
        [("run", 0), ("run_plan", 0), ("call", 0), ("delivery_body", 1), ("report", 1)]
    {
        let count = world.count(&format!("SELECT count(*) FROM {table}")).await;
        assert_eq!(count, left, "{table}");
    }
}
