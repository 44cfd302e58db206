use jiff::Timestamp;
use proptest::prelude::*;

use super::LineWriter;
use crate::store::log::{LogLine, LogStream};
use crate::web::shape;

/// What a program reads of lines that were written one behind the other.
fn read(lines: &[&[u8]]) -> Vec<shape::LogLine> {
    let mut writer = LineWriter::default();
    lines
        .iter()
        .zip(1..)
        .map(|(line, end)| {
            let mut out = Vec::new();
            writer.line(&mut out, end, line);
            serde_json::from_slice(&out).unwrap()
        })
        .collect()
}

/// What there is to be read.
fn expected(lines: &[&[u8]]) -> Vec<shape::LogLine> {
    let line = |(raw, end): (&&[u8], u64)| {
        let LogLine { at, stream, text } = LogLine::parse(raw);
        let stream = match stream {
            LogStream::Stdout => "stdout",
            LogStream::Stderr => "stderr",
            LogStream::Agent => "agent",
        };
        let text = String::from_utf8_lossy(text).into_owned();
        shape::LogLine { end, at, stream: stream.to_owned(), text }
    };
    lines.iter().zip(1..).map(line).collect()
}

#[test]
fn a_line_says_what_the_log_says() {
    let lines: &[&[u8]] = &[
        b"2026-11-21T07:34:28.123Z 1 hello \"world\" \\ \x1b[31mred\x1b[0m\t\x00",
        b"2026-11-21T07:34:28.999Z 2 half a letter \xc3",
        b"2026-11-21T07:34:28.x99Z 1 no time, though the second is",
        b"2026-11-21T07:34:28.123+ 1 nor this",
        b"2026-11-21T07:34:28.123Z 3 no stream",
        b"2026-11-21T07:34:28.123Z 1",
        b"2026-99-99T07:34:28.123Z 1 no such month",
        b"2026-11-21T07:34:29Z - a time all the same",
        b"2026-11-21T07:34:28.123456Z 1 and this",
        b"2026-11-21T07:34:29.000Z - ",
        b"",
        "… cut: 2026-11-21T07:34:28.123Z 1 é".as_bytes(),
    ];
    assert_eq!(read(lines), expected(lines));
    let at: Timestamp = "2026-11-21T07:34:28.999Z".parse().unwrap();
    assert_eq!(read(lines)[1].at, Some(at));
}

proptest! {
    #[test]
    fn so_does_any_line(lines in proptest::collection::vec(
        "(2026-11-21T07:34:(28|29|61)\\.?[0-9]{0,3}Z? ?[12-]? ?)?[ -~\\x00-\\x1f&&[^\n]]{0,20}", 1..20)
    ) {
        let lines: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
        prop_assert_eq!(read(&lines), expected(&lines));
    }
}
