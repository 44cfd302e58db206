use super::super::Level;
use super::{Disk, MinFree, data_folder, room};

const MIN_FREE: MinFree = MinFree::Percent(5.0);

#[test]
fn a_folder_that_is_not_there_yet_is_fine_where_it_can_be_made() {
    let above = tempfile::tempdir().unwrap();
    let findings = data_folder(&above.path().join("a/b"), MIN_FREE);
    assert_eq!(findings[0].level, Level::Ok, "{findings:?}");
    assert!(!above.path().join("a").exists());
}

#[test]
fn a_dotenv_above_is_told() {
    let above = tempfile::tempdir().unwrap();
    std::fs::write(above.path().join(".env"), "").unwrap();
    let findings = data_folder(&above.path().join("state"), MIN_FREE);
    let found = findings.iter().find(|finding| finding.what == ".env");
    assert_eq!(found.map(|finding| finding.level), Some(Level::Fail), "{findings:?}");
}

#[test]
fn a_file_in_the_way_is_told() {
    let file = tempfile::NamedTempFile::new_in("/proc/self").err();
    assert!(file.is_some());
    let findings = data_folder(std::path::Path::new("/proc/self/state"), MIN_FREE);
    assert_eq!(findings[0].level, Level::Fail, "{findings:?}");
}

#[test]
fn the_disk_is_judged_as_the_agent_does() {
    const GIB: u64 = 1 << 30;
    #[track_caller]
    fn check(free: u64, total: u64, min_free: MinFree, expected: Level) {
        assert_eq!(room(Disk { free, total }, min_free).level, expected);
    }
    check(50 * GIB, 100 * GIB, MIN_FREE, Level::Ok);
    check(4 * GIB, 100 * GIB, MIN_FREE, Level::Fail);
    check(GIB, 10 * GIB, MIN_FREE, Level::Warn);
    check(1 << 20, 10 << 20, MIN_FREE, Level::Fail);
    check(50 * GIB, 100 * GIB, MinFree::Bytes(60 * GIB), Level::Fail);
}
