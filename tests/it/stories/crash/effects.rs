//! The agent dies at what one delivery does to another, and at what goes on beside deliveries:
//! each with a scene and an end of its own.

use std::collections::BTreeSet;

use crate::world::{Ledger, Module, Refusal, World, entries, eventually, forge};

const TWINS: &[&str] = &["twin.before-commit", "twin.after-commit"];
const CANCEL: &[&str] = &["cancel.before-end"];
const HASTEN: &[&str] = &["hasten.before-commit"];
const MEND: &[&str] = &["mend.before-commit", "mend.after-commit"];
const RETENTION: &[&str] =
    &["retention.logs-gone", "retention.before-commit", "retention.after-commit"];

/// All that is told here.
pub(super) const POINTS: &[&[&str]] = &[TWINS, CANCEL, HASTEN, MEND, RETENTION];

const STATUS: &str = "pocketci/test-on-push";

/// Starts the dead agent again, and lets it come to rest.
#[track_caller]
pub(super) fn start_again(world: &mut World) {
    world.agent.expect_death();
    world.agent.start();
    come_to_rest(world);
}

#[track_caller]
pub(super) fn come_to_rest(world: &World) {
    eventually("everything to be done and told", || {
        let ledger = Ledger::read(world.agent.data());
        let settled = ledger.deliveries.iter().all(|one| one.whole && one.state == "settled");
        (settled && ledger.owed.is_empty() && ledger.unfinished_runs == 0).then_some(())
    });
    eventually("the working folder to be empty", || world.agent.work().is_empty().then_some(()));
}

#[track_caller]
pub(super) fn end(world: &mut World) {
    world.agent.terminate();
    world.agent.expect_nothing_left();
}

#[test]
fn at_a_twin() {
    for point in TWINS {
        println!("--- dies at {point}");
        let mut world = World::prepare();
        assert!(world.agent.start_armed(point));
        let repo = world.forge.repository("ada/site");
        let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
        let body = world.forge.pushed(&repo, "main").to_string().into_bytes();
        let signature = forge::sign(forge::SECRET, &body);
        for hook in ["1", "2"] {
            let id = forge::new_id();
            let mut headers = forge::headers(&id, "push", "application/json", &signature);
            for (name, value) in &mut headers {
                if *name == "X-GitHub-Hook-ID" {
                    *value = hook.to_owned();
                }
            }
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            assert_eq!(world.forge.deliver_raw(&headers, &body).status, 202);
            if hook == "1" {
                world.forge.expect_status(&sha, STATUS, "success");
            }
        }

        start_again(&mut world);

        let ledger = Ledger::read(world.agent.data());
        let ends: BTreeSet<_> =
            ledger.deliveries.iter().map(|one| one.settlement.as_deref()).collect();
        assert_eq!(ends, BTreeSet::from([Some("planned"), Some("skipped")]));
        assert_eq!(world.engine.calls("test-on-push").len(), 1);
        end(&mut world);
    }
}

#[test]
fn at_the_end_of_what_was_superseded() {
    for point in CANCEL {
        println!("--- dies at {point}");
        let mut world = World::prepare();
        assert!(world.agent.start_armed(point));
        let (began, go) = (world.path("began"), world.path("go"));
        let repo = world.forge.repository("ada/site");
        let module =
            Module::new("ci").function("testOnPullRequest", |f| f.touches(&began).waits_for(&go));
        repo.commit("main", module);
        world.forge.pushed(&repo, "main");
        let first = repo.commit("feature", [("a", "1\n")]);
        let number = world.forge.open_pull_request(&repo, "feature", "main");
        world.expect_file("began");
        let second = repo.commit("feature", [("a", "2\n")]);
        world.forge.synchronize(number);
        world.agent.expect_death();

        world.agent.start();
        world.touch("go");
        come_to_rest(&world);

        let status = "pocketci/test-on-pull-request";
        let cancelled = world.forge.expect_status(&first, status, "error");
        assert!(cancelled.description.starts_with("Cancelled: superseded by"), "{cancelled:?}");
        world.forge.expect_status(&second, status, "success");
        end(&mut world);
    }
}

#[test]
fn at_what_the_forge_is_told_later() {
    for point in HASTEN {
        println!("--- dies at {point}");
        let mut world = World::start();
        world.forge.refuse_statuses_with(Refusal::BadGateway);
        let repo = world.forge.repository("ada/site");
        let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
        world.forge.push(&repo, "main");
        world.agent.expect_log("The forge is down");
        world.agent.kill();
        world.forge.accept_statuses();
        let _listens = world.agent.start_armed(point);

        start_again(&mut world);

        world.forge.expect_status(&sha, STATUS, "success");
        end(&mut world);
    }
}

#[test]
fn at_a_status_that_the_forge_has_lost() {
    for point in MEND {
        println!("--- dies at {point}");
        let mut world = World::start();
        let repo = world.forge.repository("ada/site");
        let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
        world.forge.push(&repo, "main");
        world.forge.expect_status(&sha, STATUS, "success");
        come_to_rest(&world);
        world.agent.terminate();
        world.forge.lose_statuses(&sha, STATUS, 1);
        let _listens = world.agent.start_armed(point);

        start_again(&mut world);

        world.forge.expect_status(&sha, STATUS, "success");
        end(&mut world);
    }
}

#[test]
fn while_old_runs_go() {
    for point in RETENTION {
        println!("--- dies at {point}");
        let mut world = World::with(&[("POCKETCI_KEEP", "1")]);
        let repo = world.forge.repository("ada/site");
        for text in ["one", "two"] {
            let module = Module::new("ci").function("testOnPush", |f| f.prints(text));
            let sha = repo.commit("main", module);
            world.forge.push(&repo, "main");
            world.forge.expect_status(&sha, STATUS, "success");
            come_to_rest(&world);
        }
        world.agent.terminate();
        let _listens = world.agent.start_armed(point);

        start_again(&mut world);

        let logs = world.agent.data().join("logs");
        eventually("the older run to go with its log", || {
            let gone = world.agent.get("/runs/1").status == 404;
            (gone && entries(&logs) == ["2"]).then_some(())
        });
        assert_eq!(world.agent.get("/runs/2").status, 200);
        end(&mut world);
    }
}
