//! Acting from the command line on the agent's machine, where its socket says who one is.

use super::{Ended, Shell, mixed};
use crate::world::{Module, World};

#[test]
fn a_run_is_begun_again() {
    let world = World::start();
    let (_, sha) = mixed(&world);
    let shell = Shell::local(&world);

    shell.run("runs rerun 1 --failed").status(0).says("as attempt 2: 1 call again");
    shell.run("runs watch 1").status(1).says("lint-on-push");
    assert_eq!(world.engine.calls("lint-on-push").len(), 2);
    assert_eq!(world.engine.calls("test-on-push").len(), 1);
    shell.run("runs rerun 1 --call test-on-push --watch").status(1).says("(attempt 2)");
    shell.run("runs rerun 1 --json").status(0).says("\"attempt\": 4");
    shell.run("runs watch 1 --json").status(1).says("\"attempt\":4");
    world.forge.expect_status(&sha, "pocketci", "failure");
    shell.run("runs logs 1 lint-on-push --attempt 1").status(0).says("one");
}

#[test]
fn a_run_is_ended() {
    let world = World::start();
    let (began, go) = (world.path("began"), world.path("go"));
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci").function("testOnPush", |f| f.touches(&began).waits_for(&go));
    repo.commit("main", module);
    world.forge.push(&repo, "main");
    world.expect_file("began");
    let shell = Shell::local(&world);
    let watch = shell.begin("runs watch 1");

    shell.run("runs cancel 1").status(0).says("is being ended");

    watch.end().status(1).complains("Run 1 was cancelled");
    shell.run("runs list --state cancelled").status(0).says("cancelled");
}

#[test]
fn a_commit_is_let_go() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    repo.commit("main", Module::new("ci").function("testOnPullRequest", |f| f.src()));
    world.forge.pushed(&repo, "main");
    let fork = world.forge.fork(&repo, "mallory");
    let sha = fork.commit("feature", [("a", "1\n")]);
    world.forge.open_pull_request_from_fork(&fork, "feature", &repo, "main");
    world.forge.expect_status_like(&sha, "it to be held", |one| one.description.contains("waits"));
    let shell = Shell::local(&world);

    shell.run("runs show 1").status(0).says("runs approve 1");
    shell.run("runs approve 1 --sha 0000000").status(2).complains("is of the commit");
    assert!(world.engine.calls("test-on-pull-request").is_empty());
    shell.run(&format!("runs approve 1 --sha {}", &sha[..7])).status(0).says("is let go at");

    shell.run("runs watch 1").status(0).says("passed");
}

#[test]
fn deliveries_are_shown_and_replayed() {
    let world = World::start();
    mixed(&world);
    let shell = Shell::local(&world);

    shell.run("deliveries list").status(0).says("planned").says("ada/site");
    shell.run("deliveries show 1").status(0).says("x-github-event");
    shell.run("deliveries show 1 --body").status(0).says("\"full_name\"");
    shell.run("deliveries show 1").status(0).says("Run 1 ada/site at ");
    shell.run("deliveries replay 1").status(0).says("once more as delivery 2").says("Run 2 ");
    // It ends as the run does.
    shell.run("deliveries replay 1 --watch").status(1).says("lint-on-push");
    assert_eq!(shell.run("deliveries replay 1 --json").status(0).json()["runs"][0]["id"], 4);
    shell.run("deliveries show 99").status(2).complains("There is no delivery 99");
}

#[test]
fn a_token_opens_and_is_taken_back() {
    let world = World::start();
    mixed(&world);
    let local = Shell::local(&world);
    let token = local.run("tokens create --name deploy --scope operate").status(0).stdout;
    let remote = |token: &str| -> Ended {
        let mut shell = Shell::remote(&world);
        shell.environment.push(("POCKETCI_TOKEN".to_owned(), token.to_owned()));
        shell.run("runs rerun 1 --failed --watch")
    };

    Shell::remote(&world).run("runs rerun 1").status(3).complains("POCKETCI_TOKEN");
    remote(token.trim()).status(1).complains("Run 1 failed");
    local.run("tokens list").status(0).says("deploy").says("operate");
    local.run("tokens revoke deploy").status(0).says("opens nothing any more");
    remote(token.trim()).status(3).complains("does not take the token");
    local.run("tokens list").status(0).says("There are no tokens");
    local.run("tokens list --all").status(0).says("revoked");
    local.run("tokens revoke deploy").status(2).complains("no token `deploy`");
}

/// A module for what somebody starts, which hands its event trigger over.
fn by_hand(world: &World) -> Module {
    let trigger = world.path("trigger.json");
    Module::new("ci")
        .function("deployOnManual", move |f| {
            f.src().event_trigger().hands_over("${eventTrigger.contents}", &trigger)
        })
        .function("checkOnManualV1", |f| f.executes("exit 3"))
        .function("testOnPush", |f| f.src())
}

#[test]
fn something_is_started_by_hand() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    repo.commit("main", by_hand(&world));
    world.forge.pushed(&repo, "main");
    world.forge.push_tag(&repo, "v1", true);
    let sha = repo.commit("main", [("a", "1\n")]);
    world.forge.push(&repo, "main");
    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    let shell = Shell::local(&world);

    let said =
        shell.run("trigger ada/site --input level=debug -i when=a=b --json").status(0).json();
    assert_eq!(
        (&said["outcome"], &said["runs"][0]["sha"]),
        (&"planned".into(), &sha.clone().into())
    );
    let run = said["runs"][0]["id"].as_i64().unwrap();
    assert_eq!(said["runs"][0]["url"], format!("http://ci.example/runs/{run}"));
    assert_eq!(said["runs"][0]["headline"], "the command line started it by hand for main");
    shell.run(&format!("runs watch {run}")).status(0).says("deploy-on-manual");
    world.forge.expect_status(&sha, "pocketci/deploy-on-manual", "success");
    let trigger = std::fs::read(world.path("trigger.json")).unwrap();
    let trigger: serde_json::Value = serde_json::from_slice(&trigger).unwrap();
    assert_eq!(trigger["event_type"], "manual");
    assert_eq!((&trigger["filter"], &trigger["ref"]), (&"main".into(), &"refs/heads/main".into()));
    assert_eq!(trigger["payload"]["inputs"], serde_json::json!({"level": "debug", "when": "a=b"}));
    assert_eq!(trigger["sender"]["login"], "the command line");

    shell
        .run("trigger ada/site --ref v1 --watch")
        .status(1)
        .says("check-on-manual-v-1")
        .complains("failed");
    shell
        .run("trigger ada/site --ref refs/heads/main")
        .status(0)
        .says(&format!("http://ci.example/runs/{}", run + 2))
        .says(&format!("at {} of main", &sha[..7]));
}

#[test]
fn what_is_not_there_is_not_started() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    repo.commit("main", by_hand(&world));
    world.forge.push(&repo, "main");
    let new = world.forge.repository("ada/new");
    new.commit("main", by_hand(&world));
    world.forge.pushed(&new, "main");
    repo.commit("feature", [("a", "1\n")]);
    world.forge.pushed(&repo, "feature");
    let shell = Shell::local(&world);
    let token = shell.run("tokens create --name deploy --scope operate").status(0).stdout;
    let mut remote = Shell::remote(&world);
    remote.environment.push(("POCKETCI_TOKEN".to_owned(), token.trim().to_owned()));

    shell.run("trigger ada/site --ref feature").status(0);
    world.forge.delete_branch(&repo, "feature");
    for reference in ["feature", "nowhere"] {
        remote
            .run(&format!("trigger ada/site --ref {reference}"))
            .status(2)
            .complains(&format!("`ada/site` has neither a branch nor a tag `{reference}`"));
    }
    let said = remote.run("trigger ada/site --ref refs/tags/v9 --json").status(2).json();
    assert_eq!(said["reason"]["code"], "no_such_ref");
    shell.run("deliveries list --outcome skipped").status(0).says("has no `refs/tags/v9`");
    remote.run("trigger ada/site --ref refs/pull/1/head").status(2).complains("`ref` is the name");
    remote
        .run("trigger ada/new")
        .status(2)
        .complains("There is no such repository")
        .complains("`admin`");
    remote.run("trigger gitea/ada/site").status(2).complains("There is no such repository");
    shell.run("trigger gitea/ada/site").status(2).complains("`gitea` is not set up");
    Shell::remote(&world).run("trigger ada/site").status(3).complains("POCKETCI_TOKEN");

    // Whoever may do everything can begin with a repository that has sent nothing.
    shell.run("trigger ada/new --watch").status(0).says("deploy-on-manual");
}
