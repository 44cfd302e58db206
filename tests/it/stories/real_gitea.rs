//! The whole of a project's life on a real Gitea, and what Gitea shows of it.
//!
//! It runs where `POCKETCI_TEST_GITEA` names Gitea's program and `POCKETCI_TEST_GITEA_SOURCE` the
//! folder with its templates; `tests/gitea/build` makes both.

mod people;

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::world::browser::Watcher;
use crate::world::gitea::{Account, Gitea, Installed, free_port};
use crate::world::{Module, World, eventually, git};

const SITE: &str = "ada/site";
const SECRET: &str = "the webhook's secret";

/// A Gitea with a private repository of Ada's, an agent that works for it, and its hook.
struct Scene {
    world: World,
    gitea: Gitea,
    ada: Account,
    mallory: Account,
    work: PathBuf,
    /// The list of runs, open all the while.
    page: Option<Watcher>,
}

fn scene(installed: &Installed) -> Scene {
    let mut scene = prepared(installed);
    scene.world.agent.start();
    scene.page = Watcher::open(&scene.world.agent.url("/runs"));
    scene
}

/// The same before the agent is started.
fn prepared(installed: &Installed) -> Scene {
    let gitea = installed.start();
    let (ada, mallory) = (gitea.account("ada"), gitea.account("mallory"));
    // No more rights than the documentation asks for.
    let bot = gitea.account_that_may("pocketci", &["write:repository", "write:issue"]);
    gitea.ask(&ada, "POST", "/user/repos", json!({"name": "site", "private": true}));
    for (who, permission) in [("pocketci", "admin"), ("mallory", "read")] {
        let path = format!("/repos/{SITE}/collaborators/{who}");
        gitea.ask(&ada, "PUT", &path, json!({"permission": permission}));
    }
    let mut world = World::prepare();
    // The hook has to know the address, over restarts too.
    let listen = format!("127.0.0.1:{}", free_port());
    for (name, value) in [
        ("GITEA_URL", gitea.url()),
        ("GITEA_TOKEN", &bot.token),
        ("GITEA_WEBHOOK_SECRET", SECRET),
        ("POCKETCI_LISTEN", &listen),
        ("POCKETCI_URL", &format!("http://{listen}")),
    ] {
        world.agent.set(name, value);
    }
    let work = world.path("work.git");
    Scene { world, gitea, ada, mallory, work, page: None }
}

impl Scene {
    /// The webhooks of the repository, as Gitea has them.
    fn hooks(&self) -> Vec<Value> {
        let path = format!("/repos/{SITE}/hooks");
        let hooks = self.gitea.ask(&self.ada, "GET", &path, Value::Null);
        hooks.as_array().unwrap().clone()
    }

    /// `pocketci-agent hooks …` with the agent's environment.
    #[track_caller]
    fn hooks_command(&self, what: &str) -> String {
        let (status, out) = self.world.agent.command(&["hooks", what, SITE, "--forge", "gitea"]);
        assert_eq!(status, 0, "{out}");
        out
    }

    #[track_caller]
    fn succeeds(&self, sha: &str, context: &str) {
        self.gitea.expect_status(SITE, sha, context, "success");
    }

    /// The open page comes to show a run of this, in this state.
    #[track_caller]
    fn sees(&mut self, subject: &str, state: &str) {
        if let Some(page) = &mut self.page {
            page.sees(subject, state);
        }
    }

    fn push(&self, references: &[&str]) {
        self.gitea.push(&self.ada, &self.work, SITE, references);
    }

    fn commit(&self, branch: &str, parent: &str, text: &str) -> String {
        self.gitea.commit(&self.work, branch, Some(parent), text, [("a", text)])
    }
}

fn module() -> Module {
    Module::new("ci")
        .function("onPush", |f| f.src())
        .function("onTag", |f| f.src())
        .function("onPullRequest", |f| f.src())
        .function("onRelease", |f| f.src())
}

#[test]
fn a_project_lives_on_a_real_gitea() {
    let Some(installed) = Installed::find() else { return };
    let mut scene = scene(&installed);
    installed_hook(&scene);

    // The first push.
    let first = scene.gitea.commit(&scene.work, "main", None, "Begin", module());
    scene.push(&["main"]);
    scene.succeeds(&first, "pocketci/on-push");
    scene.succeeds(&first, "pocketci");
    scene.sees("Begin", "passed");

    // Its own test of the webhook arrives, and starts nothing.
    let said = scene.hooks_command("test");
    assert!(said.contains("the agent has taken its test"), "{said}");
    eventually("the test to be sent", || (scene.gitea.sent().len() > 1).then_some(()));
    scene.gitea.expect_all_accepted();

    // A new branch, and tags of both kinds.
    let second = scene.commit("feature", &first, "one\n");
    scene.push(&["feature"]);
    scene.succeeds(&second, "pocketci/on-push");
    git::git(&scene.work, &["tag", "v1", &first]);
    git::git(&scene.work, &["tag", "-a", "-m", "The second", "v2", &second]);
    scene.push(&["v1", "v2"]);
    scene.succeeds(&first, "pocketci/on-tag");
    scene.succeeds(&second, "pocketci/on-tag");

    // A pull request, new commits, and others in their place.
    let pull = scene.gitea.open_pull(&scene.ada, SITE, "feature", "A feature");
    scene.succeeds(&second, "pocketci/on-pull-request");
    scene.sees("A feature", "passed");
    let third = scene.commit("feature", &second, "two\n");
    scene.push(&["feature"]);
    scene.succeeds(&third, "pocketci/on-pull-request");
    let forced = scene.commit("feature", &first, "three\n");
    scene.push(&["--force", "feature"]);
    scene.succeeds(&forced, "pocketci/on-pull-request");
    scene.succeeds(&forced, "pocketci/on-push");

    // The agent dies while a function runs, and comes back.
    let (began, go) = (scene.world.path("began"), scene.world.path("go"));
    let slow = module().function("slowOnPush", |f| f.touches(&began).waits_for(&go));
    let parent = Some(&*forced);
    let fourth = scene.gitea.commit(&scene.work, "feature", parent, "Slow", slow);
    scene.push(&["feature"]);
    eventually("the slow function to begin", || began.exists().then_some(()));
    scene.sees("Slow", "running");
    scene.gitea.expect_all_accepted();
    scene.world.agent.kill();
    scene.world.touch("go");
    scene.world.agent.start();
    eventually("the slow function's end", || {
        let shown = scene.gitea.shown(SITE, &fourth);
        shown
            .into_iter()
            .find(|one| one.context == "pocketci/slow-on-push" && one.state != "pending")
    });
    scene.succeeds(&fourth, "pocketci/on-pull-request");
    scene.sees("Slow", "passed");

    a_fork(&mut scene, &first);

    // The end of the pull request and of its branch.
    let merge = json!({"Do": "merge", "delete_branch_after_merge": true});
    scene.gitea.ask(&scene.ada, "POST", &format!("/repos/{SITE}/pulls/{pull}/merge"), merge);
    let merged = scene.gitea.get(&format!("/repos/{SITE}/branches/main"));
    let merged = merged["commit"]["id"].as_str().unwrap().to_owned();
    scene.succeeds(&merged, "pocketci/on-push");

    // A release makes its tag.
    let release = json!({"tag_name": "v3", "target_commitish": "main", "name": "Three"});
    scene.gitea.ask(&scene.ada, "POST", &format!("/repos/{SITE}/releases"), release);
    scene.succeeds(&merged, "pocketci/on-release");
    scene.succeeds(&merged, "pocketci/on-tag");
    scene.sees("Three", "passed");
    if let Some(page) = scene.page.take() {
        page.close();
    }

    // Each commit was built once for each thing that happened to it.
    let calls = |function: &str| scene.world.engine.calls(function).len();
    assert_eq!((calls("on-tag"), calls("on-release")), (3, 1));

    let sent = scene.gitea.expect_all_accepted();
    for event in ["push", "pull_request", "pull_request_sync", "pull_request_comment", "release"] {
        assert!(sent.iter().any(|one| one.event == event), "no {event} in {sent:?}");
    }
    for sha in [&first, &second, &third, &forced, &merged] {
        let shown = scene.gitea.shown(SITE, sha);
        let left: Vec<_> = shown.iter().filter(|one| one.state != "success").collect();
        assert!(left.is_empty(), "{sha} shows {left:?}");
        let address = scene.world.agent.url("/runs/");
        assert!(shown.iter().all(|one| one.target_url.starts_with(&address)), "{shown:?}");
    }

    scene.hooks_command("remove");
    assert_eq!(scene.hooks().len(), 1, "the other's is left");
}

/// The agent makes its own webhook, once, and leaves those of others alone.
fn installed_hook(scene: &Scene) {
    let config = json!({"url": "http://127.0.0.1:9/", "content_type": "form"});
    let other = json!({"type": "gitea", "active": false, "config": config, "events": ["push"]});
    scene.gitea.ask(&scene.ada, "POST", &format!("/repos/{SITE}/hooks"), other);
    for _twice in 0..2 {
        let said = scene.hooks_command("install");
        assert!(said.contains("made"), "{said}");
        assert_eq!(scene.hooks().len(), 2, "{said}");
    }
    let hooks = scene.hooks();
    let address = scene.world.agent.url("/webhooks/gitea");
    let own = hooks.iter().find(|hook| hook["config"]["url"] == json!(address)).unwrap();
    assert_eq!(own["config"]["content_type"], json!("json"));
    assert_eq!(own["active"], json!(true));
    assert!(scene.hooks_command("list").contains(&address));
    let found = scene.world.agent.doctor_of(SITE);
    let hook = found.iter().find(|(_, what, _)| what == "webhook").unwrap();
    assert_eq!(hook.0, "ok", "{hook:?}");
}

/// A stranger's pull request waits for Ada's word.
fn a_fork(scene: &mut Scene, base: &str) {
    let sha = scene.commit("theirs", base, "theirs\n");
    let gitea = &scene.gitea;
    gitea.ask(&scene.mallory, "POST", &format!("/repos/{SITE}/forks"), json!({}));
    gitea.push(&scene.mallory, &scene.work, "mallory/site", &["theirs"]);
    let pull = gitea.open_pull(&scene.mallory, SITE, "mallory:theirs", "Take mine");
    let held = gitea.expect_status(SITE, &sha, "pocketci/on-pull-request", "pending");
    assert!(held.description.contains("waits for a maintainer"), "{held:?}");
    scene.sees("Take mine", "held");
    let gitea = &scene.gitea;

    let theirs = gitea.comment(&scene.mallory, SITE, pull, "/pocketci approve");
    assert_eq!(gitea.expect_reaction(SITE, theirs), "confused");
    let still = gitea.shown(SITE, &sha);
    assert!(still.iter().all(|one| one.state == "pending"), "{still:?}");

    let explain = gitea.comment(&scene.ada, SITE, pull, "/pocketci explain");
    assert_eq!(gitea.expect_reaction(SITE, explain), "eyes");
    eventually("the explanation", || {
        let mut comments = gitea.comments(SITE, pull).into_iter();
        comments.find(|(who, text)| who == "pocketci" && text.contains("waits for an approval"))
    });

    // So soon after the push only a commit's name says which one she has seen.
    let words = format!("/pocketci approve {}", &sha[..7]);
    let approve = gitea.comment(&scene.ada, SITE, pull, &words);
    assert_eq!(gitea.expect_reaction(SITE, approve), "+1");
    scene.succeeds(&sha, "pocketci/on-pull-request");
    scene.sees("Take mine", "passed");
}
