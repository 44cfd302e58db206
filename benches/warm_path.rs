//! From a signed push to the moment `dagger call` runs, with a warm mirror of a repository of
//! 10,000 files and 300 commits, beside what git's own command line needs for the fetch and the
//! clone alone.
//!
//! ```sh
//! cargo build --release --locked --examples && cargo bench --locked --bench warm_path
//! ```
//!
//! Needs `git`. Both sides fetch from the same server on loopback, in turns; the agent's time
//! holds everything besides: the webhook's answer, planning, the status owed, the question to the
//! engine, the event file, the start of the (stand-in) CLI until the function runs.

#[path = "../tests/it/world/mod.rs"]
mod world;

use std::path::Path;
use std::time::{Duration, Instant};

use world::module::{Content, Module, Tree};
use world::{World, forge, git};

const FILES: usize = 10_000;
const COMMITS: usize = 300;
const ROUNDS: usize = 9;

fn main() {
    let world = World::start();
    let repo = world.forge.repository("bench/ten");
    let started = world.path("started");
    let mut tree =
        Tree::new().module(Module::new("ci").function("testOnPush", |f| f.src().touches(&started)));
    for n in 0..FILES {
        tree = tree
            .file(&format!("src/{}/{}/file_{n}.txt", n % 10, n % 100), format!("{n}\n").repeat(60));
    }
    let mut sha = repo.commit("main", tree);
    for n in 1..COMMITS {
        sha = touch(repo.path(), &sha, n);
    }
    git::git(repo.path(), &["update-ref", "refs/local/main", &sha]);
    world.forge.push(&repo, "main");
    world.forge.expect_status(&sha, "pocketci", "success");

    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = world
        .forge
        .url()
        .replace("http://", &format!("http://{}:{}@", forge::USERNAME, forge::TOKEN));
    git::git(
        folder.path(),
        &["clone", "--quiet", "--mirror", &format!("{url}/bench/ten.git"), "mirror.git"],
    );

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let change = Tree::new().file(&format!("src/1/1/round_{round}.txt"), "changed\n");
        let sha = repo.commit("main", change);
        std::fs::remove_file(&started).ok();
        let hook = world.forge.pushed(&repo, "main");
        let began = Instant::now();
        world.forge.deliver("push", &hook);
        while !started.exists() {
            std::thread::sleep(Duration::from_micros(200));
        }
        let agent = began.elapsed();
        world.forge.expect_status(&sha, "pocketci", "success");

        let began = Instant::now();
        let mirror = folder.path().join("mirror.git");
        git::git(&mirror, &["fetch", "--quiet"]);
        let from = format!("file://{}", mirror.display());
        git::git(folder.path(), &["clone", "--quiet", "--depth", "10", &from, "checkout"]);
        let cli = began.elapsed();
        std::fs::remove_dir_all(folder.path().join("checkout")).expect("the clone goes away");
        if round > 0 {
            ours.push(agent);
            theirs.push(cli);
        }
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!("webhook to running function, warm mirror: {ours:.0} ms (median of {ROUNDS})");
    println!("git fetch + git clone --depth 10:         {theirs:.0} ms");
    println!("ratio: {:.2}", ours / theirs);
}

fn touch(repository: &Path, parent: &str, n: usize) -> String {
    let path = format!("src/{}/{}/file_{n}.txt", n % 10, n % 100);
    let file = (path, Content::File(format!("changed {n}\n")));
    git::commit(repository, "refs/local/main", Some(parent), &format!("Change {n}"), &[file])
}

/// In milliseconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e3
}
