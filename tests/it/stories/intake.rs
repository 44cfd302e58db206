//! What a webhook is answered.

use serde_json::json;

use crate::world::forge::{SECRET, headers, new_id, sign};
use crate::world::http::Answer;
use crate::world::{Module, Repo, World};

/// The cap on a body: 25 MiB.
const LIMIT: usize = 25 * 1024 * 1024;

/// A repository whose pushes call one function.
fn repository(world: &World) -> (Repo, String) {
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
    (repo, sha)
}

/// Sends a body as it is, with a signature of its own choice.
fn deliver(world: &World, event: &str, kind: &str, signature: &str, body: &[u8]) -> Answer {
    let headers = headers(&new_id(), event, kind, signature);
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    world.forge.deliver_raw(&headers, body)
}

#[track_caller]
fn check(world: &World, event: &str, kind: &str, body: &[u8], status: u16, says: &str) {
    let answer = deliver(world, event, kind, &sign(SECRET, body), body);
    assert_eq!(answer.status, status, "{answer:?}");
    assert!(answer.body.contains(says), "no `{says}` in {answer:?}");
}

#[test]
fn a_bad_signature_is_turned_away() {
    let world = World::start();
    let (repo, sha) = repository(&world);
    let body = world.forge.pushed(&repo, "main").to_string().into_bytes();
    let right = sign(SECRET, &body);
    let wrong = sign("another secret", &body);
    for signature in ["", "sha256=", "sha256=00", &wrong, &right["sha256=".len()..]] {
        let answer = deliver(&world, "push", "application/json", signature, &body);
        assert_eq!(answer.status, 401, "`{signature}`: {answer:?}");
        assert!(!answer.body.contains(&right), "the right signature was told: {answer:?}");
    }
    let unsigned = [("X-GitHub-Event", "push"), ("Content-Type", "application/json")];
    assert_eq!(world.forge.deliver_raw(&unsigned, &body).status, 401);

    world.let_later_work_pass();
    assert!(world.forge.statuses(&sha).is_empty());
}

#[test]
fn any_of_several_secrets_will_do() {
    let world = World::with(&[("X_HUB_SIGNATURE", &format!("the next secret\n{SECRET}"))]);
    let (repo, _) = repository(&world);
    let body = world.forge.pushed(&repo, "main").to_string().into_bytes();
    for secret in [SECRET, "the next secret"] {
        let answer = deliver(&world, "push", "application/json", &sign(secret, &body), &body);
        assert_eq!(answer.status, 202, "{answer:?}");
    }
}

#[test]
fn a_replay_is_known_and_starts_nothing() {
    let world = World::start();
    let (repo, sha) = repository(&world);
    let first = world.forge.push(&repo, "main");
    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");

    let again = world.forge.redeliver(&first.id);

    assert_eq!((again.status, again.answer), (200, first.answer));
    world.let_later_work_pass();
    assert_eq!(world.engine.calls("test-on-push").len(), 1);
}

#[test]
fn an_accepted_delivery_says_where_to_look() {
    let world = World::start();
    let (repo, _) = repository(&world);
    let delivery = world.forge.push(&repo, "main");
    let answer: serde_json::Value = serde_json::from_str(&delivery.answer).unwrap();
    assert!(answer["delivery"].is_string(), "{answer}");
    assert!(answer["runs_url"].as_str().unwrap().starts_with("http://ci.example/"), "{answer}");
}

#[test]
fn a_form_counts_as_its_payload() {
    let world = World::start();
    let (repo, sha) = repository(&world);
    let body = world.forge.pushed(&repo, "main");

    world.forge.deliver_form("push", &body).accepted();

    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
}

#[test]
fn the_path_may_name_the_forge() {
    let world = World::start();
    world.forge.send_hooks_to(&world.agent.url("/webhooks/github"));
    let (repo, sha) = repository(&world);
    world.forge.push(&repo, "main");
    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
}

#[test]
fn a_body_has_a_limit() {
    let world = World::start();
    let filler = "x".repeat(LIMIT);
    let body = format!("{{\"zen\": \"{filler}\"}}");
    check(&world, "ping", "application/json", body.as_bytes(), 413, "");
    let fits = format!("{{\"zen\": \"{}\"}}", &filler[..LIMIT - 11]);
    assert_eq!(fits.len(), LIMIT);
    check(&world, "ping", "application/json", fits.as_bytes(), 204, "");
}

#[test]
fn a_body_that_is_no_webhook_is_refused() {
    let world = World::start();
    let repository = json!({"full_name": "ada/site"});
    let cases = [
        ("not json".to_owned(), ""),
        ("[]".to_owned(), ""),
        (json!({"ref": "refs/heads/main", "repository": repository}).to_string(), "after"),
        (json!({"ref": "refs/heads/main", "after": "1".repeat(40)}).to_string(), "repository"),
    ];
    for (body, says) in &cases {
        check(&world, "push", "application/json", body.as_bytes(), 400, says);
    }
    check(&world, "pull_request", "application/json", b"{\"action\": \"opened\"}", 400, "number");
    let form = "application/x-www-form-urlencoded";
    check(&world, "push", form, b"other=1", 400, "payload");
    check(&world, "push", "text/plain", b"{}", 415, "");
}

#[test]
fn what_starts_nothing_is_answered_204() {
    let world = World::start();
    let (repo, _) = repository(&world);
    assert_eq!(world.forge.ping(&repo).status, 204);
    for (event, action) in
        [("star", "created"), ("check_run", "completed"), ("an_event_of_the_future", "happened")]
    {
        let answer = world.forge.tell(event, &repo, action);
        assert_eq!(answer.status, 204, "{event}: {}", answer.answer);
    }
}

#[test]
fn an_unknown_page_is_404_and_health_is_200() {
    let world = World::start();
    world.agent.expect_healthy();
    assert_eq!(world.agent.get("/runs/999999").status, 404);
    assert_eq!(world.agent.get("/nowhere").status, 404);
}
