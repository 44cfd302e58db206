//! The agent: the real binary, with an environment from nothing.

mod shown;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use nix::sys::signal::Signal;

use super::forge::{self, Forge};
use super::{Engine, PATIENCE, entries, eventually, process};

/// The words before the address in the line that says where the agent listens.
const LISTENING: &str = "listening on http";

/// Names the crash point that the agent dies at.
const CRASH_AT: &str = "POCKETCI_TEST_CRASH_AT";

/// The agent's process, its folder, and what it has said.
pub struct Agent {
    environment: BTreeMap<String, String>,
    data: PathBuf,
    home: PathBuf,
    forge: Forge,
    child: Option<Child>,
    address: String,
    said: Arc<Said>,
}

/// Standard error so far, over all starts.
#[derive(Default)]
struct Said {
    lines: Mutex<Vec<String>>,
    more: Condvar,
}

impl Agent {
    /// An agent that is set up and not started.
    pub fn prepare(dir: &Path, forge: &Forge, engine: &Engine) -> Self {
        let (data, home) = (dir.join("data"), dir.join("home"));
        std::fs::create_dir_all(&home).unwrap();
        let mut agent = Self {
            environment: BTreeMap::new(),
            data: data.clone(),
            home: home.clone(),
            forge: forge.clone(),
            child: None,
            address: String::new(),
            said: Arc::default(),
        };
        let stand_in = process::stand_in();
        for (name, value) in [
            ("PATH", process::PATH),
            ("HOME", home.to_str().unwrap()),
            ("RUST_BACKTRACE", "1"),
            ("GITHUB_USERNAME", forge::USERNAME),
            ("GITHUB_TOKEN", forge::TOKEN),
            ("X_HUB_SIGNATURE", forge::SECRET),
            ("POCKETCI_GITHUB_URL", forge.url()),
            ("POCKETCI_LISTEN", "127.0.0.1:0"),
            ("POCKETCI_URL", "http://ci.example"),
            // Pages are read here without signing in, as on a loopback address without a name.
            ("POCKETCI_PUBLIC_RUNS", "all"),
            ("POCKETCI_DATA_DIR", data.to_str().unwrap()),
            ("POCKETCI_DAGGER", stand_in.to_str().unwrap()),
            // Enough for functions that wait for one another, on any machine.
            ("POCKETCI_PARALLELISM", "4"),
            ("_EXPERIMENTAL_DAGGER_RUNNER_HOST", &engine.address()),
        ] {
            agent.set(name, value);
        }
        if forge.kind() != forge::Kind::Github {
            agent.serve_only(forge);
        }
        agent
    }

    /// Has it set up for this forge, and for no GitHub.
    fn serve_only(&mut self, forge: &Forge) {
        for name in ["GITHUB_USERNAME", "GITHUB_TOKEN", "X_HUB_SIGNATURE", "POCKETCI_GITHUB_URL"] {
            self.unset(name);
        }
        let prefix = forge.kind().vendor().to_ascii_uppercase().replace('-', "_");
        self.set(&format!("{prefix}_URL"), forge.url());
        self.set(&format!("{prefix}_TOKEN"), forge::TOKEN);
        self.set(&format!("{prefix}_WEBHOOK_SECRET"), forge::SECRET);
    }

    /// A variable for the next start.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.insert(name.to_owned(), value.to_owned());
    }

    /// Its variables.
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    /// Another data folder for the next start.
    pub fn keep_in(&mut self, folder: &Path) {
        self.data = folder.to_owned();
        self.set("POCKETCI_DATA_DIR", folder.to_str().unwrap());
    }

    pub fn unset(&mut self, name: &str) {
        self.environment.remove(name);
    }

    /// Starts it and waits until it listens; from then on the forge sends its hooks there.
    #[track_caller]
    pub fn start(&mut self) {
        let known = self.said().len();
        self.spawn();
        let address = self.wait(known, listens);
        self.listens_at(&address);
    }

    fn listens_at(&mut self, address: &str) {
        self.address = format!("http://{address}");
        self.forge.send_hooks_to(&self.url("/"));
    }

    /// Starts it armed: it dies by itself when it passes this crash point. Gives whether it lived
    /// until it listened.
    #[track_caller]
    pub fn start_armed(&mut self, point: &str) -> bool {
        let known = self.said().len();
        self.set(CRASH_AT, point);
        self.spawn();
        self.unset(CRASH_AT);
        let address = eventually("the agent to listen or to die", || {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap().is_some();
            let address = self.said()[known..].iter().find_map(|line| listens(line));
            (ended || address.is_some()).then_some(address.filter(|_| !ended))
        });
        if let Some(address) = &address {
            self.listens_at(address);
        }
        address.is_some()
    }

    /// Waits until it has died at its crash point.
    #[track_caller]
    pub fn expect_death(&mut self) {
        let ended = self.ended();
        let signal = std::os::unix::process::ExitStatusExt::signal(&ended);
        assert_eq!(
            signal,
            Some(Signal::SIGKILL as i32),
            "it ended with {ended:?}\n{}",
            self.told()
        );
    }

    /// Whether it has ended by itself; from then on it can be started again.
    pub fn has_died(&mut self) -> bool {
        let Some(child) = &mut self.child else { return true };
        let died = child.try_wait().unwrap().is_some();
        if died {
            self.child = None;
        }
        died
    }

    fn spawn(&mut self) {
        let mut command = process::program(env!("CARGO_BIN_EXE_pocketci-agent"));
        command.env_clear().envs(&self.environment).arg("serve").current_dir(&self.home);
        // A group of its own, so that a signal for it is no signal for the tests.
        command.process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        self.listen_to(child.stdout.take().unwrap());
        self.listen_to(child.stderr.take().unwrap());
        self.child = Some(child);
    }

    fn listen_to(&self, stream: impl std::io::Read + Send + 'static) {
        let said = self.said.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                said.lines.lock().unwrap().push(line);
                said.more.notify_all();
            }
            // An end is news too.
            said.more.notify_all();
        });
    }

    /// Waits for a line that is like this, behind the first `known` ones.
    #[track_caller]
    fn wait<T>(&mut self, known: usize, mut is_it: impl FnMut(&str) -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        loop {
            let lines = self.said.lines.lock().unwrap();
            if let Some(found) = lines[known..].iter().find_map(|line| is_it(line)) {
                return found;
            }
            drop(lines);
            let ended = self.child.as_mut().and_then(|child| child.try_wait().unwrap());
            let told = self.said().join("\n");
            assert!(ended.is_none(), "the agent ended with {ended:?}, having said\n{told}");
            assert!(Instant::now() < until, "waited {PATIENCE:?} in vain, the agent said\n{told}");
            let lines = self.said.lines.lock().unwrap();
            drop(self.said.more.wait_timeout(lines, super::GLANCE).unwrap());
        }
    }

    /// Runs `serve` where it is expected to refuse, and gives its exit status and words.
    pub fn refuses_to_start(&mut self) -> (i32, String) {
        let known = self.said().len();
        self.spawn();
        let code = self.ended().code().unwrap_or(-1);
        let said = eventually("its words", || {
            let said = self.said();
            (said.len() > known).then(|| said[known..].join("\n"))
        });
        (code, said)
    }

    /// Waits for a line of its log that holds this.
    #[track_caller]
    pub fn expect_log(&mut self, text: &str) -> String {
        self.wait(0, |line| line.contains(text).then(|| line.to_owned()))
    }

    /// Everything it has said on its output streams.
    pub fn said(&self) -> Vec<String> {
        self.said.lines.lock().unwrap().clone()
    }

    /// A URL of the agent as it listens.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// Asks it to end and does not wait for it.
    pub fn ask_to_end(&self) {
        process::signal(self.pid(), Signal::SIGTERM);
    }

    /// Asks it to end and waits until it has, cleanly.
    #[track_caller]
    pub fn terminate(&mut self) {
        let pid = self.pid();
        process::signal(pid, Signal::SIGTERM);
        let ended = self.ended();
        assert_eq!(ended.code(), Some(0), "SIGTERM ended it with {ended:?}\n{}", self.told());
    }

    /// What `doctor` finds with the same environment while this agent runs: level, what, detail.
    #[track_caller]
    pub fn doctor(&self) -> Vec<(String, String, String)> {
        self.findings(&["doctor", "--json"])
    }

    /// The same with a look at the webhook of a repository.
    #[track_caller]
    pub fn doctor_of(&self, repository: &str) -> Vec<(String, String, String)> {
        self.findings(&["doctor", "--json", "--repository", repository])
    }

    #[track_caller]
    fn findings(&self, arguments: &[&str]) -> Vec<(String, String, String)> {
        let (_, printed) = self.command(arguments);
        let findings: Vec<serde_json::Value> = serde_json::from_str(&printed).unwrap();
        let word = |one: &serde_json::Value, key: &str| one[key].as_str().unwrap().to_owned();
        findings
            .iter()
            .map(|it| (word(it, "level"), word(it, "what"), word(it, "detail")))
            .collect()
    }

    /// Another command with the same environment while this agent runs: its exit status, and what
    /// it printed; where it failed, its complaint too.
    #[track_caller]
    pub fn command(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = process::program(env!("CARGO_BIN_EXE_pocketci-agent"));
        command.env_clear().envs(&self.environment).current_dir(&self.home);
        command.env("POCKETCI_LISTEN", self.address.trim_start_matches("http://"));
        let output = command.args(arguments).output().unwrap();
        let (status, mut said) = (output.status.code().unwrap_or(-1), output.stdout);
        if status != 0 && !arguments.contains(&"--json") {
            said.extend(output.stderr);
        }
        (status, String::from_utf8(said).unwrap())
    }

    /// Ends it as a power failure does.
    pub fn kill(&mut self) {
        process::signal(self.pid(), Signal::SIGKILL);
        self.ended();
    }

    /// Ends it cleanly and starts it again.
    #[track_caller]
    pub fn restart(&mut self) {
        self.terminate();
        self.start();
    }

    /// The folder with all it keeps.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// What is left in its working folder.
    pub fn work(&self) -> Vec<String> {
        entries(&self.data.join("work"))
    }

    /// Resident memory in MB.
    pub fn resident(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }

    pub fn pid(&self) -> i32 {
        self.child.as_ref().expect("the agent runs").id() as i32
    }

    #[track_caller]
    fn ended(&mut self) -> ExitStatus {
        let ended =
            eventually("the agent to end", || self.child.as_mut().unwrap().try_wait().unwrap());
        self.child = None;
        ended
    }

    fn told(&self) -> String {
        self.said().join("\n")
    }

    /// Nothing may be left of what it did.
    #[track_caller]
    pub fn expect_nothing_left(&self) {
        let processes = process::carrying(&self.data);
        assert!(processes.is_empty(), "processes were left behind: {processes:?}");
        let work = self.work();
        assert!(work.is_empty(), "the working folder was left with {work:?}");
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if std::thread::panicking() {
            if self.child.is_some() {
                self.kill();
            }
            for process in process::carrying(&self.data) {
                process::signal(process.pid, Signal::SIGKILL);
            }
            eprintln!("--- the agent said\n{}\n---", self.told());
            return;
        }
        if self.child.is_some() {
            self.terminate();
            self.expect_nothing_left();
        }
    }
}

/// The address in the line that says where the agent listens.
fn listens(line: &str) -> Option<String> {
    let (_, rest) = line.split_once(LISTENING)?;
    let (_, address) = rest.split_once("://")?;
    let end = address.find(|c: char| !(c.is_ascii_digit() || ".:".contains(c)));
    Some(address[..end.unwrap_or(address.len())].to_owned())
}
