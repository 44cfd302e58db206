//! The agent's file: which secrets reach which function, and that nothing else does.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::json;

use crate::world::forge::{SECRET, TOKEN};
use crate::world::{Module, Repo, World, eventually, process};

const VALUE: &str = "s3cr3t-value-that-nobody-may-see";

const SPEC: &str = "secrets:\n  - {name: deployKey, from-env: DEPLOY_KEY}\n";

/// A world whose agent has this file, and `DEPLOY_KEY`.
fn world(file: &str) -> World {
    let mut world = World::prepare();
    let path = world.path("agent.yaml");
    std::fs::write(&path, file).unwrap();
    world.agent.set("POCKETCI_CONFIG", path.to_str().unwrap());
    world.agent.set("DEPLOY_KEY", VALUE);
    world.agent.start();
    world
}

/// A file in which `ada/site` may have the key, with these limits.
fn allowing(limits: &str) -> String {
    format!(
        "repositories:\n  - match: ada/site\n    secrets:\n      - {{name: DEPLOY_KEY{limits}}}\n"
    )
}

/// A module with functions that want the key.
fn wanting(functions: &[&str]) -> Module {
    let wants = |module: Module, name: &&str| module.function(name, |f| f.secret("deployKey"));
    functions.iter().fold(Module::new("ci"), wants).file("pocketci.yaml", SPEC)
}

/// A branch of a repository, pushed.
fn pushed(world: &World, repo: &Repo, branch: &str, module: Module) -> String {
    let sha = repo.commit(branch, module);
    world.forge.push(repo, branch);
    sha
}

#[test]
fn a_secret_reaches_the_repository_event_ref_and_function_that_it_is_for() {
    let file = allowing(", events: [push], refs: [main], functions: [\"deploy*\"]");
    let world = world(&file);
    let site = world.forge.repository("ada/site");
    let other = world.forge.repository("ada/other");
    let functions = ["deployOnPush", "testOnPush"];

    let sha = pushed(&world, &site, "main", wanting(&functions));
    world.forge.expect_status(&sha, "pocketci/deploy-on-push", "success");
    let told = world.forge.expect_status(&sha, "pocketci/test-on-push", "error");
    assert!(told.description.contains("`DEPLOY_KEY` is not for `testOnPush`"), "{told:?}");
    let [call] = world.engine.calls("deploy-on-push").try_into().unwrap();
    assert_eq!(call.env["DEPLOY_KEY"], VALUE);

    let sha = pushed(&world, &site, "dev", wanting(&functions));
    let told = world.forge.expect_status(&sha, "pocketci/deploy-on-push", "error");
    assert!(told.description.contains("`DEPLOY_KEY` is not for `refs/heads/dev`"), "{told:?}");

    let sha = pushed(&world, &other, "main", wanting(&["deployOnPush"]));
    let told = world.forge.expect_status(&sha, "pocketci/deploy-on-push", "error");
    assert!(told.description.contains("may not use `DEPLOY_KEY`"), "{told:?}");
    assert!(told.description.contains("POCKETCI_CONFIG"), "{told:?}");
    assert_eq!(world.engine.calls("deploy-on-push").len(), 1);
}

/// What is kept for `main` is not for what only asks to become part of it.
#[test]
fn a_secret_for_a_branch_does_not_reach_a_pull_request_into_it() {
    let world = world(&allowing(", refs: [main]"));
    let repo = world.forge.repository("ada/site");
    repo.commit("main", Module::new("ci").function("lintOnPush", |f| f));
    world.forge.pushed(&repo, "main");
    let sha = repo.commit("feature", wanting(&["testOnPullRequest"]));

    world.forge.open_pull_request(&repo, "feature", "main");

    let told = world.forge.expect_status(&sha, "pocketci/test-on-pull-request", "error");
    assert!(told.description.contains("`DEPLOY_KEY` is not for `refs/heads/feature`"), "{told:?}");
    assert!(world.engine.calls("test-on-pull-request").is_empty());
}

#[test]
fn a_fork_gets_no_secret_of_the_file() {
    let world = world(&format!("{}    forks: run\n", allowing("")));
    let repo = world.forge.repository("ada/site");
    repo.commit("main", wanting(&["testOnPullRequest"]));
    world.forge.pushed(&repo, "main");
    let fork = world.forge.fork(&repo, "mallory");
    let sha = fork.commit("main", [("a", "1\n")]);

    world.forge.open_pull_request_from_fork(&fork, "main", &repo, "main");

    let told = world.forge.expect_status(&sha, "pocketci/test-on-pull-request", "error");
    assert!(told.description.contains("forks get no secrets"), "{told:?}");
    assert!(world.engine.calls("test-on-pull-request").is_empty());
}

/// What the operator lets a repository do is for its own commits, whatever event names another's.
#[test]
fn a_dotenv_that_is_allowed_counts_in_the_repositorys_own_commits_alone() {
    let world = world("repositories:\n  - {match: ada/site, dotenv: allow, forks: run}\n");
    let repo = world.forge.repository("ada/site");
    let (own, theirs) = (world.path("own"), world.path("theirs"));
    let module = |touched: &Path| {
        Module::new("ci")
            .constructed_with("token: Secret")
            .function("testOnPush", |f| f.src())
            .function("testOnPullRequest", |f| f.src())
            .function("testOnCommitComment", |f| f.src())
            .file("ci/.env", format!("TOKEN=cmd://touch {}\n", touched.display()))
    };
    let sha = pushed(&world, &repo, "main", module(&own));
    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    assert!(own.exists(), "the operator allows it");

    let fork = world.forge.fork(&repo, "mallory");
    let sha = fork.commit("feature", module(&theirs));
    world.forge.open_pull_request_from_fork(&fork, "feature", &repo, "main");
    world.forge.expect_status(&sha, "pocketci/test-on-pull-request", "success");
    let mut body = world.forge.pushed(&repo, "main");
    body["action"] = json!("created");
    body["comment"] = json!({"id": 1, "commit_id": sha, "body": "Build this"});
    world.forge.deliver("commit_comment", &body).accepted();
    world.forge.expect_status(&sha, "pocketci/test-on-commit-comment", "success");

    assert!(!theirs.exists(), "a stranger's command ran here");
}

/// The file is read when a call starts, and what it held before stays masked.
#[test]
fn a_secret_in_a_file_can_be_changed_under_the_agent() {
    let mut world = World::prepare();
    let (file, key) = (world.path("agent.yaml"), world.path("key"));
    std::fs::write(&file, allowing(", from: {file: key}")).unwrap();
    std::fs::write(&key, "the-first-value\n").unwrap();
    world.agent.set("POCKETCI_CONFIG", file.to_str().unwrap());
    world.agent.start();
    let repo = world.forge.repository("ada/site");
    let prints = "now ${deployKey}, before the-first-value";
    let module =
        || Module::new("ci").function("testOnPush", |f| f.secret("deployKey").prints(prints));

    let sha = pushed(&world, &repo, "main", module().file("pocketci.yaml", SPEC));
    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    std::fs::write(&key, "the-second-value\n").unwrap();
    let sha = pushed(&world, &repo, "main", module().file("pocketci.yaml", SPEC).file("a", "1\n"));
    let status = world.forge.expect_status(&sha, "pocketci/test-on-push", "success");

    let logs = world.agent.logs(&status);
    assert!(logs.contains("now ***, before ***"), "{logs}");
    let given: Vec<_> = world
        .engine
        .calls("test-on-push")
        .iter()
        .map(|call| call.env["DEPLOY_KEY"].clone())
        .collect();
    assert_eq!(given, [json!("the-first-value"), json!("the-second-value")]);

    std::fs::remove_file(&key).unwrap();
    let sha = pushed(&world, &repo, "main", module().file("pocketci.yaml", SPEC).file("a", "2\n"));
    let told = world.forge.expect_status(&sha, "pocketci/test-on-push", "error");
    assert!(told.description.contains("`DEPLOY_KEY` cannot be passed"), "{told:?}");
}

/// `dagger` gets the address; the repository only ever says the name.
#[test]
fn an_address_is_passed_for_dagger_to_resolve() {
    let world = world(&allowing(", from: {dagger: \"op://vault/deploy key\"}"));
    let repo = world.forge.repository("ada/site");

    let sha = pushed(&world, &repo, "main", wanting(&["testOnPush"]));

    world.forge.expect_status_like(&sha, "an end", |status| {
        status.context == "pocketci/test-on-push" && status.is_final()
    });
    let [call] = world.engine.calls("test-on-push").try_into().unwrap();
    assert_eq!(call.flag("deploy-key"), Some("op://vault/deploy key"));
    assert_eq!(call.env["DEPLOY_KEY"], json!(null));
}

/// The agent's own log names functions, deliveries and branches as others wrote them.
#[test]
fn the_agents_own_log_is_masked() {
    let file = "repositories:\n  - {match: ada/site, secrets: [{name: DEPLOY_KEY}]}\n";
    let mut world = World::prepare();
    let path = world.path("agent.yaml");
    std::fs::write(&path, file).unwrap();
    world.agent.set("POCKETCI_CONFIG", path.to_str().unwrap());
    world.agent.set("DEPLOY_KEY", "canaryValue");
    world.agent.start();
    let repo = world.forge.repository("ada/site");

    let sha = pushed(&world, &repo, "main", Module::new("ci").function("canaryValueOnPush", |f| f));

    world.forge.expect_status(&sha, "pocketci/canary-value-on-push", "success");
    world.agent.expect_log("***OnPush");
    let said = world.agent.said().join("\n");
    assert!(!said.contains("canaryValue"), "{said}");
}

/// A program writes a secret as it likes.
#[test]
fn a_secret_printed_in_base64_by_a_call_is_masked() {
    let world = world(&allowing(""));
    let repo = world.forge.repository("ada/site");
    let shell = "printf 'x%s' \"$DEPLOY_KEY\" | base64; printf '%s' \"$DEPLOY_KEY\" | base64 -w0";
    let module = Module::new("ci")
        .function("testOnPush", |f| f.secret("deployKey").step(json!({"spawn": shell})))
        .file("pocketci.yaml", SPEC);

    let sha = pushed(&world, &repo, "main", module);

    let status = world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    let logs = world.agent.logs(&status);
    assert!(logs.contains("***"), "{logs}");
    // The beginnings of both, and a part of their middle.
    for part in ["czNjcjN0", "eHMzY3Iz", "dmFsdWUt", "bm9ib2R5"] {
        assert!(!logs.contains(part), "{part} in {logs}");
    }
}

/// Whatever is wrong is shown where it is, and nothing starts.
#[test]
fn a_file_with_mistakes_is_refused_with_their_places() {
    let mut world = World::prepare();
    let path = world.path("agent.yaml");
    let file = "repositories:\n  - match: ada/site\n    secrts: []\n";
    std::fs::write(&path, file).unwrap();
    world.agent.set("POCKETCI_CONFIG", path.to_str().unwrap());

    let (code, said) = world.agent.refuses_to_start();
    assert_eq!(code, 2, "{said}");
    world.agent.expect_log("did you mean");
    let said = world.agent.said().join("\n");

    let place = format!("{}:3:5", path.display());
    for part in [place.as_str(), "unknown key `secrts`", "3 |     secrts: []", "did you mean"] {
        assert!(said.contains(part), "no `{part}` in\n{said}");
    }
    let found = world.agent.doctor();
    let of_the_file = found.iter().any(|(_, _, detail)| detail.contains("unknown key `secrts`"));
    assert!(of_the_file, "{found:?}");
}

#[test]
fn a_value_too_short_to_be_masked_is_refused() {
    for (name, value) in [("X_HUB_SIGNATURE", "abc"), ("GITHUB_TOKEN", "abc"), ("KEY", "abc")] {
        let mut world = World::prepare();
        world.agent.set("POCKETCI_SECRETS", "KEY");
        world.agent.set(name, value);
        let (code, said) = world.agent.refuses_to_start();
        assert_eq!(code, 2, "{said}");
        assert!(said.contains(&format!("{name} is shorter than 4 characters")), "{said}");
        assert!(!said.contains("abc"), "{said}");
    }
}

/// Nobody: who the agent runs as here, where the story is told by root.
const NOBODY: &str = "65534";

/// A command as the agent's user, who is nobody special.
fn as_the_agents_user(words: &[&str]) -> std::process::Command {
    if !nix::unistd::geteuid().is_root() {
        let mut command = process::program(words[0]);
        command.args(&words[1..]);
        return command;
    }
    let mut command = process::program("setpriv");
    let (user, group) = (format!("--reuid={NOBODY}"), format!("--regid={NOBODY}"));
    command.args([user.as_str(), group.as_str(), "--clear-groups"]).args(words);
    command
}

/// Whether somebody of the agent's user can read that of a process.
fn is_readable(pid: u32, what: &str) -> bool {
    let output = as_the_agents_user(&["head", "-c", "1", &format!("/proc/{pid}/{what}")])
        .env("PATH", process::PATH)
        .output()
        .unwrap();
    output.status.success() && !output.stdout.is_empty()
}

#[test]
fn another_process_of_the_same_user_cannot_read_the_agents_environment() {
    let folder = tempfile::tempdir().unwrap();
    let everybody = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(folder.path(), everybody).unwrap();
    let program = folder.path().join("pocketci-agent");
    // By another process: what this one writes, children of other stories hold open for a moment.
    let copied = process::program("cp")
        .args([Path::new(env!("CARGO_BIN_EXE_pocketci-agent")), &program])
        .env("PATH", process::PATH)
        .status();
    assert!(copied.unwrap().success());
    let said = std::fs::File::create(folder.path().join("said")).unwrap();
    let started = as_the_agents_user(&[program.to_str().unwrap(), "serve"])
        .env("PATH", process::PATH)
        .env("X_HUB_SIGNATURE", SECRET)
        .env("GITHUB_TOKEN", TOKEN)
        .env("POCKETCI_LISTEN", "127.0.0.1:0")
        .env("POCKETCI_DATA_DIR", folder.path().join("data"))
        .stderr(said)
        .spawn();
    let Ok(mut agent) = started else {
        eprintln!("skipped: there is no `setpriv` to become another user with");
        return;
    };
    eventually("the agent to listen", || {
        let said = std::fs::read_to_string(folder.path().join("said")).unwrap();
        assert!(agent.try_wait().unwrap().is_none(), "{said}");
        said.contains("listening on").then_some(())
    });
    let mut open = as_the_agents_user(&["sleep", "60"]).env("PATH", process::PATH).spawn().unwrap();
    eventually("an open process to be readable", || {
        is_readable(open.id(), "environ").then_some(())
    });

    let (environment, limits) =
        (is_readable(agent.id(), "environ"), format!("/proc/{}/limits", agent.id()));
    let limits = std::fs::read_to_string(limits).unwrap();

    for child in [&mut agent, &mut open] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(!environment, "the agent's environment is readable");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let words: Vec<&str> = core.split_whitespace().collect();
    assert_eq!(words[4..6], ["0", "0"], "{core}");
}
