use super::*;

#[test]
fn a_token_is_known_by_its_fingerprint_alone() {
    let text = written(&[7; 32]);
    assert!(text.starts_with("pci_0707") && text.len() == 68, "{text}");
    assert_eq!(Fingerprint::of(&text), Fingerprint::of(&text));
    assert_ne!(Fingerprint::of(&text), Fingerprint::of(&text[..67]));
}

#[test]
fn names_can_stand_in_a_sentence() {
    for (text, expected) in [
        (" deploy bot ", Some("deploy bot")),
        ("alice@laptop", Some("alice@laptop")),
        ("", None),
        ("  ", None),
        ("two\nlines", None),
        ("<b>", None),
        ("a`b", None),
    ] {
        assert_eq!(name(text).ok().as_deref(), expected, "{text:?}");
    }
    assert!(name(&"x".repeat(60)).is_ok() && name(&"x".repeat(61)).is_err());
}
