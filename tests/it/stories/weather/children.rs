//! Functions that end, print or stay in ways that nobody asked for.

use serde_json::json;

use crate::world::forge::Status;
use crate::world::module::Function;
use crate::world::{Module, World, entries};

const STATUS: &str = "pocketci/test-on-push";

/// Pushes a function that does this, and waits for its end.
#[track_caller]
fn run(world: &World, wanted: &str, does: impl FnOnce(Function) -> Function) -> Status {
    let sha = push(world, does);
    world.forge.expect_status(&sha, STATUS, wanted)
}

/// Pushes a function that does this; the commit.
#[track_caller]
fn push(world: &World, does: impl FnOnce(Function) -> Function) -> String {
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", Module::new("ci").function("testOnPush", does));
    world.forge.push(&repo, "main");
    sha
}

/// The log's file of the only call.
#[track_caller]
fn log(world: &World) -> Vec<u8> {
    let logs = world.agent.data().join("logs");
    let runs = entries(&logs);
    let [run] = runs.as_slice() else { panic!("{runs:?}") };
    let mut calls = entries(&logs.join(run));
    // Beside a log with a gap lies a word about that.
    calls.retain(|name| name.ends_with(".log"));
    let [call] = calls.as_slice() else { panic!("{calls:?}") };
    std::fs::read(logs.join(run).join(call)).unwrap()
}

#[test]
fn a_cli_that_dies_by_a_signal_is_lost() {
    let world = World::start();
    let status = run(&world, "error", |f| f.step(json!({"die": 9})));
    assert!(status.description.contains("signal 9"), "{status:?}");
}

/// The log is written while it comes, and nothing of it is kept in memory.
#[test]
fn a_flood_of_output_does_not_grow_the_agent() {
    const SIZE: usize = 200 << 20;
    const LIMIT: usize = 8 << 20;
    let mut world = World::with(&[("POCKETCI_LOG_LIMIT", "8MiB")]);
    let before = world.agent.resident();
    let script = format!("head -c {SIZE} /dev/zero | tr '\\0' x | fold -w 1000");

    let sha = push(&world, |f| f.executes(&script));
    // A build with debug assertions takes its time over so much.
    world.agent.expect_log("Call finished");
    world.forge.expect_status(&sha, STATUS, "success");

    let after = world.agent.resident();
    let log = log(&world);
    assert!((LIMIT / 2..LIMIT + (1 << 20)).contains(&log.len()), "{} bytes are kept", log.len());
    let line = [b'x'; 900];
    let has = |part: &[u8]| part.windows(line.len()).any(|it| it == line);
    assert!(has(&log[..8192]) && has(&log[log.len() - 8192..]), "its head and its end are kept");
    drop(log);
    assert!(after - before < 32.0, "it grew from {before:.1} MB to {after:.1} MB");
}

#[test]
fn what_is_not_utf_8_is_shown_as_far_as_it_is() {
    let world = World::start();
    let status = run(&world, "success", |f| {
        f.step(json!({"bytes": "6265666f7265fffe80c30a", "to": "stderr"}))
            .step(json!({"bytes": "c3", "to": "stdout"}))
            .prints("after it")
    });
    let log = world.agent.logs(&status);
    assert!(log.contains("before\u{fffd}") && log.contains("after it"), "{log}");
}

#[test]
fn a_line_without_end_comes_in_parts() {
    const PART: usize = 1 << 20;
    let world = World::start();
    let part = "x".repeat(PART);
    let status = run(&world, "success", |f| {
        let write = || json!({"write": part, "to": "stdout"});
        f.step(write()).step(write()).step(write()).prints("after it")
    });
    let log = log(&world);
    let longest = log.split(|byte| *byte == b'\n').map(<[u8]>::len).max().unwrap();
    assert!(longest < 70_000, "a line of the log has {longest} bytes");
    let all = log.iter().filter(|byte| **byte == b'x').count();
    assert!(all >= 3 * PART, "{all} of {} bytes were kept", 3 * PART);
    assert!(world.agent.logs(&status).contains("after it"));
}
