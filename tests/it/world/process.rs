//! Processes: started with an environment from nothing, found again by what they carry.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the few programs are that the world needs (`git`, `sh`).
pub const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A program with an empty environment but for `PATH`.
pub fn program(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", PATH);
    command
}

/// The stand-in for `dagger`, which cargo builds with the tests.
pub fn stand_in() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let debug = test.parent().and_then(Path::parent).unwrap();
    let program = debug.join("examples/dagger-stand-in");
    let hint = "run `cargo test`, which builds it (or `cargo build --examples`)";
    assert!(program.is_file(), "{} is missing: {hint}", program.display());
    program
}

/// Live processes that carry this path in their environment, arguments or working directory:
/// whatever process group they are in, everything that works in a data folder carries it.
pub fn carrying(path: &Path) -> Vec<Found> {
    let needle = path.to_str().unwrap().as_bytes().to_vec();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        if pid == std::process::id() as i32 {
            continue;
        }
        let folder = entry.path();
        let read = |name: &str| std::fs::read(folder.join(name)).unwrap_or_default();
        let arguments = read("cmdline");
        let cwd = std::fs::read_link(folder.join("cwd")).unwrap_or_default();
        let cwd = cwd.to_string_lossy().into_owned().into_bytes();
        if [&read("environ"), &arguments, &cwd].iter().any(|text| contains(text, &needle)) {
            let command = String::from_utf8_lossy(&arguments).replace('\0', " ");
            found.push(Found { pid, command });
        }
    }
    found
}

/// A process that was found.
#[derive(Debug)]
pub struct Found {
    pub pid: i32,
    pub command: String,
}

/// Whether a process is there and no zombie.
pub fn is_alive(pid: i32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    // The name may hold spaces and brackets; the state is the word behind its last bracket.
    stat.rsplit(')').next().is_some_and(|rest| !rest.trim_start().starts_with('Z'))
}

/// Sends a signal to one process.
pub fn signal(pid: i32, signal: nix::sys::signal::Signal) {
    let _gone = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal);
}

fn contains(text: &[u8], needle: &[u8]) -> bool {
    text.windows(needle.len()).any(|window| window == needle)
}
