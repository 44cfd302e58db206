//! An engine that goes away under a call: tried again, and never for a function's own failure.

use crate::world::{Module, World, eventually};

const STATUS: &str = "pocketci/test-on-push";

#[test]
fn a_call_that_the_engine_lost_is_tried_again() {
    let world = World::start();
    let sha = world.begin_a_call();
    // The engine is killed; its CLI says so after a moment. Then it is started again.
    world.engine.is("killed 100ms");
    let again = world.forge.expect_status_like(&sha, "a status about the next try", |status| {
        status.context == STATUS && status.description.starts_with("Trying again (attempt ")
    });
    assert_eq!(again.state, "pending");
    world.engine.up();
    world.touch("go");

    let status = world.forge.expect_status(&sha, STATUS, "success");
    assert_eq!(world.engine.calls("test-on-push").len(), 2);
    assert!(world.forge.history(&sha, STATUS).ends_with("pending success"));
    assert!(world.agent.logs(&status).contains("Passed"));
}

#[test]
fn a_call_that_waits_for_the_engine_says_so_until_it_begins() {
    let mut world = World::start();
    let (began, go) = (world.path("began"), world.path("go"));
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci").function("testOnPush", |f| f.touches(&began).waits_for(&go));
    let listed = repo.commit("main", module);
    world.touch("go");
    world.forge.push(&repo, "main");
    world.forge.expect_status(&listed, STATUS, "success");
    std::fs::remove_file(&go).unwrap();
    world.engine.down();
    world.agent.restart();
    let sha = repo.commit("main", [("a", "1\n")]);
    world.forge.push(&repo, "main");
    world.forge.expect_status_like(&sha, "why the call waits", |status| {
        status.context == STATUS
            && status.description.starts_with("Queued: engine unreachable since")
    });
    let run = world.agent.get("/api/v1/runs/2").json();
    let waits = run["call_details"][0]["waits"].as_str().unwrap().to_owned();
    assert!(waits.starts_with("waits: engine unreachable since"), "{waits}");
    assert_eq!(run["state"], "queued");
    assert!(world.agent.get("/runs/2").body.contains("It waits: engine unreachable since"));

    world.engine.up();

    world.forge.expect_status_like(&sha, "that it runs", |status| {
        status.context == STATUS && status.description.starts_with("Running since")
    });
    world.touch("go");
    world.forge.expect_status(&sha, STATUS, "success");
}

/// Three attempts, each with a log of its own.
#[test]
fn an_engines_failures_end_after_two_more_tries() {
    let world = World::start();
    let sha = world.begin_a_call();
    for attempt in 1..=3 {
        eventually("the attempt to begin", || {
            (world.expect_file("began").lines().count() == attempt).then_some(())
        });
        world.engine.is("killed 10ms");
        if attempt < 3 {
            eventually("the attempt to be lost", || {
                let statuses = world.forge.statuses(&sha);
                let again = statuses.iter().filter(|it| it.description.starts_with("Trying again"));
                (again.count() == attempt).then_some(())
            });
            world.engine.up();
        }
    }
    let status = world.forge.expect_status(&sha, STATUS, "error");
    world.engine.up();
    assert!(status.description.starts_with("Lost: "), "{status:?}");
    world.let_later_work_pass();
    assert_eq!(world.engine.calls("test-on-push").len(), 3);
    let mut logs = crate::world::entries(&world.agent.data().join("logs/1"));
    logs.retain(|name| name.ends_with(".log"));
    assert_eq!(logs, ["1-1.log", "1-2.log", "1-3.log"]);
}

#[test]
fn a_functions_own_failure_is_not_tried_again() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci")
        .function("testOnPush", |f| f.raises("connection refused by the database"));
    let sha = repo.commit("main", module);
    world.forge.push(&repo, "main");
    world.forge.expect_status(&sha, STATUS, "failure");
    world.let_later_work_pass();
    assert_eq!(world.engine.calls("test-on-push").len(), 1);
}

/// Other work goes on while a call waits for its next try.
#[test]
fn a_call_that_waits_for_its_next_try_holds_no_slot() {
    let world = World::with(&[("POCKETCI_PARALLELISM", "1")]);
    let sha = world.begin_a_call();
    // The pause before the third try is long enough for others' work.
    for attempt in 1..=2 {
        eventually("the attempt to begin", || {
            (world.expect_file("began").lines().count() == attempt).then_some(())
        });
        world.engine.is("killed 10ms");
        let next = format!("Trying again (attempt {})", attempt + 1);
        world.forge.expect_status_like(&sha, "a status about the next try", |status| {
            status.description.starts_with(&next)
        });
        world.engine.up();
    }
    world.let_later_work_pass();
    assert!(world.forge.statuses(&sha).iter().all(|status| !status.is_final()));
    world.touch("go");
    eventually("the third try", || (world.engine.calls("test-on-push").len() == 3).then_some(()));
    world.forge.expect_status(&sha, STATUS, "success");
}
