//! The world around the agent: a forge, an engine and the agent itself as a process.
//!
//! Stories speak to it in verbs. It knows the agent by its surfaces alone: environment, HTTP,
//! exit status, files in the data folder, and what arrives at the forge. Nothing here imports
//! the library, so a story shows what a stranger would see.

#![expect(clippy::disallowed_methods, reason = "this is what starts the programs under test")]
#![expect(clippy::unwrap_used, reason = "a world that breaks is a failed test")]
#![allow(
    unreachable_pub,
    dead_code,
    unused_imports,
    reason = "a test binary exports nothing; verbs wait for stories, and a bench needs few"
)]

pub mod agent;
pub mod browser;
pub mod collector;
pub mod engine;
pub mod forge;
pub mod git;
pub mod gitea;
pub mod http;
pub mod ledger;
pub mod module;
pub mod process;
pub mod storm;
pub mod visitor;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub use agent::Agent;
pub use engine::Engine;
pub use forge::{Delivery, Forge, Refusal, Repo};
pub use ledger::Ledger;
pub use module::{Module, Tree};
pub use visitor::Visitor;

/// How long anything that must happen may take on a busy machine. A story that passes never
/// waits for it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often something is looked at that cannot wake us (a file, a process).
const GLANCE: Duration = Duration::from_millis(10);

/// A forge, an engine and an agent that know one another.
pub struct World {
    // The agent ends first: fields are dropped in this order.
    pub agent: Agent,
    pub engine: Engine,
    pub forge: Forge,
    dir: TempDir,
}

impl World {
    /// Everything up, with the defaults of the documentation.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// The same with more variables for the agent, or other values.
    pub fn with(environment: &[(&str, &str)]) -> Self {
        let mut world = Self::prepare();
        for (name, value) in environment {
            world.agent.set(name, value);
        }
        world.agent.start();
        world
    }

    /// Everything up, around another forge than GitHub.
    pub fn of(kind: forge::Kind) -> Self {
        let mut world = Self::prepare_of(kind);
        world.agent.start();
        world
    }

    /// The same, where the agent is known by the address that it listens at: forges reach it there.
    pub fn reached_by(kind: forge::Kind) -> Self {
        let mut world = Self::prepare_of(kind);
        let listen = format!("127.0.0.1:{}", gitea::free_port());
        world.agent.set("POCKETCI_LISTEN", &listen);
        world.agent.set("POCKETCI_URL", &format!("http://{listen}"));
        world.agent.start();
        world
    }

    /// Everything set up, and the agent not started.
    pub fn prepare() -> Self {
        Self::prepare_of(forge::Kind::Github)
    }

    fn prepare_of(kind: forge::Kind) -> Self {
        let dir = tempfile::Builder::new().prefix("pocketci-world-").tempdir().unwrap();
        let forge = Forge::start_as(kind);
        let engine = Engine::start(&dir.path().join("engine"));
        let agent = Agent::prepare(dir.path(), &forge, &engine);
        Self { agent, engine, forge, dir }
    }

    /// A path of this story's own, where nothing lies yet: for functions to touch or wait for.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Makes a file that a function waits for.
    pub fn touch(&self, name: &str) {
        std::fs::write(self.path(name), "").unwrap();
    }

    /// Waits until a function has touched this file.
    #[track_caller]
    pub fn expect_file(&self, name: &str) -> String {
        let path = self.path(name);
        eventually(&format!("the file {}", path.display()), || {
            std::fs::read_to_string(&path).ok().filter(|text| !text.is_empty())
        })
    }

    /// A push whose one call has begun, and goes on until the story touches `go`; its commit.
    #[track_caller]
    pub fn begin_a_call(&self) -> String {
        let (began, go) = (self.path("began"), self.path("go"));
        let repo = self.forge.repository("ada/site");
        let module = Module::new("ci").function("testOnPush", |f| f.touches(&began).waits_for(&go));
        let sha = repo.commit("main", module);
        self.forge.push(&repo, "main");
        self.expect_file("began");
        sha
    }

    /// Lets an event that came later than everything so far run to its end, so that what was
    /// to happen for the earlier ones has happened.
    #[track_caller]
    pub fn let_later_work_pass(&self) {
        let repo = self.forge.repository("marker/marker");
        let sha = repo.commit("main", Module::new("ci").function("onPush", |f| f));
        self.forge.push(&repo, "main");
        self.expect_passed(&sha, "on-push");
    }

    /// Waits until a function has passed at a commit: as the forge shows it, or, where a forge
    /// shows nothing, as the agent says.
    #[track_caller]
    pub fn expect_passed(&self, sha: &str, function: &str) {
        if self.forge.kind().has_statuses() {
            self.forge.expect_status(sha, &format!("pocketci/{function}"), "success");
            return;
        }
        eventually(&format!("{function} of {sha} to pass"), || {
            let runs = self.runs();
            let mut of_it = runs.iter().filter(|run| run["sha"] == sha);
            of_it.find(|run| has_passed(run, function)).map(drop)
        });
    }

    /// The newest runs, as the agent's API tells of them.
    pub fn runs(&self) -> Vec<serde_json::Value> {
        let answer = self.agent.get("/api/v1/runs?limit=100").json();
        answer["runs"].as_array().unwrap().clone()
    }
}

fn has_passed(run: &serde_json::Value, function: &str) -> bool {
    let mut calls = run["calls"].as_array().unwrap().iter();
    calls.any(|call| call["function"] == function && call["outcome"] == "passed")
}

/// Looks until there is something to see, and fails after [`PATIENCE`].
#[track_caller]
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(since.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain for {what}");
        std::thread::sleep(GLANCE);
    }
}

/// What lies in a folder, sorted; nothing where there is no folder.
pub fn entries(folder: &Path) -> Vec<String> {
    let Ok(found) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> =
        found.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
