use proptest::prelude::*;

use super::{Line, PrefixStripper, Tail};

const LOG: &str = "\
2026-11-21T07:34:28.123Z 1 hello world\n\
2026-11-21T07:34:29.000Z 2 \u{1b}[31mred\u{1b}[0m\n\
2026-11-21T07:34:30.000Z - Cancelled\n\
2026-11-21T07:34:31.000Z 1 \n";

#[test]
fn lines_have_a_time_and_a_kind() {
    let tail = Tail::of(LOG.as_bytes(), false, 200);
    assert!(!tail.cut);
    let shown: Vec<_> = tail
        .lines
        .iter()
        .map(|line| format!("{} {} {}", line.time, line.kind, line.text))
        .collect();
    assert_eq!(
        shown,
        [
            "07:34:28 out hello world",
            "07:34:29 err red",
            "07:34:30 note Cancelled",
            "07:34:31 out "
        ]
    );
}

#[test]
fn a_strange_line_is_shown_whole() {
    for text in ["no prefix", "", "2026-11-21T07 1 x", "a 9 b"] {
        let expected = Line { time: String::new(), kind: "note", text: text.to_owned() };
        assert_eq!(Line::of(text.as_bytes()), expected);
    }
    assert!(Tail::of(b"", false, 200).lines.is_empty());
    assert_eq!(Tail::of(b"\xff\n", false, 200).lines[0].text, "\u{fffd}");
}

#[test]
fn only_the_end_of_a_long_log_is_shown() {
    let log: String = (0..500).map(|n| format!("2026-11-21T07:34:28.123Z 1 {n}\n")).collect();
    let tail = Tail::of(log.as_bytes(), false, 200);
    assert!(tail.cut);
    assert_eq!((tail.lines.len(), tail.lines[0].text.as_str()), (200, "300"));

    let tail = Tail::of(b"4:28.123Z 1 half\n2026-11-21T07:34:28.123Z 1 whole\n", true, 200);
    assert_eq!((tail.lines.len(), tail.lines[0].text.as_str()), (1, "whole"));
}

#[test]
fn a_log_that_is_not_there_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Tail::read(&folder.path().join("1-1.log"), 200, 1024).unwrap().is_none());
}

proptest! {
    #[test]
    fn prefixes_go_however_the_log_is_cut(size in 1usize..60) {
        let mut strip = PrefixStripper::default();
        let mut plain = Vec::new();
        for piece in LOG.as_bytes().chunks(size) {
            let mut piece = piece.to_vec();
            strip.strip(&mut piece);
            plain.extend(piece);
        }
        let expected = "hello world\n\u{1b}[31mred\u{1b}[0m\nCancelled\n\n";
        prop_assert_eq!(String::from_utf8(plain).unwrap(), expected);
    }
}
