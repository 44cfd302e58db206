//! A module is asked for its functions only when it may have others.

use crate::world::{Module, World};

#[test]
fn an_unchanged_module_is_not_listed_again() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let pushed = |sha: &str| {
        world.forge.push(&repo, "main");
        world.forge.expect_status(sha, "pocketci/test-on-push", "success");
        world.engine.listings()
    };
    let module = Module::new("ci").function("testOnPush", |f| f.src());
    let first = pushed(&repo.commit("main", module.clone()));
    assert_eq!(first, 1);

    let elsewhere = pushed(&repo.commit("main", [("README.md", "words\n")]));
    assert_eq!(elsewhere, 1);

    let touched = pushed(&repo.commit("main", module.function("lintOnPush", |f| f.src())));
    assert_eq!(touched, 2);
}

/// The cache outlives the agent.
#[test]
fn a_listing_is_kept_over_a_restart() {
    let mut world = World::start();
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
    world.forge.push(&repo, "main");
    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");

    world.agent.restart();
    let sha = repo.commit("main", [("README.md", "words\n")]);
    world.forge.push(&repo, "main");

    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    assert_eq!(world.engine.listings(), 1);
}
