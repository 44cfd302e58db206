use jiff::Timestamp;
use proptest::prelude::*;
use tempfile::TempDir;

use super::super::{LogStream, LogWriter};
use super::*;

fn write(log: &mut LogWriter, line: &str) {
    log.line(Timestamp::UNIX_EPOCH, LogStream::Stdout, line.as_bytes()).unwrap();
    log.flush().unwrap();
}

/// A line as it stands in the log.
fn stamped(line: &str) -> String {
    format!("1970-01-01T00:00:00.000Z 1 {line}\n")
}

/// All that there is from a place on, in chunks of about this size.
fn all(path: &Path, from: u64, limit: usize, ended: bool) -> (String, u64) {
    let mut follower = LogFollower::new(path, from);
    let (mut text, mut left_out) = (String::new(), 0);
    loop {
        let chunk = follower.read(limit, ended).unwrap();
        left_out += chunk.left_out;
        if chunk.bytes.is_empty() {
            return (text, left_out);
        }
        assert_eq!(chunk.end(), follower.at());
        text.push_str(std::str::from_utf8(&chunk.bytes).unwrap());
    }
}

#[test]
fn lines_come_as_they_are_written() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let mut follower = LogFollower::new(&path, 0);
    assert_eq!(follower.read(100, false).unwrap(), Chunk::default(), "not there yet");
    let mut log = LogWriter::create(&path, 1 << 20).unwrap();
    for line in ["one", "two"] {
        write(&mut log, line);
        assert_eq!(follower.read(100, false).unwrap().bytes, stamped(line).as_bytes());
        assert!(follower.read(100, false).unwrap().bytes.is_empty());
    }
}

#[test]
fn a_line_that_was_cut_is_one_only_in_the_end() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    fs::write(&path, "one\ntw").unwrap();
    assert_eq!(all(&path, 0, 100, false).0, "one\n");
    assert_eq!(all(&path, 0, 100, true).0, "one\ntw");
    assert_eq!(all(&path, 1, 100, true).0, "tw", "from inside of the first line");
    assert_eq!(all(&path, 4, 2, true).0, "tw");
}

#[test]
fn what_is_left_out_is_said_once_wherever_one_stands() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log");
    let mut log = LogWriter::create(&path, 4000).unwrap();
    let mut follower = LogFollower::new(&path, 0);
    let mut told = Vec::new();
    for number in 0..400 {
        write(&mut log, &format!("line {number}"));
        if number == 20 {
            told.push(follower.read(10_000, false).unwrap());
        }
    }
    let growing = all(&path, follower.at(), 300, false);
    assert!(growing.1 > 0, "something was left out");
    log.close().unwrap();
    assert_eq!(all(&path, follower.at(), 300, true), growing, "the same once it is one file");
    assert!(growing.0.ends_with(&stamped("line 399")));
    // From a place that is left out by now.
    let (text, left_out) = all(&path, 3000, 300, true);
    assert!(growing.0.ends_with(&text) && left_out > 0 && left_out < growing.1);
}

proptest! {
    #[test]
    fn any_place_between_chunks_goes_on_with_what_follows(
        lines in prop::collection::vec("[a-z]{0,40}", 0..60),
        limit in 1usize..200,
        cuts in prop::collection::vec(1usize..5, 1..20),
    ) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("log");
        let mut log = LogWriter::create(&path, 1 << 20).unwrap();
        for line in &lines {
            write(&mut log, line);
        }
        let expected: String = lines.iter().map(|line| stamped(line)).collect();
        let (mut text, mut at) = (String::new(), 0);
        // Cut off again and again, each time after a few chunks.
        for cut in cuts.iter().cycle() {
            let mut follower = LogFollower::new(&path, at);
            let before = text.len();
            for _ in 0..*cut {
                let chunk = follower.read(limit, true).unwrap();
                text.push_str(std::str::from_utf8(&chunk.bytes).unwrap());
                at = chunk.end();
            }
            if text.len() == before {
                break;
            }
        }
        prop_assert_eq!(text, expected);
    }
}
