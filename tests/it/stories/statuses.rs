//! Whatever the forge does, it ends up showing what is so.

use serde_json::Value;

use crate::world::{Forge, Module, Refusal, World, eventually};

/// How often the forge was asked to take a status.
fn posts(forge: &Forge) -> usize {
    let requests = forge.requests();
    requests.iter().filter(|one| one.method == "POST" && one.path.contains("/statuses/")).count()
}

fn forge_condition(world: &World) -> Value {
    world.agent.get("/readyz").json()["checks"]["forge"].clone()
}

fn functions(count: usize) -> Module {
    let one = |module: Module, n| module.function(&format!("test{n}OnPush"), |f| f.src());
    (0..count).fold(Module::new("ci"), one)
}

#[test]
fn every_context_ends_as_it_is_and_never_goes_back() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", functions(6));
    world.forge.refuse_some_statuses_with(2, Refusal::BadGateway);

    world.forge.push(&repo, "main");

    for n in 0..6 {
        world.forge.expect_status(&sha, &format!("pocketci/test-{n}-on-push"), "success");
    }
    world.forge.expect_status(&sha, "pocketci", "success");
    world.let_later_work_pass();
    for context in world.forge.contexts(&sha) {
        let history = world.forge.history(&sha, &context);
        let words: Vec<&str> = history.split(' ').collect();
        let (last, earlier) = words.split_last().unwrap();
        assert_eq!(*last, "success", "{context}: {history}");
        assert!(earlier.iter().all(|state| *state == "pending"), "{context}: {history}");
    }
}

/// One answer holds up everything, however much is owed.
#[track_caller]
fn check_a_limit_is_kept_to(refusal: Refusal, seen_as: u16) {
    let mut world = World::start();
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", functions(8));
    world.forge.refuse_statuses_with(refusal);

    world.forge.push(&repo, "main");
    world.forge.expect_request("a refused status", |one| one.status == seen_as);
    world.agent.expect_log("Statuses wait for the forge's rate limit");
    assert_eq!(forge_condition(&world)["ok"], false);
    eventually("every call to be done", || {
        let calls = (0..8).map(|n| world.engine.calls(&format!("test-{n}-on-push")).len());
        (calls.sum::<usize>() == 8).then_some(())
    });
    // No more than were on their way when the limit struck, and one that looked.
    let asked = posts(&world.forge);
    assert!(asked <= 9, "{asked} statuses were posted against the limit");

    world.forge.accept_statuses();
    for n in 0..8 {
        world.forge.expect_status(&sha, &format!("pocketci/test-{n}-on-push"), "success");
    }
    eventually("the forge to be well", || (forge_condition(&world)["ok"] == true).then_some(()));
}

#[test]
fn a_secondary_limit_holds_up_all_statuses() {
    check_a_limit_is_kept_to(Refusal::RateLimited(4), 429);
}

#[test]
fn a_used_up_limit_holds_up_all_statuses_until_its_reset() {
    check_a_limit_is_kept_to(Refusal::Exhausted(4), 403);
}

#[test]
fn a_refused_token_is_told_once_and_does_not_spin() {
    let mut world = World::start();
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", functions(8));
    world.forge.refuse_statuses_with(Refusal::BadCredentials);

    world.forge.push(&repo, "main");
    world.agent.expect_log("The forge refuses our token");
    eventually("every call to be done", || {
        let calls = (0..8).map(|n| world.engine.calls(&format!("test-{n}-on-push")).len());
        (calls.sum::<usize>() == 8).then_some(())
    });
    let condition = forge_condition(&world);
    assert_eq!(condition["ok"], false);
    assert!(condition["detail"].as_str().unwrap().contains("GITHUB_TOKEN"), "{condition}");
    let asked = posts(&world.forge);
    assert!(asked <= 8, "{asked} statuses were posted with a refused token");
    let said = world.agent.said();
    let told = said.iter().filter(|line| line.contains("refuses our token")).count();
    assert_eq!(told, 1, "{said:#?}");

    // Mended and started again, everything is told.
    world.forge.accept_statuses();
    world.agent.restart();
    for n in 0..8 {
        world.forge.expect_status(&sha, &format!("pocketci/test-{n}-on-push"), "success");
    }
    world.forge.expect_status(&sha, "pocketci", "success");
}

#[test]
fn without_a_token_statuses_wait_for_a_start_with_one() {
    let mut world = World::prepare();
    world.forge.be_public();
    world.agent.unset("GITHUB_USERNAME");
    world.agent.unset("GITHUB_TOKEN");
    world.agent.start();
    let repo = world.forge.repository("ada/site");
    let done = world.path("done");
    let module = Module::new("ci").function("testOnPush", |f| f.touches(&done));
    let sha = repo.commit("main", module);
    world.forge.push(&repo, "main");
    world.expect_file("done");
    assert_eq!(posts(&world.forge), 0);
    let said = world.agent.said();
    assert_eq!(said.iter().filter(|line| line.contains("GITHUB_TOKEN")).count(), 1, "{said:#?}");
    world.agent.terminate();

    world.agent.set("GITHUB_TOKEN", crate::world::forge::TOKEN);
    world.agent.start();

    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    world.forge.expect_status(&sha, "pocketci", "success");
}

/// A pushed commit with both its contexts green.
fn green() -> (World, crate::world::Repo, String) {
    green_in(World::start())
}

fn green_in(world: World) -> (World, crate::world::Repo, String) {
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
    world.forge.push(&repo, "main");
    world.forge.expect_status(&sha, CONTEXT, "success");
    world.forge.expect_status(&sha, "pocketci", "success");
    world.let_later_work_pass();
    (world, repo, sha)
}

const CONTEXT: &str = "pocketci/test-on-push";

/// Waits until the agent has looked at the commit since its start.
fn expect_a_look(world: &World, sha: &str, before: usize) {
    let looks = |forge: &Forge| {
        let asked = format!("/commits/{sha}/status");
        forge.requests().iter().filter(|one| one.path.contains(&asked)).count()
    };
    eventually("a look at the commit", || (looks(&world.forge) > before).then_some(()));
}

#[test]
fn a_status_that_the_forge_lost_is_sent_again() {
    let (mut world, _, sha) = green();
    world.forge.lose_statuses(&sha, CONTEXT, 0);
    assert!(!world.forge.contexts(&sha).contains(&CONTEXT.to_owned()));

    world.agent.restart();

    world.forge.expect_status(&sha, CONTEXT, "success");
}

#[test]
fn what_a_forge_loses_or_shows_wrong_is_mended_while_the_agent_runs() {
    let often = World::with(&[("POCKETCI_TEST_COMPARE_EVERY", "1s")]);
    let (world, repo, sha) = green_in(often);
    world.forge.lose_statuses(&sha, CONTEXT, 0);
    assert!(!world.forge.contexts(&sha).contains(&CONTEXT.to_owned()));

    world.forge.expect_status(&sha, CONTEXT, "success");

    world.forge.post_status(&repo, &sha, "pocketci", "pending", "http://ci.example/runs/1");
    eventually("the summary to be mended", || {
        world.forge.shows(&sha, &["pocketci"], "success").then_some(())
    });
}

#[test]
fn a_limit_met_by_another_question_is_over_by_itself() {
    let (mut world, _, _) = green();
    world.forge.refuse_looks_with(Refusal::RateLimited(1));
    world.agent.restart();
    eventually("the limit to be told", || (forge_condition(&world)["ok"] == false).then_some(()));
    let posted = posts(&world.forge);

    world.forge.let_look();

    eventually("the forge to be well", || (forge_condition(&world)["ok"] == true).then_some(()));
    assert_eq!(posts(&world.forge), posted, "no status was owed that could find out");
}

#[test]
fn an_older_post_that_came_late_is_mended() {
    let (mut world, repo, sha) = green();
    world.forge.post_status(&repo, &sha, CONTEXT, "pending", "http://ci.example/runs/1");

    world.agent.restart();

    let last = || world.forge.statuses(&sha).into_iter().rfind(|one| one.context == CONTEXT);
    eventually("the status to be mended", || last().filter(|last| last.state == "success"));
}

#[test]
fn what_somebody_else_has_posted_stays() {
    let (mut world, repo, sha) = green();
    world.forge.post_status(&repo, &sha, CONTEXT, "error", "http://elsewhere.example/");
    world.forge.post_status(&repo, &sha, "other/check", "failure", "http://ci.example/runs/1");
    let before = world.forge.statuses(&sha);

    world.agent.restart();

    expect_a_look(&world, &sha, 0);
    world.let_later_work_pass();
    assert_eq!(world.forge.statuses(&sha), before);
}

#[test]
fn what_the_forge_shows_as_told_is_not_told_again() {
    let (mut world, _, sha) = green();
    let before = world.forge.statuses(&sha);

    world.agent.restart();

    expect_a_look(&world, &sha, 0);
    world.let_later_work_pass();
    assert_eq!(world.forge.statuses(&sha), before);
}
