use super::super::tests::{World, at, repo, run};
use super::super::{Bearing, CallState, NewRun, NewRunState, RunState, Settlement, Startable};
use crate::domain::ids::{RunId, Sha, Vendor};
use crate::domain::run::{Outcome, Verdict};
use crate::domain::succession::{Step, Succession};

const PULL: &str = "pull_request 7";

fn commit(digit: char) -> Sha {
    digit.to_string().repeat(40).parse().unwrap()
}

/// A run for pull request 7 at this commit.
fn at_pull(digit: char) -> NewRun {
    let mut new = run(&["test", "lint"]);
    new.sha = commit(digit);
    new.settings.place = Some(PULL.to_owned());
    new
}

fn bearing(step: Step) -> Bearing {
    let succession = Succession { place: PULL.to_owned(), step };
    Bearing { meaning: None, succession: vec![(Vendor::Github.into(), repo(), succession)] }
}

impl World {
    async fn settled(&self, forge_id: &str, runs: Vec<NewRun>, step: Step) -> Vec<RunId> {
        let id = self.claimed_delivery(forge_id).await;
        let settlement = Settlement::Planned { runs, parts: Vec::new() };
        self.store.settle_among(id, settlement, &bearing(step), at(2)).await.unwrap().runs
    }

    async fn commit(&self, digit: char) -> RunId {
        let step = Step::Commit(commit(digit));
        self.settled(&digit.to_string(), vec![at_pull(digit)], step).await[0]
    }

    async fn outcomes(&self, run: RunId) -> Vec<String> {
        let view = self.store.run(run).await.unwrap().unwrap();
        view.calls
            .iter()
            .map(|call| match &call.state {
                CallState::Finished(Outcome::Cancelled(why)) => format!("cancelled: {why}"),
                state => state.as_str().to_owned(),
            })
            .collect()
    }
}

#[tokio::test]
async fn a_newer_commit_cancels_what_waits_at_once_and_marks_what_runs() {
    let world = World::new().await;
    let first = world.commit('a').await;
    let running = world.store.claim_call(Startable::Any, at(3)).await.unwrap().unwrap();
    world.owed().await;
    let second = world.commit('b').await;
    let why = "superseded by bbbbbbb";
    assert_eq!(world.outcomes(first).await, ["running", "cancelled: superseded by bbbbbbb"]);
    assert_eq!(world.outcomes(second).await, ["queued", "queued"]);
    let to_end = world.store.calls_to_end().await.unwrap();
    assert_eq!((to_end[0].call, to_end[0].why.as_str()), (running.id, why));
    let cancelled = "pocketci/lint error Cancelled: superseded by bbbbbbb".to_owned();
    assert!(world.owed().await.contains(&cancelled));

    let outcome = Outcome::Cancelled(why.to_owned());
    let verdict = world.store.finish_call(running.id, &outcome, at(4)).await.unwrap();
    assert_eq!(verdict, Some(Verdict::Cancelled));
    assert!(world.store.calls_to_end().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_call_that_ends_in_the_same_moment_keeps_its_end() {
    let world = World::new().await;
    let first = world.commit('a').await;
    let running = world.store.claim_call(Startable::Any, at(3)).await.unwrap().unwrap();
    world.commit('b').await;
    world.store.finish_call(running.id, &Outcome::Passed, at(4)).await.unwrap();
    let view = world.store.run(first).await.unwrap().unwrap();
    assert_eq!(view.calls[0].state, CallState::Finished(Outcome::Passed));
    assert_eq!(view.state, RunState::Finished(Verdict::Cancelled));
}

#[tokio::test]
async fn the_same_commit_and_other_kinds_of_runs_are_left_alone() {
    let world = World::new().await;
    let mut beside = run(&["label"]);
    beside.sha = commit('a');
    let beside = world.run("labeled", beside).await;
    let first = world.commit('a').await;
    let step = Step::Commit(commit('a'));
    world.settled("reopened", vec![at_pull('a')], step).await;
    assert_eq!(world.outcomes(first).await, ["queued", "queued"]);
    world.commit('b').await;
    assert_eq!(world.outcomes(beside).await, ["queued"]);
    assert_ne!(world.outcomes(first).await, ["queued", "queued"]);
}

#[tokio::test]
async fn closing_cancels_and_reopening_begins_anew() {
    let world = World::new().await;
    let first = world.commit('a').await;
    let mut held = at_pull('a');
    held.state = NewRunState::Held("from a fork".to_owned());
    let held = world.settled("held", vec![held], Step::Commit(commit('a'))).await[0];
    world.settled("closed", vec![], Step::Closed).await;
    let closed = "cancelled: the pull request was closed";
    assert_eq!(world.outcomes(first).await, [closed, closed]);
    assert_eq!(world.outcomes(held).await, [closed, closed]);
    let view = world.store.run(held).await.unwrap().unwrap();
    assert_eq!(view.state, RunState::Finished(Verdict::Cancelled));
    let again = world.settled("reopened", vec![at_pull('a')], Step::Commit(commit('a'))).await[0];
    assert_eq!(world.outcomes(again).await, ["queued", "queued"]);
}

/// Planning took longer for the older delivery.
#[tokio::test]
async fn a_delivery_that_is_settled_late_supersedes_nothing_newer() {
    let world = World::new().await;
    let older = world.claimed_delivery("a").await;
    let newer = world.commit('b').await;
    let settlement = Settlement::Planned { runs: vec![at_pull('a')], parts: Vec::new() };
    let late = bearing(Step::Commit(commit('a')));
    let run = world.store.settle_among(older, settlement, &late, at(3)).await.unwrap().runs[0];
    let why = "cancelled: superseded by bbbbbbb";
    assert_eq!(world.outcomes(run).await, [why, why]);
    assert_eq!(world.outcomes(newer).await, ["queued", "queued"]);
}

#[tokio::test]
async fn a_commit_that_is_skipped_supersedes_too() {
    let world = World::new().await;
    let first = world.commit('a').await;
    let id = world.claimed_delivery("b").await;
    let skipped = Settlement::Skipped(super::super::tests::reason());
    let step = bearing(Step::Commit(commit('b')));
    world.store.settle_among(id, skipped, &step, at(3)).await.unwrap();
    let why = "cancelled: superseded by bbbbbbb";
    assert_eq!(world.outcomes(first).await, [why, why]);
}

#[tokio::test]
async fn what_is_to_be_cancelled_is_not_begun_again() {
    let world = World::new().await;
    let first = world.commit('a').await;
    let one = world.store.claim_call(Startable::Any, at(3)).await.unwrap().unwrap();
    let two = world.store.claim_call(Startable::Any, at(3)).await.unwrap().unwrap();
    world.commit('b').await;
    world.store.retry_call(one.id, "engine gone", at(9), at(4)).await.unwrap();
    world.store.release_call(two.id, "the agent is stopping", at(5)).await.unwrap();
    let why = "cancelled: superseded by bbbbbbb";
    assert_eq!(world.outcomes(first).await, [why, why]);
    let view = world.store.run(first).await.unwrap().unwrap();
    assert_eq!(view.state, RunState::Finished(Verdict::Cancelled));
}
