//! A run that takes longer than its author wants.

use crate::world::{Module, World, eventually, process};

#[test]
fn a_run_that_takes_too_long_is_ended_with_all_that_it_started() {
    let world = World::with(&[("POCKETCI_PARALLELISM", "1")]);
    let (pid, go) = (world.path("pid"), world.path("go"));
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci")
        .function("buildOnPush", |f| f.spawns_a_sleeper(&pid).waits_for(&go))
        .function("testOnPush", |f| f.src())
        .file("pocketci.yaml", "run-timeout: 2s\n");
    let sha = repo.commit("main", module);

    world.forge.push(&repo, "main");

    for context in ["pocketci/build-on-push", "pocketci/test-on-push"] {
        let status = world.forge.expect_status(&sha, context, "error");
        assert_eq!(status.description, "Cancelled: the run took longer than 2 s", "{context}");
    }
    world.forge.expect_status(&sha, "pocketci", "failure");
    assert!(world.engine.calls("test-on-push").is_empty(), "it never began");
    let sleeper: i32 = world.expect_file("pid").trim().parse().unwrap();
    eventually("what it started to be gone", || (!process::is_alive(sleeper)).then_some(()));
    let run = world.agent.get("/api/v1/runs/1").json();
    assert_eq!((&run["state"], &run["verdict"]), (&"finished".into(), &"cancelled".into()));
}

#[test]
fn a_run_may_take_as_long_after_a_restart() {
    let mut world = World::with(&[("POCKETCI_RUN_TIMEOUT", "1h"), ("POCKETCI_DRAIN_TIMEOUT", "0")]);
    let sha = world.begin_a_call();
    world.agent.terminate();
    // As if it had been down for days.
    crate::world::ledger::meddle(world.agent.data(), "UPDATE run SET started_at = 1");
    world.agent.start();
    world.touch("go");
    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
}
