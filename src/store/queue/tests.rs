use jiff::Timestamp;

use super::super::tests::{World, at, call, run, sha};
use super::super::{Limits, NewRun, NewRunState, Next, RunState, Startable};
use super::{NEXT, WAKE};
use crate::domain::ids::{CallId, RunId};
use crate::domain::plan::Action;
use crate::domain::run::Outcome;
use crate::domain::spec::Concurrency;

/// A run of a repository that calls so many functions, named for it.
fn of(repository: &str, calls: usize) -> NewRun {
    let mut new = run(&[]);
    new.plan.calls = (0..calls).map(|n| call(&format!("{repository}{n}"))).collect();
    if let Some(about) = &mut new.event.repository {
        about.full_name = format!("acme/{repository}").parse().unwrap();
    }
    new
}

/// What is next while nobody has asked the engine.
async fn unasked(world: &World, now: Timestamp) -> Next<CallId> {
    let limits = Limits { per_repository: None };
    world.store.claim_next(Startable::Unasked, limits, now, |call| call.id).await.unwrap()
}

/// Starts calls until none may start; their names.
async fn started(world: &World, per_repository: Option<u32>) -> String {
    let mut names = Vec::new();
    let limits = Limits { per_repository };
    while let Next::Claimed(call) =
        world.store.claim_next(Startable::Any, limits, at(3), |call| call).await.unwrap()
    {
        names.push(call.call.function);
    }
    names.join(" ")
}

/// Starts one call after the other, each when the one before has ended.
async fn one_by_one(world: &World) -> String {
    let mut names = Vec::new();
    while let Some(call) = world.store.claim_call(Startable::Any, at(3)).await.unwrap() {
        world.store.finish_call(call.id, &Outcome::Passed, at(4)).await.unwrap();
        names.push(call.call.function);
    }
    names.join(" ")
}

#[tokio::test]
async fn the_repository_with_the_fewest_calls_under_way_comes_first() {
    let world = World::new().await;
    world.run("1", of("a", 4)).await;
    world.run("2", of("b", 2)).await;
    world.run("3", of("c", 1)).await;
    assert_eq!(started(&world, None).await, "a0 b0 c0 a1 b1 a2 a3");
}

#[tokio::test]
async fn repositories_take_turns_also_when_one_call_runs_at_a_time() {
    let world = World::new().await;
    world.run("1", of("a", 4)).await;
    world.run("2", of("b", 2)).await;
    assert_eq!(one_by_one(&world).await, "a0 b0 a1 b1 a2 a3");
}

#[tokio::test]
async fn of_one_repository_the_oldest_call_comes_first_whatever_its_spec() {
    let world = World::new().await;
    let mut other = of("a", 2);
    other.spec_path = "other/pocketci.yaml".to_owned();
    world.run("1", of("a", 2)).await;
    world.run("2", other).await;
    assert_eq!(started(&world, None).await, "a0 a1 a0 a1");
}

#[tokio::test]
async fn a_repository_has_no_more_calls_under_way_than_it_may() {
    let world = World::new().await;
    world.run("1", of("a", 5)).await;
    world.run("2", of("b", 1)).await;
    assert_eq!(started(&world, Some(2)).await, "a0 b0 a1");
    let view = world.store.run(RunId(1)).await.unwrap().unwrap();
    world.store.finish_call(view.calls[0].id, &Outcome::Passed, at(5)).await.unwrap();
    assert_eq!(started(&world, Some(2)).await, "a2");
}

#[tokio::test]
async fn a_spec_has_no_more_calls_under_way_than_it_wants() {
    let world = World::new().await;
    let limited = |calls| {
        let mut new = of("a", calls);
        new.settings.max_parallel = Some(1);
        new
    };
    let mut other = of("a", 1);
    other.spec_name = "other".to_owned();
    world.run("1", limited(2)).await;
    world.run("2", limited(1)).await;
    world.run("3", other).await;
    assert_eq!(started(&world, None).await, "a0 a0", "one of each spec");
    let view = world.store.run(RunId(1)).await.unwrap().unwrap();
    world.store.finish_call(view.calls[0].id, &Outcome::Passed, at(5)).await.unwrap();
    assert_eq!(started(&world, None).await, "a1");
}

#[tokio::test]
async fn commands_stand_in_the_same_queue() {
    let world = World::new().await;
    let mut mixed = of("a", 3);
    mixed.plan.calls[1].action = Action::Shell { run: "true".to_owned(), secrets: vec![] };
    world.run("1", mixed).await;
    assert_eq!(started(&world, None).await, "a0 a1 a2");
}

#[tokio::test]
async fn a_call_that_waits_for_a_time_holds_up_nobody() {
    let world = World::new().await;
    world.run("1", of("a", 2)).await;
    let first = world.store.claim_call(Startable::Any, at(3)).await.unwrap().unwrap();
    world.store.retry_call(first.id, "engine gone", at(50), at(4)).await.unwrap();
    assert_eq!(world.store.next_call_due().await.unwrap(), Some(at(50)));
    let second = world.store.claim_call(Startable::Any, at(5)).await.unwrap().unwrap();
    assert_ne!(second.id, first.id);
    assert!(world.store.claim_call(Startable::Any, at(49)).await.unwrap().is_none());
    assert!(matches!(unasked(&world, at(49)).await, Next::Nothing));
    assert!(matches!(unasked(&world, at(50)).await, Next::NeedsEngine));
    let again = world.store.claim_call(Startable::Any, at(50)).await.unwrap().unwrap();
    assert_eq!((again.id, again.attempt, again.engine_tries), (first.id, 2, 1));
    assert_eq!(world.store.next_call_due().await.unwrap(), None);
    assert!(
        world
            .owed()
            .await
            .contains(&"pocketci/a0 pending Trying again (attempt 2): engine gone".into())
    );
}

/// A run of the group `deploy`.
fn grouped(repository: &str, cancel: bool) -> NewRun {
    let mut new = of(repository, 1);
    new.settings.concurrency = Some(Concurrency { group: "deploy".to_owned(), cancel });
    new
}

#[tokio::test]
async fn runs_of_a_group_go_one_after_the_other_in_their_order() {
    let world = World::new().await;
    let mut runs = Vec::new();
    for name in ["1", "2", "3"] {
        runs.push(world.run(name, grouped("a", false)).await);
    }
    let elsewhere = world.run("4", grouped("b", false)).await;
    let mut order = Vec::new();
    while let Some(call) = world.store.claim_call(Startable::Any, at(3)).await.unwrap() {
        if call.run == elsewhere {
            continue;
        }
        assert!(order.is_empty() || world.store.run(call.run).await.unwrap().is_some());
        order.push(call.run);
        world.store.finish_call(call.id, &Outcome::Failed { exit: 1 }, at(4)).await.unwrap();
    }
    assert_eq!(order, runs);
}

#[tokio::test]
async fn a_group_waits_for_what_is_under_way() {
    let world = World::new().await;
    world.run("1", grouped("a", false)).await;
    let running = world.store.claim_call(Startable::Any, at(3)).await.unwrap().unwrap();
    let second = world.run("2", grouped("a", false)).await;
    let third = world.run("3", grouped("a", false)).await;
    assert!(world.store.claim_call(Startable::Any, at(3)).await.unwrap().is_none());
    // One that waits can be cancelled, and lets nobody else go on by that.
    world.store.cancel_run(second, "superseded", at(4)).await.unwrap();
    assert!(world.store.claim_call(Startable::Any, at(4)).await.unwrap().is_none());
    world.store.finish_call(running.id, &Outcome::Passed, at(5)).await.unwrap();
    assert_eq!(world.store.claim_call(Startable::Any, at(5)).await.unwrap().unwrap().run, third);
}

#[tokio::test]
async fn a_group_that_cancels_waits_for_what_it_cancelled() {
    let world = World::new().await;
    world.run("1", grouped("a", true)).await;
    let running = world.store.claim_call(Startable::Any, at(3)).await.unwrap().unwrap();
    let second = world.run("2", grouped("a", true)).await;
    let to_end = world.store.calls_to_end().await.unwrap();
    assert_eq!(to_end.len(), 1);
    let why = format!("superseded by {} in the group deploy", sha().short());
    assert_eq!((to_end[0].call, &to_end[0].why), (running.id, &why));
    assert!(world.store.claim_call(Startable::Any, at(3)).await.unwrap().is_none());
    world.store.finish_call(running.id, &Outcome::Cancelled(why), at(4)).await.unwrap();
    assert_eq!(world.store.claim_call(Startable::Any, at(4)).await.unwrap().unwrap().run, second);
}

#[tokio::test]
async fn a_held_run_does_not_stand_in_its_groups_way() {
    let world = World::new().await;
    let mut held = grouped("a", false);
    held.state = NewRunState::Held("from a fork".to_owned());
    let held = world.run("1", held).await;
    let second = world.run("2", grouped("a", false)).await;
    let call = world.store.claim_call(Startable::Any, at(3)).await.unwrap().unwrap();
    assert_eq!(call.run, second);
    world.store.finish_call(call.id, &Outcome::Passed, at(4)).await.unwrap();
    assert!(world.store.claim_call(Startable::Any, at(5)).await.unwrap().is_none());
    let view = world.store.run(held).await.unwrap().unwrap();
    assert_eq!(view.state, RunState::Held("from a fork".to_owned()));
}

/// 100,000 calls wait in 50 lanes; what is read is the lanes.
#[tokio::test]
async fn what_waits_is_never_walked_over() {
    let world = World::new().await;
    for n in 0..50 {
        world.run(&n.to_string(), of(&format!("a{n}"), 1)).await;
    }
    world
        .sql(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
             INSERT INTO call (run, position, kebab, context, posts_status, shell, state, held,
                               queued_at, lane)
               SELECT 1 + i % 50, i, '', '', 0, 0, 'queued', 0, 0, 1 + i % 50 FROM n;
             ANALYZE",
        )
        .await;
    let plan = world.query_plan(NEXT).await;
    assert!(!plan.contains("SCAN call\n"), "{plan}");
    assert!(plan.contains("INDEX call_running"), "{plan}");
    assert!(plan.contains("INDEX call_ready (shell=? AND lane>?)"), "{plan}");
    assert!(plan.contains("INDEX call_ready (shell=? AND lane=?)"), "{plan}");
    assert!(world.query_plan(WAKE).await.contains("INDEX call_postponed (not_before"), "{plan}");
    let since = std::time::Instant::now();
    for _ in 0..50 {
        assert!(world.store.claim_call(Startable::Any, at(3)).await.unwrap().is_some());
    }
    eprintln!("50 claims among 100,000 took {:?}", since.elapsed());
}
