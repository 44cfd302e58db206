//! The dagger engine, as far as the stand-in for the CLI looks at it: a file that says how it is.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::eventually;

/// The engine's address, its state and what the CLI was asked for.
pub struct Engine {
    socket: PathBuf,
}

/// One time that the CLI was started.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// `version`, `ping`, `list`, `call`, …
    pub kind: String,
    pub function: Option<String>,
    pub argv: Vec<String>,
    pub cwd: String,
    /// Its whole environment.
    pub env: Value,
}

impl Engine {
    pub fn start(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let engine = Self { socket: folder.join("engine.sock") };
        engine.up();
        engine
    }

    /// What `_EXPERIMENTAL_DAGGER_RUNNER_HOST` is set to.
    pub fn address(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    pub fn up(&self) {
        self.is("up");
    }

    /// From now on nothing answers: the CLI hangs as long as the real one does.
    pub fn down(&self) {
        self.is("down");
    }

    /// A state in the stand-in's own words.
    pub fn is(&self, state: &str) {
        let next = self.socket.with_extension("next");
        std::fs::write(&next, format!("{state}\n")).unwrap();
        std::fs::rename(&next, &self.socket).unwrap();
    }

    /// Every time that the CLI was started so far, oldest first.
    pub fn invocations(&self) -> Vec<Invocation> {
        let log = PathBuf::from(format!("{}.log", self.socket.display()));
        let text = std::fs::read_to_string(log).unwrap_or_default();
        // The last line may be half written.
        let entries = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        entries
            .filter(|entry| entry["at"] == "start")
            .map(|entry| Invocation {
                kind: text_of(&entry["kind"]),
                function: entry["function"].as_str().map(str::to_owned),
                argv: entry["argv"].as_array().unwrap().iter().map(text_of).collect(),
                cwd: text_of(&entry["cwd"]),
                env: entry["env"].clone(),
            })
            .collect()
    }

    /// How often a module was listed.
    pub fn listings(&self) -> usize {
        self.invocations().iter().filter(|one| one.kind == "list").count()
    }

    /// The calls of one function.
    pub fn calls(&self, function: &str) -> Vec<Invocation> {
        let mut found = self.invocations();
        found.retain(|one| one.kind == "call" && one.function.as_deref() == Some(function));
        found
    }

    /// Waits until the CLI was asked for a kind of thing.
    #[track_caller]
    pub fn expect(&self, kind: &str) -> Invocation {
        eventually(&format!("`dagger` being asked for a {kind}"), || {
            self.invocations().into_iter().find(|one| one.kind == kind)
        })
    }
}

impl Invocation {
    /// The value of `--flag=…`.
    pub fn flag(&self, flag: &str) -> Option<&str> {
        let prefix = format!("--{flag}=");
        self.argv.iter().find_map(|argument| argument.strip_prefix(&prefix))
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
