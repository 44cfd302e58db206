//! A browser that has a page of the agent open while a story is told.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use super::process;

/// A page that stays open, and shows what happens without being loaded again.
pub struct Watcher {
    child: Child,
    /// None: it has been told that there is no more to look for.
    asks: Option<ChildStdin>,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Watcher {
    /// Opens a page; none where `POCKETCI_TEST_MODULES` names no folder with playwright-core,
    /// which is said.
    pub fn open(address: &str) -> Option<Self> {
        let name = "POCKETCI_TEST_MODULES";
        let Some(modules) = std::env::var_os(name).map(PathBuf::from) else {
            println!("without a browser: {name} is not set");
            return None;
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gitea/watch.mjs");
        let mut command = process::program("node");
        command.arg(script).arg(address).env(name, modules).env("HOME", std::env::temp_dir());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("node runs");
        let answers = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut watcher = Self { asks: child.stdin.take(), child, answers };
        watcher.agrees("the page to open");
        Some(watcher)
    }

    /// Waits until the list shows a run of this, in this state.
    #[track_caller]
    pub fn sees(&mut self, subject: &str, state: &str) {
        writeln!(self.asks.as_mut().unwrap(), "{subject}\t{state}").unwrap();
        self.agrees(&format!("{subject:?} to be {state}"));
    }

    /// Closes the page, which had nothing to complain of.
    #[track_caller]
    pub fn close(mut self) {
        self.asks = None;
        self.agrees("no error in the page");
        assert!(self.child.wait().unwrap().success());
    }

    #[track_caller]
    fn agrees(&mut self, what: &str) {
        let answer = self.answers.next().expect("the browser answers").unwrap();
        assert_eq!(answer, "ok", "waited in vain for {what}");
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // It closes its browser when nobody asks any more.
        self.asks = None;
        let _ended = self.child.wait();
    }
}
