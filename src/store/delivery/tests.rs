use std::future::poll_fn;
use std::task::Poll;

use super::super::state::{DeliveryState, Settled};
use super::super::tests::{World, at, delivery, reason, repo, run, sha, status};
use super::super::{NewRunState, RunState, Settlement, StoreError, Whose};
use crate::domain::ids::{DeliveryId, Vendor};
use crate::domain::run::{CommitState, Verdict};

#[tokio::test]
async fn the_oldest_is_claimed_first_and_once() {
    let world = World::new().await;
    for id in ["a", "b"] {
        world.store.record(delivery(id)).await.unwrap();
    }
    let claimed = world.store.claim_delivery(at(1)).await.unwrap().unwrap();
    assert_eq!((claimed.id, claimed.forge_id.as_str(), claimed.tries), (DeliveryId(1), "a", 1));
    assert_eq!(claimed.body, delivery("a").body);
    assert_eq!(claimed.headers, delivery("a").headers);
    assert_eq!(claimed.received_at, at(0));
    let view = world.store.delivery(claimed.id).await.unwrap().unwrap();
    assert_eq!(view.state, DeliveryState::Claimed { since: at(1) });
    assert_eq!(world.store.claim_delivery(at(1)).await.unwrap().unwrap().forge_id, "b");
    assert!(world.store.claim_delivery(at(1)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_postponed_one_waits_for_its_time_and_then_goes_first() {
    let world = World::new().await;
    let id = world.claimed_delivery("a").await;
    world.store.postpone_delivery(id, at(30), "the forge does not answer").await.unwrap();
    let view = world.store.delivery(id).await.unwrap().unwrap();
    assert_eq!(view.state, DeliveryState::Received { retry_at: Some(at(30)) });
    assert_eq!(view.note.as_deref(), Some("the forge does not answer"));
    assert!(world.store.claim_delivery(at(29)).await.unwrap().is_none());
    world.store.record(delivery("b")).await.unwrap();
    let claimed = world.store.claim_delivery(at(30)).await.unwrap().unwrap();
    assert_eq!((claimed.id, claimed.tries), (id, 2));
}

#[tokio::test]
async fn settling_is_all_or_nothing() {
    let world = World::new().await;
    let id = world.claimed_delivery("a").await;
    let mut nothing_to_call = run(&[]);
    nothing_to_call.state = NewRunState::Queued;
    let runs = vec![run(&["test"]), nothing_to_call];
    let settled =
        world.store.settle(id, Settlement::Planned { runs, parts: Vec::new() }, at(2)).await;
    assert!(matches!(settled, Err(StoreError::Invalid { .. })), "{settled:?}");
    let view = world.store.delivery(id).await.unwrap().unwrap();
    assert_eq!(view.state, DeliveryState::Claimed { since: at(1) });
    for table in ["run", "run_plan", "call", "report"] {
        assert_eq!(world.count(&format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
    }
    // It can still be settled, and then not again.
    let runs = || Settlement::Planned { runs: vec![run(&["test"])], parts: Vec::new() };
    world.store.settle(id, runs(), at(3)).await.unwrap();
    let again = world.store.settle(id, runs(), at(4)).await;
    assert_eq!(again.unwrap_err().to_string(), "There is no claimed delivery 1");
    assert_eq!(world.store.runs(10, Some(id)).await.unwrap().len(), 1);
    let again = world.store.postpone_delivery(id, at(9), "").await;
    assert!(matches!(again, Err(StoreError::Missing(_))));
}

#[tokio::test]
async fn an_event_about_no_repository_has_no_run() {
    let world = World::new().await;
    let id = world.claimed_delivery("a").await;
    let mut new = run(&["test"]);
    new.event.repository = None;
    let settled = world
        .store
        .settle(id, Settlement::Planned { runs: vec![new], parts: Vec::new() }, at(2))
        .await;
    let expected = "Cannot store a run of `pocketci.yaml`: its event is about no repository";
    assert_eq!(settled.unwrap_err().to_string(), expected);
}

#[tokio::test]
async fn a_settled_delivery_says_how() {
    let world = World::new().await;
    let id = world.claimed_delivery("a").await;
    let mut finished = run(&[]);
    finished.state = NewRunState::Finished(Verdict::Passed);
    let runs = vec![run(&["test"]), finished];
    let ids = world
        .store
        .settle(id, Settlement::Planned { runs, parts: Vec::new() }, at(2))
        .await
        .unwrap();
    assert_eq!(ids.len(), 2);
    let view = world.store.delivery(id).await.unwrap().unwrap();
    assert_eq!(view.state, DeliveryState::Settled { at: at(2), settled: Settled::Planned });
    assert_eq!(view.runs, 2);
    let runs = world.store.runs(10, Some(id)).await.unwrap();
    let states: Vec<_> = runs.iter().map(|run| (run.id, run.state.clone())).collect();
    let passed = RunState::Finished(Verdict::Passed);
    assert_eq!(states, [(ids[1], passed), (ids[0], RunState::Queued)]);

    let id = world.claimed_delivery("b").await;
    world.store.settle(id, Settlement::Skipped(reason()), at(2)).await.unwrap();
    let view = world.store.delivery(id).await.unwrap().unwrap();
    let settled = Settled::Skipped(reason());
    assert_eq!(view.state, DeliveryState::Settled { at: at(2), settled });
}

#[tokio::test]
async fn a_faulty_one_tells_the_forge() {
    let world = World::new().await;
    let id = world.claimed_delivery("a").await;
    let text = "pocketci.yaml:3:5: unknown key `modul`".to_owned();
    let status = status("pocketci", CommitState::Error, &text);
    let faulty = Settlement::Faulty {
        whose: Whose::Repository,
        text: text.clone(),
        forge: Vendor::Github.into(),
        statuses: vec![(repo(), sha(), status.clone())],
    };
    world.store.settle(id, faulty, at(2)).await.unwrap();
    let view = world.store.delivery(id).await.unwrap().unwrap();
    let settled = Settled::Faulty { whose: Whose::Repository, text };
    assert_eq!(view.state, DeliveryState::Settled { at: at(2), settled });
    let report =
        world.store.claim_reports(Vendor::Github.into(), at(2), 10).await.unwrap().remove(0);
    assert_eq!((report.status, report.run, report.delivery), (status, None, Some(id)));
}

#[tokio::test]
async fn an_unreadable_delivery_is_given_up_and_the_next_one_claimed() {
    let world = World::new().await;
    for id in ["a", "b"] {
        world.store.record(delivery(id)).await.unwrap();
    }
    world.sql("UPDATE delivery_body SET body = x'00' WHERE delivery = 1").await;
    assert_eq!(world.store.claim_delivery(at(1)).await.unwrap().unwrap().forge_id, "b");
    let view = world.store.delivery(DeliveryId(1)).await.unwrap().unwrap();
    let DeliveryState::Settled { settled: Settled::Faulty { whose, text }, .. } = view.state else {
        panic!("{view:?}");
    };
    assert_eq!(whose, Whose::Agent);
    assert!(text.starts_with("Cannot read the body from the database: "), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_settlement_that_is_given_up_half_way_is_all_or_nothing() {
    let world = World::new().await;
    for polls in 0..40 {
        let id = world.claimed_delivery(&polls.to_string()).await;
        let runs = vec![run(&["test", "lint"]), run(&["build"])];
        let mut settle = Box::pin(world.store.settle(
            id,
            Settlement::Planned { runs, parts: Vec::new() },
            at(2),
        ));
        for _ in 0..polls {
            if poll_fn(|cx| Poll::Ready(settle.as_mut().poll(cx).is_ready())).await {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(settle);
        // Whatever is asked next waits for the end of what was given up.
        let recovered = world.store.recover(at(3)).await.unwrap();
        let calls = world.store.runs(10, Some(id)).await.unwrap();
        let calls: usize = calls.iter().map(|run| run.calls.len()).sum();
        match recovered.deliveries {
            0 => assert_eq!(calls, 3),
            _ => {
                assert_eq!(calls, 0);
                let again = world.store.claim_delivery(at(4)).await.unwrap().unwrap();
                world.store.settle(again.id, Settlement::Skipped(reason()), at(4)).await.unwrap();
            }
        }
    }
}
