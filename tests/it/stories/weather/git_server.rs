//! A git server in trouble, between a hook and its fetch.

use crate::world::{Ledger, Module, Refusal, Repo, World, eventually, git, process};

fn module() -> Module {
    Module::new("ci").function("testOnPush", |f| f.src())
}

/// A push whose fetch meets this at first runs all the same.
#[track_caller]
fn check_fetched_later(refusal: Refusal, method: &str) {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", module());
    world.forge.refuse_git_with(refusal);

    world.forge.push(&repo, "main");

    world.forge.expect_request("a fetch in trouble", |one| {
        one.method == method && one.path.contains("/ada/site.git/")
    });
    world.forge.serve_git();
    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    let told = world.forge.statuses(&sha);
    assert!(
        told.iter().all(|one| ["pending", "success"].contains(&one.state.as_str())),
        "{told:?}"
    );
}

#[test]
fn a_refusal_delays_the_run() {
    check_fetched_later(Refusal::BadCredentials, "GET");
}

#[test]
fn an_answer_that_breaks_off_delays_the_run() {
    check_fetched_later(Refusal::Drop, "GET");
}

#[test]
fn half_a_pack_delays_the_run() {
    check_fetched_later(Refusal::Truncated, "POST");
}

/// The mirror that was there before is as good as before.
#[test]
fn half_a_pack_does_no_harm_to_a_mirror() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let first = repo.commit("main", module());
    world.forge.push(&repo, "main");
    world.forge.expect_status(&first, "pocketci/test-on-push", "success");
    world.forge.refuse_git_with(Refusal::Truncated);

    let sha = repo.commit("main", [("a", "a\n")]);
    world.forge.push(&repo, "main");
    let fetches = world.forge.fetches();
    eventually("another fetch", || (world.forge.fetches() > fetches).then_some(()));
    world.forge.serve_git();

    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
}

/// Neither another repository's runs nor the agent's end wait for it.
#[test]
fn a_server_that_hangs_holds_up_nobody_else() {
    let mut world = World::start();
    let (slow, other) = (world.forge.repository("ada/slow"), world.forge.repository("ada/other"));
    let late = slow.commit("main", module());
    let sha = other.commit("main", module().file("a", "a\n"));
    world.forge.refuse_git_with(Refusal::Hang);
    world.forge.push(&slow, "main");
    world.forge.expect_request("a fetch that hangs", |one| one.status == 0);
    world.forge.serve_git();

    world.forge.push(&other, "main");

    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    assert!(world.forge.statuses(&late).is_empty());
    world.agent.restart();
    world.forge.expect_status(&late, "pocketci/test-on-push", "success");
}

/// A forced push came between the hook and the fetch: nothing is told of what is gone, and the
/// push that replaced it runs.
#[test]
fn a_commit_that_was_pushed_away_is_not_red() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let base = repo.commit("main", module());
    world.forge.pushed(&repo, "main");
    let gone = repo.commit("main", [("a", "first\n")]);
    let hook = world.forge.pushed(&repo, "main");
    repo.reset("main", &base);
    let sha = repo.commit("main", [("a", "second\n")]);
    let replacement = world.forge.pushed(&repo, "main");
    forget(&repo, &gone);

    let delivery = world.forge.deliver("push", &hook).accepted();
    world.forge.deliver("push", &replacement).accepted();

    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    world.let_later_work_pass();
    assert!(world.forge.statuses(&gone).is_empty());
    // It is tried again for a while, since a hook can be faster than the forge itself.
    let ledger = Ledger::read(world.agent.data());
    let kept = ledger.deliveries.iter().find(|one| one.id == delivery.id).unwrap();
    assert_eq!((kept.runs, kept.settlement.as_deref()), (0, None), "{kept:?}");
}

/// Removes a commit that no name leads to.
fn forget(repo: &Repo, sha: &str) {
    git::git(repo.path(), &["prune", "--expire=now"]);
    let asked = process::program("git")
        .current_dir(repo.path())
        .args(["cat-file", "-e", sha])
        .stderr(std::process::Stdio::null())
        .status();
    assert!(!asked.unwrap().success(), "{sha} is still there");
}
