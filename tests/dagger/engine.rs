//! The pretended engine: a text file where the engine's socket would be.
//!
//! The CLI reads its address from `_EXPERIMENTAL_DAGGER_RUNNER_HOST`; what the file at a
//! `unix://` address says decides how the engine behaves, and every invocation is logged beside
//! it. Without the variable the engine is up and nothing is logged.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use crate::progress::{Progress, clock};
use crate::{Failure, VERSION, signals};

/// How long the real CLI tries to reach an engine.
const CONNECT: Duration = Duration::from_secs(600);

/// How long the real CLI hangs when its engine was killed under it.
const KILLED: Duration = Duration::from_secs(137);

/// How often the file is read again while something waits.
const LOOK: Duration = Duration::from_millis(20);

pub struct Engine {
    socket: Option<PathBuf>,
}

/// What the file says.
struct Control {
    state: State,
    delay: Duration,
    version: String,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Up,
    Down(Duration),
    Killed(Duration),
    Stopping,
}

impl Engine {
    pub fn from_environment() -> Self {
        let address = std::env::var("_EXPERIMENTAL_DAGGER_RUNNER_HOST").unwrap_or_default();
        Self { socket: address.strip_prefix("unix://").map(PathBuf::from) }
    }

    pub fn version(&self) -> String {
        self.control().version
    }

    fn control(&self) -> Control {
        let mut control =
            Control { state: State::Up, delay: Duration::ZERO, version: VERSION.to_owned() };
        let Some(socket) = &self.socket else { return control };
        let Ok(text) = fs::read_to_string(socket) else {
            control.state = State::Down(CONNECT);
            return control;
        };
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let (word, value) = (words.next().unwrap_or_default(), words.next());
            let time = |default| value.map_or(default, duration);
            match word {
                "" | "up" => {}
                "down" => control.state = State::Down(time(CONNECT)),
                "killed" => control.state = State::Killed(time(KILLED)),
                "stopping" => control.state = State::Stopping,
                "delay" => control.delay = time(Duration::ZERO),
                "version" => control.version = value.unwrap_or_default().to_owned(),
                other => panic!("{}: unknown word `{other}`", socket.display()),
            }
        }
        control
    }

    /// Comes back when the engine answers, and fails as the real CLI does when it never did.
    pub fn connect(&self, progress: &mut Progress) -> Result<(), Failure> {
        progress.connecting();
        let control = self.control();
        sleep(control.delay);
        let began = Instant::now();
        let mut complained = 0;
        loop {
            let limit = match self.control().state {
                State::Up => break,
                State::Down(limit) => limit,
                State::Killed(_) | State::Stopping => CONNECT,
            };
            if began.elapsed() >= limit {
                progress.not_connected();
                return Err(Failure::traced("start engine: new client: context deadline exceeded"));
            }
            if began.elapsed().as_secs() >= complained {
                complained += 1;
                progress.refused(complained, &self.address());
            }
            sleep(LOOK);
        }
        signals::connected();
        progress.connected();
        Ok(())
    }

    /// To be asked while anything waits: fails, or never comes back, when the engine is gone.
    pub fn check(&self, progress: &mut Progress) -> Result<(), Failure> {
        crate::otlp::tick();
        let limit = match self.control().state {
            State::Up => return Ok(()),
            State::Down(_) => KILLED,
            State::Killed(limit) => limit,
            State::Stopping => {
                progress.raw_line("15  : ┆ Container.stdout ERROR [3.2s]");
                progress.raw_line("15  : ┆ ! engine is shutting down");
                loop {
                    sleep(CONNECT);
                }
            }
        };
        sleep(limit);
        let after = format!(
            "{} ERR cleanup failed msg=\"close dagger session\" err=\"shutdown: do shutdown: Post \
             \\\"http://dagger/shutdown\\\": dial unix {}: connect: connection refused\" \
             duration={}s\n",
            clock(),
            self.address(),
            limit.as_secs_f32()
        );
        let message = "Post \"http://dagger/query\": unexpected EOF";
        Err(Failure { after, ..Failure::plain(message) })
    }

    /// Waits, and fails when the engine goes away meanwhile.
    pub fn wait(
        &self,
        progress: &mut Progress,
        mut over: impl FnMut(Duration) -> bool,
    ) -> Result<(), Failure> {
        let began = Instant::now();
        while !over(began.elapsed()) {
            self.check(progress)?;
            sleep(LOOK);
        }
        Ok(())
    }

    fn address(&self) -> String {
        self.socket.as_deref().unwrap_or("/run/dagger/engine.sock".as_ref()).display().to_string()
    }

    pub fn log_start(
        &self,
        argv: &[String],
        stdin: Option<&str>,
        kind: &str,
        function: Option<&str>,
    ) {
        let env: serde_json::Map<String, Value> = std::env::vars_os()
            .map(|(name, value)| (lossy(&name), Value::from(lossy(&value))))
            .collect();
        let cwd = std::env::current_dir().map(|path| path.display().to_string()).ok();
        self.log(json!({
            "at": "start", "pid": std::process::id(), "ms": now(), "argv": argv, "cwd": cwd,
            "env": env, "stdin": stdin, "kind": kind, "function": function,
        }));
    }

    pub fn log_end(&self, exit: i32) {
        self.log(json!({"at": "end", "pid": std::process::id(), "ms": now(), "exit": exit}));
    }

    fn log(&self, entry: Value) {
        let Some(socket) = &self.socket else { return };
        let path = format!("{}.log", socket.display());
        let file = fs::OpenOptions::new().create(true).append(true).open(&path);
        // One write, so that lines of invocations at the same time do not mix.
        let written = file.and_then(|mut file| file.write_all(format!("{entry}\n").as_bytes()));
        if let Err(error) = written {
            eprintln!("stand-in: `{path}`: {error}");
        }
    }
}

fn lossy(text: &std::ffi::OsStr) -> String {
    text.to_string_lossy().into_owned()
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or_default()
}

/// `300ms`, `2s`, `10m`.
fn duration(text: &str) -> Duration {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().unwrap_or_else(|_| panic!("`{text}` is no duration"));
    match &text[digits.len()..] {
        "ms" => Duration::from_millis(number),
        "m" => Duration::from_secs(60 * number),
        "s" | "" => Duration::from_secs(number),
        _ => panic!("`{text}` is no duration"),
    }
}
