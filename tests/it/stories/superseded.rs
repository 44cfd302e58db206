//! Commits that are overtaken, and commits that ask for no CI.

use crate::world::{Module, Repo, World, eventually};

const STATUS: &str = "pocketci/test-on-pull-request";

/// A repository whose function for pull requests waits for `go`, and an open pull request on it.
fn open(world: &World, spec: &str) -> (Repo, u64, String) {
    let (began, go) = (world.path("began"), world.path("go"));
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci")
        .function("testOnPullRequest", |f| f.touches(&began).waits_for(&go))
        .function("lintOnPullRequestLabeled", |f| f.waits_for(&go))
        .file("pocketci.yaml", spec);
    repo.commit("main", module);
    world.forge.pushed(&repo, "main");
    let sha = repo.commit("feature", [("a", "1\n")]);
    let number = world.forge.open_pull_request(&repo, "feature", "main");
    world.expect_file("began");
    (repo, number, sha)
}

#[test]
fn a_new_commit_ends_the_runs_of_the_one_before() {
    let world = World::start();
    let (repo, number, first) = open(&world, "timeout: 5m\n");
    let second = repo.commit("feature", [("a", "2\n")]);

    world.forge.synchronize(number);

    let status = world.forge.expect_status(&first, STATUS, "error");
    assert_eq!(status.description, format!("Cancelled: superseded by {}", &second[..7]));
    assert!(world.agent.logs(&status).contains("superseded by"));
    world.touch("go");
    world.forge.expect_status(&second, STATUS, "success");
    world.forge.expect_status(&second, "pocketci", "success");
    assert_eq!(world.engine.calls("test-on-pull-request").len(), 2);
}

#[test]
fn what_waits_for_its_turn_is_cancelled_at_once() {
    let world = World::with(&[("POCKETCI_PARALLELISM", "1")]);
    let (began, go) = (world.path("other"), world.path("go"));
    let busy = world.forge.repository("ada/busy");
    let module = Module::new("ci").function("testOnPush", |f| f.touches(&began).waits_for(&go));
    busy.commit("main", module);
    world.forge.push(&busy, "main");
    world.expect_file("other");
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci").function("testOnPullRequest", |f| f.src());
    repo.commit("main", module);
    world.forge.pushed(&repo, "main");
    let first = repo.commit("feature", [("a", "1\n")]);
    let number = world.forge.open_pull_request(&repo, "feature", "main");
    world.forge.expect_status(&first, STATUS, "pending");
    let second = repo.commit("feature", [("a", "2\n")]);

    world.forge.synchronize(number);

    world.forge.expect_status(&first, STATUS, "error");
    world.touch("go");
    world.forge.expect_status(&second, STATUS, "success");
    assert_eq!(world.engine.calls("test-on-pull-request").len(), 1);
}

#[test]
fn closing_ends_the_runs() {
    let world = World::start();
    let (_, number, sha) = open(&world, "timeout: 5m\n");

    world.forge.act_on_pull_request(number, "closed");

    let status = world.forge.expect_status(&sha, STATUS, "error");
    assert_eq!(status.description, "Cancelled: the pull request was closed");
}

#[test]
fn a_label_neither_supersedes_nor_is_superseded() {
    let world = World::start();
    let (repo, number, first) = open(&world, "timeout: 5m\n");
    world.forge.act_on_pull_request(number, "labeled");
    eventually("the call for the label", || {
        world.engine.calls("lint-on-pull-request-labeled").first().map(|_| ())
    });
    let second = repo.commit("feature", [("a", "2\n")]);
    world.forge.synchronize(number);
    world.forge.expect_status(&first, STATUS, "error");

    world.touch("go");

    let label = "pocketci/lint-on-pull-request-labeled";
    world.forge.expect_status(&first, label, "success");
    world.forge.expect_status(&second, STATUS, "success");
}

#[test]
fn a_spec_can_want_every_commit_to_be_finished() {
    let world = World::start();
    let (repo, number, first) = open(&world, "cancel-superseded: false\n");
    let second = repo.commit("feature", [("a", "2\n")]);
    world.forge.synchronize(number);
    world.forge.expect_status(&second, STATUS, "pending");

    world.touch("go");

    for sha in [&first, &second] {
        world.forge.expect_status(sha, STATUS, "success");
    }
}

/// Two pushes to a branch, the second while the first's call waits; the first's last state.
fn push_twice(spec: &str) -> (World, String, String) {
    let world = World::start();
    let (began, go) = (world.path("began"), world.path("go"));
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci")
        .function("testOnPush", |f| f.touches(&began).waits_for(&go))
        .file("pocketci.yaml", spec);
    let first = repo.commit("main", module);
    world.forge.push(&repo, "main");
    world.expect_file("began");
    let second = repo.commit("main", [("a", "1\n")]);
    world.forge.push(&repo, "main");
    world.forge.expect_status(&second, "pocketci/test-on-push", "pending");
    (world, first, second)
}

#[test]
fn pushes_are_finished_unless_the_spec_says_otherwise() {
    let (world, first, second) = push_twice("timeout: 5m\n");
    world.touch("go");
    for sha in [&first, &second] {
        world.forge.expect_status(sha, "pocketci/test-on-push", "success");
    }

    let (world, first, second) = push_twice("cancel-superseded: true\n");
    world.forge.expect_status(&first, "pocketci/test-on-push", "error");
    world.touch("go");
    world.forge.expect_status(&second, "pocketci/test-on-push", "success");
}

#[test]
fn a_commit_can_ask_for_no_ci() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci")
        .function("testOnPush", |f| f.src())
        .function("testOnTag", |f| f.src())
        .function("testOnPullRequest", |f| f.src());
    let pushed = repo.commit_with_message("main", "Start [skip ci]", module);
    world.forge.push(&repo, "main");
    let message = "Change a\n\nskip-checks: true";
    let opened = repo.commit_with_message("feature", message, [("a", "1\n")]);
    world.forge.open_pull_request(&repo, "feature", "main");
    // A tag is a wish of its own.
    let (_, tagged) = world.forge.push_tag(&repo, "v1", false);

    world.forge.expect_status(&tagged, "pocketci/test-on-tag", "success");

    world.let_later_work_pass();
    assert_eq!(pushed, tagged);
    assert!(world.engine.calls("test-on-push").is_empty());
    assert!(world.engine.calls("test-on-pull-request").is_empty());
    assert!(world.forge.statuses(&opened).is_empty());
    assert!(world.agent.get("/deliveries/2").body.contains("skip-checks: true"));
}
