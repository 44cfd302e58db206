//! A repository's hook and its organisation's both tell the same.

use serde_json::Value;

use crate::world::{Module, World, forge};

/// Delivers a body by this webhook; 202 is expected.
#[track_caller]
fn tell(world: &World, hook: &str, event: &str, body: &Value) {
    let body = body.to_string().into_bytes();
    let signature = forge::sign(forge::SECRET, &body);
    let mut headers = forge::headers(&forge::new_id(), event, "application/json", &signature);
    for (name, value) in &mut headers {
        if *name == "X-GitHub-Hook-ID" {
            *value = hook.to_owned();
        }
    }
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = world.forge.deliver_raw(&headers, &body);
    assert_eq!(answer.status, 202, "{answer:?}");
}

#[test]
fn a_push_by_two_hooks_is_one_push() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
    let body = world.forge.pushed(&repo, "main");

    tell(&world, "1", "push", &body);
    tell(&world, "2", "push", &body);

    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    world.let_later_work_pass();
    assert_eq!(world.engine.calls("test-on-push").len(), 1);
    let twins = ["/deliveries/1", "/deliveries/2"].map(|path| world.agent.get(path).body);
    let said = "he same came by another hook, as delivery";
    assert_eq!(twins.iter().filter(|page| page.contains(said)).count(), 1, "{twins:?}");
}

#[test]
fn a_push_there_and_back_is_two_by_any_hooks() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let first = repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
    world.forge.push(&repo, "main");
    world.forge.expect_status(&first, "pocketci/test-on-push", "success");
    let second = repo.commit("main", [("a", "1\n")]);
    let there = world.forge.pushed(&repo, "main");
    repo.reset("main", &first);
    let back = world.forge.pushed(&repo, "main");
    repo.reset("main", &second);
    let again = world.forge.pushed(&repo, "main");
    assert_eq!(there["before"], again["before"]);

    for body in [&there, &back, &again] {
        for hook in ["1", "2"] {
            tell(&world, hook, "push", body);
        }
    }

    world.let_later_work_pass();
    crate::world::eventually("four calls", || {
        (world.engine.calls("test-on-push").len() == 4).then_some(())
    });
    world.let_later_work_pass();
    assert_eq!(world.engine.calls("test-on-push").len(), 4);
}

#[test]
fn labels_are_events_of_their_own() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci").function("lintOnPullRequestLabeled", |f| f.event_trigger());
    repo.commit("main", module);
    world.forge.pushed(&repo, "main");
    repo.commit("feature", [("a", "1\n")]);
    let number = world.forge.open_pull_request(&repo, "feature", "main");
    for _ in 0..2 {
        world.forge.act_on_pull_request(number, "labeled");
    }
    crate::world::eventually("two calls", || {
        (world.engine.calls("lint-on-pull-request-labeled").len() == 2).then_some(())
    });
}
