use proptest::prelude::*;

use super::*;

/// The value, where the form comes in pieces of this length.
fn read(form: &[u8], piece: usize) -> Vec<u8> {
    let (mut unpacking, mut value) = (Unpacking::default(), Vec::new());
    for piece in form.chunks(piece.max(1)) {
        unpacking.push(piece, |bytes| value.extend_from_slice(bytes));
    }
    unpacking.finish(|bytes| value.extend_from_slice(bytes));
    value
}

#[track_caller]
fn check(form: &str, expected: &str) {
    for piece in 1..=form.len().max(1) {
        let value = String::from_utf8(read(form.as_bytes(), piece)).unwrap();
        assert_eq!(value, expected, "{form:?} in pieces of {piece}");
    }
}

#[test]
fn the_value_is_read_whatever_surrounds_it() {
    check("", "");
    check("payload=", "");
    check("payload=a+b%2Bc%c3%A9", "a b+cé");
    check("x=1&payload=a=b&y=2&payload=z", "a=b");
    check("payloads=1&xpayload=2&pay=3&=4&payload=5", "5");
    check("payload=%", "%");
    check("payload=%4&x", "%4");
    check("payload=%4g%%41%2%41", "%4g%A%2A");
}

proptest! {
    /// Who reads the whole reads the same.
    #[test]
    fn it_is_what_a_reader_of_the_whole_finds(
        fields in proptest::collection::vec(("payload|pay|x|payloads", "[ -~]{0,40}"), 0..4),
        piece in 1usize..50,
    ) {
        let text: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let form = text.join("&");
        let whole = form_urlencoded::parse(form.as_bytes()).find(|(name, _)| name == "payload");
        let whole = whole.map(|(_, value)| value.into_owned());
        let lossless = whole.as_deref().is_none_or(|value| !value.contains('\u{fffd}'));
        prop_assume!(lossless);
        prop_assert_eq!(read(form.as_bytes(), piece), whole.unwrap_or_default().into_bytes());
    }

    #[test]
    fn a_body_that_was_packed_is_read_back(body in "\\PC{0,200}", piece in 1usize..50) {
        let mut form = form_urlencoded::Serializer::new(String::new());
        let form = form.append_pair("payload", &body).finish();
        prop_assert_eq!(read(form.as_bytes(), piece), body.into_bytes());
    }
}
