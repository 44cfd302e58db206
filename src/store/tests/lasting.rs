//! From one start to the next.

use super::*;

#[tokio::test]
async fn what_was_stored_is_there_after_a_stop() {
    let world = World::new().await;
    let id = world.claimed_delivery("a").await;
    let runs = vec![run(&["test"])];
    let run = world
        .store
        .settle(id, Settlement::Planned { runs, parts: Vec::new() }, at(2))
        .await
        .unwrap()[0];
    let before = world.store.run(run).await.unwrap().unwrap();
    world.store.close().await;
    let store = Store::open(world.folder.path()).await.unwrap();
    assert_eq!(store.run(run).await.unwrap().unwrap(), before);
    assert_eq!(store.deliveries(10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_closed_store_takes_nothing_more() {
    let world = World::new().await;
    let clone = world.store.clone();
    world.store.close().await;
    assert!(matches!(clone.record(delivery("a")).await, Err(StoreError::Closed)));
    assert!(matches!(clone.claim_call(Startable::Any, at(1)).await, Err(StoreError::Closed)));
    assert!(matches!(clone.runs(1, None).await, Err(StoreError::Closed)));
}

#[tokio::test]
async fn closing_writes_what_was_accepted() {
    let world = World::new().await;
    let store = world.store.clone();
    let records: Vec<_> = (0..100)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.record(delivery(&n.to_string())).await })
        })
        .collect();
    tokio::task::yield_now().await;
    world.store.close().await;
    let mut accepted = 0;
    for record in records {
        match record.await.unwrap() {
            Ok(Recorded::New(_)) => accepted += 1,
            Err(StoreError::Closed) => {}
            other => panic!("{other:?}"),
        }
    }
    let store = Store::open(world.folder.path()).await.unwrap();
    assert_eq!(store.deliveries(1000).await.unwrap().len(), accepted);
}

#[tokio::test]
async fn a_start_takes_up_what_was_under_way() {
    let world = World::new().await;
    let planned = world.run("a", run(&["test", "lint"])).await;
    let first = world.store.claim_call(Startable::Any, at(3)).await.unwrap().unwrap();
    let delivery = world.claimed_delivery("b").await;
    drop(world.store);

    let store = Store::open(world.folder.path()).await.unwrap();
    let recovered = store.recover(at(100)).await.unwrap();
    assert_eq!(recovered, Recovered { deliveries: 1, calls: 1, ended: 0, reports: 2 });
    let again = store.claim_delivery(at(101)).await.unwrap().unwrap();
    assert_eq!((again.id, again.tries), (delivery, 2));
    let again = store.claim_call(Startable::Any, at(101)).await.unwrap().unwrap();
    assert_eq!((again.id, again.attempt), (first.id, 2));
    let view = store.run(planned).await.unwrap().unwrap();
    assert_eq!(view.state, RunState::Running);
    let note = "The agent stopped while it was running; taken up again at 2026-11-18T11:08:20Z";
    assert_eq!(view.calls[0].note.as_deref(), Some(note));
    let recovered = store.recover(at(102)).await.unwrap();
    assert_eq!((recovered.calls, recovered.ended), (0, 1), "the second time is the last");
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let world = World::new().await;
    world.sql("INSERT INTO schema_version VALUES (99, 0)").await;
    world.store.close().await;
    let error = Store::open(world.folder.path()).await.unwrap_err().to_string();
    let known = format!("knows schemas up to {}", schema::MIGRATIONS.len());
    assert!(error.contains("has schema 99") && error.contains(&known), "{error}");
    let mut db = database(world.folder.path()).await;
    db.execute("DELETE FROM schema_version WHERE version = 99").await.unwrap();
    Store::open(world.folder.path()).await.unwrap();
}
