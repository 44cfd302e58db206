//! SIGINT and SIGTERM as the CLI takes them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{SigSet, Signal, kill, raise};
use nix::unistd::Pid;

use crate::progress::write;

static CONNECTED: AtomicBool = AtomicBool::new(false);
static IGNORED: AtomicBool = AtomicBool::new(false);
static CONTAINER: Mutex<Option<u32>> = Mutex::new(None);

/// To be called before anything else, so that every thread has the signals blocked but the one
/// that waits for them. Children start with nothing blocked.
pub fn install() {
    let mut set = SigSet::empty();
    set.add(Signal::SIGINT);
    set.add(Signal::SIGTERM);
    set.thread_block().expect("blocking signals needs no permission");
    std::thread::spawn(move || {
        loop {
            let signal = set.wait().expect("the set is valid");
            if !IGNORED.load(Ordering::SeqCst) {
                take(signal, &set);
            }
        }
    });
}

fn take(signal: Signal, set: &SigSet) {
    // Containers vanish with the CLI.
    if let Some(container) = *CONTAINER.lock().expect("nobody panics with it") {
        let _ = kill(Pid::from_raw(container.cast_signed()), Signal::SIGKILL);
    }
    if signal == Signal::SIGINT {
        if CONNECTED.load(Ordering::SeqCst) {
            write("\n\nCanceled.\n");
            std::process::exit(1);
        }
        write("1   : ! start engine: new client: interrupt signal received\n\n");
        std::process::exit(2);
    }
    let _ = set.thread_unblock();
    let _ = raise(signal);
}

/// From here on an interrupt cancels the session.
pub fn connected() {
    CONNECTED.store(true, Ordering::SeqCst);
}

/// From here on both signals do nothing.
pub fn ignore() {
    IGNORED.store(true, Ordering::SeqCst);
}

/// Which process plays the container, if one does.
pub fn container(pid: Option<u32>) {
    *CONTAINER.lock().expect("nobody panics with it") = pid;
}
