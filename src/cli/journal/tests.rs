use super::visible;

#[track_caller]
fn check(line: &str, colours: bool, expected: &str) {
    assert_eq!(visible(line.as_bytes(), colours), expected, "{line:?}");
}

#[test]
fn an_event_is_one_line_that_reads_from_left_to_right() {
    check("INFO all is well é\n", false, "INFO all is well é\n");
    check("INFO a\nINFO forged\r\n", false, "INFO a\\nINFO forged\\r\n");
    check("a\u{1b}[2Jb\u{202e}c\n", false, "a\\u{1b}[2Jb\\u{202e}c\n");
    check("\u{1b}[32mINFO\u{1b}[0m\n", true, "\u{1b}[32mINFO\u{1b}[0m\n");
}
