//! What happened while nobody listened is found out and done, once.

mod heads;

use serde_json::Value;

use crate::world::{Module, Repo, World, process};

const CONTEXT: &str = "pocketci/test-on-push";

/// An agent that has seen one push of `ada/site` and was stopped.
fn stopped() -> (World, Repo) {
    let mut world = World::start();
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
    world.forge.push(&repo, "main");
    world.forge.expect_status(&sha, CONTEXT, "success");
    world.agent.terminate();
    world.agent.set("POCKETCI_CATCH_UP", "24h");
    (world, repo)
}

/// How often the function was called so far.
fn calls(world: &World) -> usize {
    world.engine.calls("test-on-push").len()
}

/// Lets everything that was found come to its end, and gives the calls of `ada/site`.
#[track_caller]
fn calls_in_the_end(world: &mut World) -> usize {
    world.agent.expect_log("Caught up found=");
    world.let_later_work_pass();
    calls(world)
}

#[test]
fn a_push_that_nobody_heard_is_run_at_the_next_start() {
    let (mut world, repo) = stopped();
    let sha = repo.commit("main", [("a", "1\n")]);
    let delivery = world.forge.push_unheard(&repo, "main");

    world.agent.start();

    world.forge.expect_status(&sha, CONTEXT, "success");
    world.forge.expect_status(&sha, "pocketci", "success");
    // Somebody redelivers it all the same.
    assert_eq!(world.forge.redeliver(&delivery.id).status, 200);
    assert_eq!(calls_in_the_end(&mut world), 2);
}

#[test]
fn of_several_pushes_of_a_branch_the_last_is_run_with_the_changes_of_all() {
    let (mut world, repo) = stopped();
    let handed = world.path("event.json");
    let module = Module::new("ci").function("testOnPush", |f| {
        f.src().event_trigger().hands_over("${eventTrigger.contents}", &handed)
    });
    let first = repo.commit("main", module);
    world.forge.push_unheard(&repo, "main");
    let second = repo.commit("main", [("b", "2\n")]);
    world.forge.push_unheard(&repo, "main");
    let last = repo.commit("main", [("c", "3\n")]);
    world.forge.push_unheard(&repo, "main");

    world.agent.start();

    world.forge.expect_status(&last, CONTEXT, "success");
    let event: Value = serde_json::from_str(&world.expect_file("event.json")).unwrap();
    let changes: Vec<&str> =
        event["changes"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert!(changes.contains(&"b") && changes.contains(&"c"), "{changes:?}");
    assert_eq!(calls_in_the_end(&mut world), 2);
    assert!(world.forge.statuses(&first).is_empty() && world.forge.statuses(&second).is_empty());
}

#[test]
fn a_pull_request_that_nobody_heard_of_is_run() {
    let (mut world, repo) = stopped();
    let module = Module::new("ci").function("onPullRequest", |f| f.src());
    let sha = repo.commit("feature", module);
    world.forge.pushed(&repo, "feature");
    let (_, body) = world.forge.opened(&repo, "feature", &repo, "main");
    assert_eq!(world.forge.deliver("pull_request", &body).status, 0);

    world.agent.start();

    world.forge.expect_status(&sha, "pocketci/on-pull-request", "success");
}

/// An organisation's webhook tells of repositories that have none of their own, and its memory is
/// asked for.
#[test]
fn what_an_organisations_webhook_could_not_deliver_is_run() {
    let (mut world, repo) = stopped();
    world.forge.have_an_organisation("ada");
    let sha = repo.commit("main", [("a", "1\n")]);
    let body = world.forge.pushed(&repo, "main");
    let delivery = world.forge.deliver_by_organisation("push", &body);
    assert_eq!(delivery.status, 0);
    // Of a repository that was never heard of.
    let other = world.forge.repository("ada/new");
    let module = Module::new("ci").function("otherOnPush", |f| f.src());
    let first = other.commit("main", module);
    let body = world.forge.pushed(&other, "main");
    assert_eq!(world.forge.deliver_by_organisation("push", &body).status, 0);

    world.agent.start();

    world.forge.expect_status(&sha, CONTEXT, "success");
    world.forge.expect_status(&first, "pocketci/other-on-push", "success");
    assert_eq!(calls_in_the_end(&mut world), 2);
    assert_eq!(world.forge.redeliver(&delivery.id).status, 200);
}

/// Both the repository and its organisation have a webhook: one of the two is enough.
#[test]
fn the_same_by_two_webhooks_is_caught_up_with_once() {
    let (mut world, repo) = stopped();
    world.forge.have_an_organisation("ada");
    let sha = repo.commit("main", [("a", "1\n")]);
    let body = world.forge.pushed(&repo, "main");
    assert_eq!(world.forge.deliver("push", &body).status, 0);
    assert_eq!(world.forge.deliver_by_organisation("push", &body).status, 0);

    world.agent.start();

    world.forge.expect_status(&sha, CONTEXT, "success");
    assert_eq!(calls_in_the_end(&mut world), 2);
}

/// The webhook's memory may not be ours to read; where the branches are is.
#[test]
fn a_branch_that_moved_is_run_where_the_webhooks_say_nothing() {
    let (mut world, repo) = stopped();
    world.forge.hide_hooks();
    repo.commit("main", [("a", "1\n")]);
    world.forge.push_unheard(&repo, "main");
    let sha = repo.commit("main", [("b", "1\n")]);
    let delivery = world.forge.push_unheard(&repo, "main");

    world.agent.start();

    world.forge.expect_status(&sha, CONTEXT, "success");
    // The push itself, under its own id: the same repository, reference and commit.
    assert_eq!(world.forge.redeliver(&delivery.id).status, 202);
    assert_eq!(calls_in_the_end(&mut world), 2);
    // There and back again is another push.
    let elsewhere = repo.commit("main", [("c", "1\n")]);
    world.forge.push(&repo, "main");
    world.forge.expect_status(&elsewhere, CONTEXT, "success");
    repo.reset("main", &sha);
    world.forge.push(&repo, "main");
    assert_eq!(calls_in_the_end(&mut world), 4);
}

#[test]
fn nothing_is_done_where_nothing_was_missed() {
    let (mut world, repo) = stopped();
    // Old, and never heard of: it lies before the window.
    repo.commit("old", [("old", "1\n")]);
    world.forge.pushed(&repo, "old");

    world.agent.start();

    assert_eq!(calls_in_the_end(&mut world), 1);
    let foreign = |path: &str| path.contains("/hooks/5/");
    assert!(world.forge.requests().iter().all(|one| !foreign(&one.path)));
}

#[test]
fn a_second_start_finds_nothing_more() {
    let (mut world, repo) = stopped();
    world.forge.hide_hooks();
    let sha = repo.commit("main", [("a", "1\n")]);
    world.forge.push_unheard(&repo, "main");
    world.agent.start();
    world.forge.expect_status(&sha, CONTEXT, "success");
    world.let_later_work_pass();

    world.agent.restart();

    world.agent.expect_log("Caught up found=0");
    assert_eq!(calls_in_the_end(&mut world), 2);
}

/// Runs `deliveries catch-up` in the agent's environment: exit status, output, errors.
fn catch_up(world: &World, arguments: &[&str]) -> (i32, String, String) {
    let mut command = process::program(env!("CARGO_BIN_EXE_pocketci-agent"));
    command.env_clear().envs(world.agent.environment());
    let output = command.args(["deliveries", "catch-up"]).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_command_records_for_the_next_start_and_says_what() {
    let (mut world, repo) = stopped();
    world.agent.unset("POCKETCI_CATCH_UP");
    let sha = repo.commit("main", [("a", "1\n")]);
    let delivery = world.forge.push_unheard(&repo, "main");

    let (code, out, _) = catch_up(&world, &["--dry-run"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("ada/site push main at") && out.contains("would be recorded"), "{out}");
    let (_, out, _) = catch_up(&world, &["--dry-run", "--json"]);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["found"][0]["undelivered"], delivery.id);
    assert_eq!(json["found"][0]["delivery"], Value::Null);
    let (code, out, _) = catch_up(&world, &["--since", "1h"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("1 event recorded"), "{out}");
    let (_, out, _) = catch_up(&world, &[]);
    assert!(out.contains("Nothing is missing"), "{out}");

    world.agent.start();
    world.forge.expect_status(&sha, CONTEXT, "success");
    assert_eq!(calls(&world), 2);
}

#[test]
fn the_command_leaves_a_running_agent_alone() {
    let world = World::start();
    let (code, _, said) = catch_up(&world, &[]);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("POCKETCI_CATCH_UP=24h") && said.contains("stop the agent"), "{said}");
}

#[test]
fn the_command_wants_a_folder_where_an_agent_was() {
    let world = World::prepare();
    let (code, _, said) = catch_up(&world, &[]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("POCKETCI_DATA_DIR"), "{said}");
}
