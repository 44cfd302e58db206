//! A webhook in, functions called, the forge told.

use serde_json::Value;

use crate::world::{Module, Tree, World};

#[test]
fn a_push_calls_its_function_and_tells_the_forge() {
    let world = World::start();
    let go = world.path("go");
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci")
        .function("testOnPush", |f| f.src().prints("hello from the module").waits_for(&go));
    let sha = repo.commit("main", module);

    world.forge.push(&repo, "main");
    world.forge.expect_status(&sha, "pocketci/test-on-push", "pending");
    world.forge.expect_status(&sha, "pocketci", "pending");
    world.touch("go");

    let status = world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    world.forge.expect_status(&sha, "pocketci", "success");
    let history = world.forge.history(&sha, "pocketci/test-on-push");
    assert!(
        ["pending success", "pending pending success"].contains(&history.as_str()),
        "{history}"
    );
    assert_eq!(world.forge.contexts(&sha), ["pocketci", "pocketci/test-on-push"]);
    assert!(world.agent.run_page(&status).contains("testOnPush"));
    assert!(world.agent.logs(&status).contains("hello from the module"));
}

#[test]
fn a_pull_request_hands_over_the_event_and_the_changed_files() {
    let world = World::start();
    let handed = world.path("event.json");
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci").function("testOnGithubPullRequest", |f| {
        f.src()
            .event_trigger()
            .arg("filter: String! = \"opened,synchronize\"")
            .arg("onChanges: String!")
            .hands_over("${eventTrigger.contents}", &handed)
    });
    repo.commit("main", module);
    world.forge.pushed(&repo, "main");
    let sha = repo.commit("feature", [("src/a.rs", "a\n"), ("docs/b.md", "b\n")]);

    let number = world.forge.open_pull_request(&repo, "feature", "main");

    let context = "pocketci/test-on-github-pull-request";
    world.forge.expect_status(&sha, context, "success");
    let event: Value = serde_json::from_str(&world.expect_file("event.json")).unwrap();
    assert_eq!(event["repository_name"], "site");
    assert_eq!(event["event_type"], "pull_request");
    assert_eq!(event["filter"], "opened");
    assert_eq!(event["sha"], sha);
    assert_eq!(event["changes"], serde_json::json!(["docs/b.md", "src/a.rs"]));
    assert_eq!(event["pull_request"]["number"], number);
    assert_eq!(event["pull_request"]["fork"], false);
    assert_eq!(event["payload"]["action"], "opened");
    let [call] = world.engine.calls("test-on-github-pull-request").try_into().unwrap();
    assert_eq!(call.flag("filter"), Some("opened"));
    assert_eq!(call.flag("on-changes"), Some("docs/b.md,src/a.rs"));
    assert_eq!(call.env["GITHUB_SHA"], sha);
    assert_eq!(call.env["GITHUB_REF"], format!("refs/pull/{number}/merge"));
    assert_eq!(call.env["GITHUB_EVENT_NAME"], "pull_request");

    let next = repo.commit("feature", [("src/a.rs", "better\n")]);
    world.forge.synchronize(number);
    world.forge.expect_status(&next, context, "success");
}

#[test]
fn an_edited_pull_request_does_not_colour_its_commit() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    repo.commit("main", Module::new("ci").function("onPullRequest", |f| f.arg("filter: String!")));
    world.forge.pushed(&repo, "main");
    let sha = repo.commit("feature", [("a", "a\n")]);
    let number = world.forge.open_pull_request(&repo, "feature", "main");
    world.forge.expect_status(&sha, "pocketci/on-pull-request", "success");
    world.forge.expect_status(&sha, "pocketci", "success");
    let before = world.forge.statuses(&sha).len();

    world.forge.act_on_pull_request(number, "edited");

    world.let_later_work_pass();
    assert_eq!(world.engine.calls("on-pull-request").len(), 2);
    assert_eq!(world.forge.statuses(&sha).len(), before);
}

/// Each waits for what the other makes: one after the other they would never end.
#[test]
fn two_functions_run_in_parallel() {
    let world = World::start();
    let (one, other) = (world.path("one"), world.path("other"));
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci")
        .function("lintOnPush", |f| f.touches(&one).waits_for(&other))
        .function("testOnPush", |f| f.touches(&other).waits_for(&one));
    let sha = repo.commit("main", module);

    world.forge.push(&repo, "main");

    world.forge.expect_status(&sha, "pocketci/lint-on-push", "success");
    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
}

#[test]
fn one_failing_function_fails_itself_and_the_summary() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let module =
        Module::new("ci").function("lintOnPush", |f| f.exits(3)).function("testOnPush", |f| f);
    let sha = repo.commit("main", module);

    world.forge.push(&repo, "main");

    let lint = world.forge.expect_status(&sha, "pocketci/lint-on-push", "failure");
    assert!(lint.description.contains('3'), "{lint:?}");
    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    world.forge.expect_status(&sha, "pocketci", "failure");
}

#[test]
fn on_changes_skips_a_function_and_says_why() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci")
        .function("lintOnPush", |f| f.on_changes("**/*.rs"))
        .function("testOnPush", |f| f.src());
    repo.commit("main", module);
    world.forge.pushed(&repo, "main");
    let sha = repo.commit("main", [("README.md", "words\n")]);

    world.forge.push(&repo, "main");

    let status = world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    world.forge.expect_status(&sha, "pocketci", "success");
    assert_eq!(world.forge.contexts(&sha), ["pocketci", "pocketci/test-on-push"]);
    let page = world.agent.run_page(&status);
    assert!(page.contains("lintOnPush") && page.contains("onChanges"), "{page}");
    assert!(world.engine.calls("lint-on-push").is_empty());
}

#[test]
fn several_events_of_one_repository_at_once() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
    world.forge.pushed(&repo, "main");
    let branches: Vec<String> = (0..8).map(|n| format!("branch-{n}")).collect();
    let pushed: Vec<_> = branches
        .iter()
        .map(|branch| {
            let sha = repo.commit(branch, [(branch.as_str(), "new\n")]);
            (sha, world.forge.pushed(&repo, branch))
        })
        .collect();

    std::thread::scope(|scope| {
        for (_, body) in &pushed {
            scope.spawn(|| world.forge.deliver("push", body).accepted());
        }
    });

    for (sha, _) in &pushed {
        world.forge.expect_status(sha, "pocketci/test-on-push", "success");
    }
}

/// The checkout is a repository of its own, with a little history.
#[test]
fn a_function_sees_the_commit_and_its_history() {
    let world = World::start();
    let handed = world.path("seen");
    let repo = world.forge.repository("ada/site");
    repo.commit("main", [("old.txt", "old\n")]);
    repo.commit(
        "main",
        Tree::from(Module::new("ci").function("testOnPush", |f| {
            f.src().hands_over("${src.entries} ${src/new.txt}", &handed)
        }))
        .without("old.txt"),
    );
    let sha = repo.commit("main", [("new.txt", "new")]);

    world.forge.push(&repo, "main");

    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    let seen = world.expect_file("seen");
    assert!(seen.contains(".git/") && seen.contains("new.txt"), "{seen}");
    assert!(!seen.contains("old.txt") && seen.ends_with(" new"), "{seen}");
}
