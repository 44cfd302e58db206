use super::*;

#[test]
fn what_acts_is_told_from_what_is_seen() {
    for c in
        "\0\n\r\t\u{1b}\u{7f}\u{85}\u{9b}\u{61c}\u{200f}\u{202e}\u{2028}\u{2029}\u{2066}".chars()
    {
        assert!(is_active(c), "{c:?}");
    }
    for c in "a é\u{300}漢😀\u{200d}\u{ad}'\"`$<>&".chars() {
        assert!(!is_active(c), "{c:?}");
    }
    assert_eq!(one_line("a\nb\u{1b}[31m\u{202e}c"), "a b [31m c");
}
