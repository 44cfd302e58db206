//! A secret reaches the function that declares it, and nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
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

/// What a program may make of a secret on its way to a log, at every place where the text around it
/// can put it.
fn forms(value: &str) -> Vec<String> {
    let hex = |byte: u8| match byte.is_ascii_alphanumeric() {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    let escaped = |c: char| {
        let before = if c.is_ascii_alphanumeric() || "/+-_.".contains(c) { "" } else { "\\" };
        before.chars().chain([c])
    };
    let quoted = json!(value).to_string();
    let mut forms = vec![
        value.to_owned(),
        value.bytes().map(hex).collect(),
        form_urlencoded::byte_serialize(value.as_bytes()).collect(),
        quoted.clone(),
        json!(quoted).to_string(),
        format!("'{}'", value.replace('\'', r"'\''")),
        value.chars().flat_map(escaped).collect(),
    ];
    for before in ["", "x", "xy"] {
        let text = format!("{before}{value}");
        forms.push(STANDARD.encode(&text));
        forms.push(URL_SAFE_NO_PAD.encode(&text));
    }
    forms
}

/// In a log, an error, a status, a page and the agent's own log.
#[test]
fn every_form_of_a_secret_is_masked_wherever_it_is_shown() {
    const AWKWARD: &str = "it's \"p\\ss w0rd\" <in> f?ll > & some?>? more/than+that";
    let world = World::with(&[("POCKETCI_SECRETS", "DEPLOY_KEY"), ("DEPLOY_KEY", AWKWARD)]);
    let repo = world.forge.repository("ada/site");
    let forms = forms(AWKWARD);
    let mut module = Module::new("ci").file("pocketci.yaml", SPEC);
    for (number, form) in forms.iter().enumerate() {
        let name = format!("t{number}OnPush");
        module = module.function(&name, |f| f.secret("deployKey").prints(form).raises(form));
    }
    let sha = repo.commit("main", module);
    world.forge.push(&repo, "main");

    let mut last = None;
    for number in 0..forms.len() {
        let context = format!("pocketci/t-{number}-on-push");
        last = Some(world.forge.expect_status(&sha, &context, "failure"));
    }
    let last = last.unwrap();
    let (page, logs) = (world.agent.run_page(&last), world.agent.logs(&last));
    let statuses = format!("{:?}", world.forge.statuses(&sha));
    let shown = [statuses, page, logs.clone(), world.agent.said().join("\n")].join("\n");
    // Each is printed and raised.
    assert!(logs.matches("***").count() >= 2 * forms.len(), "{logs}");
    for form in &forms {
        // What base64 makes of the ends is its neighbours' too.
        let middle: String = form.chars().skip(4).take(form.chars().count() - 8).collect();
        for part in [&middle[..12], &middle[middle.len() - 12..]] {
            assert!(!shown.contains(part), "`{part}` of `{form}` in\n{shown}");
        }
    }
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
