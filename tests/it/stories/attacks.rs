//! Attacks: what a stranger can write into a repository, a pull request or a webhook, and what
//! comes of it. Each is a real repository and a signed delivery; the stand-in for `dagger` does
//! what the real one would do for them (docs/security-tests.md says which guard each one is for).

mod dotenv;
mod links;
mod git_tricks;
mod bombs;
mod elsewhere;
mod strings;

use crate::world::{Module, World};

/// What no stranger may come to see: it lies beside the data folder and in the environment.
const TREASURE: &str = "treasure-of-the-host";

/// A module whose functions and constructor leave arguments open, as attackers would want them.
fn open_module(folder: &str) -> Module {
    Module::new(folder).constructed_with("token: Secret").function("testOnPush", |f| {
        f.src().arg("token: Secret").arg("dir: Directory").prints("dir ${dir.entries}")
    })
}

/// Pushes it, and waits until everything that follows has come to its end.
#[track_caller]
fn pushed(world: &World, module: Module) -> String {
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", module);
    world.forge.push(&repo, "main");
    world.forge.expect_status_like(&sha, "an end", |status| {
        status.is_final() && status.context.starts_with("pocketci")
    });
    world.let_later_work_pass();
    sha
}

/// All that the agent shows of a commit: statuses, pages, logs, and what it said.
#[track_caller]
fn shown(world: &World, sha: &str) -> String {
    let statuses = world.forge.statuses(sha);
    let mut shown = format!("{statuses:?}\n{}", world.agent.said().join("\n"));
    for status in statuses.iter().filter(|status| status.is_final()) {
        shown.push_str(&world.agent.run_page(status));
        shown.push_str(&world.agent.logs(status));
    }
    shown
}
