//! A database that can be read and not written, under an agent that runs.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::post;
use crate::world::{Ledger, Module, Repo, World, eventually, process};

/// A small disk of a story's own, with a file system as real ones have.
struct Disk {
    image: PathBuf,
    folder: PathBuf,
}

impl Disk {
    /// None, and said so, where nothing can be mounted.
    fn new(world: &World) -> Option<Self> {
        let (image, folder) = (world.path("image"), world.path("disk"));
        fs::create_dir_all(&folder).unwrap();
        fs::File::create(&image).unwrap().set_len(32 << 20).unwrap();
        let disk = Self { image, folder };
        if is_done("mkfs.ext4", &["-q", "-F", disk.image.to_str().unwrap()]) && disk.mount() {
            return Some(disk);
        }
        println!("skipped: only root can mount a disk");
        None
    }

    fn mount(&self) -> bool {
        let (image, folder) = (self.image.to_str().unwrap(), self.folder.to_str().unwrap());
        is_done("mount", &["-o", "loop", image, folder])
    }

    fn unmount(&self) -> bool {
        is_done("umount", &[self.folder.to_str().unwrap()])
    }

    /// What the kernel does to it when the disk below fails. Only a new mount brings it back.
    fn fail(&self) {
        // It may complain when it is done: then the disk is what it should be.
        is_done("mount", &["-o", "remount,abort", self.folder.to_str().unwrap()]);
        assert!(fs::write(self.folder.join("probe"), "").is_err(), "it can still be written");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a failed story may have left an agent in it.
        is_done("umount", &["-l", self.folder.to_str().unwrap()]);
    }
}

fn is_done(program: &str, arguments: &[&str]) -> bool {
    let mut program = process::program(program);
    // What makes and mounts disks lies beside what everybody needs.
    program.env("PATH", format!("{}:/usr/sbin:/sbin", process::PATH));
    let done = program.args(arguments).output();
    done.is_ok_and(|done| done.status.success())
}

/// Lets nobody write the database, or everybody again.
fn lock(data: &Path, mark: &str) {
    for name in ["pocketci.db", "pocketci.db-wal"] {
        let file = data.join(name);
        assert!(is_done("chattr", &[mark, file.to_str().unwrap()]), "chattr {mark} {name}");
    }
}

struct Scene {
    world: World,
    disk: Disk,
    repo: Repo,
    data: PathBuf,
    /// A push that nobody has heard of, and its commit.
    later: (Value, String),
}

/// An agent on the disk that has done something.
fn scene() -> Option<Scene> {
    let mut world = World::prepare();
    let disk = Disk::new(&world)?;
    let data = disk.folder.join("data");
    world.agent.set("POCKETCI_MIN_FREE", "0");
    world.agent.keep_in(&data);
    world.agent.start();
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
    world.forge.push(&repo, "main");
    world.forge.expect_status(&sha, "pocketci", "success");
    eventually("it to be told", || Ledger::read(&data).owed.is_empty().then_some(()));
    let sha = repo.commit("main", [("README.md", "words\n")]);
    let later = (world.forge.pushed(&repo, "main"), sha);
    Some(Scene { world, disk, repo, data, later })
}

impl Scene {
    /// It takes nothing, says why, and shows what it has.
    #[track_caller]
    fn expect_refusal(&self) {
        let answer = post(&self.world, "refused", &self.later.0);
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
        let ready = eventually("/readyz to say so", || {
            let ready = self.world.agent.get("/readyz");
            (ready.status == 503).then_some(ready)
        });
        let conditions = ready.json();
        let database = &conditions["checks"]["database"];
        assert_eq!(database["ok"], false, "{conditions}");
        assert_eq!(self.world.agent.get("/healthz").status, 200);
        assert_eq!(self.world.agent.get("/runs/1").status, 200);
    }

    /// What it took before is whole, and nothing of what it refused is there.
    #[track_caller]
    fn expect_whole(&self) {
        let ledger = Ledger::read(&self.data);
        assert_eq!(ledger.deliveries.len(), 1, "{:?}", ledger.deliveries);
        assert!(ledger.deliveries[0].whole && ledger.deliveries[0].state == "settled");
    }

    #[track_caller]
    fn expect_taken(&self) {
        eventually("deliveries to be taken again", || {
            (post(&self.world, "taken", &self.later.0).status == 202).then_some(())
        });
        self.world.forge.expect_status(&self.later.1, "pocketci", "success");
        eventually("it to be ready again", || {
            (self.world.agent.get("/readyz").status == 200).then_some(())
        });
    }
}

#[test]
fn a_database_that_nobody_may_write_is_waited_for() {
    let Some(mut scene) = scene() else { return };
    lock(&scene.data, "+i");
    scene.expect_refusal();
    scene.expect_whole();

    lock(&scene.data, "-i");

    scene.expect_taken();
    scene.world.agent.restart();
    assert_eq!(post(&scene.world, "taken", &scene.later.0).status, 200);
    scene.world.agent.terminate();
}

#[test]
fn a_disk_that_turns_read_only_costs_nothing_that_was_taken() {
    let Some(mut scene) = scene() else { return };
    scene.disk.fail();
    scene.expect_refusal();

    scene.world.agent.kill();
    assert!(scene.disk.unmount() && scene.disk.mount());
    scene.world.agent.start();

    scene.expect_whole();
    scene.expect_taken();
    let sha = scene.repo.commit("main", [("README.md", "more words\n")]);
    scene.world.forge.push(&scene.repo, "main");
    scene.world.forge.expect_status(&sha, "pocketci", "success");
    scene.world.agent.terminate();
}
