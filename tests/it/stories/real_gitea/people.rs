//! People sign in to the pages with their accounts on a real Gitea, which is an OpenID provider.

use serde_json::json;

use super::{SITE, Scene, prepared};
use crate::world::gitea::{Account, Installed};
use crate::world::http::Answer;
use crate::world::{Module, Visitor, eventually};

/// Everybody may see it at the forge.
const OPEN: &str = "ada/open";
const BACK: &str = "http://ci.example/sign-in/oidc/back";

/// An agent that people sign in to through Gitea, with a failed run of a private repository and
/// one of a public one.
fn with_runs(installed: &Installed) -> Scene {
    let mut scene = prepared(installed);
    let (gitea, agent) = (&scene.gitea, &mut scene.world.agent);
    let (id, secret) = gitea.application(&scene.ada, BACK);
    for (name, value) in [
        ("POCKETCI_URL", "http://ci.example"),
        ("POCKETCI_PUBLIC_RUNS", "none"),
        // As one copies it from a browser's address; Gitea leaves the slash out of its tokens.
        ("POCKETCI_OIDC_ISSUER", &gitea.at("/")),
        ("POCKETCI_OIDC_CLIENT_ID", &id),
        ("POCKETCI_OIDC_CLIENT_SECRET", &secret),
    ] {
        agent.set(name, value);
    }
    agent.start();
    gitea.ask(&scene.ada, "POST", "/user/repos", json!({"name": "open"}));
    let bot = json!({"permission": "admin"});
    gitea.ask(&scene.ada, "PUT", &format!("/repos/{OPEN}/collaborators/pocketci"), bot);
    let module = Module::new("ci").function("testOnPush", |f| f.exits(3));
    let sha = gitea.commit(&scene.work, "main", None, "Begin", module);
    for repository in [SITE, OPEN] {
        let config = json!({
            "url": agent.url("/webhooks/gitea"), "content_type": "json", "secret": super::SECRET,
        });
        let hook = json!({"type": "gitea", "active": true, "config": config, "events": ["push"]});
        gitea.ask(&scene.ada, "POST", &format!("/repos/{repository}/hooks"), hook);
        gitea.push(&scene.ada, &scene.work, repository, &["main"]);
        gitea.expect_status(repository, &sha, "pocketci", "failure");
    }
    scene
}

impl Scene {
    fn browser(&self) -> Visitor {
        Visitor::new(&self.world.agent.url(""))
    }

    /// Leaves the agent's first run for Gitea, and signs in there.
    #[track_caller]
    fn leaves(&self, browser: &mut Visitor, who: &Account) -> Answer {
        let asked = browser.go("/sign-in/oidc?next=%2Fruns%2F1");
        self.gitea.signs_in(browser, &asked, who)
    }

    /// Signs in for the first time, and is back at the agent's first run.
    #[track_caller]
    fn enters(&self, who: &Account) -> (Visitor, Answer) {
        let mut browser = self.browser();
        let asked = self.leaves(&mut browser, who);
        let back = self.gitea.lets_know(&mut browser, &asked, true);
        assert_eq!(browser.visited.last().unwrap(), "http://ci.example/runs/1", "{back:?}");
        (browser, back)
    }
}

#[test]
fn people_have_the_rights_that_a_real_gitea_gives_them() {
    let Some(installed) = Installed::find() else { return };
    let scene = with_runs(&installed);
    let eve = scene.gitea.account("eve");

    // Who owns it sees it, and runs it again.
    let (mut ada, page) = scene.enters(&scene.ada);
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.body.contains(SITE) && page.body.contains("Begin"), "{}", page.body);
    assert_eq!(ada.press("/runs/1/rerun", "which=failed").status, 303);
    eventually("the run to be hers", || {
        ada.go("/runs/1").body.contains("ada began it again").then_some(())
    });

    // Who may read it sees it, and no more.
    let (mut mallory, page) = scene.enters(&scene.mallory);
    assert_eq!(page.status, 200, "{page:?}");
    assert_eq!(mallory.press("/runs/1/rerun", "which=failed").status, 403);

    // Who may not even see it does not learn that it is there, and sees what everybody may.
    let (mut eve_there, page) = scene.enters(&eve);
    assert_eq!(page.status, 404, "{page:?}");
    assert_eq!(eve_there.press("/runs/1/rerun", "which=failed").status, 404);
    let list = eve_there.go("/runs");
    assert!(list.body.contains(OPEN) && !list.body.contains(SITE), "{}", list.body);

    // Signed out here, she comes in again without a question: Gitea knows her still.
    assert_eq!(ada.press("/sign-out", "").status, 303);
    assert_eq!(ada.go("/api/v1/runs").status, 401);
    let again = ada.go("/sign-in/oidc?next=%2Fruns%2F1");
    assert!(again.status == 200 && again.body.contains(SITE), "{again:?}");

    // Somebody says no to Gitea's question.
    let carol = scene.gitea.account("carol");
    let mut browser = scene.browser();
    let asked = scene.leaves(&mut browser, &carol);
    let refused = scene.gitea.lets_know(&mut browser, &asked, false);
    assert!(refused.status == 403 && refused.body.contains("You have not let"), "{refused:?}");
}

#[test]
fn teams_of_a_real_gitea_have_the_rights_that_the_operator_gives_them() {
    let Some(installed) = Installed::find() else { return };
    let mut scene = with_runs(&installed);
    scene.gitea.ask(&scene.ada, "POST", "/orgs", json!({"username": "crew"}));
    scene.world.agent.set("POCKETCI_OIDC_RIGHTS", "groups:crew:owners=operate");
    scene.world.agent.restart();

    let (mut ada, page) = scene.enters(&scene.ada);
    assert_eq!(page.status, 200, "{page:?}");
    assert_eq!(ada.press("/runs/1/rerun", "which=failed").status, 303);
    eventually("the run to be hers", || {
        ada.go("/runs/1").body.contains("ada began it again").then_some(())
    });

    let mut mallory = scene.browser();
    let asked = scene.leaves(&mut mallory, &scene.mallory);
    let out = scene.gitea.lets_know(&mut mallory, &asked, true);
    assert!(out.status == 403 && out.body.contains("mallory"), "{out:?}");
    assert_eq!(mallory.go("/api/v1/runs").status, 401);
}
