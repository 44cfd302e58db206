//! Strangers wait for a maintainer's word on exactly that commit.

use jiff::{Timestamp, ToSpan as _};
use serde_json::json;

use crate::world::{Module, Refusal, Repo, World, http};

const STATUS: &str = "pocketci/test-on-pull-request";
const SPEC: &str = "secrets:\n  - {name: deployKey, from-env: DEPLOY_KEY}\n";

/// A repository, a fork of it with a commit, and the fork's pull request.
struct Scene {
    world: World,
    repo: Repo,
    fork: Repo,
    pull: u64,
    sha: String,
}

fn scene() -> Scene {
    scene_with(World::with(&[("POCKETCI_SECRETS", "DEPLOY_KEY"), ("DEPLOY_KEY", "not-for-them")]))
}

fn scene_with(world: World) -> Scene {
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci")
        .function("testOnPullRequest", |f| f.src().arg("deployKey: Secret"))
        .function("lintOnPullRequestLabeled", |f| f.src())
        .function("onIssueComment", |f| f.src())
        .file("pocketci.yaml", SPEC);
    repo.commit("main", module);
    world.forge.pushed(&repo, "main");
    let fork = world.forge.fork(&repo, "mallory");
    let sha = fork.commit("feature", [("a", "1\n")]);
    let pull = world.forge.open_pull_request_from_fork(&fork, "feature", &repo, "main");
    Scene { world, repo, fork, pull, sha }
}

impl Scene {
    #[track_caller]
    fn expect_held(&self, sha: &str) {
        let status = self.world.forge.expect_status_like(sha, "it to be held", |one| {
            one.context == STATUS && one.description.contains("waits for a maintainer")
        });
        let words = format!("comment `/pocketci approve {}`", &sha[..7]);
        assert!(status.description.ends_with(&words), "{}", status.description);
    }

    #[track_caller]
    fn says(&self, who: &str, words: &str) -> String {
        let comment = self.world.forge.comment(self.pull, who, words);
        self.world.forge.expect_reaction(comment)
    }

    #[track_caller]
    fn expect_nothing_called(&self) {
        self.world.let_later_work_pass();
        assert!(self.world.engine.calls("test-on-pull-request").is_empty());
    }

    fn push(&self, text: &str) -> String {
        let sha = self.fork.commit("feature", [("a", text)]);
        self.world.forge.synchronize(self.pull);
        sha
    }
}

#[test]
fn a_maintainer_lets_a_commit_go() {
    let scene = scene();
    scene.expect_held(&scene.sha);

    assert_eq!(scene.says("ada", "/pocketci approve\nLooks good."), "+1");

    scene.world.forge.expect_status(&scene.sha, STATUS, "success");
    scene.world.forge.expect_status(&scene.sha, "pocketci", "success");
    let [call] = scene.world.engine.calls("test-on-pull-request").try_into().unwrap();
    // Trusted to run, not with secrets.
    assert_eq!(call.flag("deploy-key"), None);
    assert_eq!(call.env["DEPLOY_KEY"], json!(null));
    // What comes of the same commit later needs no other word.
    scene.world.forge.act_on_pull_request(scene.pull, "labeled");
    let label = "pocketci/lint-on-pull-request-labeled";
    scene.world.forge.expect_status(&scene.sha, label, "success");
    // And a command is no comment for functions.
    assert!(scene.world.engine.calls("on-issue-comment").is_empty());
}

#[test]
fn a_commit_can_be_named() {
    let scene = scene();
    scene.expect_held(&scene.sha);
    let words = format!("/pocketci approve {}", &scene.sha[..9]);
    assert_eq!(scene.says("ada", &words), "+1");
    scene.world.forge.expect_status(&scene.sha, STATUS, "success");
}

/// A commit that was approved and has run, and is the pull request's head again after another one:
/// somebody has to look at it again.
fn taken_back() -> Scene {
    let scene = scene();
    scene.expect_held(&scene.sha);
    assert_eq!(scene.says("ada", "/pocketci approve"), "+1");
    scene.world.forge.expect_status(&scene.sha, STATUS, "success");
    let second = scene.push("evil\n");
    scene.expect_held(&second);
    scene.fork.reset("feature", &scene.sha);
    scene.world.forge.synchronize(scene.pull);
    scene.world.let_later_work_pass();
    scene
}

#[test]
fn a_push_takes_the_approval_back() {
    let scene = taken_back();
    assert_eq!(scene.world.engine.calls("test-on-pull-request").len(), 1);
}

/// By the API and by the command line as by a comment.
#[test]
fn a_push_takes_the_approval_back_however_it_was_given() {
    type Way = fn(&Scene, u64, &str) -> bool;
    let by_api: Way = |scene, run, sha| {
        let socket = scene.world.agent.data().join("agent.sock");
        let (path, wish) = (format!("/api/v1/runs/{run}/approve"), json!({ "sha": sha }));
        let answer = http::send_to_socket("POST", &socket, &path, wish.to_string().as_bytes());
        let status = answer.unwrap().status;
        assert!([200, 409].contains(&status), "{status}");
        status == 200
    };
    let by_command: Way = |scene, run, sha| {
        let (run, sha) = (run.to_string(), &sha[..9]);
        let (status, _) = scene.world.agent.command(&["runs", "approve", &run, "--sha", sha]);
        status == 0
    };
    for approve in [by_api, by_command] {
        let scene = scene();
        scene.expect_held(&scene.sha);
        assert!(approve(&scene, 1, &scene.sha));
        scene.world.forge.expect_status(&scene.sha, STATUS, "success");

        let second = scene.push("evil\n");
        scene.expect_held(&second);
        let waiting = scene.world.agent.get("/api/v1/waiting").json();
        let [run] = waiting["waiting"].as_array().unwrap().as_slice() else { panic!("{waiting}") };
        assert_eq!(run["sha"], second);
        // Who looked at the first commit approves that one and no other.
        let run = run["run"].as_u64().unwrap();
        assert!(!approve(&scene, run, &scene.sha) && !approve(&scene, 1, &scene.sha));

        scene.world.let_later_work_pass();
        assert_eq!(scene.world.engine.calls("test-on-pull-request").len(), 1);
        assert!(approve(&scene, run, &second));
        scene.world.forge.expect_status(&second, STATUS, "success");
    }
}

#[test]
fn what_was_not_seen_is_not_approved() {
    let scene = scene();
    scene.expect_held(&scene.sha);
    let written = Timestamp::now() - 60.seconds();
    let second = scene.push("evil\n");
    scene.expect_held(&second);

    // Written before the push, arriving after it.
    let forge = &scene.world.forge;
    let comment = forge.comment_at(scene.pull, "ada", "/pocketci approve", written);

    assert_eq!(forge.expect_reaction(comment), "confused");
    forge.expect_own_comment(scene.pull, &format!("/pocketci approve {}", &second[..7]));
    let words = format!("/pocketci approve {}", &scene.sha[..7]);
    assert_eq!(scene.says("ada", &words), "confused");
    scene.expect_nothing_called();
    let words = format!("/pocketci approve {}", &second[..7]);
    assert_eq!(scene.says("ada", &words), "+1");
    forge.expect_status(&second, STATUS, "success");
}

/// The forge has the push, and the agent has not heard of it.
#[test]
fn a_push_that_is_still_on_its_way_counts() {
    let scene = scene();
    scene.expect_held(&scene.sha);
    let second = scene.fork.commit("feature", [("a", "evil\n")]);
    let body = scene.world.forge.synchronized(scene.pull);

    assert_eq!(scene.says("ada", "/pocketci approve"), "confused");

    scene.world.forge.expect_own_comment(scene.pull, &second[..7]);
    scene.world.forge.deliver("pull_request", &body).accepted();
    scene.expect_held(&second);
    scene.expect_nothing_called();
}

/// To end what waits lets nothing go: neither by asking for it once more, nor by its number.
#[test]
fn what_was_ended_while_it_waited_is_not_begun_again_unapproved() {
    let scene = scene();
    scene.expect_held(&scene.sha);
    assert_eq!(scene.says("ada", "/pocketci cancel"), "+1");

    assert_eq!(scene.says("ada", "/pocketci rerun all"), "confused");
    let (status, said) = scene.world.agent.command(&["runs", "rerun", "1"]);
    assert_ne!(status, 0);
    assert!(said.contains("is not approved; approve it first"), "{said}");
    scene.expect_nothing_called();

    let words = format!("/pocketci approve {}", scene.sha);
    assert_eq!(scene.says("ada", &words), "+1");
    assert_eq!(scene.says("ada", "/pocketci rerun all"), "+1");
    scene.world.forge.expect_status_like(&scene.sha, "the other attempt's end", |status| {
        status.context == STATUS && status.state == "success"
    });
}

/// A run that was let go once is begun again only as long as its approval holds.
#[test]
fn an_approval_that_was_taken_back_is_not_there_for_another_attempt() {
    let scene = taken_back();

    let (status, said) = scene.world.agent.command(&["runs", "rerun", "1"]);

    assert_ne!(status, 0);
    assert!(said.contains("is not approved; approve it first"), "{said}");
    scene.world.let_later_work_pass();
    assert_eq!(scene.world.engine.calls("test-on-pull-request").len(), 1);
}

#[test]
fn strangers_have_no_say() {
    let scene = scene();
    scene.expect_held(&scene.sha);
    scene.world.forge.grant("reader", "read");
    scene.world.forge.may_write("renamed");
    scene.world.forge.rename("renamed");

    for who in ["mallory", "reader", "renamed"] {
        assert_eq!(scene.says(who, "/pocketci approve"), "confused", "{who}");
    }

    // Nor do their comments start anything else, and nobody is answered at length.
    scene.world.forge.comment(scene.pull, "mallory", "Hello");
    scene.expect_nothing_called();
    assert!(scene.world.engine.calls("on-issue-comment").is_empty());
    assert!(scene.world.forge.own_comments(scene.pull).is_empty());
    scene.world.forge.comment(scene.pull, "ada", "Hello");
    scene.world.let_later_work_pass();
    assert_eq!(scene.world.engine.calls("on-issue-comment").len(), 1);
}

#[test]
fn an_edited_comment_does_nothing() {
    let scene = scene();
    scene.expect_held(&scene.sha);
    let theirs = scene.world.forge.comment(scene.pull, "mallory", "Hello");

    scene.world.forge.edit_comment(theirs, "ada", "/pocketci approve");

    scene.expect_nothing_called();
    assert!(scene.world.forge.reactions(theirs).is_empty());
}

/// Who a commit says wrote it is whatever its maker wants.
#[test]
fn a_commits_author_is_nobody() {
    let scene = scene();
    // Every commit of these stories says that Ada wrote it.
    let author = crate::world::git::AUTHOR.0;
    assert!(author.to_lowercase().contains("ada"), "{author}");
    scene.expect_held(&scene.sha);
    scene.expect_nothing_called();
}

#[test]
fn a_fork_that_names_a_secret_is_given_none() {
    let scene = scene();
    scene.expect_held(&scene.sha);
    let evil = Module::new("ci")
        .function("testOnPullRequest", |f| f.src().arg("token: Secret"))
        .file("pocketci.yaml", "secrets:\n  - {name: token, from-env: GITHUB_TOKEN}\n");
    let second = scene.fork.commit("feature", evil);
    scene.world.forge.synchronize(scene.pull);
    scene.expect_held(&second);
    assert_eq!(scene.says("ada", "/pocketci approve"), "+1");

    scene.world.forge.expect_status(&second, STATUS, "success");

    let [call] = scene.world.engine.calls("test-on-pull-request").try_into().unwrap();
    assert_eq!((call.flag("token"), call.flag("deploy-key")), (None, None));
    assert_eq!(call.env["GITHUB_TOKEN"], json!(null));
}

#[test]
fn an_author_who_may_write_needs_nobody() {
    let world = World::prepare();
    world.forge.may_write("mallory");
    let mut world = world;
    world.agent.start();
    let scene = scene_with(world);

    scene.world.forge.expect_status(&scene.sha, STATUS, "success");
    scene.world.forge.act_on_pull_request(scene.pull, "labeled");
    let label = "pocketci/lint-on-pull-request-labeled";
    scene.world.forge.expect_status(&scene.sha, label, "success");

    // Somebody else pushes to the branch of the fork.
    let second = scene.fork.commit("feature", [("a", "evil\n")]);
    let mut body = scene.world.forge.synchronized(scene.pull);
    body["sender"] = json!({"login": "trudy", "id": 5});
    scene.world.forge.deliver("pull_request", &body).accepted();
    scene.expect_held(&second);
    // What the author does there later is no word on that commit.
    scene.world.forge.act_on_pull_request(scene.pull, "labeled");
    scene.world.let_later_work_pass();
    assert_eq!(scene.world.engine.calls("lint-on-pull-request-labeled").len(), 1);
}

#[test]
fn no_answer_means_no() {
    let scene = scene();
    scene.expect_held(&scene.sha);
    scene.world.forge.refuse_permissions_with(Some(Refusal::Archived));
    assert_eq!(scene.says("ada", "/pocketci approve"), "confused");
    // Trouble that passes is waited for.
    scene.world.forge.refuse_permissions_with(Some(Refusal::BadGateway));
    let comment = scene.world.forge.comment(scene.pull, "ada", "/pocketci approve");
    scene.world.forge.expect_request("a question about Ada", |one| {
        one.path.contains("/collaborators/ada/") && one.status == 502
    });
    scene.world.forge.refuse_permissions_with(None);
    assert_eq!(scene.world.forge.expect_reaction(comment), "+1");
    scene.world.forge.expect_status(&scene.sha, STATUS, "success");
}

#[test]
fn the_operator_may_trust_forks_or_nobody() {
    let scene = scene_with(World::with(&[("POCKETCI_FORKS", "never")]));
    scene.world.let_later_work_pass();
    assert_eq!(scene.world.forge.statuses(&scene.sha).len(), 0);
    assert_eq!(scene.repo.name(), "ada/site");
}

/// The agent dies around the approval, and around what is owed for it.
#[test]
fn an_approval_is_neither_lost_nor_doubled() {
    for point in
        ["act.before-settle", "act.settled", "effect.claimed", "effect.answered", "effect.kept"]
    {
        println!("--- dies at {point}");
        let mut world = World::prepare();
        assert!(world.agent.start_armed(point));
        let mut scene = scene_with(world);
        scene.expect_held(&scene.sha);
        let comment = scene.world.forge.comment(scene.pull, "ada", "/pocketci approve");
        scene.world.agent.expect_death();
        scene.world.agent.start();

        scene.world.forge.expect_status(&scene.sha, STATUS, "success");
        assert_eq!(scene.world.forge.expect_reaction(comment), "+1");
        scene.world.let_later_work_pass();
        assert_eq!(scene.world.forge.reactions(comment), ["+1"]);
        assert_eq!(scene.world.engine.calls("test-on-pull-request").len(), 1);
    }
}

/// The points of an act by the store's own verbs: a trusted author's commit.
#[test]
fn a_vouched_commit_is_neither_lost_nor_doubled() {
    for point in ["act.before-commit", "act.after-commit"] {
        println!("--- dies at {point}");
        let mut world = World::prepare();
        world.forge.may_write("mallory");
        assert!(world.agent.start_armed(point));
        let mut scene = scene_with(world);
        scene.world.agent.expect_death();
        scene.world.agent.start();
        scene.world.forge.expect_status(&scene.sha, STATUS, "success");
        assert_eq!(scene.world.engine.calls("test-on-pull-request").len(), 1);
    }
}

/// The crash points that these stories pass.
pub(super) const POINTS: [&str; 7] = [
    "act.before-commit",
    "act.after-commit",
    "act.before-settle",
    "act.settled",
    "effect.claimed",
    "effect.answered",
    "effect.kept",
];
