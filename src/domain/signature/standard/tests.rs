use super::*;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const BODY: &[u8] = br#"{"test": 2432232314}"#;
const SIGNED: Signed<'_> = Signed {
    id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
    timestamp: "1614265330",
    signatures: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
};

fn secrets(texts: &[&str]) -> Vec<WebhookSecret> {
    texts.iter().map(|text| WebhookSecret::new(text)).collect()
}

#[track_caller]
fn check(signed: Signed<'_>, seconds: i64, expected: Result<(), BadSignature>) {
    let now = Timestamp::from_second(1_614_265_330 + seconds).unwrap();
    let found = Authentic::by_standard(&secrets(&["other", SECRET]), signed, now, BODY);
    assert_eq!(found.map(|_| ()), expected);
}

#[test]
fn the_published_vector_is_good_for_five_minutes() {
    for seconds in [0, 300, -300] {
        check(SIGNED, seconds, Ok(()));
    }
    for seconds in [301, -301, i64::from(i32::MAX)] {
        check(SIGNED, seconds, Err(BadSignature::Stale));
    }
}

#[test]
fn any_of_several_signatures_counts() {
    let signatures = format!("v2,aaaa v1,aaaa nonsense {}", SIGNED.signatures);
    check(Signed { signatures: &signatures, ..SIGNED }, 0, Ok(()));
    check(Signed { signatures: "v1,aaaa", ..SIGNED }, 0, Err(BadSignature::Mismatch));
    let version = SIGNED.signatures.replace("v1", "v2");
    for signatures in ["", "v1,", "v1,?", &version] {
        check(Signed { signatures, ..SIGNED }, 0, Err(BadSignature::Malformed));
    }
}

#[test]
fn id_and_time_are_signed_too() {
    check(Signed { id: "msg_other", ..SIGNED }, 0, Err(BadSignature::Mismatch));
    check(Signed { id: "", ..SIGNED }, 0, Err(BadSignature::Malformed));
    check(Signed { timestamp: "1614265331", ..SIGNED }, 0, Err(BadSignature::Mismatch));
    check(Signed { timestamp: "soon", ..SIGNED }, 0, Err(BadSignature::Malformed));
    check(Signed { timestamp: "-9223372036854775808", ..SIGNED }, 0, Err(BadSignature::Mismatch));
}

#[test]
fn a_signature_needs_a_signing_secret() {
    let now = Timestamp::from_second(1_614_265_330).unwrap();
    for secret in ["", "whsec_", "whsec_?", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
        let found = Authentic::by_standard(&secrets(&[secret]), SIGNED, now, BODY);
        assert_eq!(found, Err(BadSignature::Mismatch), "{secret}");
    }
}

#[test]
fn a_token_is_one_of_the_secrets() {
    let ours = secrets(&["old", "new", "", SECRET]);
    for token in ["old", "new"] {
        assert_eq!(Authentic::by_token(&ours, token, BODY).unwrap().body(), BODY);
    }
    for token in ["", "ne", "newer", "NEW", SECRET] {
        let found = Authentic::by_token(&ours, token, BODY);
        assert_eq!(found, Err(BadSignature::Mismatch), "{token}");
    }
}
