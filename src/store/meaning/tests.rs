use super::super::tests::{World, at, delivery, reason, run};
use super::super::{Bearing, DeliveryState, Meaning, Settled, Settlement};
use crate::domain::ids::DeliveryId;

impl World {
    /// Settles what this hook says at this second; whether it was planned, else whose twin it is.
    async fn told(&self, hook: &str, text: &str, second: i64) -> Result<DeliveryId, String> {
        let id = self.received(second).await;
        self.planned(id, hook, text).await
    }

    async fn received(&self, second: i64) -> DeliveryId {
        let number = self.store.deliveries(1000).await.unwrap().len();
        let mut new = delivery(&format!("d{number}"));
        new.received_at = at(second);
        self.store.record(new).await.unwrap();
        self.store.claim_delivery(at(5000)).await.unwrap().unwrap().id
    }

    async fn planned(&self, id: DeliveryId, hook: &str, text: &str) -> Result<DeliveryId, String> {
        let meaning = Some(Meaning { text: text.to_owned(), hook: hook.to_owned() });
        let bearing = Bearing { meaning, succession: Vec::new() };
        let settlement = Settlement::Planned { runs: vec![run(&["test"])], parts: Vec::new() };
        let runs = self.store.settle_among(id, settlement, &bearing, at(5000)).await.unwrap().runs;
        let view = self.store.delivery(id).await.unwrap().unwrap();
        assert_eq!(runs.len(), view.runs);
        match view.state {
            DeliveryState::Settled { settled: Settled::Planned, .. } => Ok(id),
            DeliveryState::Settled { settled: Settled::Skipped(reason), .. } => Err(reason.text),
            other => panic!("{other:?}"),
        }
    }
}

fn twin_of(id: DeliveryId) -> Result<DeliveryId, String> {
    Err(format!("the same came by another hook, as delivery {id}"))
}

#[tokio::test]
async fn the_same_by_another_hook_is_a_twin() {
    let world = World::new().await;
    let first = world.told("1", "push a b", 0).await.unwrap();
    assert_eq!(world.told("2", "push a b", 1).await, twin_of(first));
    assert_eq!(world.told("3", "push a b", 599).await, twin_of(first), "a third hook");
    assert!(world.told("2", "push a c", 2).await.is_ok(), "something else");
}

#[tokio::test]
async fn the_same_by_the_same_hook_happened_again() {
    let world = World::new().await;
    assert!(world.told("1", "push a b", 0).await.is_ok());
    assert!(world.told("1", "push a b", 1).await.is_ok());
}

#[tokio::test]
async fn what_comes_ten_minutes_later_happened_again() {
    let world = World::new().await;
    assert!(world.told("1", "push a b", 0).await.is_ok());
    assert!(world.told("2", "push a b", 601).await.is_ok());
}

/// There and back and there again: two things, each told by two hooks, in any order.
#[tokio::test]
async fn each_has_its_own_twin() {
    for order in [["1", "2", "1", "2"], ["1", "2", "2", "1"], ["2", "1", "1", "2"]] {
        let world = World::new().await;
        let first = world.told(order[0], "push a b", 0).await.unwrap();
        assert_eq!(world.told(order[1], "push a b", 1).await, twin_of(first));
        let second = world.told(order[2], "push a b", 3).await.unwrap();
        assert_eq!(world.told(order[3], "push a b", 4).await, twin_of(second), "{order:?}");
    }
}

/// Both are claimed before either is settled.
#[tokio::test]
async fn of_concurrent_twins_one_is_planned() {
    let world = World::new().await;
    let (first, second) = (world.received(0).await, world.received(0).await);
    let (one, other) =
        tokio::join!(world.planned(first, "1", "push a b"), world.planned(second, "2", "push a b"));
    assert_eq!([&one, &other].iter().filter(|it| it.is_ok()).count(), 1, "{one:?} {other:?}");
}

#[tokio::test]
async fn what_was_not_planned_has_no_twins() {
    let world = World::new().await;
    let id = world.received(0).await;
    let meaning = Some(Meaning { text: "push a b".to_owned(), hook: "1".to_owned() });
    let bearing = Bearing { meaning, succession: Vec::new() };
    let skipped = Settlement::Skipped(reason());
    world.store.settle_among(id, skipped, &bearing, at(1)).await.unwrap();
    assert!(world.told("2", "push a b", 1).await.is_ok());
}
