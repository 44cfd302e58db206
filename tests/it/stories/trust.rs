//! Strangers: what a fork's pull request may do, and who is given credentials.

use serde_json::json;

use crate::world::forge::TOKEN;
use crate::world::{Forge, Module, World};

const SPEC: &str = "secrets:\n  - {name: deployKey, from-env: DEPLOY_KEY}\n";

/// Opens a pull request from a fork on a repository with a module; gives its commit.
fn open_from_a_fork(world: &World) -> String {
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci")
        .function("testOnPullRequest", |f| f.src().arg("deployKey: Secret"))
        .file("pocketci.yaml", SPEC);
    repo.commit("main", module);
    world.forge.pushed(&repo, "main");
    let fork = world.forge.fork(&repo, "mallory");
    let sha = fork.commit("feature", [("a", "1\n")]);
    world.forge.open_pull_request_from_fork(&fork, "feature", &repo, "main");
    sha
}

#[test]
fn a_forks_pull_request_is_planned_and_not_called() {
    let world = World::start();
    let sha = open_from_a_fork(&world);

    let status =
        world.forge.expect_status_like(&sha, "a pending status", |one| one.state == "pending");

    world.let_later_work_pass();
    assert!(world.engine.calls("test-on-pull-request").is_empty());
    assert!(world.forge.statuses(&sha).iter().all(|status| !status.is_final()));
    assert!(world.agent.run_page(&status).contains("testOnPullRequest"));
}

#[test]
fn a_forks_pull_request_runs_without_secrets_where_the_operator_says_run() {
    let world = World::with(&[
        ("POCKETCI_FORKS", "run"),
        ("POCKETCI_SECRETS", "DEPLOY_KEY"),
        ("DEPLOY_KEY", "not-for-strangers"),
    ]);
    let sha = open_from_a_fork(&world);

    world.forge.expect_status(&sha, "pocketci/test-on-pull-request", "success");

    let [call] = world.engine.calls("test-on-pull-request").try_into().unwrap();
    assert_eq!(call.flag("deploy-key"), None);
    assert_eq!(call.env["DEPLOY_KEY"], json!(null));
    assert_eq!(call.env["GITHUB_TOKEN"], json!(null));
}

/// The fork may be gone by the time its pull request is looked at.
#[test]
fn a_deleted_fork_is_a_fork() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    repo.commit("main", Module::new("ci").function("testOnPullRequest", |f| f.src()));
    world.forge.pushed(&repo, "main");
    let fork = world.forge.fork(&repo, "mallory");
    fork.commit("feature", [("a", "1\n")]);
    let (_, mut body) = world.forge.opened(&fork, "feature", &repo, "main");
    body["pull_request"]["head"]["repo"] = json!(null);

    world.forge.deliver("pull_request", &body).accepted();

    world.let_later_work_pass();
    assert!(world.engine.calls("test-on-pull-request").is_empty());
}

/// The forge gives out a fork's commits under the repository's own name, and whoever may comment
/// can name one.
#[test]
fn a_comment_cannot_lend_secrets_to_a_forks_commit() {
    let world = World::with(&[
        ("POCKETCI_FORKS", "run"),
        ("POCKETCI_SECRETS", "DEPLOY_KEY"),
        ("DEPLOY_KEY", "not-for-strangers"),
    ]);
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci")
        .function("testOnCommitComment", |f| f.src().arg("deployKey: Secret"))
        .file("pocketci.yaml", SPEC);
    let own = repo.commit("main", module);
    world.forge.pushed(&repo, "main");
    let fork = world.forge.fork(&repo, "mallory");
    let evil = Module::new("evil").function("stealOnCommitComment", |f| f.src());
    let theirs = fork.commit("feature", evil.file("pocketci.yaml", "module-path: ./evil\n"));
    world.forge.opened(&fork, "feature", &repo, "main");
    let mut body = world.forge.pushed(&repo, "main");
    body["action"] = json!("created");
    for sha in [&theirs, &own] {
        body["comment"] = json!({"id": 1, "commit_id": sha, "body": "Build this"});
        world.forge.deliver("commit_comment", &body).accepted();
        world.forge.expect_status(sha, "pocketci/test-on-commit-comment", "success");
    }

    let [first, second] = world.engine.calls("test-on-commit-comment").try_into().unwrap();
    assert_eq!(first.env["GITHUB_SHA"], json!(theirs));
    assert_eq!((first.flag("deploy-key"), &first.env["DEPLOY_KEY"]), (None, &json!(null)));
    assert_eq!(second.flag("deploy-key"), Some("env:DEPLOY_KEY"));
    assert!(world.engine.calls("steal-on-commit-comment").is_empty());
}

#[test]
fn a_commit_of_nobodys_waits_like_a_forks() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    repo.commit("main", Module::new("ci").function("testOnCheckSuite", |f| f.src()));
    world.forge.pushed(&repo, "main");
    let fork = world.forge.fork(&repo, "mallory");
    let sha = fork.commit("feature", [("a", "1\n")]);
    world.forge.opened(&fork, "feature", &repo, "main");
    let mut body = world.forge.pushed(&repo, "main");
    body["action"] = json!("rerequested");
    body["check_suite"] = json!({"head_sha": sha, "head_branch": null});

    world.forge.deliver("check_suite", &body).accepted();

    let status = world.forge.expect_status_like(&sha, "a pending", |one| one.state == "pending");
    assert!(status.description.contains("waits for a maintainer"), "{status:?}");
    world.let_later_work_pass();
    assert!(world.engine.calls("test-on-check-suite").is_empty());
}

/// What a function prints is text on the page.
#[test]
fn a_log_cannot_write_the_page() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let evil = "<script>alert(1)</script>";
    let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f.prints(evil)));
    world.forge.push(&repo, "main");
    let status = world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    assert!(world.agent.logs(&status).contains(evil));
    assert!(!world.agent.run_page(&status).contains(evil));
}

/// The spec that counts for a fork's pull request is the base's.
#[test]
fn a_fork_cannot_change_the_spec() {
    let world = World::with(&[("POCKETCI_FORKS", "run")]);
    let repo = world.forge.repository("ada/site");
    repo.commit("main", Module::new("ci").function("testOnPullRequest", |f| f.src()));
    world.forge.pushed(&repo, "main");
    let fork = world.forge.fork(&repo, "mallory");
    let elsewhere = Module::new("evil").function("stealOnPullRequest", |f| f.src());
    let sha = fork.commit("feature", elsewhere.file("pocketci.yaml", "module-path: ./evil\n"));

    world.forge.open_pull_request_from_fork(&fork, "feature", &repo, "main");

    world.forge.expect_status(&sha, "pocketci/test-on-pull-request", "success");
    world.let_later_work_pass();
    assert!(world.engine.calls("steal-on-pull-request").is_empty());
}

#[test]
fn credentials_go_to_the_configured_host_alone() {
    let world = World::start();
    let stranger = Forge::start();
    let repo = world.forge.repository("ada/site");
    let copy = stranger.repository("ada/site");
    for one in [&repo, &copy] {
        one.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
    }
    world.forge.pushed(&repo, "main");
    // Signed and about our repository, but to be cloned from elsewhere.
    let body = stranger.pushed(&copy, "main");
    assert!(body["repository"]["clone_url"].as_str().unwrap().starts_with(stranger.url()));
    world.forge.deliver("push", &body);

    world.let_later_work_pass();
    for request in stranger.requests() {
        assert_eq!(request.authorization, None, "{request:?}");
    }
    for invocation in world.engine.invocations() {
        assert!(!format!("{invocation:?}").contains(TOKEN));
    }
}

/// `.env` beside a module is code that the CLI would run on this host.
#[test]
fn a_dotenv_beside_the_module_is_not_run() {
    let world = World::start();
    let owned = world.path("owned");
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci")
        .function("testOnPush", |f| f.src().arg("token: Secret"))
        .file("ci/.env", format!("TOKEN=cmd://touch {}\n", owned.display()))
        .file(".env", format!("TOKEN=cmd://touch {}\n", owned.display()));
    let sha = repo.commit("main", module);

    world.forge.push(&repo, "main");

    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    assert!(!owned.exists());
}
