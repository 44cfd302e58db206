//! What those see who look after the agent: probes, figures, `doctor`.

use serde_json::Value;

use crate::world::{Module, World, eventually, forge, http};

/// `/readyz` once this check is there and is like this.
#[track_caller]
fn expect_check(world: &World, name: &str, ok: bool) -> (u16, Value) {
    eventually(&format!("/readyz to say that {name} is {ok}"), || {
        let answer = world.agent.get("/readyz");
        let body = answer.json();
        (body["checks"][name]["ok"] == ok).then_some((answer.status, body))
    })
}

#[test]
fn a_healthy_agent_says_what_it_has_looked_at() {
    let world = World::start();
    for check in ["database", "disk", "engine", "forge"] {
        expect_check(&world, check, true);
    }
    let answer = world.agent.get("/readyz");
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["ready"], true);
    let disk = answer.json()["checks"]["disk"]["detail"].as_str().unwrap().to_owned();
    assert!(disk.contains(" free"), "{disk}");
}

#[test]
fn an_agent_without_an_engine_is_alive_and_not_ready() {
    let mut world = World::prepare();
    world.engine.down();
    world.agent.start();

    let (status, body) = expect_check(&world, "engine", false);

    assert_eq!((status, &body["ready"]), (503, &Value::Bool(false)));
    let why = body["checks"]["engine"]["detail"].as_str().unwrap();
    assert!(why.contains("engine unreachable since"), "{why}");
    assert_eq!(world.agent.get("/healthz").status, 200);
}

#[test]
fn a_refused_token_is_told_at_once() {
    let mut world = World::prepare();
    world.agent.set("GITHUB_TOKEN", "ghp_revoked");
    world.agent.start();
    let (status, body) = expect_check(&world, "forge", false);
    assert_eq!(status, 503, "{body}");
    let why = body["checks"]["forge"]["detail"].as_str().unwrap();
    assert!(why.contains("GITHUB_TOKEN") && why.contains("401"), "{why}");
}

/// A reason may name a private repository, which is for those who may see it.
#[test]
fn strangers_are_told_why_and_not_of_which_repository() {
    let mut world = World::prepare();
    world.agent.set("POCKETCI_PUBLIC_RUNS", "public");
    world.agent.start();
    let repo = world.forge.repository("ada/acquisition");
    repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
    let elsewhere = forge::Forge::start();
    world.forge.redirect_to(elsewhere.url(), |path| !path.starts_with("/api/"));
    world.forge.push(&repo, "main");
    world.agent.expect_log("Delivery cannot be planned yet");

    let told = world.agent.get("/readyz");
    assert_eq!((told.status, &told.json()["checks"]["git"]["ok"]), (503, &Value::Bool(false)));
    let why = told.json()["checks"]["git"]["detail"].as_str().unwrap_or_default().to_owned();
    assert!(!why.is_empty() && !told.body.contains("acquisition"), "{}", told.body);
    let metrics = world.agent.get("/metrics").body;
    assert!(!metrics.contains("acquisition"), "{metrics}");

    let socket = world.agent.data().join("agent.sock");
    let own = http::send_to_socket("GET", &socket, "/readyz", b"").unwrap();
    assert!(own.body.contains("ada/acquisition"), "{}", own.body);
    let findings = format!("{:?}", world.agent.doctor());
    assert!(findings.contains("ada/acquisition"), "{findings}");
    world.forge.stay();
}

#[test]
fn figures_tell_what_happened() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci")
        .function("testOnPush", |f| f.src())
        .function("failOnPush", |f| f.raises("no"));
    let sha = repo.commit("main", module);
    world.forge.push(&repo, "main");
    world.forge.ping(&repo);
    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    world.forge.expect_status(&sha, "pocketci", "failure");
    http::post(&world.agent.url("/"), &[("X-GitHub-Event", "push")], b"{}");

    let text = eventually("every status to be sent", || {
        let text = world.agent.get("/metrics").body;
        text.contains("pocketci_statuses{state=\"owed\"} 0\n").then_some(text)
    });

    for line in [
        "pocketci_deliveries_total{outcome=\"planned\"} 1",
        "pocketci_deliveries_total{outcome=\"skipped\"} 1",
        "pocketci_deliveries_refused_total{status=\"401\"} 1",
        "pocketci_calls_total{outcome=\"passed\"} 1",
        "pocketci_calls_total{outcome=\"failed\"} 1",
        "pocketci_calls{state=\"queued\"} 0",
        "pocketci_oldest_queued_call_seconds 0.000",
        "pocketci_oldest_owed_status_seconds 0.000",
        "pocketci_call_duration_seconds_count 2",
        "pocketci_call_duration_seconds_bucket{le=\"+Inf\"} 2",
        "pocketci_watchdog_mended_total{what=\"calls\"} 0",
        "pocketci_taken_up_total{what=\"calls\"} 0",
    ] {
        assert!(text.lines().any(|it| it == line), "{line}\n{text}");
    }
    assert!(text.contains("\npocketci_disk_free_bytes "), "{text}");
    // No figure is about one repository, run or delivery.
    assert!(!text.contains("ada") && !text.contains(&sha), "{text}");
}

#[test]
fn what_a_start_takes_up_is_counted() {
    let mut world = World::start();
    let sha = world.begin_a_call();
    world.agent.kill();
    world.touch("go");
    world.agent.start();
    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    let text = world.agent.get("/metrics").body;
    assert!(text.contains("pocketci_taken_up_total{what=\"calls\"} 1\n"), "{text}");
}

#[test]
fn doctor_asks_the_agent_that_runs() {
    let mut world = World::prepare();
    world.engine.down();
    world.agent.start();
    expect_check(&world, "engine", false);

    let findings = world.agent.doctor();

    let find = |what: &str, text: &str| {
        let found = findings.iter().find(|one| one.1 == what && one.2.contains(text));
        found.map(|one| one.0.clone()).unwrap_or_else(|| panic!("{what} {text}: {findings:?}"))
    };
    assert_eq!(find("agent", "runs at 127.0.0.1:"), "ok");
    assert_eq!(find("agent", "database: "), "ok");
    assert_eq!(find("agent", "disk: "), "ok");
    assert_eq!(find("agent", "engine: engine unreachable"), "fail");
    assert_eq!(find("disk", " free"), "ok");
    assert_eq!(find("engine", ""), "fail");
    assert!(!format!("{findings:?}").contains(forge::TOKEN));
}
