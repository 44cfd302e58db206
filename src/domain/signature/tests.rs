use proptest::prelude::*;

use super::*;

/// GitHub's published example, from its page on validating deliveries.
const PUBLISHED: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

fn secrets(texts: &[&str]) -> Vec<WebhookSecret> {
    texts.iter().map(|text| WebhookSecret::new(text)).collect()
}

fn sign(key: &str, body: &[u8]) -> String {
    let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key.as_bytes()).unwrap();
    hex::encode(mac.chain_update(body).finalize().into_bytes())
}

#[track_caller]
fn check(known: &[&str], digest: Digest, signature: &str, expected: Result<(), BadSignature>) {
    let body = b"Hello, World!";
    let found = Authentic::check(&secrets(known), digest, signature, body);
    assert_eq!(found.map(|authentic| assert_eq!(authentic.body(), body)), expected);
}

#[test]
fn the_published_example_is_authentic() {
    check(&["It's a Secret to Everybody"], Digest::Sha256, PUBLISHED, Ok(()));
    check(&["It's a Secret to Everybody"], Digest::Sha256, &PUBLISHED.to_uppercase(), Ok(()));
}

#[test]
fn any_of_several_secrets_will_do() {
    check(&["old", "It's a Secret to Everybody"], Digest::Sha256, PUBLISHED, Ok(()));
    check(&["It's a Secret to Everybody", "new"], Digest::Sha256, PUBLISHED, Ok(()));
    check(&["old", "new"], Digest::Sha256, PUBLISHED, Err(BadSignature::Mismatch));
    check(&[], Digest::Sha256, PUBLISHED, Err(BadSignature::Mismatch));
}

#[test]
fn sha1_is_another_signature() {
    let body = b"{\"a\": \"z\"}";
    let sha1 = "b17e04cbb22afa8ffbff8796fc1894ed27badd9e";
    assert!(Authentic::check(&secrets(&["secret"]), Digest::Sha1, sha1, body).is_ok());
    assert!(Authentic::check(&secrets(&["secret"]), Digest::Sha256, sha1, body).is_err());
}

#[test]
fn what_is_no_signature_proves_nothing() {
    let known = &["It's a Secret to Everybody"];
    for text in ["", "yo", "7", "zz", "0x75", " ", "75 71"] {
        check(known, Digest::Sha256, text, Err(BadSignature::Malformed));
    }
    check(known, Digest::Sha256, &PUBLISHED[..8], Err(BadSignature::Mismatch));
    check(known, Digest::Sha256, &format!("{PUBLISHED}00"), Err(BadSignature::Mismatch));
}

#[test]
fn an_empty_secret_matches_nothing() {
    let signed_by_anybody = sign("", b"Hello, World!");
    check(&[""], Digest::Sha256, &signed_by_anybody, Err(BadSignature::Mismatch));
}

#[test]
fn a_secret_does_not_show_itself() {
    assert_eq!(format!("{:?}", secrets(&["hunter2"])), "[WebhookSecret(…)]");
}

proptest! {
    #[test]
    fn a_signed_body_is_authentic_and_a_changed_one_is_not(
        key in "\\PC{1,80}",
        mut body in proptest::collection::vec(any::<u8>(), 0..2000),
        position in any::<prop::sample::Index>(),
        bit in 0..8_u32,
    ) {
        let known = secrets(&["another", &key]);
        let signature = sign(&key, &body);
        prop_assert!(Authentic::check(&known, Digest::Sha256, &signature, &body).is_ok());

        if body.is_empty() {
            body.push(0);
        } else {
            let at = position.index(body.len());
            body[at] ^= 1 << bit;
        }
        prop_assert!(Authentic::check(&known, Digest::Sha256, &signature, &body).is_err());
    }

    #[test]
    fn a_changed_signature_is_refused(
        body in proptest::collection::vec(any::<u8>(), 0..200),
        at in 0..32_usize,
        bit in 0..8_u32,
    ) {
        let mut signature = hex::decode(sign("key", &body)).unwrap();
        signature[at] ^= 1 << bit;
        let found = Authentic::check(&secrets(&["key"]), Digest::Sha256, &hex::encode(signature), &body);
        prop_assert_eq!(found, Err(BadSignature::Mismatch));
    }

    #[test]
    fn no_split_of_a_body_passes_for_the_whole(
        body in proptest::collection::vec(any::<u8>(), 1..200),
        at in any::<prop::sample::Index>(),
    ) {
        let signature = sign("key", &body);
        let at = at.index(body.len());
        for part in [&body[..at], &body[at..]] {
            let found = Authentic::check(&secrets(&["key"]), Digest::Sha256, &signature, part);
            prop_assert_eq!(found.is_ok(), part.len() == body.len());
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in ".*", body in proptest::collection::vec(any::<u8>(), 0..50)) {
        let _ = Authentic::check(&secrets(&["key"]), Digest::Sha1, &text, &body);
    }
}

proptest! {
    #[test]
    fn a_body_in_pieces_is_the_same_body(
        body in proptest::collection::vec(any::<u8>(), 0..300),
        cuts in proptest::collection::vec(0usize..300, 0..5),
        other in any::<u8>(),
    ) {
        let known = secrets(&["old", "key"]);
        let pieces = |body: &[u8]| {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (body.len() + 1)).collect();
            cuts.extend([0, body.len()]);
            cuts.sort_unstable();
            let mut check = Claim::hmac(Digest::Sha256, &sign("key", body)).unwrap().check(&known).unwrap();
            cuts.windows(2).for_each(|cut| check.update(&body[cut[0]..cut[1]]));
            check
        };
        prop_assert_eq!(pieces(&body).finish(), Ok(()));
        let mut longer = pieces(&body);
        longer.update(&[other]);
        prop_assert_eq!(longer.finish(), Err(BadSignature::Mismatch));
    }
}

#[test]
fn a_claim_is_refused_before_any_body() {
    for text in ["", "zz", "7"] {
        assert_eq!(Claim::hmac(Digest::Sha256, text), Err(BadSignature::Malformed), "{text}");
    }
    // With no secret, or an empty one, there is nothing that could have made it.
    let claim = Claim::hmac(Digest::Sha256, PUBLISHED).unwrap();
    for known in [secrets(&[]), secrets(&[""])] {
        assert_eq!(claim.clone().check(&known).err(), Some(BadSignature::Mismatch));
    }
    // A token is right or wrong without one.
    let token = Claim::token("key").unwrap();
    assert!(token.clone().check(&secrets(&["old", "key"])).is_ok());
    assert_eq!(token.check(&secrets(&["whsec_key", ""])).err(), Some(BadSignature::Mismatch));
    assert_eq!(Claim::token(""), Err(BadSignature::Absent));
    assert_eq!(format!("{:?}", Claim::token("hunter2")), "Ok(Claim(…))");
}

#[test]
fn what_is_packed_into_a_form_is_what_is_signed() {
    let known = secrets(&["key"]);
    let body = br#"{"a": "b c+d"}"#;
    let signature = sign("key", body);
    let check = |form: &[u8]| {
        let mut check = Claim::packed_hmac(Digest::Sha256, &signature)?.check(&known)?;
        form.chunks(3).for_each(|piece| check.update(piece));
        check.finish()
    };
    assert_eq!(check(b"payload=%7B%22a%22%3A+%22b+c%2Bd%22%7D"), Ok(()));
    assert_eq!(check(b"payload=%7B%22a%22%3A+%22b+c%2Bd%22%7D%20"), Err(BadSignature::Mismatch));
    assert_eq!(check(body), Err(BadSignature::Mismatch));
}
