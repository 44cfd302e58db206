use tempfile::TempDir;

use super::*;
use crate::store::log;

#[tokio::test]
async fn a_long_log_becomes_one_file_when_its_call_has_ended() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("9-1.log");
    let log = CallLog::create(&path, 4000).unwrap();
    (0..1000).for_each(|number| log.line(LogStream::Stdout, format!("{number}").as_bytes()));
    log.note("Passed");
    let shown = log::read(&path).unwrap().unwrap();
    assert!(shown.len() < 5000 && shown.ends_with(b" - Passed\n"));
    drop(log);
    let pieces = || {
        let files = std::fs::read_dir(folder.path()).unwrap();
        files.filter(|it| it.as_ref().unwrap().path().to_string_lossy().contains(".tail-")).count()
    };
    while pieces() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(std::fs::read(&path).unwrap(), shown);
}
