//! Work that the database says is under way and that nobody is at, as after a fault of our own: the
//! watchdog notices it, says so loudly, and sets it right.

use serde_json::Value;

use crate::world::ledger::meddle;
use crate::world::{Module, World, eventually};

const STATUS: &str = "pocketci/test-on-push";

/// A world with a run that is over and told.
fn done() -> (World, String) {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
    world.forge.push(&repo, "main");
    world.forge.expect_status(&sha, STATUS, "success");
    world.forge.expect_status(&sha, "pocketci", "success");
    eventually("the run to be over", || (run(&world)["state"] == "finished").then_some(()));
    (world, sha)
}

fn run(world: &World) -> Value {
    world.agent.get("/api/v1/runs/1").json()
}

#[track_caller]
fn expect_told(world: &mut World, words: &str, what: &str) {
    let line = world.agent.expect_log(words);
    assert!(line.contains("ERROR") && line.contains("please report this"), "{line}");
    let count = format!("pocketci_watchdog_mended_total{{what=\"{what}\"}} 1");
    eventually("it to be counted", || {
        world.agent.get("/metrics").body.contains(&count).then_some(())
    });
}

#[test]
fn a_run_without_anything_left_to_do_is_ended() {
    let (mut world, _) = done();
    meddle(
        world.agent.data(),
        "UPDATE run SET state = 'running', verdict = NULL, finished_at = NULL WHERE id = 1",
    );

    expect_told(&mut world, "Run 1 had no call left and was not finished", "runs");

    assert_eq!(
        (&run(&world)["state"], &run(&world)["verdict"]),
        (&"finished".into(), &"passed".into())
    );
    assert_eq!(world.engine.calls("test-on-push").len(), 1);
}

#[test]
fn a_call_that_nobody_carries_out_is_carried_out() {
    let (mut world, sha) = done();
    meddle(
        world.agent.data(),
        "UPDATE run SET state = 'running', verdict = NULL, finished_at = NULL WHERE id = 1;
         UPDATE call SET state = 'running', outcome = NULL, finished_at = NULL WHERE id = 1",
    );

    expect_told(&mut world, "Call 1 of run 1 was running in nobody's hands; queued again", "calls");

    eventually("the run to be over", || (run(&world)["state"] == "finished").then_some(()));
    assert_eq!(world.engine.calls("test-on-push").len(), 2);
    eventually("it to be told", || {
        world.forge.shows(&sha, &[STATUS, "pocketci"], "success").then_some(())
    });
}

/// A push to an agent one of whose tasks panics at this point; its commit.
fn panicked_at(point: &str) -> (World, String) {
    let mut world = World::prepare();
    world.agent.set("POCKETCI_TEST_CRASH_AT", &format!("panic@{point}"));
    world.agent.start();
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
    world.forge.push(&repo, "main");
    (world, sha)
}

#[test]
fn a_delivery_whose_planning_panicked_is_planned_again() {
    let (mut world, sha) = panicked_at("fetch.before");
    world.agent.expect_log("as asked for by a test");

    let words = "Delivery 1 was claimed and in nobody's hands; planned again";
    expect_told(&mut world, words, "deliveries");

    world.forge.expect_status(&sha, STATUS, "success");
    assert_eq!(world.engine.calls("test-on-push").len(), 1);
}

#[test]
fn a_call_whose_task_panicked_is_carried_out() {
    let (mut world, sha) = panicked_at("call.prepared");
    world.agent.expect_log("as asked for by a test");

    expect_told(&mut world, "Call 1 of run 1 was running in nobody's hands; queued again", "calls");

    world.forge.expect_status(&sha, STATUS, "success");
    assert_eq!(world.engine.calls("test-on-push").len(), 1);
}

/// Whatever panics where, everything is done in the end, and told.
#[track_caller]
fn check_a_loop(point: &str, name: &str) {
    let (mut world, sha) = panicked_at(point);
    expect_told(&mut world, &format!("The loop of {name} has panicked and begins again"), "loops");
    for context in [STATUS, "pocketci"] {
        world.forge.expect_status(&sha, context, "success");
    }
    assert_eq!(world.engine.calls("test-on-push").len(), 1);
}

#[test]
fn deliveries_are_planned_after_a_panic_between_them() {
    check_a_loop("delivery.before-claim", "deliveries");
}

#[test]
fn calls_are_started_after_a_panic_between_them() {
    check_a_loop("call.before-claim", "calls");
}

#[test]
fn statuses_are_sent_after_a_panic_between_them() {
    check_a_loop("status.before-claim", "a forge's statuses");
}

#[test]
fn a_status_whose_task_panicked_is_sent() {
    let (mut world, sha) = panicked_at("status.before-send");
    world.agent.expect_log("as asked for by a test");
    for context in [STATUS, "pocketci"] {
        world.forge.expect_status(&sha, context, "success");
    }
    eventually("nothing to be owed", || {
        let text = world.agent.get("/metrics").body;
        text.contains("pocketci_statuses{state=\"owed\"} 0\n").then_some(())
    });
}

#[test]
fn a_group_that_nobody_holds_goes_on() {
    let mut world = World::start();
    let (began, go) = (world.path("began"), world.path("go"));
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci")
        .function("testOnPush", |f| f.touches(&began).waits_for(&go))
        .file("pocketci.yaml", "concurrency: {group: deploy}\n");
    let first = repo.commit("main", module);
    world.forge.push(&repo, "main");
    world.expect_file("began");
    let second = repo.commit("main", [("a", "1\n")]);
    world.forge.push(&repo, "main");
    world.forge.expect_status(&second, STATUS, "pending");
    // The first does not know any more that the second waits for it.
    meddle(world.agent.data(), "UPDATE run SET concurrency = NULL WHERE id = 1");

    expect_told(&mut world, "Run 2 waited for a group that nobody held", "runs");

    world.touch("go");
    for sha in [first, second] {
        world.forge.expect_status(&sha, STATUS, "success");
    }
}

#[test]
fn hooks_are_taken_after_a_panic_while_one_was_written() {
    for (point, again) in [("intake.before-commit", 202), ("intake.after-commit", 200)] {
        let mut world = World::prepare();
        world.agent.set("POCKETCI_TEST_CRASH_AT", &format!("panic@{point}"));
        world.agent.start();
        let repo = world.forge.repository("ada/site");
        let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
        let delivery = world.forge.deliver("push", &world.forge.pushed(&repo, "main"));
        assert_eq!(delivery.status, 503, "{}", delivery.answer);
        world.agent.expect_log("Writing deliveries has panicked");

        assert_eq!(world.forge.redeliver(&delivery.id).status, again, "{point}");

        world.forge.expect_status(&sha, STATUS, "success");
        assert_eq!(world.engine.calls("test-on-push").len(), 1);
    }
}
