use tokio::sync::broadcast::error::TryRecvError;

use super::super::Startable;
use super::super::tests::{World, at, delivery, run};
use super::Change;

#[tokio::test]
async fn what_a_transaction_touched_is_told_once_it_is_kept() {
    let world = World::new().await;
    let mut changes = world.store.changes();
    let run = world.run("one", run(&["test", "lint"])).await;
    let mut told = Vec::new();
    while let Ok(some) = changes.try_recv() {
        told.extend_from_slice(&some);
    }
    assert!(told.contains(&Change::Run(run)), "{told:?}");
    let delivered = told.iter().filter(|it| matches!(it, Change::Delivery(_))).count();
    let calls = told.iter().filter(|it| matches!(it, Change::Call(_))).count();
    // Recorded, claimed, settled; and the two calls that came with the run.
    assert_eq!((delivered, calls), (3, 2));

    let call = world.store.claim_call(Startable::Any, at(3)).await.unwrap().unwrap();
    let some = changes.recv().await.unwrap();
    assert_eq!(*some, [Change::Run(run), Change::Call(call.id)]);
}

#[tokio::test]
async fn what_was_not_kept_is_not_told() {
    let world = World::new().await;
    let mut changes = world.store.changes();
    let mut tx = world.store.inner.writer.begin().await.unwrap();
    sqlx::query(
        "INSERT INTO delivery (vendor, forge_id, event_name, title, received_at, state)
                 VALUES ('github', 'x', 'push', 'push main', 1, 'received')",
    )
    .execute(tx.db())
    .await
    .unwrap();
    drop(tx);
    assert_eq!(changes.try_recv().unwrap_err(), TryRecvError::Empty);
    // The connection is another one now, and is listened to as well.
    world.store.record(delivery("two")).await.unwrap();
    assert!(matches!(*changes.recv().await.unwrap(), [Change::Delivery(_)]));
}
