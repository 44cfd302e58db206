//! A secret reaches the function that declares it, and nothing else.

use serde_json::json;

use crate::world::module::Function;
use crate::world::{Module, World};

const VALUE: &str = "s3cr3t-value-that-nobody-may-see";

const SPEC: &str = "secrets:\n  - {name: deployKey, from-env: DEPLOY_KEY}\n";

fn world() -> World {
    World::with(&[("POCKETCI_SECRETS", "DEPLOY_KEY"), ("DEPLOY_KEY", VALUE)])
}

/// Lets a function with a secret run, and gives all that the agent shows of it.
fn shown(world: &World, write: impl FnOnce(Function) -> Function) -> String {
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci")
        .function("testOnPush", |f| write(f.secret("deployKey")))
        .function("lintOnPush", |f| f)
        .file("pocketci.yaml", SPEC);
    let sha = repo.commit("main", module);
    world.forge.push(&repo, "main");
    let last = world.forge.expect_status_like(&sha, "an end", |status| {
        status.context == "pocketci/test-on-push" && status.is_final()
    });
    world.forge.expect_status(&sha, "pocketci/lint-on-push", "success");
    let statuses = format!("{:?}", world.forge.statuses(&sha));
    let said = world.agent.said().join("\n");
    let (page, logs) = (world.agent.run_page(&last), world.agent.logs(&last));
    assert!(!logs.is_empty());
    [statuses, said, page, logs].join("\n")
}

#[test]
fn a_secret_goes_to_its_function_by_name() {
    let world = world();
    let handed = world.path("handed");
    let shown = shown(&world, |f| f.hands_over("${deployKey}", &handed));
    assert_eq!(world.expect_file("handed"), VALUE);
    assert!(!shown.contains(VALUE), "{shown}");

    let [call] = world.engine.calls("test-on-push").try_into().unwrap();
    assert_eq!(call.flag("deploy-key"), Some("env:DEPLOY_KEY"));
    assert_eq!(call.env["DEPLOY_KEY"], VALUE);
    let [other] = world.engine.calls("lint-on-push").try_into().unwrap();
    assert_eq!(other.env["DEPLOY_KEY"], json!(null));
}

#[test]
fn a_printed_secret_is_masked() {
    let world = world();
    let shown = shown(&world, |f| f.prints("the key is ${deployKey}, keep it"));
    assert!(!shown.contains(VALUE), "{shown}");
    assert!(shown.contains("the key is ***, keep it"), "{shown}");
}

#[test]
fn a_secret_is_masked_over_two_reads() {
    let world = world();
    let (front, back) = VALUE.split_at(10);
    let shown = shown(&world, |f| {
        f.step(json!({"write": format!("key: {front}"), "to": "stderr"}))
            .step(json!({"sleep-ms": 300}))
            .step(json!({"write": format!("{back} end\n"), "to": "stderr"}))
    });
    assert!(!shown.contains(back), "{shown}");
    assert!(shown.contains("key: *** end"), "{shown}");
}

#[test]
fn a_raised_secret_is_masked_in_the_status() {
    let world = world();
    let shown = shown(&world, |f| f.raises("cannot log in with ${deployKey}"));
    assert!(!shown.contains(VALUE), "{shown}");
}

/// A name that the operator does not let repositories have stays unknown to them.
#[test]
fn a_secret_that_was_not_allowed_is_an_error() {
    let world = World::with(&[("DEPLOY_KEY", VALUE)]);
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci")
        .function("testOnPush", |f| f.secret("deployKey"))
        .function("lintOnPush", |f| f)
        .file("pocketci.yaml", SPEC);
    let sha = repo.commit("main", module);

    world.forge.push(&repo, "main");

    let status = world.forge.expect_status(&sha, "pocketci/test-on-push", "error");
    assert!(status.description.contains("DEPLOY_KEY"), "{status:?}");
    world.forge.expect_status(&sha, "pocketci/lint-on-push", "success");
}

#[test]
fn a_call_sees_nothing_of_the_agents_environment() {
    let world = World::with(&[
        ("SOMETHING_ELSE", "private"),
        ("PASSED", "on"),
        ("POCKETCI_PASS_ENV", "PASSED"),
    ]);
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));

    world.forge.push(&repo, "main");

    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    for one in world.engine.invocations() {
        let env = one.env.as_object().unwrap();
        for name in ["SOMETHING_ELSE", "GITHUB_TOKEN", "X_HUB_SIGNATURE", "POCKETCI_DATA_DIR"] {
            assert!(!env.contains_key(name), "{name} in the environment of {one:?}");
        }
    }
    let [call] = world.engine.calls("test-on-push").try_into().unwrap();
    assert_eq!(call.env["PASSED"], "on");
    assert_eq!(call.env["CI"], "pocketci");
    assert_eq!(call.env["GITHUB_ACTIONS"], "true");
    assert_eq!(call.env["NO_COLOR"], "1");
    assert!(call.env["POCKETCI_URL"].as_str().unwrap().starts_with("http://ci.example"));
    assert_ne!(
        call.env["HOME"],
        world.agent.data().parent().unwrap().join("home").to_str().unwrap()
    );
}
