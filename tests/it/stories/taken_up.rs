//! An agent that is killed: what ran is ended, begun again once, and told.

use crate::world::{Agent, Module, World, eventually, process};

const STATUS: &str = "pocketci/test-on-push";

/// A push whose function says that it began, with the process that its own process started.
fn began(world: &World, spec: &str) -> String {
    let (began, pid, go) = (world.path("began"), world.path("pid"), world.path("go"));
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci")
        .function("testOnPush", |f| f.spawns_a_sleeper(&pid).touches(&began).waits_for(&go))
        .file("pocketci.yaml", spec);
    let sha = repo.commit("main", module);
    world.forge.push(&repo, "main");
    world.expect_file("began");
    sha
}

/// The call's own process, and the one that it started.
fn processes(world: &World) -> Vec<i32> {
    let sleeper = eventually("the grandchild", || world.expect_file("pid").trim().parse().ok());
    let mut all: Vec<i32> =
        process::carrying(world.agent.data()).into_iter().map(|found| found.pid).collect();
    all.retain(|pid| *pid != world.agent.pid());
    assert!(all.contains(&sleeper), "{all:?} and {sleeper}");
    all
}

#[test]
fn a_killed_agents_calls_are_ended_and_run_again_once() {
    let mut world = World::start();
    let sha = began(&world, "timeout: 5m\n");
    let left = processes(&world);
    world.agent.kill();
    assert!(left.iter().any(|pid| process::is_alive(*pid)), "nothing outlived the agent");

    world.agent.start();

    for pid in left {
        assert!(!process::is_alive(pid), "{pid} outlived its agent's successor's start");
    }
    let status = world.forge.expect_status_like(&sha, "a status about the restart", |status| {
        status.context == STATUS && status.description.contains("restart of the agent; runs again")
    });
    assert_eq!(status.state, "pending");
    eventually("a second attempt", || {
        (world.engine.calls("test-on-push").len() == 2).then_some(())
    });
    world.touch("go");
    let status = world.forge.expect_status(&sha, STATUS, "success");
    world.forge.expect_status(&sha, "pocketci", "success");
    assert!(world.agent.run_page(&status).contains("testOnPush"));
}

#[test]
fn a_second_kill_is_the_end_of_it() {
    let mut world = World::start();
    let sha = began(&world, "timeout: 5m\n");
    world.agent.kill();
    world.agent.start();
    eventually("a second attempt", || {
        (world.engine.calls("test-on-push").len() == 2).then_some(())
    });
    world.agent.kill();

    world.agent.start();

    let status = world.forge.expect_status(&sha, STATUS, "error");
    assert!(status.description.contains("for the second time"), "{status:?}");
    world.forge.expect_status(&sha, "pocketci", "failure");
    world.touch("go");
    world.let_later_work_pass();
    assert_eq!(world.engine.calls("test-on-push").len(), 2);
}

#[test]
fn a_spec_can_want_no_second_attempt() {
    let mut world = World::start();
    let sha = began(&world, "on-interrupt: fail\n");
    world.agent.kill();

    world.agent.start();

    let status = world.forge.expect_status(&sha, STATUS, "error");
    assert!(status.description.contains("restarted"), "{status:?}");
    world.touch("go");
    world.let_later_work_pass();
    assert_eq!(world.engine.calls("test-on-push").len(), 1);
}

/// What a stop puts back has its one retry still.
#[test]
fn a_drained_call_does_not_use_up_its_retry() {
    let mut world = World::with(&[("POCKETCI_DRAIN_TIMEOUT", "0s")]);
    let sha = began(&world, "timeout: 5m\n");
    let attempts = |world: &World, wanted| {
        eventually("the next attempt", || {
            (world.engine.calls("test-on-push").len() == wanted).then_some(())
        });
    };
    world.agent.terminate();
    assert!(process::carrying(world.agent.data()).is_empty());
    world.agent.start();
    attempts(&world, 2);
    world.agent.restart();
    attempts(&world, 3);
    world.agent.kill();
    world.agent.start();
    attempts(&world, 4);
    world.touch("go");
    world.forge.expect_status(&sha, STATUS, "success");
}

#[test]
fn a_second_agent_on_the_same_folder_is_refused() {
    let world = World::start();
    let mut second = Agent::prepare(&world.path(""), &world.forge, &world.engine);

    let (code, said) = second.refuses_to_start();

    assert_ne!(code, 0);
    assert!(said.contains("Another pocketci-agent uses the data folder"), "{said}");
    assert!(said.contains("POCKETCI_DATA_DIR"), "{said}");
    world.agent.expect_healthy();
}
