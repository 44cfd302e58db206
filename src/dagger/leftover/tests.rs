#![expect(clippy::disallowed_methods, reason = "what is ended must be started first")]

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};

use super::*;

/// A process that leads a group of its own, as our children do.
fn sleeper(environment: &[(&str, &Path)]) -> Child {
    let mut command = Command::new("sleep");
    command.arg("1000").process_group(0).env_clear().envs(environment.iter().copied());
    command.env("PATH", "/usr/bin:/bin").spawn().unwrap()
}

fn pid(child: &Child) -> i32 {
    child.id().cast_signed()
}

#[track_caller]
fn expect_killed(mut child: Child) {
    use std::os::unix::process::ExitStatusExt as _;
    assert_eq!(child.wait().unwrap().signal(), Some(9));
}

#[test]
fn a_child_is_known_by_its_id_and_its_start() {
    let nowhere = tempfile::tempdir().unwrap();
    let mut child = sleeper(&[]);
    let pid = pid(&child);
    let started = |start_time| Started { pid, start_time };
    let real = start_time(pid);
    assert!(real.is_some());
    // Somebody else's, who was given the same id; or nobody knows whose.
    let strangers = [started(real.map(|ticks| ticks + 1)), started(None)];
    assert_eq!(end(&strangers, nowhere.path()), 0);
    assert!(child.try_wait().unwrap().is_none());
    assert_eq!(end(&[started(real)], nowhere.path()), 1);
    expect_killed(child);
}

#[test]
fn a_child_is_known_by_its_own_folder() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let child = sleeper(&[("HOME", &ours.path().join("run-1-x/home"))]);
    let beside = ours.path().with_extension("beside");
    let mut others = [
        sleeper(&[("HOME", theirs.path())]),
        sleeper(&[("HOME", ours.path())]),
        sleeper(&[("HOME", &beside)]),
        sleeper(&[("OTHER", &ours.path().join("x"))]),
    ];
    assert_eq!(end(&[], ours.path()), 1);
    expect_killed(child);
    for other in &mut others {
        assert!(other.try_wait().unwrap().is_none());
        other.kill().unwrap();
        other.wait().unwrap();
    }
}

#[test]
fn nothing_is_nothing() {
    let nowhere = tempfile::tempdir().unwrap();
    assert_eq!(end(&[Started { pid: 1, start_time: start_time(1) }], nowhere.path()), 0);
    assert_eq!(end(&[Started { pid: i32::MAX, start_time: Some(1) }], nowhere.path()), 0);
}
