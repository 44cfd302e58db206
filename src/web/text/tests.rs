use jiff::{SignedDuration, Timestamp};

use super::{ago, duration, inert, moment_beside, sentence, shell_word, ticked, web_link};

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(inert(text), expected, "{text:?}");
}

#[test]
fn what_terminals_understand_is_dropped() {
    check("plain\ttext", "plain\ttext");
    check("\u{1b}[1;31mred\u{1b}[0m", "red");
    check("\u{1b}]8;;https://evil\u{7}link\u{1b}]8;;\u{1b}\\ end", "link end");
    check("\u{1b}]0;title\u{7}after", "after");
    check("\u{9b}31mred", "red");
    check("\u{1b}(Bnormal\u{1b}=", "normal");
    check("10%\r20%\r100%\r\n", "100%");
    check("never ends \u{1b}[", "never ends ");
    check("bell \u{7} nul \0", "bell \u{fffd} nul \u{fffd}");
    check("safe\u{202e}txt.exe", "safe\u{fffd}txt.exe");
    check("<b>&", "<b>&");
}

#[test]
fn only_web_addresses_become_links() {
    assert_eq!(web_link("https://forge/a").as_deref(), Some("https://forge/a"));
    for text in ["javascript:alert(1)", "data:text/html,x", "//forge", "", "file:///etc/passwd"] {
        assert_eq!(web_link(text), None, "{text}");
    }
}

#[test]
fn times_in_words() {
    let took = |millis| duration(SignedDuration::from_millis(millis));
    assert_eq!(took(-5), "0 ms");
    assert_eq!(took(48), "48 ms");
    assert_eq!(took(430), "0.4 s");
    assert_eq!(took(59_999), "59 s");
    assert_eq!(took(200_000), "3 min 20 s");
    assert_eq!(took(7_500_000), "2 h 5 min");

    let since = |second: i64| {
        let now = Timestamp::from_second(1_000_000).unwrap();
        ago(now, Timestamp::from_second(1_000_000 - second).unwrap())
    };
    assert_eq!(since(-5), "just now");
    assert_eq!(since(61), "1 min ago");
    assert_eq!(since(7_200), "2 h ago");
    assert_eq!(since(90_000), "yesterday");
    assert_eq!(since(300_000), "3 days ago");
}

#[test]
fn words_are_quoted_where_a_shell_would_read_them() {
    assert_eq!(shell_word("--src=."), "--src=.");
    assert_eq!(shell_word("--filter=a b$(x)'"), r"'--filter=a b$(x)'\'''");
    assert_eq!(shell_word(""), "''");
}

#[test]
fn reasons_become_sentences() {
    assert_eq!(sentence("no function for push main"), "No function for push main.");
    assert_eq!(sentence("Why?\n"), "Why?");
    assert_eq!(sentence("a.yaml:1:2: bad\n  1 | x\u{1b}[1m\n"), "A.yaml:1:2: bad\n  1 | x");
    assert_eq!(sentence(""), "");
}

#[test]
fn what_stands_between_backticks_is_marked() {
    assert_eq!(
        ticked("say `a b`, or `c`"),
        [(false, "say "), (true, "a b"), (false, ", or "), (true, "c"),]
    );
    assert_eq!(ticked("one ` alone"), [(false, "one ` alone")]);
    assert_eq!(ticked("``"), []);
}

#[test]
fn the_day_is_said_once() {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let first = at("2026-11-21T23:59:58Z");
    assert_eq!(moment_beside(at("2026-11-21T23:59:59Z"), first), "23:59:59");
    assert_eq!(moment_beside(at("2026-11-22T00:00:00Z"), first), "2026-11-22 00:00:00 UTC");
}
