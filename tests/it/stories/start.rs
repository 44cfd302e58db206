//! How `serve` starts, and when it refuses to.

use crate::world::{Module, World};

#[test]
fn without_a_webhook_secret_it_refuses_and_says_how_to_make_one() {
    let mut world = World::prepare();
    world.agent.unset("X_HUB_SIGNATURE");

    let (code, said) = world.agent.refuses_to_start();

    assert_eq!(code, 2, "{said}");
    assert!(said.contains("X_HUB_SIGNATURE") && said.contains("openssl rand -hex 32"), "{said}");
}

#[test]
fn without_token_engine_or_dagger_it_takes_hooks_and_says_what_is_missing() {
    let mut world = World::prepare();
    world.agent.unset("GITHUB_USERNAME");
    world.agent.unset("GITHUB_TOKEN");
    world.agent.set("POCKETCI_DAGGER", "/nonexistent/dagger");

    world.agent.start();

    world.agent.expect_healthy();
    world.agent.expect_log("GITHUB_TOKEN");
    world.agent.expect_log("dagger");
    let repo = world.forge.repository("ada/site");
    repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
    world.forge.push(&repo, "main");
}

#[test]
fn a_setting_that_cannot_be_is_refused() {
    for (name, value) in [
        ("POCKETCI_LISTEN", "everywhere"),
        ("POCKETCI_PARALLELISM", "0"),
        ("POCKETCI_CALL_TIMEOUT", "soon"),
        ("POCKETCI_FORKS", "maybe"),
        ("POCKETCI_SECRETS", "X_HUB_SIGNATURE"),
    ] {
        let mut world = World::prepare();
        world.agent.set(name, value);
        let (code, said) = world.agent.refuses_to_start();
        assert_eq!(code, 2, "{name}={value}: {said}");
        assert!(said.contains(name), "{name}={value}: {said}");
    }
}

#[test]
fn it_ends_cleanly_when_asked_to() {
    let mut world = World::start();
    world.agent.expect_healthy();
    world.agent.terminate();
}

/// Logs for machines are one JSON object a line.
#[test]
fn logs_can_be_json() {
    let mut world = World::with(&[("POCKETCI_LOG_FORMAT", "json")]);
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
    world.forge.push(&repo, "main");
    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    world.agent.terminate();
    for line in world.agent.said() {
        assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok(), "no JSON: {line}");
    }
}
