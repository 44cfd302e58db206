use std::fs;

use tempfile::TempDir;

use super::*;

const LIMIT: u64 = 4 << 20;

fn at() -> Timestamp {
    "2026-11-21T07:34:28.123987Z".parse().unwrap()
}

#[test]
fn each_line_has_its_own_time() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("1-1.log");
    let mut log = LogWriter::create(&path, 1 << 20).unwrap();
    let times: Vec<Timestamp> =
        [0, 7, 70, 999, 1000, 1001, 1_790_000_000_012, 0, 1_790_000_000_999]
            .map(|millis| Timestamp::from_millisecond(millis).unwrap())
            .into();
    for time in &times {
        log.line(*time, LogStream::Stdout, b"x").unwrap();
    }
    log.close().unwrap();
    let expected: String = times.iter().map(|time| format!("{time:.3} 1 x\n")).collect();
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);
}

#[test]
fn a_log_reads_as_it_was_written() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("logs/7/9-1.log");
    assert_eq!(read(&path).unwrap(), None);
    let mut log = LogWriter::create(&path, LIMIT).unwrap();
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
    let mut log = LogWriter::create(&path, LIMIT).unwrap();
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
    LogWriter::create(&path, LIMIT).unwrap().line(at(), LogStream::Agent, b"one\ntwo").unwrap();
    let bytes = fs::read(&path).unwrap();
    assert_eq!(lines(&bytes).map(|line| line.text()).collect::<Vec<_>>(), ["one", "two"]);
}

#[test]
fn a_log_that_was_cut_goes_on_with_a_line_of_its_own() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    fs::write(&path, "2026-11-21T07:34:28.123Z 1 whole\n2026-11-21T07:3").unwrap();
    LogWriter::create(&path, LIMIT).unwrap().line(at(), LogStream::Stdout, b"again").unwrap();
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

/// A log of numbered lines, and the numbers that a reader sees, `…` where something is left out.
struct Long {
    folder: TempDir,
    log: Option<LogWriter>,
    lines: usize,
}

impl Long {
    const LIMIT: u64 = 4000;

    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let mut long = Self { folder, log: None, lines: 0 };
        long.open();
        long
    }

    fn open(&mut self) {
        self.log = Some(LogWriter::create(&self.path(), Self::LIMIT).unwrap());
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("9-1.log")
    }

    fn write(&mut self, lines: usize) {
        for _ in 0..lines {
            let log = self.log.as_mut().unwrap();
            log.line(at(), LogStream::Stdout, format!("{:012}", self.lines).as_bytes()).unwrap();
            log.flush().unwrap();
            self.lines += 1;
        }
    }

    /// `0-49 … 70-99`.
    fn seen(&self) -> String {
        let bytes = read(&self.path()).unwrap().unwrap();
        let mut ranges: Vec<(usize, usize)> = Vec::new();
        let mut shown = String::new();
        let tell = |ranges: &mut Vec<(usize, usize)>, shown: &mut String| {
            ranges.drain(..).for_each(|(a, b)| shown.push_str(&format!("{a}-{b} ")));
        };
        for line in lines(&bytes) {
            assert!(line.at.is_some(), "{line:?}");
            match line.text().parse::<usize>() {
                Ok(number) => match ranges.last_mut() {
                    Some((_, last)) if *last + 1 == number => *last = number,
                    _ => ranges.push((number, number)),
                },
                Err(_) => {
                    assert_eq!(line.stream, LogStream::Agent);
                    assert!(line.text().ends_with(" left out …"), "{line:?}");
                    tell(&mut ranges, &mut shown);
                    shown.push_str(&line.text());
                    shown.push(' ');
                }
            }
        }
        tell(&mut ranges, &mut shown);
        shown.trim_end().to_owned()
    }

    /// The files that have a part of the text.
    fn files(&self) -> Vec<String> {
        let names = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap());
        let mut names: Vec<_> =
            names.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.retain(|name| !name.contains(".gap-"));
        names.sort();
        names
    }

    fn kill(&mut self) {
        std::mem::forget(self.log.take());
    }

    fn close(&mut self) {
        self.log.take().unwrap().close().unwrap();
    }
}

/// 40 bytes a line: 50 lines are the head's, 25 each piece's.
#[test]
fn a_long_log_keeps_its_head_and_its_tail() {
    let mut long = Long::new();
    long.write(50);
    assert_eq!((long.seen().as_str(), long.files().len()), ("0-49", 1));
    long.write(50);
    assert_eq!((long.seen().as_str(), long.files().len()), ("0-99", 3));
    long.write(1);
    assert_eq!(long.seen(), "0-49 … 1.0 kB left out … 75-100");
    long.write(899);
    assert_eq!(long.seen(), "0-49 … 36.0 kB left out … 950-999");
    assert_eq!(long.files().len(), 3);
    let before = long.seen();
    long.close();
    assert_eq!((long.seen(), long.files()), (before, vec!["9-1.log".to_owned()]));
    assert!(fs::metadata(long.path()).unwrap().len() < Long::LIMIT + 100);
}

#[test]
fn a_log_within_its_limit_is_whole_when_it_is_closed() {
    let mut long = Long::new();
    long.write(99);
    long.close();
    assert_eq!((long.seen().as_str(), long.files().len()), ("0-98", 1));
}

#[test]
fn a_killed_log_shows_the_same_and_goes_on() {
    let mut long = Long::new();
    long.write(500);
    let shown = long.seen();
    long.kill();
    assert_eq!(long.seen(), shown);
    long.open();
    assert_eq!(long.seen(), shown, "it is joined before it goes on");
    assert_eq!(long.files(), ["9-1.log"]);
    long.write(500);
    long.close();
    let seen = long.seen();
    assert!(seen.starts_with(&format!("{shown} … ")) && seen.ends_with(" 950-999"), "{seen}");
}

/// Wherever the joining is cut, the text is the same.
#[test]
fn a_joining_that_is_killed_loses_nothing() {
    let mut long = Long::new();
    long.write(500);
    let (shown, names) = (long.seen(), long.files());
    let pieces: Vec<(String, Vec<u8>)> = names[1..]
        .iter()
        .map(|name| (name.clone(), fs::read(long.folder.path().join(name)).unwrap()))
        .collect();
    long.close();
    let whole = fs::read(long.path()).unwrap();
    let put = |name: &str, bytes: &[u8]| fs::write(long.folder.path().join(name), bytes).unwrap();
    for length in (2000..=whole.len()).step_by(7).chain([whole.len()]) {
        put("9-1.log", &whole[..length]);
        pieces.iter().for_each(|(name, bytes)| put(name, bytes));
        assert_eq!(long.seen(), shown, "joined up to {length}");
    }
    fs::remove_file(long.folder.path().join(&pieces[0].0)).unwrap();
    assert_eq!(long.seen(), shown, "joined, and one piece removed");
    LogWriter::create(&long.path(), Long::LIMIT).unwrap().close().unwrap();
    assert_eq!((long.seen(), long.files().len()), (shown, 1));
}

#[test]
fn the_end_of_a_log_in_pieces_is_read() {
    let mut long = Long::new();
    long.write(500);
    let mut reader = LogReader::open(&long.path()).unwrap().unwrap();
    let whole = read(&long.path()).unwrap().unwrap();
    assert_eq!(reader.length(), whole.len() as u64);
    assert!(reader.skip_to_last(1500).unwrap());
    let mut end = Vec::new();
    reader.read_to_end(&mut end).unwrap();
    assert_eq!(end, whole[whole.len() - 1500..]);
    let mut reader = LogReader::open(&long.path()).unwrap().unwrap();
    assert!(!reader.skip_to_last(1 << 20).unwrap());
}

/// A line that is longer than the limit, and one that no newline ends.
#[test]
fn a_line_without_end_is_kept_whole() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let mut log = LogWriter::create(&path, 1000).unwrap();
    log.line(at(), LogStream::Stdout, &vec![b'x'; 5000]).unwrap();
    log.line(at(), LogStream::Stdout, b"last").unwrap();
    log.close().unwrap();
    let bytes = fs::read(&path).unwrap();
    assert_eq!(lines(&bytes).map(|line| line.text.len()).collect::<Vec<_>>(), [5000, 4]);
}
