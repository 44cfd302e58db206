use super::super::tests::{World, at, run};
use super::super::{CallState, Leftover, RunState, Startable};
use super::Recovered;
use crate::domain::run::{Outcome, Verdict};
use crate::domain::spec::OnInterrupt;

#[tokio::test]
async fn a_process_is_remembered_until_its_call_is_over() {
    let world = World::new().await;
    world.run("a", run(&["test", "lint"])).await;
    let first = world.store.claim_call(Startable::Any, at(3)).await.unwrap().unwrap();
    let second = world.store.claim_call(Startable::Any, at(3)).await.unwrap().unwrap();
    world.store.call_started(first.id, 4711, Some(u64::MAX)).await.unwrap();
    world.store.call_started(second.id, 4712, None).await.unwrap();
    let left = world.store.leftovers().await.unwrap();
    let expected = [
        Leftover { call: first.id, pid: 4711, start_time: Some(u64::MAX) },
        Leftover { call: second.id, pid: 4712, start_time: None },
    ];
    assert_eq!(left, expected);
    world.store.release_call(first.id, "stopping", at(4)).await.unwrap();
    world.store.finish_call(second.id, &Outcome::Passed, at(4)).await.unwrap();
    assert_eq!(world.store.leftovers().await.unwrap(), []);
    assert!(world.store.call_started(second.id, 1, None).await.is_err());
}

#[tokio::test]
async fn an_interrupted_call_runs_again_once() {
    let world = World::new().await;
    let id = world.run("a", run(&["test"])).await;
    for (attempt, calls, ended) in [(1, 1, 0), (2, 0, 1)] {
        let call = world.store.claim_call(Startable::Any, at(3)).await.unwrap().unwrap();
        assert_eq!(call.attempt, attempt);
        world.owed().await;
        let recovered = world.store.recover(at(4)).await.unwrap();
        assert_eq!((recovered.calls, recovered.ended), (calls, ended));
        let reports = world.store.reports(id).await.unwrap();
        let of_call = reports.iter().find(|it| it.report.status.context == "pocketci/test");
        let status = &of_call.unwrap().report.status.description;
        let expected = match attempt {
            1 => "Interrupted by a restart of the agent; runs again",
            _ => "Lost: the agent was restarted while it ran, for the second time",
        };
        assert_eq!(status, expected);
    }
    let view = world.store.run(id).await.unwrap().unwrap();
    assert_eq!(view.state, RunState::Finished(Verdict::Errored));
}

#[tokio::test]
async fn a_drained_call_has_its_retry_still() {
    let world = World::new().await;
    world.run("a", run(&["test"])).await;
    for _ in 0..3 {
        let call = world.store.claim_call(Startable::Any, at(3)).await.unwrap().unwrap();
        world.store.release_call(call.id, "stopping", at(4)).await.unwrap();
        assert_eq!(world.store.recover(at(4)).await.unwrap().calls, 0);
    }
    world.store.claim_call(Startable::Any, at(5)).await.unwrap().unwrap();
    assert_eq!(world.store.recover(at(6)).await.unwrap().calls, 1);
}

#[tokio::test]
async fn a_spec_can_want_no_second_attempt() {
    let world = World::new().await;
    let mut new = run(&["test", "lint"]);
    new.settings.on_interrupt = OnInterrupt::Fail;
    let id = world.run("a", new).await;
    world.store.claim_call(Startable::Any, at(3)).await.unwrap().unwrap();
    let recovered = world.store.recover(at(4)).await.unwrap();
    let expected = Recovered { ended: 1, reports: recovered.reports, ..Recovered::default() };
    assert_eq!(recovered, expected);
    let view = world.store.run(id).await.unwrap().unwrap();
    let lost = Outcome::Lost("the agent was restarted while it ran".to_owned());
    assert_eq!(view.calls[0].state, CallState::Finished(lost));
    assert_eq!((view.state, &view.calls[1].state), (RunState::Running, &CallState::Queued));
    let owed = world.owed().await;
    assert!(
        owed.contains(&"pocketci pending 1 of 2 done; 1 of 2 lost: test".to_owned()),
        "{owed:?}"
    );
}

#[tokio::test]
async fn a_cancelled_call_is_not_taken_up() {
    let world = World::new().await;
    let id = world.run("a", run(&["test"])).await;
    world.store.claim_call(Startable::Any, at(3)).await.unwrap().unwrap();
    world.store.cancel_run(id, "superseded by bbbbbbb", at(4)).await.unwrap();
    assert_eq!(world.store.recover(at(5)).await.unwrap().ended, 1);
    let view = world.store.run(id).await.unwrap().unwrap();
    assert_eq!(view.state, RunState::Finished(Verdict::Cancelled));
}

/// What waits is not looked at; what ran is, each once.
#[tokio::test]
async fn many_calls_are_taken_up_quickly() {
    let world = World::new().await;
    let names: Vec<String> = (0..10).map(|n| format!("test{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for n in 0..100 {
        world.run(&n.to_string(), run(&names)).await;
    }
    world
        .sql("UPDATE call SET state = 'running', started_at = 0; UPDATE run SET state = 'running'")
        .await;
    let since = std::time::Instant::now();
    assert_eq!(world.store.recover(at(5)).await.unwrap().calls, 1000);
    eprintln!("1,000 calls were taken up in {:?}", since.elapsed());
}
