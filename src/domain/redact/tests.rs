use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use proptest::prelude::*;

#[track_caller]
fn check(secrets: &[&str], text: &str, expected: &str) {
    assert_eq!(Redactor::new(secrets).text(text), expected);
}

/// Pushes the text cut at these places.
fn pieces(redactor: &Redactor, text: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut stream = redactor.stream();
    let mut clean = Vec::new();
    let mut from = 0;
    for cut in cuts.iter().copied().chain([text.len()]) {
        clean.extend_from_slice(&stream.push(&text[from..cut]));
        from = cut;
    }
    clean.extend(stream.finish());
    clean
}

#[test]
fn secrets_become_three_stars() {
    check(&["hunter2"], "password hunter2, again hunter2!", "password ***, again ***!");
    check(&["abcd", "abcdefgh"], "abcdefgh abcdef abcd", "*** ***ef ***");
    check(&["abcd", "abcdefgh"], "abcdefg", "***efg");
    check(&["abcd"], "abcdabcd", "******");
    check(&["sécret"], "le sécret.", "le ***.");
    check(&[], "nothing to hide", "nothing to hide");
}

#[test]
fn overlapping_secrets_are_masked_as_one() {
    check(&["1234", "34567890"], "1234567890", "***");
    check(&["aaaa"], "aaaaaaaaaa b", "*** b");
    check(&["abcd", "bcdefg", "fghij"], "abcdefghij", "***");
}

#[test]
fn short_values_are_left_alone() {
    check(&["abc", "", "on"], "abc turned on", "abc turned on");
    assert!(Redactor::new(&["abc", ""]).is_empty());
    // A byte order mark or an accent does not make three characters four.
    check(&["éàü"], "éàü", "éàü");
}

#[test]
fn every_line_of_a_secret_is_a_secret() {
    let key = "-----BEGIN KEY-----\r\nMIIEow\n}\nAKCAQ  \n";
    check(&[key], "first MIIEow second AKCAQ and }", "first *** second *** and }");
    check(&["token\n"], "token", "***");
}

#[test]
fn encoded_forms_are_secrets_too() {
    let secret = "p@ss/word?+\"<é>";
    for around in ["", "x", "xy", "xyz"] {
        for engine in [STANDARD, URL_SAFE] {
            let encoded = engine.encode(format!("{around}{secret}{around}"));
            let clean = Redactor::new(&[secret]).text(&encoded);
            assert!(clean.contains("***") && clean.len() < 18, "{around}: {clean}");
        }
    }
    check(&[secret], "q=p%40ss%2Fword%3F%2B%22%3C%C3%A9%3E", "q=***");
    check(&[secret], "q=p%40ss%2fword%3f%2b%22%3c%c3%a9%3e", "q=***");
    check(&["two words"], "two%20words two+words", "*** ***");
    check(&[secret], r#"{"p": "p@ss/word?+\"<é>"}"#, r#"{"p": "***"}"#);
    check(&[secret], r#"{"p": "p@ss\/word?+\"<é>"}"#, r#"{"p": "***"}"#);
    check(&[secret], r#"{"p": "p@ss/word?+\"\u003cé\u003e"}"#, r#"{"p": "***"}"#);
    check(&["line one\nline two"], r"line one\nline two", "***");
}

#[test]
fn base64_in_columns_is_masked_line_by_line() {
    let secret = "0123456789abcdefghijklmnopqrstuvwxyz".repeat(5);
    let encoded = STANDARD.encode(&secret).into_bytes();
    for columns in [64, 76] {
        let lines: Vec<_> = encoded.chunks(columns).map(String::from_utf8_lossy).collect();
        let clean = Redactor::new(&[&secret]).text(&lines.join("\n"));
        assert!(clean.lines().all(|line| line.trim_end_matches('=') == "***"), "{clean}");
    }
}

#[test]
fn what_may_become_a_secret_waits() {
    let mut stream = Redactor::new(&["abcdef"]).stream();
    assert_eq!(&*stream.push(b"x abc"), b"x ");
    assert_eq!(&*stream.push(b"de"), b"");
    assert_eq!(&*stream.push(b"f y a"), b"*** y ");
    assert_eq!(stream.finish(), b"a");
}

#[test]
fn a_stream_without_secrets_is_not_copied() {
    let redactor = Redactor::default();
    assert!(matches!(redactor.stream().push(b"anything"), Cow::Borrowed(b"anything")));
}

#[test]
fn every_split_in_three_gives_the_same() {
    let redactor = Redactor::new(&["abab", "ababcabab", "bcab", "cabx", "xyzxyz"]);
    let text = b"abababcababcabxyzxyzxyababcababxy bcabx cabab";
    let whole = pieces(&redactor, text, &[]);
    for first in 0..=text.len() {
        for second in first..=text.len() {
            assert_eq!(pieces(&redactor, text, &[first, second]), whole, "at {first}, {second}");
        }
    }
}

#[test]
fn quoted_forms_are_secrets_too() {
    let secret = r#"it's "a" $HOME `x` \\ !"#;
    for quoted in [
        r#"'it'\''s "a" $HOME `x` \\ !'"#,
        r#"'it'"'"'s "a" $HOME `x` \\ !'"#,
        r#""it's \"a\" \$HOME \`x\` \\\\ !""#,
    ] {
        let clean = Redactor::new(&[secret]).text(quoted);
        assert_eq!(&clean[1..clean.len() - 1], MASK, "{quoted}");
    }
    check(&["a b'c$d"], r"printf %q: a\ b\'c\$d", "printf %q: ***");
    check(&["one\ntwo's"], r"$'one\ntwo\'s'", "$'***'");
    let debug = format!("{:?}", "quo\"ted\u{1}value");
    check(&["quo\"ted\u{1}value"], &debug, "\"***\"");
}

#[test]
fn masks_grow_while_the_agent_runs() {
    let masks = Masks::new(["first-secret"]);
    let other = masks.clone();
    assert_eq!(masks.text("first-secret second-secret"), "*** second-secret");
    other.add("second-secret");
    other.add("second-secret");
    assert_eq!(masks.text("first-secret second-secret"), "*** ***");
    assert_eq!(format!("{masks:?}"), "Masks(…)");
}

#[test]
fn of_many_added_the_first_are_let_go_of_and_the_operators_own_never() {
    let masks = Masks::new(["the-operators"]);
    (0..300).for_each(|number| masks.add(&format!("token-{number:03}")));
    assert_eq!(masks.text("the-operators token-000 token-299"), "*** token-000 ***");
}

#[test]
fn every_split_of_a_wrapped_key_masks_all_of_it() {
    let key = format!("-----BEGIN KEY-----\n{}\nshort\n-----END KEY-----\n", "MIIEow".repeat(10));
    let redactor = Redactor::new(&[&key, "MIIEowMI", "BEGIN"]);
    let text = format!("x{key}y BEGIN MIIEowMIIEow");
    let whole = pieces(&redactor, text.as_bytes(), &[]);
    for cut in 0..=text.len() {
        assert_eq!(pieces(&redactor, text.as_bytes(), &[cut]), whole, "at {cut}");
    }
    let each: Vec<usize> = (0..text.len()).collect();
    assert_eq!(pieces(&redactor, text.as_bytes(), &each), whole);
    assert!(!String::from_utf8(whole).unwrap().contains("MIIE"));
}

proptest! {
    /// However a program writes a secret, wherever it is cut, nothing of the secret is left.
    #[test]
    fn encoded_secrets_do_not_survive_any_split(
        secret in "[a-zA-Z0-9 /+\"'$%&<>é]{6,40}",
        around in "[a-z]{0,3}",
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        prop_assume!(secret.trim().chars().count() >= SHORTEST);
        let redactor = Redactor::new(&[&secret]);
        let json = serde_json::to_string(&secret).unwrap();
        let url: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let quoted = format!("'{}'", secret.replace('\'', r"'\''"));
        let base64 = STANDARD.encode(format!("{around}{secret}{around}"));
        for (written, left) in [(json, 2), (url, 0), (quoted, 2), (base64, 2 * around.len() + 8)] {
            let text = format!("<{written}>").into_bytes();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len())).collect();
            cuts.sort_unstable();
            let clean = String::from_utf8(pieces(&redactor, &text, &cuts)).unwrap();
            prop_assert!(clean.contains(MASK), "{} in {}", clean, written);
            prop_assert!(clean.len() <= left + 2 + MASK.len(), "{} of {}", clean, written);
        }
    }


    #[test]
    fn no_split_changes_the_output_and_no_secret_survives(
        secrets in prop::collection::vec("[ab]{4,9}|[a-c/ é]{4,6}\n[a-c]{4,5}", 1..5),
        noise in prop::collection::vec("[abc/ é\n]{0,6}", 1..12),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 12),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..9),
    ) {
        let mut text = String::new();
        for (noise, pick) in noise.iter().zip(&picks) {
            text.push_str(noise);
            text.push_str(pick.get::<String>(&secrets));
        }
        let values: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let redactor = Redactor::new(&values);
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        cuts.sort_unstable();
        let whole = redactor.text(&text);
        let split = pieces(&redactor, text.as_bytes(), &cuts);
        prop_assert_eq!(&*String::from_utf8_lossy(&split), whole.as_str());
        for secret in &secrets {
            prop_assert!(!whole.contains(secret.as_str()), "{secret:?} in {whole:?}");
        }
    }
}
