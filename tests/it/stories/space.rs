//! Space: long logs, what is kept, leftovers, full disks.

mod read_only;

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::world::{Module, World, entries, eventually, forge, http, process};

#[test]
fn a_runaway_log_keeps_its_head_and_its_tail() {
    let world = World::with(&[("POCKETCI_LOG_LIMIT", "64KiB")]);
    let (began, go) = (world.path("began"), world.path("go"));
    let lines: String = (0..20_000).map(|number| format!("line number {number}\n")).collect();
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci").function("testOnPush", |f| {
        f.step(serde_json::json!({"spawn": format!("seq -f 'said %.0f' 0 20000; touch {0}; while ! [ -e {1} ]; do sleep 0.05; done", began.display(), go.display())}))
            .waits_for(&began)
            .waits_for(&go)
            .prints(&lines)
    });
    let sha = repo.commit("main", module);
    world.forge.push(&repo, "main");
    let status = world.forge.expect_status(&sha, "pocketci/test-on-push", "pending");
    eventually("the log to be shown while it grows", || {
        let log = world.agent.logs(&status);
        (log.contains(" said 0\n") && log.contains(" said 20000\n")).then_some(())
    });
    world.touch("go");
    let status = world.forge.expect_status(&sha, "pocketci/test-on-push", "success");

    let log = world.agent.logs(&status);

    assert!(log.len() < 80 * 1024, "{} bytes", log.len());
    let marks: Vec<&str> = log.lines().filter(|line| line.ends_with(" left out …")).collect();
    assert_eq!(marks.len(), 1, "{marks:?}");
    assert!(log.contains(" said 0\n") && log.contains("line number 19999\n"));
    assert!(log.trim_end().ends_with(" - Passed"), "{}", &log[log.len() - 200..]);
    let logs = world.agent.data().join("logs");
    let [run] = entries(&logs).try_into().unwrap();
    // Beside it lies only the empty file whose name says where the joined log goes on.
    eventually("the log to be one file", || {
        let names = entries(&logs.join(&run));
        (names.iter().filter(|it| it.contains(".log") && !it.contains(".gap-")).count() == 1)
            .then_some(())
    });
}

#[test]
fn what_is_not_kept_goes_with_its_log() {
    let mut world = World::with(&[("POCKETCI_KEEP", "1")]);
    let repo = world.forge.repository("ada/site");
    let mut runs = Vec::new();
    for text in ["one", "two"] {
        let module = Module::new("ci").function("testOnPush", |f| f.prints(text));
        let sha = repo.commit("main", module);
        world.forge.push(&repo, "main");
        let status = world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
        world.forge.expect_status(&sha, "pocketci", "success");
        runs.push(status.target_url.replace("http://ci.example", ""));
    }
    let logs = world.agent.data().join("logs");
    assert_eq!(entries(&logs).len(), 2);

    world.agent.restart();

    eventually("the first run to go", || (world.agent.get(&runs[0]).status == 404).then_some(()));
    assert_eq!(world.agent.get(&runs[1]).status, 200);
    assert_eq!(entries(&logs), [runs[1].replace("/runs/", "")]);
}

#[test]
fn leftovers_of_a_crash_go_at_the_next_start() {
    let mut world = World::start();
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
    world.forge.push(&repo, "main");
    world.forge.expect_status(&sha, "pocketci", "success");
    world.agent.kill();
    let data = world.agent.data().to_owned();
    let leave = |path: &str| {
        let path = data.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "half").unwrap();
    };
    leave("work/run-7-abc/src/main.go");
    leave("mirrors/+new/abc/HEAD");
    leave("mirrors/+aside/abc/mirror/HEAD");
    leave("logs/4711/9-1.log");

    world.agent.start();

    let work = world.agent.work();
    assert!(work.iter().all(|name| !name.starts_with("run-")), "{work:?}");
    let mirrors = entries(&data.join("mirrors"));
    assert!(mirrors.iter().all(|name| !name.starts_with('+')), "{mirrors:?}");
    eventually("the log without a run to go", || (!data.join("logs/4711").exists()).then_some(()));
    let sha = repo.commit("main", [("README.md", "words\n")]);
    world.forge.push(&repo, "main");
    world.forge.expect_status(&sha, "pocketci", "success");
}

/// A small file system of a story's own.
struct Mount(PathBuf);

impl Mount {
    /// None, and said so, where nothing can be mounted.
    fn new(folder: PathBuf, size: &str) -> Option<Self> {
        fs::create_dir_all(&folder).unwrap();
        let options = format!("size={size},mode=700");
        let mut mount = process::program("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "pocketci-story"]).arg(&folder);
        match mount.output() {
            Ok(done) if done.status.success() => Some(Self(folder)),
            other => {
                println!("skipped: only root can mount a small file system ({other:?})");
                None
            }
        }
    }

    fn read_only(&self) {
        let mut mount = process::program("mount");
        mount.args(["-o", "remount,ro"]).arg(&self.0);
        assert!(mount.status().unwrap().success());
    }

    fn free_percent(&self) -> u64 {
        let disk = nix::sys::statvfs::statvfs(&self.0).unwrap();
        disk.blocks_available() * 100 / disk.blocks()
    }

    /// Takes all room that is left.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("filler");
        let mut file = File::create(&path).unwrap();
        for size in [1 << 16, 1 << 12, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
        path
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a failed story may have left an agent in it.
        let _ = process::program("umount").arg("-l").arg(&self.0).status();
    }
}

/// A push, as the forge would send it; the answer with its headers.
fn post(world: &World, id: &str, body: &serde_json::Value) -> http::Answer {
    let body = serde_json::to_vec(body).unwrap();
    let signature = forge::sign(forge::SECRET, &body);
    let headers = [
        ("Content-Type", "application/json"),
        ("X-GitHub-Event", "push"),
        ("X-GitHub-Delivery", id),
        ("X-Hub-Signature-256", signature.as_str()),
    ];
    http::post(&world.agent.url("/"), &headers, &body)
}

fn on_a_small_disk(min_free: &str) -> Option<(World, Mount)> {
    let mut world = World::prepare();
    let mount = Mount::new(world.path("small"), "12m")?;
    let data = mount.0.join("data");
    world.agent.set("POCKETCI_MIN_FREE", min_free);
    world.agent.keep_in(&data);
    world.agent.start();
    Some((world, mount))
}

/// Whatever notices it, the guard or the database.
#[track_caller]
fn check_full_disk(min_free: &str) {
    let Some((mut world, mount)) = on_a_small_disk(min_free) else { return };
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f.src()));
    world.forge.push(&repo, "main");
    world.forge.expect_status(&sha, "pocketci", "success");
    let later = repo.commit("main", [("README.md", "words\n")]);
    let body = world.forge.pushed(&repo, "main");

    let filler = mount.fill();
    let mut refused = Vec::new();
    let answer = eventually("a delivery to be refused", || {
        let id = format!("refused-{}", refused.len());
        let answer = post(&world, &id, &body);
        if answer.status == 503 {
            return Some(answer);
        }
        // What still fits is kept, and is no less good for it.
        assert_eq!(answer.status, 202, "{answer:?}");
        refused.push(id);
        None
    });
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
    let ready = eventually("/readyz to say so", || {
        let ready = world.agent.get("/readyz");
        (ready.status == 503).then_some(ready)
    });
    assert!(ready.body.contains("\"ok\":false"), "{}", ready.body);
    assert_eq!(world.agent.get("/healthz").status, 200);

    fs::remove_file(filler).unwrap();

    eventually("deliveries to be taken again", || {
        (post(&world, "again", &body).status == 202).then_some(())
    });
    world.forge.expect_status(&later, "pocketci", "success");
    eventually("it to be ready again", || (world.agent.get("/readyz").status == 200).then_some(()));
    // Nothing half-written: the folder opens, and has what was accepted.
    world.agent.restart();
    assert_eq!(post(&world, "again", &body).status, 200);
    world.agent.terminate();
    drop(mount);
}

#[test]
fn a_full_disk_is_noticed_by_the_guard() {
    check_full_disk("20%");
}

#[test]
fn a_full_disk_is_noticed_by_the_database() {
    check_full_disk("0");
}

/// Old runs and their logs go before anything is refused.
#[test]
fn room_is_made_before_anything_is_refused() {
    let mut world = World::prepare();
    let Some(mount) = Mount::new(world.path("small"), "24m") else { return };
    world.agent.set("POCKETCI_MIN_FREE", "40%");
    world.agent.set("POCKETCI_KEEP", "1");
    world.agent.keep_in(&mount.0.join("data"));
    world.agent.start();
    let repo = world.forge.repository("ada/site");
    let much = format!("{}\n", "x".repeat(1000)).repeat(3000);
    let module = Module::new("ci").function("testOnPush", |f| f.prints(&much));
    let sha = repo.commit("main", module);
    world.forge.push(&repo, "main");
    world.forge.expect_status(&sha, "pocketci", "success");
    let log = mount.0.join("data/logs/1");
    assert!(log.exists());
    let push = |text: &str| {
        let module = Module::new("ci").function("testOnPush", |f| f.prints(text));
        let sha = repo.commit("main", module);
        world.forge.push(&repo, "main");
        world.forge.expect_status(&sha, "pocketci", "success");
    };
    push("few");
    let mut filler = File::create(mount.0.join("filler")).unwrap();
    while mount.free_percent() > 36 {
        filler.write_all(&[0; 1 << 16]).unwrap();
    }
    eventually("the old log to go", || (!log.exists()).then_some(()));
    assert_eq!(world.agent.get("/runs/1").status, 404);
    assert_eq!(world.agent.get("/runs/2").status, 200);
    push("fewer");
    assert_eq!(world.agent.get("/readyz").status, 200);
    world.agent.expect_log("The disk is nearly full");
    world.agent.terminate();
    drop(mount);
}

#[test]
fn a_read_only_data_folder_is_refused_at_the_start() {
    let Some((mut world, mount)) = on_a_small_disk("5%") else { return };
    world.agent.terminate();
    mount.read_only();
    let (code, said) = world.agent.refuses_to_start();
    assert_ne!(code, 0, "{said}");
    assert!(said.contains("ead-only"), "{said}");
    assert!(Path::new(&mount.0).join("data/pocketci.db").exists());
}
