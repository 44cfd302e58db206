//! Whose turn it is: repositories, specs and groups.

use serde_json::Value;

use super::remote::Shell;
use crate::world::{Module, Repo, World, eventually};

/// Pushes a module with these many functions that wait for `go`.
fn burst(world: &World, name: &str, functions: usize, spec: &str) -> (Repo, String) {
    let (began, go) = (world.path(&format!("began-{}", name.replace('/', "-"))), world.path("go"));
    let repo = world.forge.repository(name);
    let mut module = Module::new("ci").file("pocketci.yaml", spec);
    for n in 0..functions {
        let letter = char::from(b'a' + n as u8);
        module = module.function(&format!("test{}OnPush", letter.to_ascii_uppercase()), |f| {
            f.touches(&began).waits_for(&go)
        });
    }
    let sha = repo.commit("main", module);
    world.forge.push(&repo, "main");
    (repo, sha)
}

fn begun(world: &World, name: &str) -> usize {
    let path = world.path(&format!("began-{}", name.replace('/', "-")));
    std::fs::read_to_string(path).unwrap_or_default().lines().count()
}

#[track_caller]
fn expect_begun(world: &World, name: &str, calls: usize) {
    eventually(&format!("{calls} calls of {name}"), || (begun(world, name) == calls).then_some(()));
}

#[test]
fn a_burst_does_not_starve_the_others() {
    let world = World::with(&[("POCKETCI_REPOSITORY_PARALLELISM", "2")]);
    let (_, first) = burst(&world, "ada/burst", 6, "timeout: 5m\n");
    expect_begun(&world, "ada/burst", 2);
    let (_, second) = burst(&world, "ada/small", 1, "timeout: 5m\n");
    expect_begun(&world, "ada/small", 1);
    assert_eq!(begun(&world, "ada/burst"), 2, "two are all that a repository may have");

    world.touch("go");

    world.forge.expect_status(&second, "pocketci", "success");
    world.forge.expect_status(&first, "pocketci", "success");
}

#[test]
fn a_spec_limits_itself() {
    let world = World::start();
    let (_, sha) = burst(&world, "ada/site", 3, "max-parallel: 1\n");
    expect_begun(&world, "ada/site", 1);
    world.let_later_work_pass();
    assert_eq!(begun(&world, "ada/site"), 1);
    let run = world.agent.get("/api/v1/runs/1").json();
    let waits = |n: usize| run["call_details"][n]["waits"].clone();
    let why = "waits for the one call of its spec that may run";
    assert_eq!([waits(0), waits(1), waits(2)], [Value::Null, why.into(), why.into()]);
    let page = world.agent.get("/runs/1").body;
    assert!(page.contains(&format!("It {why}.")), "{page}");
    let shown = Shell::local(&world).run("runs show 1").stdout;
    assert_eq!(shown.matches(&format!("queued, {why}")).count(), 2, "{shown}");

    world.touch("go");

    world.forge.expect_status(&sha, "pocketci", "success");
}

#[test]
fn runs_of_a_group_wait_for_one_another() {
    let world = World::start();
    let (repo, first) = burst(&world, "ada/site", 1, "concurrency: {group: deploy}\n");
    expect_begun(&world, "ada/site", 1);
    let second = repo.commit("main", [("a", "1\n")]);
    world.forge.push(&repo, "main");
    let waits = world.forge.expect_status(&second, "pocketci/test-a-on-push", "pending");
    assert_eq!(waits.description, "Queued: waits for group `deploy` behind run 1");
    let page = world.agent.run_page(&waits);
    assert!(page.contains("It waits for group <code>deploy</code> behind run 1."), "{page}");
    let third = repo.commit("main", [("b", "1\n")]);
    world.forge.push(&repo, "main");
    let waits = world.forge.expect_status(&third, "pocketci/test-a-on-push", "pending");
    assert_eq!(waits.description, "Queued: waits for group `deploy` behind run 2");
    let why = "waits for group `deploy` behind run 2; run 1 holds it";
    let run = world.agent.get("/api/v1/runs/3").json();
    assert_eq!((&run["state"], &run["waits"]), (&"queued".into(), &why.into()));
    assert_eq!(run["call_details"][0]["waits"], why);
    let shown = Shell::local(&world).run("runs show 3").stdout;
    assert!(shown.contains(&format!("  {why}\n")), "{shown}");
    world.let_later_work_pass();
    assert_eq!(begun(&world, "ada/site"), 1);

    world.touch("go");

    world.forge.expect_status(&first, "pocketci", "success");
    world.forge.expect_status(&second, "pocketci", "success");
    world.forge.expect_status(&third, "pocketci", "success");
    assert_eq!(begun(&world, "ada/site"), 3);
}

#[test]
fn a_group_can_cancel_what_goes_before() {
    let world = World::start();
    let spec = "concurrency: {group: preview, cancel: true}\n";
    let (repo, first) = burst(&world, "ada/site", 1, spec);
    expect_begun(&world, "ada/site", 1);
    let second = repo.commit("main", [("a", "1\n")]);
    world.forge.push(&repo, "main");
    let status = world.forge.expect_status(&first, "pocketci/test-a-on-push", "error");
    let why = format!("Cancelled: superseded by {} in the group preview", &second[..7]);
    assert_eq!(status.description, why);
    world.touch("go");
    world.forge.expect_status(&second, "pocketci", "success");
}
