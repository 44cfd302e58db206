//! `/pocketci …` in a comment: begin again, end, explain.

use crate::world::{Module, Repo, World, eventually};

const STATUS: &str = "pocketci/test-on-pull-request";
const LINT: &str = "pocketci/lint-on-pull-request";

/// A pull request from a branch; one of its functions waits for `go`, the other fails once.
fn open(world: &World) -> (Repo, u64, String) {
    let (go, began) = (world.path("go"), world.path("began"));
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci")
        .function("testOnPullRequest", |f| f.touches(&began).waits_for(&go))
        .function("lintOnPullRequest", |f| f.exits(3))
        .function("onIssueComment", |f| f.src());
    repo.commit("main", module);
    world.forge.pushed(&repo, "main");
    let sha = repo.commit("feature", [("a", "1\n")]);
    let pull = world.forge.open_pull_request(&repo, "feature", "main");
    (repo, pull, sha)
}

#[track_caller]
fn says(world: &World, pull: u64, words: &str) -> String {
    let comment = world.forge.comment(pull, "ada", words);
    world.forge.expect_reaction(comment)
}

#[test]
fn what_failed_begins_again_and_the_attempt_before_is_kept() {
    let world = World::start();
    let (_, pull, sha) = open(&world);
    world.touch("go");
    world.forge.expect_status(&sha, STATUS, "success");
    world.forge.expect_status(&sha, LINT, "failure");
    let summary = world.forge.expect_status(&sha, "pocketci", "failure");

    assert_eq!(says(&world, pull, "/pocketci rerun"), "+1");

    eventually("the second failure", || {
        (world.forge.history(&sha, LINT).matches("failure").count() == 2).then_some(())
    });
    eventually("the summary's end", || {
        (world.forge.history(&sha, "pocketci").ends_with("pending failure")).then_some(())
    });
    let again = world.forge.statuses(&sha);
    let again = again.iter().find(|one| one.description.starts_with("Queued again"));
    assert_eq!(again.map(|one| one.description.as_str()), Some("Queued again by ada (attempt 2)"));
    assert_eq!(world.engine.calls("lint-on-pull-request").len(), 2);
    assert_eq!(world.engine.calls("test-on-pull-request").len(), 1);
    let run = summary.target_url.rsplit('/').next().unwrap().parse::<u64>().unwrap();
    let first = world.agent.get(&format!("/runs/{run}/calls/2/log?attempt=1"));
    assert!(first.body.contains("exit status 3"), "{first:?}");

    assert_eq!(says(&world, pull, "/pocketci rerun testOnPullRequest"), "+1");
    eventually("the other call", || {
        (world.engine.calls("test-on-pull-request").len() == 2).then_some(())
    });
    assert_eq!(says(&world, pull, "/pocketci rerun no-such"), "confused");
    world.forge.expect_own_comment(pull, "there is no call of that name");
}

#[test]
fn what_runs_is_cancelled() {
    let world = World::start();
    let (_, pull, sha) = open(&world);
    world.expect_file("began");

    assert_eq!(says(&world, pull, "/pocketci cancel"), "+1");

    let status = world.forge.expect_status(&sha, STATUS, "error");
    assert_eq!(status.description, "Cancelled: by ada");
    world.forge.expect_status(&sha, "pocketci", "failure");
    assert_eq!(says(&world, pull, "/pocketci cancel"), "confused");
    world.touch("go");
}

#[test]
fn it_is_explained_in_one_comment_that_is_kept_up_to_date() {
    let world = World::start();
    world.touch("go");
    let (repo, pull, sha) = open(&world);
    world.forge.expect_status(&sha, STATUS, "success");

    assert_eq!(says(&world, pull, "/pocketci explain"), "eyes");

    let first = world.forge.expect_own_comment(pull, &sha[..7]);
    for words in ["<code>testOnPullRequest</code> | called", "onIssueComment</code> | not called"] {
        assert!(first.body.contains(words), "{}", first.body);
    }
    let second = repo.commit("feature", [("a", "2\n")]);
    world.forge.synchronize(pull);
    let changed = world.forge.expect_own_comment(pull, &second[..7]);
    assert_eq!((changed.id, world.forge.own_comments(pull).len()), (first.id, 1));
    // Nobody is asked to act by what the agent says itself.
    world.forge.grant(crate::world::forge::USERNAME, "write");
    world.forge.tell_of_comment(first.id);
    world.let_later_work_pass();
    assert!(world.engine.calls("on-issue-comment").is_empty());
    // One that somebody deleted is written again.
    world.forge.delete_comment(first.id);
    assert_eq!(says(&world, pull, "/pocketci explain"), "eyes");
    let anew = world.forge.expect_own_comment(pull, &second[..7]);
    assert_ne!(anew.id, first.id);
}

/// A comment names functions and says why as others wrote it.
#[test]
fn an_explanation_shows_no_secret() {
    const VALUE: &str = "canaryValue";
    let world = World::with(&[("POCKETCI_SECRETS", "DEPLOY_KEY"), ("DEPLOY_KEY", VALUE)]);
    let repo = world.forge.repository("ada/site");
    repo.commit("main", Module::new("ci").function("canaryValueOnPullRequest", |f| f.src()));
    world.forge.pushed(&repo, "main");
    let sha = repo.commit("feature", [("a", "1\n")]);
    let pull = world.forge.open_pull_request(&repo, "feature", "main");
    world.forge.expect_status(&sha, "pocketci/canary-value-on-pull-request", "success");

    assert_eq!(says(&world, pull, "/pocketci explain"), "eyes");

    let comment = world.forge.expect_own_comment(pull, &sha[..7]).body;
    assert!(comment.contains("OnPullRequest</code>"), "{comment}");
    assert!(!comment.contains(VALUE), "{comment}");
}

#[test]
fn what_is_no_command_is_answered() {
    let world = World::start();
    world.touch("go");
    let (_, pull, sha) = open(&world);
    world.forge.expect_status(&sha, STATUS, "success");
    assert_eq!(says(&world, pull, "/pocketci deploy"), "confused");
    world.forge.expect_own_comment(pull, "/pocketci rerun [failed|all|function]");
}

/// The same comment by two hooks is one command.
#[test]
fn a_command_that_comes_twice_is_done_once() {
    let world = World::start();
    world.touch("go");
    let (_, pull, sha) = open(&world);
    world.forge.expect_status(&sha, STATUS, "success");
    world.forge.expect_status(&sha, "pocketci", "failure");
    let now = jiff::Timestamp::now();
    let (comment, hook) = world.forge.commented(pull, "ada", "/pocketci rerun all", now);
    for _ in 0..2 {
        world.forge.deliver("issue_comment", &hook).accepted();
    }
    world.forge.expect_reaction(comment);
    eventually("both calls", || {
        (world.engine.calls("test-on-pull-request").len() == 2).then_some(())
    });
    world.let_later_work_pass();
    assert_eq!(world.forge.reactions(comment), ["+1"]);
    assert_eq!(world.engine.calls("test-on-pull-request").len(), 2);
}

/// The agent dies between writing its comment and hearing of it.
#[test]
fn a_comment_is_written_once() {
    for point in ["effect.answered:2", "effect.kept:2", "effect.claimed:2"] {
        println!("--- dies at {point}");
        let mut world = World::prepare();
        world.touch("go");
        assert!(world.agent.start_armed(point));
        let (_, pull, sha) = open(&world);
        world.forge.expect_status(&sha, STATUS, "success");
        world.forge.comment(pull, "ada", "/pocketci explain");
        world.agent.expect_death();
        world.agent.start();
        world.forge.expect_own_comment(pull, &sha[..7]);
        world.let_later_work_pass();
        assert_eq!(says(&world, pull, "/pocketci explain"), "eyes");
        world.let_later_work_pass();
        assert_eq!(world.forge.own_comments(pull).len(), 1);
    }
}
