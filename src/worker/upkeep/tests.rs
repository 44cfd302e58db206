use tempfile::TempDir;

use super::super::fixture;
use super::*;
use crate::domain::space::{Keep, MinFree};
use crate::store::Startable;
use crate::store::tests::{at, run};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_then_that_there_is_room_again() {
    let folder = TempDir::new().unwrap();
    let worker = fixture::worker(&folder, |_| {}).await;
    let (mut made, min) = (None, worker.settings.min_free);
    let real = worker.disk().unwrap();
    assert!(real.free > 0 && real.total >= real.free);

    worker.look_at_disk(Disk { free: 1000, total: 1000 }, &mut made).await;
    let told = worker.health.condition(DISK).unwrap();
    assert_eq!((told.ok, told.detail), (true, Disk { free: 1000, total: 1000 }.describe(min)));
    assert!(made.is_none(), "there is room");

    made = Some(Instant::now());
    worker.look_at_disk(Disk { free: 1, total: 1000 }, &mut made).await;
    assert!(!worker.health.condition(DISK).unwrap().ok);
    assert_eq!(worker.health.figures()["disk_free_bytes"], 1);

    worker.look_at_disk(Disk { free: 900, total: 1000 }, &mut made).await;
    assert!(worker.health.condition(DISK).unwrap().ok);
}

/// A disk that is too small for its operator's wish loses what may go, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn room_is_made_of_old_logs_and_cold_mirrors() {
    let folder = TempDir::new().unwrap();
    let worker = fixture::worker(&folder, |settings| {
        settings.min_free = MinFree::Bytes(u64::MAX);
        settings.keep = Keep { days: None, runs: Some(u32::MAX) };
    })
    .await;
    let mut runs = Vec::new();
    for number in 0..LAST_RUNS + 3 {
        let id = fixture::settle(&worker.store, &number.to_string(), run(&["one"])).await;
        let log = worker.store.log_path(id, crate::domain::ids::CallId(1), 1);
        std::fs::create_dir_all(log.parent().unwrap()).unwrap();
        std::fs::write(&log, "words\n").unwrap();
        runs.push(log);
    }
    for _ in 0..2 {
        let call = worker.store.claim_call(Startable::Any, at(5)).await.unwrap().unwrap();
        let passed = crate::domain::run::Outcome::Passed;
        worker.store.finish_call(call.id, &passed, at(6)).await.unwrap();
    }
    let left_over = worker.settings.work.join("run-7-left");
    std::fs::create_dir_all(left_over.join("deep")).unwrap();
    let mirror = |name: &str, age: Duration| {
        let mirror = folder.path().join("mirrors/github.com/ada").join(name);
        std::fs::create_dir_all(mirror.join("objects/pack")).unwrap();
        std::fs::write(mirror.join("HEAD"), "ref: refs/heads/none").unwrap();
        let packs = std::fs::File::open(mirror.join("objects/pack")).unwrap();
        packs.set_modified(std::time::SystemTime::now() - age).unwrap();
        mirror
    };
    let (cold, warm) = (mirror("cold.git", COLD * 2), mirror("warm.git", COLD / 2));

    worker.make_room().await;

    let left: Vec<bool> = runs.iter().map(|log| log.exists()).collect();
    // The third is old too, and not finished.
    assert_eq!(left[..3], [false, false, true]);
    assert!(left[3..].iter().all(|there| *there));
    assert!(!left_over.exists() && !cold.exists() && warm.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_while_there_is_room() {
    let folder = TempDir::new().unwrap();
    let worker = fixture::worker(&folder, |settings| settings.min_free = MinFree::Bytes(0)).await;
    let mirror = folder.path().join("mirrors/github.com/ada/site.git");
    std::fs::create_dir_all(mirror.join("objects/pack")).unwrap();
    std::fs::write(mirror.join("HEAD"), "").unwrap();
    worker.make_room().await;
    assert!(mirror.exists());
}
