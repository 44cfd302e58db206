use super::super::Level;
use super::data_folder;

#[test]
fn a_folder_that_is_not_there_yet_is_fine_where_it_can_be_made() {
    let above = tempfile::tempdir().unwrap();
    let findings = data_folder(&above.path().join("a/b"));
    assert_eq!(findings[0].level, Level::Ok, "{findings:?}");
    assert!(!above.path().join("a").exists());
}

#[test]
fn a_dotenv_above_is_told() {
    let above = tempfile::tempdir().unwrap();
    std::fs::write(above.path().join(".env"), "").unwrap();
    let findings = data_folder(&above.path().join("state"));
    let found = findings.iter().find(|finding| finding.what == ".env");
    assert_eq!(found.map(|finding| finding.level), Some(Level::Warn), "{findings:?}");
}

#[test]
fn a_file_in_the_way_is_told() {
    let file = tempfile::NamedTempFile::new_in("/proc/self").err();
    assert!(file.is_some());
    let findings = data_folder(std::path::Path::new("/proc/self/state"));
    assert_eq!(findings[0].level, Level::Fail, "{findings:?}");
}
