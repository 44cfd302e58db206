//! Stopping and starting: what was begun or waits is taken up.

use crate::world::{Module, Repo, World};

/// Two pushes for an agent that does one thing at a time: one runs and waits for `go`, the
/// other has not begun.
struct Pending {
    world: World,
    running: (Repo, String),
    waiting: (Repo, String),
}

impl Pending {
    fn start() -> Self {
        let world = World::with(&[("POCKETCI_PARALLELISM", "1"), ("POCKETCI_DRAIN_TIMEOUT", "1s")]);
        let (began, go) = (world.path("began"), world.path("go"));
        let running = world.forge.repository("ada/running");
        let module = Module::new("ci").function("testOnPush", |f| f.touches(&began).waits_for(&go));
        let sha = running.commit("main", module);
        let running = (running, sha);
        let waiting = world.forge.repository("ada/waiting");
        let sha = waiting.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
        let waiting = (waiting, sha);
        world.forge.push(&running.0, "main");
        world.expect_file("began");
        world.forge.push(&waiting.0, "main");
        Self { world, running, waiting }
    }

    /// Lets go, starts the agent again, and expects everything done.
    fn finish(mut self) {
        self.world.touch("go");
        self.world.agent.start();
        for (_, sha) in [&self.running, &self.waiting] {
            self.world.forge.expect_status(sha, "pocketci/test-on-push", "success");
            self.world.forge.expect_status(sha, "pocketci", "success");
        }
    }
}

#[test]
fn work_that_waits_survives_a_stop() {
    let mut pending = Pending::start();
    pending.world.agent.terminate();
    pending.finish();
}

#[test]
fn work_that_waits_survives_a_kill() {
    let mut pending = Pending::start();
    pending.world.agent.kill();
    pending.finish();
}

/// What was answered with 202 is on disk, whatever happens next.
#[test]
fn an_accepted_delivery_survives_a_kill() {
    let mut world = World::start();
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
    world.forge.push(&repo, "main");
    world.agent.kill();

    world.agent.start();

    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
}

#[test]
fn a_status_that_is_owed_survives_a_stop() {
    let mut world = World::start();
    let done = world.path("done");
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f.touches(&done)));
    world.forge.refuse_statuses_with(crate::world::Refusal::BadGateway);
    world.forge.push(&repo, "main");
    world.expect_file("done");
    world.agent.terminate();

    world.forge.accept_statuses();
    world.agent.start();

    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
}

#[test]
fn a_replay_is_known_after_a_restart() {
    let mut world = World::start();
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
    let delivery = world.forge.push(&repo, "main");
    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");

    world.agent.restart();

    assert_eq!(world.forge.redeliver(&delivery.id).status, 200);
    world.let_later_work_pass();
    assert_eq!(world.engine.calls("test-on-push").len(), 1);
}

#[test]
fn a_mirror_is_kept_over_a_restart() {
    let mut world = World::start();
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
    world.forge.push(&repo, "main");
    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");

    world.agent.restart();

    let sha = repo.commit("main", [("a", "1\n")]);
    world.forge.push(&repo, "main");
    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
}
