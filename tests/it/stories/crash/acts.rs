//! The agent dies around what somebody asks of it by its API. Whoever asked was not answered, looks
//! what became of it, and asks again where nothing did.

use serde_json::{Value, json};

use super::effects::{come_to_rest, end, start_again};
use crate::world::{Ledger, Module, World, eventually, http};

/// Around the write of an act on a run.
const ACT: [&str; 3] = ["act.before-commit", "act.after-commit", "act.before-answer"];
/// Around a replay's; the push before it passes the first two once.
const REPLAY: [&str; 3] =
    ["intake.before-commit:2", "intake.after-commit:2", "replay.before-answer"];

/// Those that nothing else passes.
pub(super) const POINTS: [&str; 2] = ["act.before-answer", "replay.before-answer"];

const PUSH: &str = "pocketci/test-on-push";
const PULL: &str = "pocketci/test-on-pull-request";

/// Asks on the agent's own socket; none: it has died meanwhile.
fn ask(world: &World, path: &str, wish: &Value) -> Option<http::Answer> {
    let socket = world.agent.data().join("agent.sock");
    http::send_to_socket("POST", &socket, path, wish.to_string().as_bytes()).ok()
}

/// What the API shows.
#[track_caller]
fn shown(world: &World, path: &str) -> Value {
    let answer = world.agent.get(path);
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.json()
}

fn run(world: &World) -> Value {
    shown(world, "/api/v1/runs/1")
}

/// A run once, or a second time because the agent died when it had begun.
#[track_caller]
fn expect_calls(world: &World, function: &str, wanted: usize) {
    let calls = world.engine.calls(function).len();
    assert!((wanted..=wanted + 1).contains(&calls), "{function} was called {calls} times");
}

#[test]
fn a_rerun_is_begun_once() {
    for point in ACT {
        println!("--- dies at {point}");
        let mut world = World::prepare();
        assert!(world.agent.start_armed(point));
        let repo = world.forge.repository("ada/site");
        let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
        world.forge.push(&repo, "main");
        world.forge.expect_status(&sha, PUSH, "success");
        come_to_rest(&world);

        let (path, all) = ("/api/v1/runs/1/rerun", json!({ "which": "all" }));
        assert!(ask(&world, path, &all).is_none());
        start_again(&mut world);

        if run(&world)["attempt"] == 1 {
            assert_eq!(point, "act.before-commit", "what was written is gone");
            assert_eq!(ask(&world, path, &all).unwrap().status, 200);
        }
        eventually("the second attempt to pass", || {
            let run = run(&world);
            (run["attempt"] == 2 && run["verdict"] == "passed").then_some(())
        });
        come_to_rest(&world);
        expect_calls(&world, "test-on-push", 2);
        assert!(world.forge.shows(&sha, &["pocketci", PUSH], "success"));
        end(&mut world);
    }
}

#[test]
fn what_is_cancelled_ends() {
    for point in ACT {
        println!("--- dies at {point}");
        let mut world = World::prepare();
        assert!(world.agent.start_armed(point));
        let sha = world.begin_a_call();

        let path = "/api/v1/runs/1/cancel";
        assert!(ask(&world, path, &json!({})).is_none());
        world.agent.expect_death();
        world.agent.start();

        if point == "act.before-commit" {
            // Nobody has heard of it: the call is taken up, and is there to be cancelled.
            assert_eq!(ask(&world, path, &json!({})).unwrap().status, 204);
        }
        come_to_rest(&world);
        let status = world.forge.expect_status(&sha, PUSH, "error");
        assert!(status.description.starts_with("Cancelled: by "), "{status:?}");
        assert_eq!(run(&world)["verdict"], "cancelled");
        expect_calls(&world, "test-on-push", 1);
        end(&mut world);
    }
}

#[test]
fn an_approval_lets_go_once() {
    for point in ACT {
        println!("--- dies at {point}");
        let mut world = World::prepare();
        assert!(world.agent.start_armed(point));
        let repo = world.forge.repository("ada/site");
        repo.commit("main", Module::new("ci").function("testOnPullRequest", |f| f.src()));
        world.forge.pushed(&repo, "main");
        let fork = world.forge.fork(&repo, "mallory");
        let sha = fork.commit("feature", [("a", "1\n")]);
        world.forge.open_pull_request_from_fork(&fork, "feature", &repo, "main");
        world.forge.expect_status_like(&sha, "it to be held", |one| {
            one.context == PULL && one.description.contains("waits")
        });

        let (path, wish) = ("/api/v1/runs/1/approve", json!({ "sha": sha }));
        assert!(ask(&world, path, &wish).is_none());
        world.agent.expect_death();
        world.agent.start();

        if point == "act.before-commit" {
            assert_eq!(run(&world)["state"], "held", "half of it was written");
            assert_eq!(ask(&world, path, &wish).unwrap().status, 200);
        }
        come_to_rest(&world);
        world.forge.expect_status(&sha, PULL, "success");
        expect_calls(&world, "test-on-pull-request", 1);
        // It was let go, and cannot be let go again.
        assert_eq!(ask(&world, path, &wish).unwrap().status, 409);
        end(&mut world);
    }
}

#[test]
fn a_replay_is_planned_once() {
    for point in REPLAY {
        println!("--- dies at {point}");
        let mut world = World::prepare();
        assert!(world.agent.start_armed(point));
        let repo = world.forge.repository("ada/site");
        let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
        world.forge.push(&repo, "main");
        world.forge.expect_status(&sha, PUSH, "success");
        come_to_rest(&world);

        let path = "/api/v1/deliveries/1/replay";
        assert!(ask(&world, path, &json!({})).is_none());
        start_again(&mut world);

        if Ledger::read(world.agent.data()).deliveries.len() == 1 {
            assert_eq!(point, "intake.before-commit:2", "what was written is gone");
            assert_eq!(ask(&world, path, &json!({})).unwrap().status, 202);
        }
        eventually("both runs to pass", || {
            let runs = shown(&world, "/api/v1/runs");
            let passed = |run: &&Value| run["verdict"] == "passed";
            (runs["runs"].as_array()?.iter().filter(passed).count() == 2).then_some(())
        });
        come_to_rest(&world);
        let ledger = Ledger::read(world.agent.data());
        let ids: Vec<&str> = ledger.deliveries.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(ids[1..], ["replay:1:1"]);
        expect_calls(&world, "test-on-push", 2);
        end(&mut world);
    }
}
