use std::fs;

use tempfile::TempDir;

use super::super::tests::{World, at, delivery, reason};
use super::super::{Recorded, Settlement, Store, StoreError};
use crate::domain::ids::{DeliveryId, Vendor};

#[tokio::test]
async fn the_same_delivery_is_stored_once() {
    let world = World::new().await;
    let id = DeliveryId(1);
    assert_eq!(world.store.record(delivery("a")).await.unwrap(), Recorded::New(id));
    let replay = Recorded::Replay { id, skipped: false };
    assert_eq!(world.store.record(delivery("a")).await.unwrap(), replay);
    let mut elsewhere = delivery("a");
    elsewhere.forge = Vendor::Gitea.into();
    assert!(matches!(world.store.record(elsewhere).await.unwrap(), Recorded::New(_)));
}

#[tokio::test]
async fn a_replay_tells_whether_the_intake_had_skipped_it() {
    let world = World::new().await;
    let mut ping = delivery("ping");
    ping.skip = Some(reason());
    world.store.record(ping.clone()).await.unwrap();
    let replay = world.store.record(ping).await.unwrap();
    assert!(matches!(replay, Recorded::Replay { skipped: true, .. }));
    assert!(world.store.claim_delivery(at(1)).await.unwrap().is_none(), "it is settled");

    // One that planning skipped was answered as accepted, and is so again.
    let id = world.claimed_delivery("later").await;
    world.store.settle(id, Settlement::Skipped(reason()), at(2)).await.unwrap();
    let replay = world.store.record(delivery("later")).await.unwrap();
    assert_eq!(replay, Recorded::Replay { id, skipped: false });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_concurrent_twins_one_is_new() {
    let world = World::new().await;
    let tasks: Vec<_> = (0..400)
        .map(|n| {
            let store = world.store.clone();
            let id = format!("twin {}", n % 20);
            tokio::spawn(async move { (n % 20, store.record(delivery(&id)).await.unwrap()) })
        })
        .collect();
    let mut new = [0; 20];
    for task in tasks {
        let (twin, recorded) = task.await.unwrap();
        new[twin] += usize::from(matches!(recorded, Recorded::New(_)));
    }
    assert_eq!(new, [1; 20]);
    assert_eq!(world.count("SELECT count(*) FROM delivery").await, 20);
    assert_eq!(world.count("SELECT count(*) FROM delivery_body").await, 20);
}

#[tokio::test]
async fn a_bad_row_does_not_fail_its_neighbours() {
    let world = World::new().await;
    world
        .sql(
            "CREATE TRIGGER refuse BEFORE INSERT ON delivery WHEN new.forge_id = 'bad'
             BEGIN SELECT RAISE(ABORT, 'refused'); END",
        )
        .await;
    // Holds the writer, so that all of them share a batch.
    let hold = world.store.inner.writer.begin().await.unwrap();
    let tasks: Vec<_> = ["first", "a", "bad", "b"]
        .into_iter()
        .map(|id| {
            let store = world.store.clone();
            tokio::spawn(async move { store.record(delivery(id)).await })
        })
        .collect();
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    hold.commit().await.unwrap();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    let bad = answers.remove(2);
    assert!(matches!(bad, Err(StoreError::Sql(_))), "{bad:?}");
    assert!(answers.iter().all(|it| matches!(it, Ok(Recorded::New(_)))), "{answers:?}");
}

#[tokio::test]
async fn an_answered_delivery_survives_a_kill() {
    let world = World::new().await;
    world.store.record(delivery("a")).await.unwrap();
    // What a kill leaves: the files as they are, with nothing closed.
    let copy = TempDir::new().unwrap();
    for name in ["pocketci.db", "pocketci.db-wal"] {
        fs::copy(world.folder.path().join(name), copy.path().join(name)).unwrap();
    }
    let store = Store::open(copy.path()).await.unwrap();
    let claimed = store.claim_delivery(at(1)).await.unwrap().unwrap();
    assert_eq!(claimed.forge_id, "a");
}

#[tokio::test]
async fn bodies_come_back_byte_by_byte() {
    let world = World::new().await;
    for (n, body) in
        [Vec::new(), b"{}".to_vec(), vec![0xff, 0, 10], vec![b'x'; 3 << 20]].into_iter().enumerate()
    {
        let mut delivery = delivery(&n.to_string());
        delivery.body = body.clone();
        world.store.record(delivery).await.unwrap();
        let claimed = world.store.claim_delivery(at(1)).await.unwrap().unwrap();
        assert!(claimed.body == body);
        assert!(world.store.delivery_body(claimed.id).await.unwrap() == body);
    }
}
