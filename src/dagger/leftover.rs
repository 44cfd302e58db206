//! Children that outlived the agent that started them.
//!
//! Nothing here ends a process that is not certainly ours: it is known by its process id and its
//! start time, which no other process shares, or by a variable of its environment that names a
//! folder of ours, which only our children are given.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, getpgid};

use super::child::{Started, start_time};

/// How long killed processes are waited for; they are gone in milliseconds unless the machine
/// hangs on its disks.
const GONE: Duration = Duration::from_secs(2);

/// How often they are looked at meanwhile.
const LOOK: Duration = Duration::from_millis(5);

/// The variables that name a folder of the call's own: of every child, and of every program that
/// it started without changing them.
const MARKS: [&str; 3] = ["HOME", "TMPDIR", "GITHUB_EVENT_PATH"];

/// Ends the process groups of children, and whatever else was started in the folder `work`, and
/// waits until they are gone; returns how many processes were ended. Blocks.
pub fn end(children: &[Started], work: &Path) -> usize {
    let mut ended = BTreeSet::new();
    for child in children {
        let known = child.start_time.is_some() && start_time(child.pid) == child.start_time;
        if known && child.pid > 1 {
            // It leads its group, whose other members are its own children.
            signal_group(child.pid);
            ended.insert(child.pid);
        }
    }
    // What was started in the moment before its process id could be written down, and what left
    // its group on purpose.
    for pid in carrying(work) {
        if getpgid(Some(Pid::from_raw(pid))).is_ok_and(|group| group.as_raw() == pid) {
            signal_group(pid);
        }
        let _gone = kill(Pid::from_raw(pid), Signal::SIGKILL);
        ended.insert(pid);
    }
    let since = Instant::now();
    while ended.iter().any(|pid| is_running(*pid)) {
        if since.elapsed() > GONE {
            tracing::warn!("Processes of an earlier agent were killed and are not gone yet");
            break;
        }
        std::thread::sleep(LOOK);
    }
    ended.len()
}

fn signal_group(pid: i32) {
    if let Err(error) = killpg(Pid::from_raw(pid), Signal::SIGKILL)
        && error != Errno::ESRCH
    {
        tracing::warn!(pid, %error, "Failed to end what an earlier agent has left running");
    }
}

/// The processes whose environment names something in this folder as theirs; not this one.
fn carrying(work: &Path) -> Vec<i32> {
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    let mut folder = work.as_os_str().as_bytes().to_vec();
    folder.push(b'/');
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| *pid != own && *pid > 1 && is_marked(*pid, &folder)).collect()
}

/// Whether a process was given a variable of ours with something in this folder.
fn is_marked(pid: i32, folder: &[u8]) -> bool {
    // Another user's process cannot be read, and is none of ours.
    let Ok(environment) = std::fs::read(format!("/proc/{pid}/environ")) else { return false };
    environment.split(|byte| *byte == 0).any(|variable| {
        MARKS.iter().any(|mark| {
            let value = variable.strip_prefix(mark.as_bytes()).and_then(|it| it.strip_prefix(b"="));
            value.is_some_and(|value| value.starts_with(folder))
        })
    })
}

/// Whether a process is there and no zombie.
fn is_running(pid: i32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

#[cfg(test)]
mod tests;
