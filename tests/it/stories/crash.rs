//! The agent dies at every point between an accepted delivery and its last status, and nothing is
//! lost, nothing doubled, nothing stuck.

mod acts;
mod effects;
mod scene;
mod soak;

use std::collections::BTreeSet;
use std::path::Path;

use pocketci::crash::POINTS;

use crate::world::Refusal;
use scene::Begins::{Again, Once};
use scene::{Begins, Scene};

/// What leads to a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// A push to an agent that has not seen the repository.
    Push,
    /// The same with a function that does not end before the agent has been started again.
    Held,
    /// The engine goes away in the middle of a call.
    EngineLost,
    /// The next start after a kill in the middle of a call.
    Start,
    /// `SIGTERM` in the middle of a call, which takes longer than the drain time-out.
    Stop,
    /// A push while the engine does not answer.
    NoEngine,
    /// A push of a module that was listed, while the engine does not answer.
    NoEngineButListed,
    /// A push while the forge takes no statuses.
    Statuses(Refusal),
}

use Way::{EngineLost, Held, NoEngine, NoEngineButListed, Push, Start, Statuses, Stop};

type Story = (&'static str, Way, Begins);

const INTAKE: &[Story] = &[
    ("intake.before-commit", Push, Once),
    ("intake.after-commit", Push, Once),
    ("intake.before-answer", Push, Once),
    // Of every write, whichever it is: the first four are those of a start.
    ("commit.before:6", Push, Again),
    ("commit.after:6", Push, Again),
    ("commit.before:8", Push, Again),
    ("commit.after:8", Push, Again),
    ("commit.before:13", Push, Again),
    ("commit.after:13", Push, Again),
];

const PLANNING: &[Story] = &[
    ("delivery.before-claim", Push, Once),
    ("delivery.claimed", Push, Once),
    ("fetch.before", Push, Once),
    ("mirror.made", Push, Once),
    ("mirror.fetched", Push, Once),
    ("fetch.done", Push, Once),
    ("listing.before", Push, Once),
    ("listing.answered", Push, Once),
    ("listing.kept", Push, Once),
    ("settle.before-commit", Push, Once),
    ("settle.after-commit", Push, Once),
    ("delivery.before-postpone", NoEngine, Once),
    ("delivery.postponed", NoEngine, Once),
];

const CALLS: &[Story] = &[
    ("waiting.before-commit", NoEngineButListed, Once),
    ("waiting.told", NoEngineButListed, Once),
    ("call.before-claim", Push, Once),
    ("call.claimed", Push, Again),
    ("log.created", Push, Again),
    ("event-file.written", Push, Again),
    ("checkout.half", Push, Again),
    ("checkout.done", Push, Again),
    ("call.prepared", Push, Again),
    ("call.prepared:2", Push, Again),
    // Before these, it asks for the version and whether the engine answers.
    ("child.started:3", Held, Again),
    ("child.started:5", Held, Again),
    ("call.started", Held, Again),
    ("call.started:2", Held, Again),
    ("call.before-recorded", Held, Again),
    ("call.recorded", Held, Again),
    ("child.ended:3", Push, Again),
    ("child.ended:5", Push, Again),
    ("call.ended", Push, Again),
    ("call.ended:2", Push, Again),
    ("finish.before-commit", Push, Again),
    ("finish.before-commit:2", Push, Again),
    ("finish.after-commit", Push, Again),
    ("finish.after-commit:2", Push, Once),
    ("call.cleaned", Push, Again),
    ("call.cleaned:2", Push, Once),
    ("retry.before-commit", EngineLost, Again),
    ("retry.after-commit", EngineLost, Again),
];

const STATUSES: &[Story] = &[
    ("status.before-claim", Push, Again),
    ("status.claimed", Push, Again),
    ("status.before-send", Push, Again),
    ("status.answered", Push, Again),
    ("status.answered:3", Push, Again),
    ("status.before-mark", Push, Again),
    ("status.before-mark:3", Push, Again),
    ("status.marked", Push, Again),
    ("status.marked:3", Push, Again),
    ("status.answer-kept", Push, Again),
    ("status.before-postpone", Statuses(Refusal::BadGateway), Again),
    ("status.before-drop", Statuses(Refusal::Archived), Again),
];

const STARTS_AND_STOPS: &[Story] = &[
    ("start.locked", Start, Again),
    ("start.leftovers-ended", Start, Again),
    ("start.cleared", Start, Again),
    ("start.before-recover", Start, Again),
    ("start.recovered", Start, Again),
    ("commit.before:1", Start, Again),
    ("commit.after:1", Start, Again),
    ("drain.began", Stop, Again),
    ("release.before-commit", Stop, Again),
    ("release.after-commit", Stop, Again),
    ("drain.ended", Stop, Again),
    ("stop.before-close", Stop, Again),
];

#[test]
fn at_the_intake() {
    INTAKE.iter().for_each(tell);
}

#[test]
fn while_planning() {
    PLANNING.iter().for_each(tell);
}

#[test]
fn around_a_call() {
    CALLS.iter().for_each(tell);
}

#[test]
fn around_a_status() {
    STATUSES.iter().for_each(tell);
}

#[test]
fn at_a_start_and_at_a_stop() {
    STARTS_AND_STOPS.iter().for_each(tell);
}

#[track_caller]
fn tell((point, way, begins): &Story) {
    println!("--- dies at {point}, by {way:?}");
    let mut scene = Scene::prepare(&[("POCKETCI_DRAIN_TIMEOUT", "1s")]);
    die(&mut scene, point, *way);
    scene.world.engine.up();
    scene.world.forge.accept_statuses();
    scene.start_again();
    scene.go();
    scene.come_to_rest();
    scene.world.agent.terminate();
    scene.check(*begins);
    scene.world.agent.expect_nothing_left();
}

/// Leads the agent to its death at the point.
#[track_caller]
fn die(scene: &mut Scene, point: &str, way: Way) {
    match way {
        Push => {
            assert!(scene.world.agent.start_armed(point));
            scene.push(true);
        }
        Held => {
            assert!(scene.world.agent.start_armed(point));
            scene.hold();
            scene.push(true);
        }
        EngineLost => {
            assert!(scene.world.agent.start_armed(point));
            scene.hold();
            scene.push(true);
            scene.expect_slow();
            scene.world.engine.is("killed 50ms");
        }
        Start => {
            scene.world.agent.start();
            scene.hold();
            scene.push(true);
            scene.expect_slow();
            scene.world.agent.kill();
            assert!(!scene.world.agent.start_armed(point));
        }
        Stop => {
            assert!(scene.world.agent.start_armed(point));
            scene.hold();
            scene.push(true);
            scene.expect_slow();
            scene.world.agent.ask_to_end();
        }
        NoEngine => {
            scene.world.engine.is("down 50ms");
            assert!(scene.world.agent.start_armed(point));
            scene.push(true);
        }
        NoEngineButListed => {
            scene.world.agent.start();
            scene.push(true);
            scene.come_to_rest();
            scene.world.agent.terminate();
            scene.world.engine.is("down 50ms");
            assert!(scene.world.agent.start_armed(point));
            scene.push(false);
        }
        Statuses(refusal) => {
            scene.world.forge.refuse_some_statuses_with(1, refusal);
            assert!(scene.world.agent.start_armed(point));
            scene.push(true);
        }
    }
    scene.world.agent.expect_death();
}

/// Every point is in the list once, is told a story of, and is in the sources once.
#[test]
fn every_point_has_its_place_and_its_story() {
    let listed: BTreeSet<&str> = POINTS.iter().copied().collect();
    assert_eq!(listed.len(), POINTS.len(), "a point is listed twice");
    let told = [INTAKE, PLANNING, CALLS, STATUSES, STARTS_AND_STOPS].concat();
    let told = told.iter().map(|(point, ..)| point.split(':').next().unwrap());
    let mut told: BTreeSet<&str> = told.chain(super::approval::POINTS).collect();
    told.extend(super::github_app::POINTS);
    told.extend(acts::POINTS);
    told.extend(effects::POINTS.iter().flat_map(|points| points.iter()));
    assert_eq!(listed, told, "left: the list; right: the stories");
    let mut placed = Vec::new();
    look_for_points(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut placed);
    placed.sort();
    let mut listed: Vec<&str> = POINTS.to_vec();
    listed.sort_unstable();
    assert_eq!(listed, placed, "left: the list; right: the sources");
}

/// The points that any push passes, once at least.
fn passed_by_a_push() -> Vec<&'static str> {
    let stories = [INTAKE, PLANNING, CALLS, STATUSES].concat();
    let passed = stories.iter().filter(|(_, way, _)| [Push, Held].contains(way));
    passed.filter_map(|(point, ..)| point.split(':').next()).collect()
}

fn look_for_points(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            look_for_points(&path, found);
        } else {
            let text = std::fs::read_to_string(&path).unwrap();
            let points = text.split("crash::point(\"").skip(1);
            found.extend(points.map(|rest| rest.split('"').next().unwrap().to_owned()));
        }
    }
}
