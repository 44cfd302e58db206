//! What the CLI writes to its standard error while it works.

use std::io::Write as _;
use std::time::{Instant, SystemTime};

/// How talkative the CLI is.
#[derive(Clone, Copy, PartialEq)]
pub enum Style {
    Plain,
    /// `-s`: nothing but errors.
    Silent,
    /// A format that this program does not imitate: only that it is another one.
    Other,
}

pub struct Progress {
    pub style: Style,
    colour: bool,
    began: Instant,
}

impl Progress {
    pub fn new(style: Style) -> Self {
        if style == Style::Silent {
            write("\n");
        }
        let colour = std::env::var_os("NO_COLOR").is_none();
        Self { style, colour, began: Instant::now() }
    }

    /// A line of `plain` progress, `<number>: text`, with the colours that the CLI writes also
    /// where no terminal is.
    pub fn raw_line(&self, line: &str) {
        if self.style != Style::Plain {
            return;
        }
        match line.split_once(": ") {
            Some((number, rest)) if self.colour => {
                write(&format!("\u{1b}[95m{number}: \u{1b}[0m\u{1b}[90;2m\u{1b}[0m{rest}\n"));
            }
            _ => write(&format!("{line}\n")),
        }
    }

    fn lines(&self, lines: &[&str]) {
        for line in lines {
            self.raw_line(line);
        }
    }

    pub fn connecting(&self) {
        self.lines(&[
            "1   : connect",
            "1   : [0.0s] | cloud url=https://dagger.cloud/traces/setup",
            "2   : ┆ starting engine",
            "2   : ┆ starting engine DONE [0.0s]",
            "3   : ┆ connecting to engine",
        ]);
    }

    pub fn refused(&self, attempt: u64, address: &str) {
        let number = attempt + 4;
        self.lines(&[
            &format!("{number}   : ┆ ┆ ┆ moby.buildkit.v1.Control/Info"),
            &format!(
                "{number}   : ┆ ┆ ┆ ! connection error: desc = \"transport: Error while dialing: \
                 dial unix {address}: connect: no such file or directory\""
            ),
        ]);
    }

    pub fn not_connected(&self) {
        self.lines(&[
            "3   : ┆ connecting to engine ERROR [10m0s]",
            "3   : ┆ ! new client: context deadline exceeded",
            "1   : connect ERROR [10m0s]",
            "1   : ! start engine: new client: context deadline exceeded",
        ]);
    }

    pub fn connected(&self) {
        let version = crate::VERSION;
        self.lines(&[
            &format!(
                "3   : ┆ [0.0s] | {} INF connected name=vm client-version={version} \
                 server-version={version}",
                clock()
            ),
            "3   : ┆ connecting to engine DONE [0.0s]",
            "4   : ┆ starting session",
            "4   : ┆ starting session DONE [0.0s]",
            "1   : connect DONE [0.0s]",
            "",
        ]);
    }

    pub fn loaded(&self, error: Option<&str>) {
        self.lines(&["5   : load workspace: .", "6   : ┆ loading type definitions"]);
        match error {
            None => self.lines(&[
                "6   : ┆ loading type definitions DONE [0.4s]",
                "5   : load workspace: . DONE [0.4s]",
                "",
            ]),
            Some(error) => self.lines(&[
                "6   : ┆ loading type definitions ERROR [0.0s]",
                &format!("6   : ┆ ! {error}"),
                "5   : load workspace: . ERROR [0.0s]",
                &format!("5   : ! {error}"),
                "",
            ]),
        }
    }

    pub fn parsed(&self, error: Option<&str>) {
        self.raw_line("7   : parsing command line arguments");
        match error {
            None => self.lines(&["7   : parsing command line arguments DONE [0.0s]", ""]),
            Some(error) => self.lines(&[
                "7   : parsing command line arguments ERROR [0.0s]",
                &format!("7   : ! {error}"),
                "",
            ]),
        }
    }

    /// What a module or a container printed.
    pub fn printed(&self, text: &str) {
        for line in text.split('\n') {
            self.raw_line(&format!("9   : [{:.1}s] | {line}", self.began.elapsed().as_secs_f32()));
        }
    }

    pub fn span(&self, name: &str, error: Option<&str>) {
        let took = self.began.elapsed().as_secs_f32();
        match error {
            None => self.raw_line(&format!("9   : {name} DONE [{took:.1}s]")),
            Some(error) => {
                self.raw_line(&format!("9   : {name} ERROR [{took:.1}s]"));
                for line in error.lines() {
                    self.raw_line(&format!("9   : ! {line}"));
                }
            }
        }
        self.raw_line("");
    }
}

/// Writes to standard error; whoever has stopped reading it does not matter.
pub fn write(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// The time of day as the CLI's log lines begin with it.
pub fn clock() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seconds = since.as_secs() % 86_400;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
