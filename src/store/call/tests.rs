use super::super::tests::{World, at, run, sha};
use super::super::{CallState, Limits, Next, RunState, Startable, StoreError};
use super::TOLD_AT_ONCE;
use crate::domain::ids::CallId;
use crate::domain::plan::{Action, Changes, Decision, FunctionDecision};
use crate::domain::report;
use crate::domain::run::{Outcome, Verdict};

#[tokio::test]
async fn a_call_is_claimed_carried_out_and_finished() {
    let world = World::new().await;
    let new = run(&["test"]);
    let id = world.run("a", new.clone()).await;
    let call = world.store.claim_call(Startable::Any, at(3)).await.unwrap().unwrap();
    assert_eq!((call.run, &call.call, call.attempt), (id, &new.plan.calls[0], 1));
    assert_eq!((&call.event, &call.sha, &call.settings), (&new.event, &sha(), &new.settings));
    assert_eq!(call.changes, Changes::Files(vec!["main.go".to_owned()]));
    assert_eq!(call.delivery_forge_id, "a");
    assert!(
        world.store.claim_call(Startable::Any, at(3)).await.unwrap().is_none(),
        "it is claimed once"
    );
    let view = world.store.run(id).await.unwrap().unwrap();
    assert_eq!((view.state, view.started_at), (RunState::Running, Some(at(3))));
    assert_eq!(view.calls[0].state, CallState::Running);

    let failed = Outcome::Failed { exit: 3 };
    let verdict = world.store.finish_call(call.id, &failed, at(10)).await.unwrap();
    assert_eq!(verdict, Some(Verdict::Failed));
    let view = world.store.run(id).await.unwrap().unwrap();
    assert_eq!(view.state.verdict(), verdict);
    assert_eq!(view.finished_at, Some(at(10)));
    assert_eq!(view.calls[0].state.outcome(), Some(&failed));
    assert_eq!((view.calls[0].started_at, view.calls[0].finished_at), (Some(at(3)), Some(at(10))));
}

#[tokio::test]
async fn every_outcome_comes_back() {
    let world = World::new().await;
    for outcome in [
        Outcome::Passed,
        Outcome::Failed { exit: -1 },
        Outcome::TimedOut,
        Outcome::Cancelled("superseded".to_owned()),
        Outcome::Lost("the engine went away".to_owned()),
        Outcome::Errored(String::new()),
    ] {
        let id = world.run(outcome.code(), run(&["test"])).await;
        let call = world.store.claim_call(Startable::Any, at(3)).await.unwrap().unwrap();
        world.store.finish_call(call.id, &outcome, at(4)).await.unwrap();
        let view = world.store.run(id).await.unwrap().unwrap();
        assert_eq!(view.calls[0].state, CallState::Finished(outcome));
    }
}

#[tokio::test]
async fn statuses_follow_the_calls_and_the_last_one_ends_the_run() {
    let world = World::new().await;
    let mut new = run(&["test", "lint"]);
    new.plan.calls[1].posts_status = false;
    new.statuses.truncate(1);
    let id = world.run("a", new).await;
    assert_eq!(world.owed().await, ["pocketci/test pending queued"]);

    let first = world.store.claim_call(Startable::Any, at(3)).await.unwrap().unwrap();
    let second = world.store.claim_call(Startable::Any, at(3)).await.unwrap().unwrap();
    assert_eq!(world.store.finish_call(first.id, &Outcome::Passed, at(8)).await.unwrap(), None);
    let took = std::time::Duration::from_secs(5);
    let shown = super::super::tests::shown;
    let expected = [
        shown(&report::finished_call("pocketci/test", &Outcome::Passed, took)),
        "pocketci pending 1 of 2 done".to_owned(),
    ];
    assert_eq!(world.owed().await, expected);

    let verdict = world.store.finish_call(second.id, &Outcome::Passed, at(9)).await.unwrap();
    assert_eq!(verdict, Some(Verdict::Passed));
    // The second posts no status of its own.
    assert_eq!(world.owed().await, ["pocketci success 2 passed in 6 s"]);
    assert_eq!(world.store.run(id).await.unwrap().unwrap().state.verdict(), verdict);
}

#[tokio::test]
async fn a_function_that_errored_in_planning_counts() {
    let world = World::new().await;
    let mut new = run(&["test"]);
    new.plan.functions.push(FunctionDecision {
        name: "brokenOnPush".to_owned(),
        decision: Decision::Error,
        code: "unknown_secret".to_owned(),
        text: "wants a secret that is not set".to_owned(),
        context: None,
    });
    world.run("a", new).await;
    let call = world.store.claim_call(Startable::Any, at(3)).await.unwrap().unwrap();
    let verdict = world.store.finish_call(call.id, &Outcome::Passed, at(4)).await.unwrap();
    assert_eq!(verdict, Some(report::verdict(&[Outcome::Passed], 1)));
    let summary = "pocketci failure 1 of 2 could not start: broken-on-push";
    assert!(world.owed().await.contains(&summary.to_owned()));
}

#[tokio::test]
async fn without_a_summary_none_is_owed() {
    let world = World::new().await;
    let mut new = run(&["test"]);
    new.settings.summary = false;
    world.run("a", new).await;
    let call = world.store.claim_call(Startable::Any, at(3)).await.unwrap().unwrap();
    world.store.finish_call(call.id, &Outcome::Passed, at(4)).await.unwrap();
    assert_eq!(world.owed().await, ["pocketci/test success Passed in 1 s"]);
}

#[tokio::test]
async fn a_released_call_is_queued_again_with_a_note() {
    let world = World::new().await;
    let id = world.run("a", run(&["test", "lint"])).await;
    let call = world.store.claim_call(Startable::Any, at(3)).await.unwrap().unwrap();
    world.store.release_call(call.id, "the agent is stopping", at(4)).await.unwrap();
    let view = world.store.run(id).await.unwrap().unwrap();
    assert_eq!(view.calls[0].state, CallState::Queued);
    assert_eq!(view.calls[0].note.as_deref(), Some("the agent is stopping"));
    let again = world.store.claim_call(Startable::Any, at(9)).await.unwrap().unwrap();
    assert_eq!((again.id, again.attempt), (call.id, 1), "it has kept its place");
    assert_eq!(world.store.run(id).await.unwrap().unwrap().started_at, Some(at(3)));
}

#[tokio::test]
async fn a_finished_call_stays_as_it_is() {
    let world = World::new().await;
    let id = world.run("a", run(&["test"])).await;
    let call = world.store.claim_call(Startable::Any, at(3)).await.unwrap().unwrap();
    world.store.finish_call(call.id, &Outcome::Passed, at(4)).await.unwrap();
    let again = world.store.finish_call(call.id, &Outcome::TimedOut, at(5)).await;
    assert_eq!(again.unwrap_err().to_string(), "There is no unfinished call 1");
    assert!(matches!(
        world.store.release_call(call.id, "", at(4)).await,
        Err(StoreError::Missing(_))
    ));
    let none = world.store.finish_call(CallId(99), &Outcome::Passed, at(5)).await;
    assert!(matches!(none, Err(StoreError::Missing(_))));
    let view = world.store.run(id).await.unwrap().unwrap();
    assert_eq!(view.calls[0].state, CallState::Finished(Outcome::Passed));
}

#[tokio::test]
async fn a_queued_call_can_be_cancelled() {
    let world = World::new().await;
    let id = world.run("a", run(&["test"])).await;
    let call = world.store.run(id).await.unwrap().unwrap().calls[0].id;
    let outcome = Outcome::Cancelled("superseded".to_owned());
    assert!(world.store.finish_call(call, &outcome, at(4)).await.unwrap().is_some());
    assert!(world.store.claim_call(Startable::Any, at(5)).await.unwrap().is_none());
}

#[tokio::test]
async fn an_unreadable_call_is_given_up_and_the_next_one_claimed() {
    let world = World::new().await;
    let broken = world.run("a", run(&["test"])).await;
    let good = world.run("b", run(&["test"])).await;
    world.sql("UPDATE run_plan SET plan = x'00' WHERE run = 1").await;
    assert_eq!(world.store.claim_call(Startable::Any, at(3)).await.unwrap().unwrap().run, good);
    assert_eq!(broken.0, 1);
    let finished = "SELECT count(*) FROM run WHERE id = 1 AND state = 'finished'";
    assert_eq!(world.count(finished).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_claimers_share_no_call() {
    let world = World::new().await;
    let names: Vec<String> = (0..40).map(|n| format!("test{n}")).collect();
    let id = world.run("a", run(&names.iter().map(String::as_str).collect::<Vec<_>>())).await;
    let workers: Vec<_> = (0..8)
        .map(|_| {
            let store = world.store.clone();
            tokio::spawn(async move {
                let mut claimed = Vec::new();
                while let Some(call) = store.claim_call(Startable::Any, at(3)).await.unwrap() {
                    claimed.push(call.call.function);
                    store.finish_call(call.id, &Outcome::Passed, at(4)).await.unwrap();
                }
                claimed
            })
        })
        .collect();
    let mut claimed = Vec::new();
    for worker in workers {
        claimed.extend(worker.await.unwrap());
    }
    claimed.sort();
    let mut names = names;
    names.sort();
    assert_eq!(claimed, names);
    let view = world.store.run(id).await.unwrap().unwrap();
    assert_eq!(view.state, RunState::Finished(Verdict::Passed));
}

#[tokio::test]
async fn without_an_engine_only_commands_are_claimed_and_the_others_are_told() {
    let world = World::new().await;
    let dagger = world.run("a", run(&["test", "lint"])).await;
    let mut commands = run(&["shell"]);
    commands.plan.calls[0].action = Action::Shell { run: "true".to_owned(), secrets: vec![] };
    let shell = world.run("b", commands).await;
    let limits = Limits { per_repository: None };
    let next = world.store.claim_next(Startable::Unasked, limits, at(3), |call| call.id).await;
    assert!(matches!(next.unwrap(), Next::NeedsEngine));
    let claimed = world.store.claim_call(Startable::Commands, at(3)).await.unwrap().unwrap();
    assert_eq!(claimed.run, shell);
    assert!(world.store.claim_call(Startable::Commands, at(3)).await.unwrap().is_none());

    let told = world.store.tell_waiting("Queued: engine unreachable", CallId(0), at(4)).await;
    let told = told.unwrap().unwrap();
    let reports = world.store.reports(dagger).await.unwrap();
    let waiting =
        reports.iter().filter(|r| r.report.status.description == "Queued: engine unreachable");
    assert_eq!(waiting.count(), 2);
    let again = world.store.tell_waiting("Queued: engine unreachable", told, at(5)).await;
    assert_eq!(again.unwrap(), None, "each is told once");
    assert!(world.store.claim_call(Startable::Any, at(6)).await.unwrap().is_some());
}

#[tokio::test]
async fn those_who_wait_for_the_engine_are_told_a_few_hundred_at_a_time() {
    let world = World::new().await;
    let many = TOLD_AT_ONCE as usize;
    let names: Vec<String> = (0..2 * many + 1).map(|n| format!("test{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    world.run("a", run(&names)).await;
    let (mut last, mut told) = (CallId(0), vec![0]);
    while let Some(next) =
        world.store.tell_waiting("engine unreachable", last, at(4)).await.unwrap()
    {
        last = next;
        let sql = "SELECT count(*) FROM report WHERE description = 'engine unreachable'";
        told.push(world.count(sql).await as usize);
    }
    let batches: Vec<usize> = told.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(batches, [many, many, 1], "each once, and none left out");
}
