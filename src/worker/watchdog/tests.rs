use tempfile::TempDir;

use super::super::fixture;
use super::*;
use crate::store::tests::{at, delivery, run};
use crate::store::{CallState, Startable};

#[test]
fn only_what_is_missed_twice_in_a_row_is_missed() {
    let mut before = HashSet::new();
    let mut look = |now: &[u32]| missed_again(&mut before, now.iter().copied().collect());
    assert_eq!(look(&[1]), [0_u32; 0]);
    assert_eq!(look(&[1, 2]), [1]);
    assert_eq!(look(&[]), [0_u32; 0]);
    assert_eq!(look(&[2]), [0_u32; 0]);
    assert_eq!(look(&[2]), [2]);
    assert_eq!(look(&[2]), [0_u32; 0], "it has been dealt with, and is new if it comes again");
}

#[tokio::test]
async fn a_call_in_nobodys_hands_is_queued_again_and_the_second_time_lost() {
    let folder = TempDir::new().unwrap();
    let worker = fixture::worker(&folder, |_| {}).await;
    let id = fixture::settle(&worker.store, "a", run(&["one"])).await;
    let mut watchdog = Watchdog::default();
    let state = async || worker.store.run(id).await.unwrap().unwrap().calls[0].state.clone();
    watchdog.look(&worker).await.unwrap();
    assert!(worker.health.condition(NAME).unwrap().ok);

    let call = worker.store.claim_call(Startable::Any, at(5)).await.unwrap().unwrap();
    watchdog.look(&worker).await.unwrap();
    assert!(worker.health.condition(NAME).unwrap().ok, "it was claimed a moment ago");
    watchdog.look(&worker).await.unwrap();
    assert_eq!(state().await, CallState::Queued);
    let told = worker.health.condition(NAME).unwrap();
    assert!(!told.ok && told.detail.contains("in nobody's hands; queued again"), "{told:?}");
    assert_eq!(worker.store.figures().await.unwrap().count("watchdog", "calls"), 1);
    watchdog.look(&worker).await.unwrap();
    assert!(worker.health.condition(NAME).unwrap().ok);

    worker.store.claim_call(Startable::Any, at(6)).await.unwrap().unwrap();
    watchdog.look(&worker).await.unwrap();
    watchdog.look(&worker).await.unwrap();
    let CallState::Finished(Outcome::Lost(why)) = state().await else { panic!("{call:?}") };
    assert!(why.contains("mistake of ours"));
}

#[tokio::test]
async fn a_delivery_in_nobodys_hands_is_planned_again_and_given_up_in_the_end() {
    let folder = TempDir::new().unwrap();
    let worker = fixture::worker(&folder, |_| {}).await;
    worker.store.record(delivery("a")).await.unwrap();
    let mut watchdog = Watchdog::default();
    let far = Timestamp::now() + Duration::from_secs(3600);
    for tries in 1..=PLANNINGS {
        let claimed = worker.store.claim_delivery(far).await.unwrap().unwrap();
        assert_eq!(claimed.tries, tries);
        let held = worker.planning.register(claimed.id, &CancellationToken::new());
        watchdog.look(&worker).await.unwrap();
        watchdog.look(&worker).await.unwrap();
        let state = async || worker.store.delivery(claimed.id).await.unwrap().unwrap().state;
        assert_eq!(state().await.as_str(), "claimed", "somebody plans it");
        let broken = tokio::spawn(async move {
            let _held = held;
            panic!("as planning it may");
        });
        assert!(broken.await.unwrap_err().is_panic());
        watchdog.look(&worker).await.unwrap();
        watchdog.look(&worker).await.unwrap();
        let wanted = if tries < PLANNINGS { "received" } else { "settled" };
        assert_eq!(state().await.as_str(), wanted);
    }
    let figures = worker.store.figures().await.unwrap();
    assert_eq!(figures.count("watchdog", "deliveries"), u64::from(PLANNINGS));
}

#[tokio::test]
async fn a_call_that_somebody_holds_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let worker = fixture::worker(&folder, |_| {}).await;
    let id = fixture::settle(&worker.store, "a", run(&["one"])).await;
    let call = worker.store.claim_call(Startable::Any, at(5)).await.unwrap().unwrap();
    let held = worker.under_way.register(call.id, &CancellationToken::new());
    let mut watchdog = Watchdog::default();
    for _ in 0..3 {
        watchdog.look(&worker).await.unwrap();
    }
    let view = worker.store.run(id).await.unwrap().unwrap();
    assert_eq!(view.calls[0].state.as_str(), "running");
    drop(held);
}
