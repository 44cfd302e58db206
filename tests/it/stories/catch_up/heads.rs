//! Pull requests and tags that left no trace in a webhook's memory.

use serde_json::Value;

use super::{calls_in_the_end, catch_up, stopped};
use crate::world::{Module, Repo, World};

const PULL: &str = "pocketci/on-pull-request";
const TAG: &str = "pocketci/on-tag";

/// An agent that was stopped, has seen `ada/site`, and cannot read what the webhooks remember.
fn deaf() -> (World, Repo) {
    let (world, repo) = stopped();
    let module =
        Module::new("ci").function("onPullRequest", |f| f.src()).function("onTag", |f| f.src());
    repo.commit("main", module);
    world.forge.push_unheard(&repo, "main");
    world.forge.hide_hooks();
    (world, repo)
}

/// Opens a pull request that nobody hears of.
fn opened_unheard(world: &World, from: &Repo, repo: &Repo) -> u64 {
    let (number, body) = world.forge.opened(from, "feature", repo, "main");
    assert_eq!(world.forge.deliver("pull_request", &body).status, 0);
    number
}

#[track_caller]
fn calls(world: &World, function: &str) -> usize {
    world.let_later_work_pass();
    world.engine.calls(function).len()
}

#[test]
fn a_pull_request_is_run_at_its_head_once() {
    let (mut world, repo) = deaf();
    repo.commit("feature", [("a", "1\n")]);
    world.forge.pushed(&repo, "feature");
    let number = opened_unheard(&world, &repo, &repo);
    let sha = repo.commit("feature", [("a", "2\n")]);
    let pushed = world.forge.synchronized(number);

    world.agent.start();

    world.forge.expect_status(&sha, PULL, "success");
    world.agent.expect_log("Caught up found=");
    // The webhook comes after all.
    world.forge.deliver("pull_request", &pushed).accepted();
    assert_eq!(calls(&world, "on-pull-request"), 1);
    // What is pushed now is work of its own.
    let next = repo.commit("feature", [("a", "3\n")]);
    world.forge.synchronize(number);
    world.forge.expect_status(&next, PULL, "success");
    world.agent.restart();
    // Only that the branch itself was pushed is news.
    world.agent.expect_log("Caught up found=1");
    assert_eq!(calls(&world, "on-pull-request"), 2);
}

#[test]
fn a_pull_request_that_was_known_is_run_where_it_went() {
    let (mut world, repo) = deaf();
    repo.commit("feature", [("a", "1\n")]);
    world.forge.pushed(&repo, "feature");
    world.agent.start();
    world.agent.expect_log("Caught up found=");
    let number = world.forge.open_pull_request(&repo, "feature", "main");
    let first = repo.head("feature").unwrap();
    world.forge.expect_status(&first, PULL, "success");
    world.agent.terminate();
    world.forge.age_pull_request(number);
    let sha = repo.commit("feature", [("a", "2\n")]);
    world.forge.synchronized(number);

    let (code, out, _) = catch_up(&world, &["--dry-run"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains(&sha[..7]) && out.contains("would be recorded"), "{out}");
    world.agent.start();

    world.forge.expect_status(&sha, PULL, "success");
    assert_eq!(calls(&world, "on-pull-request"), 2);
}

/// Who pushed is not known, so that nobody's right to write speaks for the commit.
#[test]
fn a_pull_request_from_a_fork_waits_for_a_word() {
    let (mut world, repo) = deaf();
    world.forge.may_write("mallory");
    let fork = world.forge.fork(&repo, "mallory");
    let sha = fork.commit("feature", [("a", "evil\n")]);
    let number = opened_unheard(&world, &fork, &repo);

    world.agent.start();

    world.forge.expect_status_like(&sha, "it to be held", |one| {
        one.context == PULL && one.description.contains("waits")
    });
    assert_eq!(calls(&world, "on-pull-request"), 0);
    let comment = world.forge.comment(number, "ada", "/pocketci approve");
    assert_eq!(world.forge.expect_reaction(comment), "+1");
    world.forge.expect_status(&sha, PULL, "success");
}

#[test]
fn a_pull_request_of_another_year_is_left_alone() {
    let (mut world, repo) = deaf();
    repo.commit("feature", [("a", "1\n")]);
    let (old, _) = world.forge.opened(&repo, "feature", &repo, "main");
    world.forge.age_pull_request(old);
    let (closed, _) = world.forge.opened(&repo, "feature", &repo, "main");
    let mut pull = world.forge.pull_request(closed);
    pull.open = false;
    world.forge.put_pull_request(pull);

    world.agent.start();

    calls_in_the_end(&mut world);
    assert_eq!(calls(&world, "on-pull-request"), 0);
}

#[test]
fn tags_are_run_once_and_old_ones_are_not() {
    let (mut world, repo) = deaf();
    // The tag is older than the window, or may be: its commit was never heard of.
    let ancient = repo.commit("old", [("old", "1\n")]);
    crate::world::git::git(repo.path(), &["tag", "ancient", &ancient]);
    world.agent.start();
    world.agent.expect_log("Caught up found=1");
    let sha = repo.pushed("main").unwrap();
    world.let_later_work_pass();
    world.agent.terminate();
    let (body, _) = world.forge.tagged(&repo, "v1", true);
    world.forge.tagged(&repo, "v2", false);

    let (code, out, _) = catch_up(&world, &["--dry-run", "--json"]);
    assert_eq!(code, 0, "{out}");
    let json: Value = serde_json::from_str(&out).unwrap();
    let found = json["found"].as_array().unwrap();
    let titles: Vec<&str> = found.iter().map(|one| one["event"].as_str().unwrap()).collect();
    assert_eq!(titles, ["tag v1", "tag v2"]);
    assert!(found.iter().all(|one| one["sha"] == sha && one["undelivered"].is_null()), "{out}");
    world.agent.start();

    world.forge.expect_status(&sha, TAG, "success");
    world.agent.expect_log("Caught up found=2");
    // Its webhook comes after all.
    world.forge.deliver("push", &body).accepted();
    assert_eq!(calls(&world, "on-tag"), 2);
    world.agent.restart();
    assert_eq!(calls(&world, "on-tag"), 2);
}
