use std::fs::File;

use tempfile::TempDir;

use super::*;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Mirrors by name and by how many hours ago something was fetched into them.
fn mirrors(ages: &[(&str, u32)]) -> (TempDir, Mirrors) {
    let folder = TempDir::new().unwrap();
    for (name, hours) in ages {
        let packs = folder.path().join(name).join("objects/pack");
        fs::create_dir_all(&packs).unwrap();
        fs::write(folder.path().join(name).join("HEAD"), "").unwrap();
        File::open(packs).unwrap().set_modified(SystemTime::now() - HOUR * *hours).unwrap();
    }
    let mirrors = Mirrors::new(folder.path().to_owned(), Vec::new());
    (folder, mirrors)
}

#[test]
fn the_coldest_goes_first_and_what_is_warm_stays() {
    let (folder, mirrors) =
        mirrors(&[("host/a/old.git", 30), ("host/b/c/older.git", 40), ("host/new.git", 1)]);
    let removed = || mirrors.remove_coldest(2 * HOUR).unwrap();
    assert_eq!(removed(), Some(folder.path().join("host/b/c/older.git")));
    assert_eq!(removed(), Some(folder.path().join("host/a/old.git")));
    assert_eq!(removed(), None);
    assert!(folder.path().join("host/new.git/HEAD").exists());
    assert_eq!(fs::read_dir(folder.path().join("+aside")).unwrap().count(), 0);
}

#[tokio::test]
async fn what_is_in_use_stays() {
    let (folder, mirrors) = mirrors(&[("host/a.git", 30)]);
    let path = folder.path().join("host/a.git");
    let place = Arc::clone(mirrors.places.lock().unwrap().entry(path.clone()).or_default());
    let turn = place.turn.lock().await;
    assert_eq!(mirrors.remove_coldest(HOUR).unwrap(), None);
    drop(turn);
    *place.used() = Some(SystemTime::now());
    assert_eq!(mirrors.remove_coldest(HOUR).unwrap(), None);
    *place.used() = None;
    assert_eq!(mirrors.remove_coldest(HOUR).unwrap(), Some(path));
}

#[test]
fn without_mirrors_none_goes() {
    let mirrors = Mirrors::new("/no/such/folder".into(), Vec::new());
    assert_eq!(mirrors.remove_coldest(Duration::ZERO).unwrap(), None);
}
