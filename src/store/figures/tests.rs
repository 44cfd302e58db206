use super::super::tests::{World, at, delivery, reason, run};
use super::*;
use crate::domain::run::Outcome;
use crate::store::{NewRunState, Startable};

/// The figures that are not 0, as `name value`.
async fn figures(world: &World) -> String {
    let figures = world.store.figures().await.unwrap();
    let some = figures.tally.iter().filter(|(_, count)| **count > 0);
    some.map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn rows_are_counted_as_they_change() {
    let world = World::new().await;
    assert_eq!(figures(&world).await, "");
    world.store.record(delivery("a")).await.unwrap();
    world.store.record(delivery("a")).await.unwrap();
    let mut skipped = delivery("b");
    skipped.skip = Some(reason());
    world.store.record(skipped).await.unwrap();
    assert_eq!(
        figures(&world).await,
        "delivery:received 1, delivery:settled 1, delivery_total:skipped 1"
    );
    world.store.claim_delivery(at(1)).await.unwrap().unwrap();
    assert_eq!(
        figures(&world).await,
        "delivery:claimed 1, delivery:settled 1, delivery_total:skipped 1"
    );
}

#[tokio::test]
async fn calls_are_counted_by_outcome_and_by_how_long_they_took() {
    let world = World::new().await;
    world.run("a", run(&["one", "two"])).await;
    let mut held = run(&["three"]);
    held.state = NewRunState::Held("a fork".to_owned());
    world.run("b", held).await;
    let counts = figures(&world).await;
    assert!(counts.starts_with("call:held 1, call:queued 2, delivery:settled 2"), "{counts}");

    for (seconds, outcome) in [(4, Outcome::Passed), (7200, Outcome::Failed { exit: 1 })] {
        let call = world.store.claim_call(Startable::Any, at(10)).await.unwrap().unwrap();
        world.store.finish_call(call.id, &outcome, at(10 + seconds)).await.unwrap();
    }

    let figures = world.store.figures().await.unwrap();
    let all = |what| figures.all(what).filter(|(_, n)| *n > 0).collect::<Vec<_>>();
    assert_eq!(all("call"), [("finished", 2), ("held", 1)]);
    assert_eq!(all("call_total"), [("failed", 1), ("passed", 1)]);
    assert_eq!(all("call_seconds"), [("+Inf", 1), ("5", 1)]);
    assert_eq!(figures.count("call_microseconds", "sum"), 7_204_000_000);
    assert_eq!(figures.count("call", "queued"), 0);
}

#[tokio::test]
async fn the_oldest_of_what_waits_is_known() {
    let world = World::new().await;
    let none = world.store.figures().await.unwrap();
    assert_eq!((none.oldest_delivery, none.oldest_call, none.oldest_report), (None, None, None));
    world.store.record(delivery("a")).await.unwrap();
    world.run("a", run(&["one"])).await;
    world.store.record(delivery("b")).await.unwrap();
    let some = world.store.figures().await.unwrap();
    assert_eq!(some.oldest_delivery, Some(at(0)));
    assert_eq!((some.oldest_call, some.oldest_report), (Some(at(2)), Some(at(2))));
}

#[tokio::test]
async fn asking_reads_one_entry_of_each_index() {
    let world = World::new().await;
    for sql in OLDEST {
        let plan = world.query_plan(sql).await;
        assert!(plan.starts_with("SEARCH") && plan.lines().count() == 1, "{plan}");
    }
}

#[tokio::test]
async fn what_is_no_row_is_counted_too() {
    let world = World::new().await;
    world.store.tally("taken_up:calls", 0).await.unwrap();
    world.store.tally("taken_up:calls", 2).await.unwrap();
    world.store.tally("taken_up:calls", 3).await.unwrap();
    assert_eq!(figures(&world).await, "taken_up:calls 5");
}

#[tokio::test]
async fn a_probe_tells_whether_the_next_write_would_succeed() {
    let world = World::new().await;
    world.store.probe(at(1)).await.unwrap();
    world.store.probe(at(2)).await.unwrap();
    assert_eq!(
        world.count("SELECT value FROM tally WHERE name = 'probe:at'").await,
        at(2).as_second()
    );
}
