//! Commands without a module: run on this host, where the operator allows it.

use std::collections::BTreeMap;

use crate::world::World;

/// A spec whose one command is this shell text.
fn spec(name: &str, shell: &str) -> String {
    let shell = serde_json::to_string(shell).unwrap();
    format!("commands:\n  {name}: {{run: {shell}}}\n")
}

#[test]
fn commands_need_the_operators_word() {
    let world = World::start();
    let ran = world.path("ran");
    let repo = world.forge.repository("ada/site");
    let spec = spec("testOnPush", &format!("touch {}", ran.display()));
    let sha = repo.commit("main", [("pocketci.yaml", spec.as_str())]);

    world.forge.push(&repo, "main");

    let status = world.forge.expect_status_like(&sha, "an error", |one| one.state == "error");
    assert!(status.description.contains("POCKETCI_HOST_COMMANDS"), "{status:?}");
    world.let_later_work_pass();
    assert!(!ran.exists());
}

#[test]
fn a_command_runs_in_the_checkout_with_the_documented_environment() {
    let world = World::with(&[
        ("POCKETCI_HOST_COMMANDS", "allow"),
        ("POCKETCI_SECRETS", "DEPLOY_KEY"),
        ("DEPLOY_KEY", "the-key-of-the-deployment"),
        ("USER", "builder"),
        ("LANG", "C.UTF-8"),
        ("TMPDIR", "/tmp"),
    ]);
    let seen = world.path("seen");
    let repo = world.forge.repository("ada/site");
    let shell =
        format!("echo hello; env > {0}.part; pwd >> {0}.part; mv {0}.part {0}", seen.display());
    let spec = spec("testOnPush", &shell) + "secrets:\n  - {name: key, from-env: DEPLOY_KEY}\n";
    let sha = repo.commit("main", [("pocketci.yaml", spec.as_str())]);

    world.forge.push(&repo, "main");

    let status = world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    assert!(world.agent.logs(&status).contains("hello"));
    let seen = world.expect_file("seen");
    let env: BTreeMap<&str, &str> = seen.lines().filter_map(|line| line.split_once('=')).collect();
    let shells_own = ["PWD", "OLDPWD", "SHLVL", "_"];
    let names: Vec<&str> = env.keys().copied().filter(|name| !shells_own.contains(name)).collect();
    for name in [
        "CI",
        "COMPOSE_PROJECT_NAME",
        "DEPLOY_KEY",
        "GITHUB_ACTIONS",
        "GITHUB_EVENT_NAME",
        "GITHUB_EVENT_PATH",
        "GITHUB_REF",
        "GITHUB_SHA",
        "HOME",
        "LANG",
        "PATH",
        "POCKETCI_EVENT_TRIGGER",
        "POCKETCI_RUN_ID",
        "POCKETCI_SRC",
        "POCKETCI_URL",
        "TMPDIR",
        "USER",
        "commit",
        "short_commit",
    ] {
        assert!(names.contains(&name), "no {name} in {names:?}");
    }
    for name in ["GITHUB_TOKEN", "X_HUB_SIGNATURE", "POCKETCI_DATA_DIR", "POCKETCI_SECRETS"] {
        assert!(!names.contains(&name), "{name} in {names:?}");
    }
    assert_eq!(env["commit"], sha);
    assert!(sha.starts_with(env["short_commit"]));
    assert_eq!(env["POCKETCI_SRC"], seen.lines().last().unwrap());
    assert_eq!(env["DEPLOY_KEY"], "the-key-of-the-deployment");
}

#[test]
fn a_failing_command_fails() {
    let world = World::with(&[("POCKETCI_HOST_COMMANDS", "allow")]);
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", [("pocketci.yaml", spec("testOnPush", "exit 4").as_str())]);
    world.forge.push(&repo, "main");
    let status = world.forge.expect_status(&sha, "pocketci/test-on-push", "failure");
    assert!(status.description.contains('4'), "{status:?}");
}

#[test]
fn commands_never_run_for_a_fork() {
    let world = World::with(&[("POCKETCI_HOST_COMMANDS", "allow"), ("POCKETCI_FORKS", "run")]);
    let ran = world.path("ran");
    let repo = world.forge.repository("ada/site");
    let spec = spec("testOnPullRequest", &format!("touch {}", ran.display()));
    repo.commit("main", [("pocketci.yaml", spec.as_str())]);
    world.forge.pushed(&repo, "main");
    let fork = world.forge.fork(&repo, "mallory");
    let sha = fork.commit("feature", [("a", "1\n")]);

    world.forge.open_pull_request_from_fork(&fork, "feature", &repo, "main");

    world.let_later_work_pass();
    assert!(!ran.exists());
    assert_eq!(world.forge.history(&sha, "pocketci/test-on-pull-request").find("success"), None);
}

/// No dagger and no engine is needed for commands.
#[test]
fn commands_run_on_a_machine_without_dagger() {
    let mut world = World::prepare();
    world.agent.set("POCKETCI_HOST_COMMANDS", "allow");
    world.agent.set("POCKETCI_DAGGER", "/nonexistent/dagger");
    world.agent.start();
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", [("pocketci.yaml", spec("testOnPush", "true").as_str())]);
    world.forge.push(&repo, "main");
    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
}
