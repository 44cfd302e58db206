//! Other hosts: what a payload or a redirect names gets neither a visit with credentials nor any.

use crate::world::forge::TOKEN;
use crate::world::{Forge, Module, World};

/// A stranger's forge that has the same repository and asks for credentials.
fn stranger() -> Forge {
    let stranger = Forge::start();
    let copy = stranger.repository("ada/site");
    copy.commit("main", Module::new("ci").function("stealOnPush", |f| f.src()));
    stranger.pushed(&copy, "main");
    stranger
}

#[track_caller]
fn expect_no_credentials(world: &World, stranger: &Forge) {
    for request in stranger.requests() {
        assert_eq!(request.authorization, None, "{request:?}");
    }
    assert!(!world.agent.said().join("\n").contains(TOKEN));
}

#[test]
fn a_redirect_of_the_git_server_gets_no_token() {
    let world = World::start();
    let stranger = stranger();
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
    world.forge.redirect_to(stranger.url(), |path| !path.starts_with("/api/"));

    world.forge.push(&repo, "main");

    world.forge.expect_request("the fetch that is sent on", |one| one.status == 307);
    expect_no_credentials(&world, &stranger);
    world.forge.stay();
    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    expect_no_credentials(&world, &stranger);
}

#[test]
fn a_redirect_of_the_api_is_not_followed() {
    let mut world = World::start();
    let stranger = stranger();
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
    world.forge.redirect_to(stranger.url(), |path| path.starts_with("/api/"));

    world.forge.push(&repo, "main");

    world.forge.expect_request("the status that is sent on", |one| one.status == 307);
    world.engine.expect("call");
    assert!(world.forge.statuses(&sha).is_empty());
    // What was under way is over by then.
    world.agent.terminate();
    assert!(stranger.requests().is_empty(), "{:?}", stranger.requests());
}

/// Every address of the body is the stranger's; it is fetched from and told to ours alone.
#[test]
fn addresses_in_the_payload_are_not_visited() {
    let world = World::start();
    let stranger = stranger();
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
    let body = world.forge.pushed(&repo, "main").to_string();
    let body = body.replace(world.forge.url(), stranger.url());

    world.forge.deliver("push", &serde_json::from_str(&body).unwrap()).accepted();

    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    assert!(stranger.requests().is_empty(), "{:?}", stranger.requests());
}

/// Names that would make another address of ours.
#[test]
fn a_repositorys_name_is_no_address() {
    let world = World::start();
    let stranger = stranger();
    let repo = world.forge.repository("ada/site");
    repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
    let body = world.forge.pushed(&repo, "main");
    let host = stranger.url().trim_start_matches("http://").to_owned();
    for name in [
        "../../etc/passwd".to_owned(),
        "ada/..".to_owned(),
        format!("@{host}/site"),
        format!("ada@{host}/site"),
        "ada/site?x=".to_owned(),
        "ada/site#".to_owned(),
        "ada/site/../../x".to_owned(),
        "ada/%2e%2e".to_owned(),
        "ada\\..\\site/x".to_owned(),
        "ada/site\n".to_owned(),
        "/".to_owned(),
    ] {
        let mut body = body.clone();
        body["repository"]["full_name"] = name.as_str().into();
        let delivery = world.forge.deliver("push", &body);
        assert!((200..500).contains(&delivery.status), "{name:?}: {delivery:?}");
    }
    world.let_later_work_pass();
    assert!(stranger.requests().is_empty(), "{:?}", stranger.requests());
    for request in world.forge.requests() {
        let known = ["/ada/site.git/", "/marker/marker.git/", "/api/v3/"];
        let odd = !known.iter().any(|start| request.path.starts_with(start));
        assert!(!odd || request.status >= 400, "{request:?}");
        assert!(!request.path.contains(".."), "{request:?}");
    }
}
