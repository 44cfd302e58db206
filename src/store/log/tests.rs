use std::fs;

use tempfile::TempDir;

use super::*;

fn at() -> Timestamp {
    "2026-11-21T07:34:28.123987Z".parse().unwrap()
}

#[test]
fn a_log_reads_as_it_was_written() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("logs/7/9-1.log");
    assert_eq!(read(&path).unwrap(), None);
    let mut log = LogWriter::create(&path).unwrap();
    log.line(at(), LogStream::Stdout, b"hello").unwrap();
    log.line(at(), LogStream::Stderr, b"10 %\r20 %\x1b[0m \xff").unwrap();
    log.line(at(), LogStream::Agent, b"").unwrap();
    log.flush().unwrap();
    let bytes = read(&path).unwrap().unwrap();
    let expected = b"2026-11-21T07:34:28.123Z 1 hello\n\
        2026-11-21T07:34:28.123Z 2 10 %\r20 %\x1b[0m \xff\n\
        2026-11-21T07:34:28.123Z - \n";
    assert_eq!(bytes, expected);
    let lines: Vec<_> = lines(&bytes).map(|line| (line.stream, line.text().into_owned())).collect();
    let expected = [
        (LogStream::Stdout, "hello".to_owned()),
        (LogStream::Stderr, "10 %\r20 %\u{1b}[0m \u{fffd}".to_owned()),
        (LogStream::Agent, String::new()),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_line_is_whole_or_not_there() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let mut log = LogWriter::create(&path).unwrap();
    log.line(at(), LogStream::Stdout, b"small").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"", "it waits for a flush");
    let long = vec![b'x'; 1 << 20];
    log.line(at(), LogStream::Stdout, &long).unwrap();
    let bytes = fs::read(&path).unwrap();
    assert_eq!(lines(&bytes).map(|line| line.text.len()).collect::<Vec<_>>(), [5, 1 << 20]);
    log.line(at(), LogStream::Stdout, b"last").unwrap();
    drop(log);
    assert_eq!(lines(&fs::read(&path).unwrap()).count(), 3);
}

#[test]
fn a_text_of_several_lines_becomes_several() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    LogWriter::create(&path).unwrap().line(at(), LogStream::Agent, b"one\ntwo").unwrap();
    let bytes = fs::read(&path).unwrap();
    assert_eq!(lines(&bytes).map(|line| line.text()).collect::<Vec<_>>(), ["one", "two"]);
}

#[test]
fn a_log_that_was_cut_goes_on_with_a_line_of_its_own() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    fs::write(&path, "2026-11-21T07:34:28.123Z 1 whole\n2026-11-21T07:3").unwrap();
    LogWriter::create(&path).unwrap().line(at(), LogStream::Stdout, b"again").unwrap();
    let bytes = fs::read(&path).unwrap();
    let lines: Vec<_> = lines(&bytes).map(|it| (it.at.is_some(), it.text())).collect();
    let expected =
        [(true, "whole".into()), (false, "2026-11-21T07:3".into()), (true, "again".into())];
    assert_eq!(lines, expected);
}

#[test]
fn an_empty_log_has_no_lines() {
    assert_eq!(lines(b"").count(), 0);
    assert_eq!(lines(b"\n").count(), 0);
}
