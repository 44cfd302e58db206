//! What a mirror looks like after a crash or a bad disk.

use super::*;

#[tokio::test]
async fn what_a_killed_process_leaves_is_cleared_at_the_start() {
    let source = Source::new();
    let sha = source.sha("HEAD");
    let (dir, mirrors) = mirrors();
    let mirror = mirrors.ensure(&source.repository(), &branch(&sha)).await.unwrap();
    let tip = source.change("a.txt", "a");
    let garbage = mirror.folder().join("objects/pack/pack_git2_1a2b3c");
    let lock = mirror.folder().join(format!("refs/ci/{tip}.lock"));
    let aside = dir.path().join("mirrors/+aside/x/mirror");
    fs::write(&garbage, "PACK").unwrap();
    fs::write(&lock, "").unwrap();
    fs::create_dir_all(&aside).unwrap();
    mirrors.clean().unwrap();
    assert!(!garbage.exists() && !lock.exists() && !aside.exists());
    assert!(mirror.folder().exists());
    // A fetch that was given up on leaves the same, while the agent goes on.
    fs::write(&garbage, "PACK").unwrap();
    fs::write(&lock, "").unwrap();
    mirrors.ensure(&source.repository(), &branch(&tip)).await.unwrap();
    assert!(!garbage.exists() && !lock.exists());
    // Nothing there yet is fine as well.
    Mirrors::new(dir.path().join("other"), Vec::new()).clean().unwrap();
}

/// Damages the mirror in one way, and expects it to be made anew with all that was wanted.
async fn mends(damage: impl FnOnce(&Path)) {
    let source = Source::new();
    let sha = source.change("a.txt", &"text\n".repeat(1_000));
    let (dir, mirrors) = mirrors();
    let mirror = mirrors.ensure(&source.repository(), &branch(&sha)).await.unwrap();
    damage(mirror.folder());
    let tip = source.change("a.txt", "new");
    let mirror = mirrors.ensure(&source.repository(), &branch(&tip)).await.unwrap();
    let text = mirror.read(&sha, "a.txt").unwrap().unwrap();
    assert_eq!(text.len(), 5_000);
    assert!(mirror.read(&tip, "a.txt").unwrap().is_some());
    assert_eq!(files_below(&dir.path().join("mirrors/+aside")), Vec::<String>::new());
}

fn pack(folder: &Path, extension: &str) -> PathBuf {
    let files = files_below(&folder.join("objects/pack"));
    let found = files.iter().find(|file| file.ends_with(extension)).unwrap();
    folder.join("objects/pack").join(found)
}

fn writable(file: &Path) -> fs::File {
    fs::remove_file(file.with_extension("keep")).ok();
    let bytes = fs::read(file).unwrap();
    fs::remove_file(file).unwrap();
    fs::write(file, bytes).unwrap();
    fs::File::options().write(true).open(file).unwrap()
}

#[tokio::test]
async fn a_truncated_pack_is_noticed_and_the_mirror_made_anew() {
    mends(|folder| {
        let file = writable(&pack(folder, ".pack"));
        let length = file.metadata().unwrap().len();
        file.set_len(length - 40).unwrap();
    })
    .await;
    mends(|folder| writable(&pack(folder, ".pack")).set_len(0).unwrap()).await;
}

#[tokio::test]
async fn a_lost_or_empty_file_of_the_mirror_is_noticed() {
    mends(|folder| fs::remove_file(pack(folder, ".pack")).unwrap()).await;
    mends(|folder| writable(&pack(folder, ".idx")).set_len(0).unwrap()).await;
    mends(|folder| fs::remove_file(folder.join("HEAD")).unwrap()).await;
    mends(|folder| fs::remove_dir_all(folder.join("objects")).unwrap()).await;
    mends(|folder| fs::write(folder.join("config"), "[[[").unwrap()).await;
}

#[tokio::test]
async fn damage_inside_a_pack_is_noticed_when_it_is_read() {
    let source = Source::new();
    let text: String = (0..20_000).map(|n| format!("{}\n", n * n)).collect();
    let sha = source.change("a.txt", &text);
    let (_dir, mirrors) = mirrors();
    let mirror = mirrors.ensure(&source.repository(), &branch(&sha)).await.unwrap();
    let place = pack(mirror.folder(), ".pack");
    drop(writable(&place));
    let mut bytes = fs::read(&place).unwrap();
    let middle = bytes.len() / 2;
    for byte in &mut bytes[middle..middle + 64] {
        *byte ^= 0xff;
    }
    fs::write(&place, bytes).unwrap();
    let error = mirror.read(&sha, "a.txt").unwrap_err();
    assert!(matches!(error, GitError::Broken { .. }), "{error:?}");
    let mirror = mirrors.ensure(&source.repository(), &branch(&sha)).await.unwrap();
    assert_eq!(mirror.read(&sha, "a.txt").unwrap().unwrap(), text.as_bytes());
}
