//! What the agent's process knows stays in it: no other process reads its memory or environment,
//! no core dump holds it, and what it says when it panics passes through the masks.

use std::io::{self, Write};

use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};

use super::Failure;
use crate::domain::redact::Masks;

/// Shuts this process to others of the same user: `/proc/PID/environ` and `mem` are then root's,
/// no debugger attaches, and a crash leaves no core. Programs that it starts are open again, since
/// the kernel sets that anew for each; of the core dumps they stay without.
///
/// # Errors
/// When the system refuses.
pub(super) fn shut() -> Result<(), Failure> {
    let failed = |what: &str, error: nix::Error| {
        Failure::unreachable(format!("Cannot keep secrets from {what}: {error}"))
    };
    setrlimit(Resource::RLIMIT_CORE, 0, 0).map_err(|error| failed("core dumps", error))?;
    prctl::set_dumpable(false).map_err(|error| failed("other processes", error))
}

/// Lets panics pass through the masks too; they are told as they would be without.
pub(super) fn mask_panics(masks: Masks) {
    std::panic::set_hook(Box::new(move |info| {
        let thread = std::thread::current();
        let backtrace = std::backtrace::Backtrace::capture();
        let name = thread.name().unwrap_or("<unnamed>");
        let mut text = format!("thread '{name}' {info}\n");
        if backtrace.status() == std::backtrace::BacktraceStatus::Captured {
            text.push_str(&format!("stack backtrace:\n{backtrace}\n"));
        }
        // A standard error that is gone is no reason to panic again.
        let _ = io::stderr().lock().write_all(masks.text(&text).as_bytes());
    }));
}
