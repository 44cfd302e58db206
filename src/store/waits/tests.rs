use super::Waits;
use crate::domain::ids::RunId;
use crate::domain::plan::Action;
use crate::domain::run::Outcome;
use crate::domain::spec::Concurrency;
use crate::store::tests::{World, at, run};
use crate::store::{NewRun, NewRunState, Startable};

/// A run of the group `deploy`.
fn grouped() -> NewRun {
    let mut new = run(&["one"]);
    new.settings.concurrency = Some(Concurrency { group: "deploy".to_owned(), cancel: false });
    new
}

/// A run of the group on a commit of its own.
async fn in_group(world: &World, name: &str) -> RunId {
    let mut new = grouped();
    new.sha = format!("{:0>40}", name).parse().unwrap();
    world.run(name, new).await
}

async fn why(world: &World, id: RunId) -> Option<String> {
    world.store.run(id).await.unwrap().unwrap().waits
}

/// What the forge is told of the run's calls as long as they are queued.
async fn told(world: &World, id: RunId) -> Vec<String> {
    let reports = world.store.reports(id).await.unwrap();
    let told = reports.into_iter().map(|it| it.report.status.description);
    told.filter(|text| text.starts_with("Queued")).collect()
}

#[tokio::test]
async fn who_waits_for_a_group_says_so_until_it_may_go_on() {
    let world = World::new().await;
    let (first, second) = (in_group(&world, "1").await, in_group(&world, "2").await);
    let third = in_group(&world, "3").await;
    let behind = |run: RunId| format!("waits for group `deploy` behind run {run}");
    assert_eq!(why(&world, first).await, None);
    assert_eq!(why(&world, second).await, Some(behind(first)));
    assert_eq!(told(&world, second).await, [format!("Queued: {}", behind(first))]);
    let both = format!("{}; run {first} holds it", behind(second));
    assert_eq!(why(&world, third).await, Some(both));
    assert_eq!(told(&world, third).await, [format!("Queued: {}", behind(second))]);

    let call = world.store.claim_call(Startable::Any, at(3)).await.unwrap().unwrap();
    assert_eq!(call.run, first);
    world.store.finish_call(call.id, &Outcome::Passed, at(4)).await.unwrap();
    assert_eq!(why(&world, second).await, None);
    assert_eq!(told(&world, second).await, ["Queued"]);
    assert_eq!(why(&world, third).await, Some(behind(second)));
    assert_eq!(told(&world, third).await, [format!("Queued: {}", behind(second))], "as before");
}

#[tokio::test]
async fn who_waits_behind_one_that_is_cancelled_says_behind_whom_it_waits_then() {
    let world = World::new().await;
    let (first, second) = (in_group(&world, "1").await, in_group(&world, "2").await);
    let third = in_group(&world, "3").await;
    world.store.cancel_run(second, "not wanted", at(3)).await.unwrap();
    let behind = format!("waits for group `deploy` behind run {first}");
    assert_eq!(told(&world, third).await, [format!("Queued: {behind}")]);
    assert_eq!(why(&world, third).await, Some(behind));
}

/// What each call of the only run waits for.
async fn waits(world: &World) -> Vec<Option<Waits>> {
    let view = world.store.run(RunId(1)).await.unwrap().unwrap();
    view.calls.into_iter().map(|call| call.waits).collect()
}

#[tokio::test]
async fn a_queued_call_says_what_it_waits_for() {
    let world = World::new().await;
    let mut new = run(&["one", "two", "three"]);
    new.plan.calls[2].action = Action::Shell { run: "true".to_owned(), secrets: vec![] };
    new.settings.max_parallel = Some(1);
    world.run("1", new).await;
    let turn = |needs_engine| Some(Waits::Turn { needs_engine });
    assert_eq!(waits(&world).await, [turn(true), turn(true), turn(false)]);

    let call = world.store.claim_call(Startable::Any, at(3)).await.unwrap().unwrap();
    assert_eq!(waits(&world).await, [None, Some(Waits::Spec(1)), Some(Waits::Spec(1))]);

    world.store.retry_call(call.id, "engine gone", at(50), at(4)).await.unwrap();
    let until = Some(Waits::Until(at(50)));
    assert_eq!(waits(&world).await, [until, turn(true), turn(false)]);
    world.store.cancel_run(RunId(1), "not wanted", at(5)).await.unwrap();
    assert_eq!(waits(&world).await, [None, None, None]);
}

#[tokio::test]
async fn calls_wait_with_their_run() {
    let world = World::new().await;
    let mut held = run(&["one"]);
    held.state = NewRunState::Held("from a fork".to_owned());
    world.run("1", held).await;
    assert_eq!(waits(&world).await, [Some(Waits::Word)]);

    let (first, second) = (in_group(&world, "2").await, in_group(&world, "3").await);
    let view = world.store.run(second).await.unwrap().unwrap();
    let words = format!("waits for group `deploy` behind run {first}");
    assert_eq!(view.calls[0].waits, Some(Waits::Group(words)));
}

#[tokio::test]
async fn only_who_was_said_to_wait_is_told_to_have_begun() {
    let world = World::new().await;
    world.run("1", run(&["one"])).await;
    let call = world.store.run(RunId(1)).await.unwrap().unwrap().calls[0].id;
    assert!(!world.store.said_to_wait(call).await.unwrap());
    let none = crate::domain::ids::CallId(0);
    world.store.tell_waiting("Queued: engine unreachable", none, at(4)).await.unwrap();
    assert!(world.store.said_to_wait(call).await.unwrap());
    world.store.claim_call(Startable::Any, at(5)).await.unwrap().unwrap();
    world.store.owe_begun(call, at(5)).await.unwrap();
    assert!(!world.store.said_to_wait(call).await.unwrap());
}
