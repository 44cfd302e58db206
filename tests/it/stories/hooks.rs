//! Webhooks are made and looked after by the command, on every forge, and `doctor` looks at them.

use serde_json::json;

use crate::world::forge::{Hook, Kind, SECRET, TOKEN};
use crate::world::{Module, World};

const SITE: &str = "ada/site";

/// `whsec_` and 32 bytes.
const SIGNING: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// An agent that its forge reaches, and a repository with a commit and with a webhook of others.
fn scene(kind: Kind) -> World {
    let world = World::reached_by(kind);
    let repo = world.forge.repository(SITE);
    let sha = repo.commit("main", Module::new("ci").function("onPush", |f| f));
    world.forge.push(&repo, "main");
    world.expect_passed(&sha, "on-push");
    world
}

fn command(world: &World, what: &str) -> (i32, String) {
    world.agent.command(&["hooks", what, SITE])
}

#[track_caller]
fn done(world: &World, what: &str) -> String {
    let (status, said) = command(world, what);
    assert_eq!(status, 0, "{what} on {}: {said}", world.forge.kind().name());
    said
}

#[track_caller]
fn fails(world: &World, what: &str) -> String {
    let (status, said) = command(world, what);
    assert_ne!(status, 0, "{what} on {}: {said}", world.forge.kind().name());
    said
}

/// What `doctor` says of the webhook.
fn doctor(world: &World) -> (String, String) {
    let found = world.agent.doctor_of(SITE).into_iter();
    let mut hooks = found.filter(|(_, what, _)| what == "webhook");
    let (level, _, detail) = hooks.next().unwrap();
    (level, detail)
}

/// The one webhook that was made.
#[track_caller]
fn only(world: &World) -> Hook {
    let [hook] = world.forge.made_hooks(SITE).try_into().unwrap();
    hook
}

fn variable(kind: Kind, what: &str) -> String {
    match (kind, what) {
        (Kind::Github, "WEBHOOK_SECRET") => "X_HUB_SIGNATURE".to_owned(),
        _ => format!("{}_{what}", kind.vendor().to_ascii_uppercase().replace('-', "_")),
    }
}

/// What a test that was taken looks like.
fn taken(kind: Kind) -> &'static str {
    match kind {
        Kind::Github | Kind::DataCenter => "the agent has answered its test with 204",
        Kind::Gitlab => "the agent has answered its test with 202",
        Kind::Gitea | Kind::Forgejo => "the agent has taken its test",
        Kind::Gogs | Kind::Cloud => "sends no test when asked to",
    }
}

fn tells_what_it_sent(kind: Kind) -> bool {
    matches!(kind, Kind::Github | Kind::Gitlab | Kind::DataCenter)
}

fn one_life_of_a_webhook(kind: Kind) {
    let mut world = scene(kind);
    assert!(done(&world, "list").contains("No webhook of"));
    assert_eq!(doctor(&world).0, "fail");

    // Twice, and it is there once, as it should be.
    let said = done(&world, "install");
    assert!(said.contains("made") && said.contains(taken(kind)), "{said}");
    let said = done(&world, "install");
    assert!(said.contains(taken(kind)), "{said}");
    let hook = only(&world);
    let address = world.agent.url(&format!("/webhooks/{}", kind.vendor()));
    assert_eq!((hook.url(), hook.secret()), (&*address, SECRET), "{hook:?}");
    if matches!(kind, Kind::Github) || hook.settings["config"].is_object() {
        assert_eq!(hook.settings["config"]["content_type"], json!("json"));
    }
    assert_eq!(
        hook.settings["active"],
        if kind == Kind::Gitlab { json!(null) } else { json!(true) }
    );
    let listed = done(&world, "list");
    assert!(listed.contains(&address) && listed.contains(&hook.id), "{listed}");
    assert!(done(&world, "test").contains(taken(kind)));
    let (level, detail) = doctor(&world);
    assert_eq!(level, "ok", "{detail}");
    assert_eq!(detail.contains("were accepted"), tells_what_it_sent(kind), "{detail}");

    // A secret that the agent does not know.
    world.agent.set(&variable(kind, "WEBHOOK_SECRET"), "not the agent's secret");
    if matches!(kind, Kind::Github | Kind::Gitlab) {
        let said = fails(&world, "install");
        assert!(said.contains("401") && said.contains("another secret"), "{said}");
    } else if kind == Kind::DataCenter {
        assert!(done(&world, "install").contains("the secrets differ"));
    }
    if tells_what_it_sent(kind) {
        let (level, detail) = doctor(&world);
        assert!(level == "warn" && detail.contains("not accepted"), "{level} {detail}");
    }
    world.agent.set(&variable(kind, "WEBHOOK_SECRET"), SECRET);

    // A token that may not, and one that is none.
    world.forge.hide_hooks();
    let said = fails(&world, "install");
    let name = variable(kind, "TOKEN");
    assert!(said.contains(&name) && said.contains("administers the repository"), "{said}");
    assert_eq!(doctor(&world).0, "fail");
    world.forge.show_hooks();
    world.agent.set(&name, "no-token-of-this-forge");
    let said = fails(&world, "list");
    assert!(said.contains("401") && said.contains(&name), "{said}");
    world.agent.set(&name, TOKEN);

    assert!(done(&world, "remove").contains("1 webhook of"));
    assert!(world.forge.made_hooks(SITE).is_empty());
    assert!(done(&world, "remove").contains("none of"));
}

#[test]
fn a_webhook_is_made_tested_listed_and_removed_on_every_forge() {
    std::thread::scope(|scope| {
        for kind in Kind::ALL {
            scope.spawn(move || one_life_of_a_webhook(kind));
        }
    });
}

#[test]
fn gitlab_signs_with_a_signing_token_and_is_asked_whether_it_does() {
    let mut world = World::reached_by(Kind::Gitlab);
    let both = format!("{SIGNING}\n{SECRET}");
    world.agent.set("GITLAB_WEBHOOK_SECRET", &both);
    world.agent.restart();
    let repo = world.forge.repository(SITE);
    repo.commit("main", [("a", "1\n")]);
    world.forge.push(&repo, "main");

    assert!(done(&world, "install").contains("made"));
    assert_eq!(only(&world).settings["signing_token"], json!(SIGNING));
    assert_eq!(only(&world).settings["token"], json!(null), "it would be told in clear");

    // Back to a token: what is left of the signing token would make all that comes wrong.
    world.agent.set("GITLAB_WEBHOOK_SECRET", SECRET);
    let said = done(&world, "install");
    assert!(said.contains("made anew"), "{said}");
    assert_eq!(only(&world).settings["signing_token"], json!(null));

    // One from before them takes it without a word, and would send what proves nothing.
    world.forge.sign_less();
    world.agent.set("GITLAB_WEBHOOK_SECRET", &both);
    let said = fails(&world, "install");
    assert!(said.contains("does not sign"), "{said}");
    assert_eq!(only(&world).secret(), SECRET, "what was there is left");
}

#[test]
fn a_ping_that_nobody_signed_shows_that_the_agent_is_reached() {
    let world = scene(Kind::DataCenter);
    world.forge.sign_less();

    let said = done(&world, "install");

    assert!(said.contains("The agent was reached"), "{said}");
}
