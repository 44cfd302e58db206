//! The agent's own socket, a token that is made there, and what is done with it.

use serde_json::{Value, json};

use crate::world::{Module, World, eventually, http};

const STATUS: &str = "pocketci/test-on-push";

/// Asks on the agent's own socket.
#[track_caller]
fn local(world: &World, method: &str, path: &str, body: &Value) -> http::Answer {
    let socket = world.agent.data().join("agent.sock");
    let answer = http::send_to_socket(method, &socket, path, body.to_string().as_bytes());
    answer.unwrap_or_else(|why| panic!("{method} {path}: {why}"))
}

/// Makes a token of this scope; as the header that shows it.
#[track_caller]
fn token(world: &World, scope: &str) -> String {
    let wish = json!({ "name": scope, "scope": scope });
    let made = local(world, "POST", "/api/v1/tokens", &wish);
    assert_eq!(made.status, 201, "{made:?}");
    format!("Bearer {}", made.json()["token"].as_str().unwrap())
}

#[track_caller]
fn post(world: &World, token: &str, path: &str, body: &Value) -> http::Answer {
    let headers = [("Authorization", token)];
    http::post(&world.agent.url(path), &headers, body.to_string().as_bytes())
}

#[test]
fn a_token_of_the_agents_own_machine_reruns_cancels_and_replays() {
    let mut world = World::with(&[("POCKETCI_PUBLIC_RUNS", "none")]);
    let go = world.path("go");
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci").function("testOnPush", |f| f.src().waits_for(&go).exits(3));
    let sha = repo.commit("main", module);
    world.touch("go");
    world.forge.push(&repo, "main");
    world.forge.expect_status(&sha, STATUS, "failure");
    world.forge.expect_status(&sha, "pocketci", "failure");

    assert_eq!(world.agent.get("/runs/1").status, 303);
    assert_eq!(world.agent.get("/api/v1/runs/1").status, 401);
    let (read, operate) = (token(&world, "read"), token(&world, "operate"));
    let which = json!({ "which": "failed" });
    assert_eq!(post(&world, &read, "/api/v1/runs/1/rerun", &which).status, 403);

    // What is begun again waits, so that it can be cancelled.
    std::fs::remove_file(&go).unwrap();
    let reran = post(&world, &operate, "/api/v1/runs/1/rerun", &which);
    assert_eq!((reran.status, reran.json()["attempt"].clone()), (200, json!(2)), "{reran:?}");
    let call = local(&world, "GET", "/api/v1/runs/1/calls/1", &json!({})).json();
    let before = &call["earlier"][0];
    assert_eq!((&before["attempt"], &before["outcome"]), (&json!(1), &json!("failed")), "{call}");
    assert_eq!((&call["attempt"], &before["exit"]), (&json!(2), &json!(3)), "{call}");
    let again = post(&world, &operate, "/api/v1/runs/1/rerun", &which);
    assert_eq!(again.status, 409, "{again:?}");
    assert!(again.body.contains("Run 1 is not finished"), "{again:?}");
    eventually("the second call", || (world.engine.calls("test-on-push").len() == 2).then_some(()));
    assert_eq!(post(&world, &operate, "/api/v1/runs/1/cancel", &json!({})).status, 204);
    world.forge.expect_status_like(&sha, "it to be cancelled", |one| {
        let by = one.description.contains("the token `operate`");
        one.context == STATUS && one.state == "error" && by
    });

    world.touch("go");
    let replayed = post(&world, &operate, "/api/v1/deliveries/1/replay", &json!({}));
    assert_eq!(replayed.status, 202, "{replayed:?}");
    assert_eq!(replayed.json()["forge_id"], "replay:1:1");
    eventually("the replay's call", || {
        (world.engine.calls("test-on-push").len() == 3).then_some(())
    });
    let all = local(&world, "GET", "/api/v1/runs", &json!({})).json();
    assert_eq!(all["runs"].as_array().map(Vec::len), Some(2), "{all}");
    let body = local(&world, "GET", "/api/v1/deliveries/1/body", &json!({}));
    assert_eq!(body.json()["after"], sha);

    world.agent.terminate();
    assert!(!world.agent.data().join("agent.sock").exists());
}

/// Whoever tries the agent on their own machine reads its pages without a token.
#[test]
fn without_a_name_a_loopback_address_is_open() {
    let mut world = World::prepare();
    world.agent.unset("POCKETCI_PUBLIC_RUNS");
    world.agent.start();
    assert_eq!(world.agent.get("/runs").status, 303, "POCKETCI_URL names another machine");
    world.agent.terminate();
    world.agent.unset("POCKETCI_URL");
    world.agent.start();
    assert_eq!(world.agent.get("/runs").status, 200);
    let forwarded = [("X-Forwarded-For", "203.0.113.7")];
    let answer = http::send("GET", &world.agent.url("/runs"), &forwarded, b"").unwrap();
    assert_eq!(answer.status, 303);
}
