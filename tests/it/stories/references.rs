//! Branches and tags: which commit is built, and what counts as changed.

use serde_json::json;

use crate::world::{Module, World};

/// A module that says what it is asked for a push and for a tag.
fn module() -> Module {
    Module::new("ci")
        .function("testOnPush", |f| f.src().arg("filter: String!").arg("onChanges: String!"))
        .function("publishOnTag", |f| f.src().arg("filter: String!"))
}

#[test]
fn a_deleted_branch_starts_nothing() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    repo.commit("main", module());
    world.forge.pushed(&repo, "main");
    repo.commit("feature", [("a", "a\n")]);
    world.forge.pushed(&repo, "feature");

    let delivery = world.forge.delete_branch(&repo, "feature");

    assert_eq!(delivery.status, 204, "{}", delivery.answer);
    world.let_later_work_pass();
    assert!(world.engine.calls("test-on-push").is_empty());
}

/// A release names its tag, and a dispatch its branch; where that is not there, it is the default
/// branch that is built.
#[test]
fn an_event_without_a_commit_builds_the_reference_that_it_names() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let module = || {
        let module = Module::new("ci").function("publishOnRelease", |f| f.src());
        module.function("testOnWorkflowDispatch", |f| f.src())
    };
    let tagged = repo.commit("main", module());
    world.forge.pushed(&repo, "main");
    world.forge.push_tag(&repo, "v1", true);
    let branch = repo.commit("feature", [("a", "1\n")]);
    world.forge.pushed(&repo, "feature");
    let head = repo.commit("main", [("b", "1\n")]);
    let mut body = world.forge.pushed(&repo, "main");
    for (tag, sha) in [("v1", &tagged), ("v2", &head)] {
        body["action"] = json!("published");
        body["release"] = json!({"tag_name": tag, "name": "One"});
        world.forge.deliver("release", &body).accepted();
        world.forge.expect_status(sha, "pocketci/publish-on-release", "success");
    }
    let [at_tag, at_head] = world.engine.calls("publish-on-release").try_into().unwrap();
    assert_eq!(at_tag.env["GITHUB_SHA"], json!(tagged));
    assert_eq!(at_tag.env["GITHUB_REF"], "refs/tags/v1");
    assert_eq!(at_head.env["GITHUB_SHA"], json!(head));

    body["ref"] = json!("refs/heads/feature");
    world.forge.deliver("workflow_dispatch", &body).accepted();
    world.forge.expect_status(&branch, "pocketci/test-on-workflow-dispatch", "success");
}

/// The webhook's `after` is the tag's own object, which is no commit.
#[test]
fn an_annotated_tag_builds_its_commit() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", module());
    world.forge.pushed(&repo, "main");

    let (_, commit) = world.forge.push_tag(&repo, "v1.0.0", true);

    assert_eq!(commit, sha);
    world.forge.expect_status(&sha, "pocketci/publish-on-tag", "success");
    let [call] = world.engine.calls("publish-on-tag").try_into().unwrap();
    assert_eq!(call.flag("filter"), Some("v1.0.0"));
    assert_eq!(call.env["GITHUB_SHA"], sha);
    assert_eq!(call.env["GITHUB_REF"], "refs/tags/v1.0.0");
}

#[test]
fn a_light_tag_is_a_tag_too() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", module());
    world.forge.pushed(&repo, "main");
    world.forge.push_tag(&repo, "v1.0.0", false);
    world.forge.expect_status(&sha, "pocketci/publish-on-tag", "success");
}

#[test]
fn a_new_branch_changed_what_it_adds_to_the_default_branch() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    repo.commit("main", module());
    world.forge.pushed(&repo, "main");
    repo.commit("feature", [("one", "1\n")]);
    let sha = repo.commit("feature", [("two", "2\n")]);

    world.forge.push(&repo, "feature");

    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    let [call] = world.engine.calls("test-on-push").try_into().unwrap();
    assert_eq!(call.flag("filter"), Some("feature"));
    assert_eq!(call.flag("on-changes"), Some("one,two"));
}

#[test]
fn a_forced_push_builds_the_new_head() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let start = repo.commit("main", module());
    world.forge.pushed(&repo, "main");
    let lost = repo.commit("main", [("lost", "1\n")]);
    world.forge.push(&repo, "main");
    world.forge.expect_status(&lost, "pocketci/test-on-push", "success");

    repo.reset("main", &start);
    let sha = repo.commit("main", [("found", "2\n")]);
    world.forge.push(&repo, "main");

    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    let changes = world.engine.calls("test-on-push").pop().unwrap();
    assert_eq!(changes.flag("on-changes"), Some("found,lost"));
}

/// The commit was pushed away between the webhook and the fetch; its id still finds it.
#[test]
fn a_commit_is_fetched_by_its_id() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let start = repo.commit("main", module());
    world.forge.pushed(&repo, "main");
    let sha = repo.commit("main", [("a", "1\n")]);
    let body = world.forge.pushed(&repo, "main");
    repo.reset("main", &start);
    world.forge.pushed(&repo, "main");

    world.forge.deliver("push", &body).accepted();

    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
}

/// A branch may be named like a flag, or like a tag of a page.
#[test]
fn a_branch_with_a_wicked_name_is_a_value() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    repo.commit("main", module());
    world.forge.pushed(&repo, "main");
    for name in ["--help", "<script>alert(1)</script>", "a;touch$IFS/tmp/x", "$(id)", "a,b=c"] {
        let sha = repo.commit(name, [(name.replace('/', "-").as_str(), "1\n")]);
        world.forge.push(&repo, name);
        let status = world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
        let call = world.engine.calls("test-on-push").pop().unwrap();
        assert_eq!(call.flag("filter"), Some(name));
        assert!(!world.agent.run_page(&status).contains("<script>alert"));
    }
}
