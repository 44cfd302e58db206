//! Bad weather: a forge that fails, an engine that is gone, functions that do not end.

mod children;
mod git_server;

use crate::world::{Module, Refusal, World, eventually, process};

/// A push whose statuses meet this at first arrives all the same.
#[track_caller]
fn check_statuses_get_through(refusal: Refusal, seen_as: u16) {
    let world = World::start();
    let done = world.path("done");
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f.touches(&done)));
    world.forge.refuse_statuses_with(refusal);

    world.forge.push(&repo, "main");

    // The forge's trouble holds up no run.
    world.expect_file("done");
    world.forge.expect_request("a refused status", |one| {
        one.path.contains("/statuses/") && one.status == seen_as
    });
    world.forge.accept_statuses();
    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    world.forge.expect_status(&sha, "pocketci", "success");
}

#[test]
fn a_forge_that_is_down_gets_its_statuses_later() {
    check_statuses_get_through(Refusal::BadGateway, 502);
}

#[test]
fn a_forge_that_hangs_up_gets_its_statuses_later() {
    check_statuses_get_through(Refusal::Drop, 200);
}

#[test]
fn a_commit_that_the_forge_does_not_know_yet_gets_its_statuses_later() {
    check_statuses_get_through(Refusal::NoCommit, 422);
}

#[test]
fn a_rate_limit_is_waited_for() {
    check_statuses_get_through(Refusal::RateLimited(1), 429);
}

/// The others of the commit are told meanwhile.
#[test]
fn a_forge_that_hangs_gets_its_status_later() {
    let world = World::start();
    let go = world.path("go");
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci")
        .function("lintOnPush", |f| f.src().waits_for(&go))
        .function("testOnPush", |f| f.src().waits_for(&go));
    let sha = repo.commit("main", module);
    world.forge.refuse_some_statuses_with(1, Refusal::Hang);

    world.forge.push(&repo, "main");

    world.forge.expect_status_like(&sha, "a status beside the one that hangs", |_| true);
    world.touch("go");
    for context in ["pocketci", "pocketci/lint-on-push", "pocketci/test-on-push"] {
        world.forge.expect_status(&sha, context, "success");
    }
}

#[test]
fn a_git_server_that_is_down_delays_the_run() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
    world.forge.refuse_git_with(Refusal::BadGateway);

    world.forge.push(&repo, "main");

    world.forge.expect_request("a refused fetch", |one| one.path.contains("/info/refs"));
    world.forge.serve_git();
    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
}

#[test]
fn an_engine_that_is_down_is_waited_for() {
    let mut world = World::start();
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci").function("testOnPush", |f| f.src());
    let first = repo.commit("main", module);
    world.forge.push(&repo, "main");
    world.forge.expect_status(&first, "pocketci/test-on-push", "success");
    world.engine.down();
    // An answer is believed for a few seconds; an agent that has just started has none.
    world.agent.restart();

    let sha = repo.commit("main", [("README.md", "words\n")]);
    world.forge.push(&repo, "main");

    world.forge.expect_status_like(&sha, "a pending status about the engine", |status| {
        status.state == "pending" && status.description.contains("engine")
    });
    world.engine.up();
    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    world.forge.expect_status(&sha, "pocketci", "success");
    assert!(
        world
            .forge
            .statuses(&sha)
            .iter()
            .all(|one| ["pending", "success"].contains(&one.state.as_str()))
    );
}

/// Not even what the module has is known, and nothing is red.
#[test]
fn an_engine_that_is_down_delays_a_first_listing() {
    let world = World::start();
    world.engine.down();
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));

    world.forge.push(&repo, "main");

    eventually("the engine to be asked", || (!world.engine.invocations().is_empty()).then_some(()));
    world.engine.up();
    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    assert!(
        world.forge.statuses(&sha).iter().all(|one| one.state != "error" && one.state != "failure")
    );
}

/// The CLI itself would hang without end.
#[test]
fn a_call_whose_engine_has_gone_is_begun_again_when_it_is_back() {
    let world = World::start();
    let sha = world.begin_a_call();

    world.engine.is("stopping");

    world.forge.expect_status_like(&sha, "a pending status about the next try", |status| {
        let again =
            status.description.starts_with("Trying again (attempt 2): engine unreachable since ");
        status.state == "pending" && again
    });
    world.engine.up();
    world.touch("go");
    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
}

#[test]
fn a_time_out_ends_the_grandchildren_too() {
    let world = World::with(&[("POCKETCI_CALL_TIMEOUT", "1s")]);
    let (pid, never) = (world.path("pid"), world.path("never"));
    let repo = world.forge.repository("ada/site");
    let module =
        Module::new("ci").function("testOnPush", |f| f.spawns_a_sleeper(&pid).waits_for(&never));
    let sha = repo.commit("main", module);

    world.forge.push(&repo, "main");

    let pid: i32 = eventually("the grandchild", || world.expect_file("pid").trim().parse().ok());
    let status = world.forge.expect_status(&sha, "pocketci/test-on-push", "failure");
    assert!(status.description.to_lowercase().contains("timed out"), "{status:?}");
    eventually("the grandchild to end", || (!process::is_alive(pid)).then_some(()));
}

#[test]
fn a_call_that_ignores_signals_is_killed() {
    let world = World::with(&[("POCKETCI_CALL_TIMEOUT", "1s")]);
    let never = world.path("never");
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci").function("testOnPush", |f| {
        f.step(serde_json::json!({"ignore-signals": true})).waits_for(&never)
    });
    let sha = repo.commit("main", module);
    world.forge.push(&repo, "main");
    world.forge.expect_status(&sha, "pocketci/test-on-push", "failure");
}

/// A grandchild that keeps the output open does not keep the call from ending.
#[test]
fn a_grandchild_that_holds_the_output_is_given_up_on() {
    let world = World::start();
    let pid = world.path("pid");
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci").function("testOnPush", |f| f.spawns_a_sleeper(&pid));
    let sha = repo.commit("main", module);

    world.forge.push(&repo, "main");

    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    let pid: i32 = world.expect_file("pid").trim().parse().unwrap();
    eventually("the grandchild to end", || (!process::is_alive(pid)).then_some(()));
}
