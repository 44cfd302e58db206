//! `pocketci.yaml`: there, missing, broken, several.

use crate::world::{Module, Tree, World};

#[test]
fn without_a_spec_and_without_ci_nothing_is_said() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", [("README.md", "words\n")]);

    world.forge.push(&repo, "main");

    world.let_later_work_pass();
    assert!(world.forge.statuses(&sha).is_empty(), "{:?}", world.forge.statuses(&sha));
}

#[test]
fn without_a_spec_the_module_is_in_ci() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f));
    world.forge.push(&repo, "main");
    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
}

#[test]
fn a_broken_spec_is_an_error_that_names_the_line() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci").function("testOnPush", |f| f);
    let sha = repo.commit("main", module.file("pocketci.yaml", "name: api\nmodul-path: ./ci\n"));

    world.forge.push(&repo, "main");

    let status = world.forge.expect_status_like(&sha, "an error", |one| one.state == "error");
    assert!(status.context.starts_with("pocketci"), "{status:?}");
    assert!(status.description.contains("pocketci.yaml:2"), "{status:?}");
    assert!(status.description.contains("modul-path"), "{status:?}");
    world.agent.run_page(&status);
    world.let_later_work_pass();
    assert!(world.engine.calls("test-on-push").is_empty());
}

#[test]
fn a_module_that_is_not_there_is_an_error() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", [("pocketci.yaml", "module-path: ./build\n")]);

    world.forge.push(&repo, "main");

    let status = world.forge.expect_status(&sha, "pocketci", "error");
    assert!(status.description.contains("build"), "{status:?}");
}

#[test]
fn a_module_that_does_not_load_is_an_error() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci").sdk("dang").broken("syntax").function("testOnPush", |f| f);
    let sha = repo.commit("main", module);
    world.forge.push(&repo, "main");
    world.forge.expect_status(&sha, "pocketci", "error");
}

#[test]
fn two_specs_of_one_repository_run_apart() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let spec = "module-path: ./ci\n";
    let tree = Tree::new()
        .module(Module::new("api/ci").function("testOnPush", |f| f.src()))
        .module(Module::new("web/ci").function("testOnPush", |f| f.src().exits(1)))
        .file("api/pocketci.yaml", spec)
        .file("web/pocketci.yaml", spec);
    let sha = repo.commit("main", tree);

    world.forge.push(&repo, "main");

    world.forge.expect_status(&sha, "pocketci/api/test-on-push", "success");
    world.forge.expect_status(&sha, "pocketci/web/test-on-push", "failure");
    world.forge.expect_status(&sha, "pocketci/api", "success");
    world.forge.expect_status(&sha, "pocketci/web", "failure");

    let next = repo.commit("main", [("api/main.go", "package main\n")]);
    world.forge.push(&repo, "main");
    world.forge.expect_status(&next, "pocketci/api/test-on-push", "success");
    world.let_later_work_pass();
    assert!(!world.forge.contexts(&next).contains(&"pocketci/web/test-on-push".to_owned()));
}

#[test]
fn events_of_a_spec_say_what_triggers() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci").function("testOnPush", |f| f);
    let spec = "events:\n  push: ['main', 'release/**']\n";
    repo.commit("main", module.file("pocketci.yaml", spec));
    world.forge.pushed(&repo, "main");
    let dev = repo.commit("dev", [("a", "1\n")]);
    let release = repo.commit("release/1.0", [("b", "1\n")]);

    world.forge.push(&repo, "dev");
    world.forge.push(&repo, "release/1.0");

    world.forge.expect_status(&release, "pocketci/test-on-push", "success");
    world.let_later_work_pass();
    assert_eq!(world.engine.calls("test-on-push").len(), 1);
    assert_eq!(world.forge.history(&dev, "pocketci/test-on-push"), "");
}

/// An SDK that publishes no defaults has its matchers in the spec.
#[test]
fn functions_of_a_spec_match_for_an_sdk_without_defaults() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci")
        .sdk("dang")
        .function("lintOnPush", |f| f.arg("src: Directory!"))
        .function("testOnPush", |f| f.arg("src: Directory!"))
        .file("pocketci.yaml", "functions:\n  lintOnPush: {on-changes: '**/*.rs'}\n");
    repo.commit("main", module);
    world.forge.pushed(&repo, "main");
    let sha = repo.commit("main", [("README.md", "words\n")]);

    world.forge.push(&repo, "main");

    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    assert_eq!(world.forge.history(&sha, "pocketci/lint-on-push"), "");
}
