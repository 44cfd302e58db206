use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::*;

const KEY: &str = "the webhook's secret";
const SIGNING: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const BODY: &[u8] = br#"{"a": "b c+d"}"#;
const FORM: &[u8] = b"payload=%7B%22a%22%3A+%22b+c%2Bd%22%7D";

fn mac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

/// The claim lets the body pass as far as the whole check does, and nothing else.
#[track_caller]
fn check(vendor: Vendor, headers: &[(&str, &str)], body: &[u8]) {
    let headers = Headers::from_pairs(headers.iter().copied());
    let now = Timestamp::from_second(1_614_265_330).unwrap();
    let checks = Checks { allow_sha1: false, now };
    let passes = |keys: &[&str], body: &[u8]| {
        let secrets: Vec<_> = keys.iter().map(|key| WebhookSecret::new(key)).collect();
        let claim = claim(vendor, &headers, false).unwrap();
        let claimed = claim.check(&secrets).and_then(|mut check| {
            body.chunks(5).for_each(|piece| check.update(piece));
            check.finish()
        });
        let proven = authenticate(vendor, &secrets, &headers, checks, body).map(|_| ());
        assert_eq!(claimed.is_ok(), proven.is_ok(), "{vendor}: {claimed:?}, {proven:?}");
        claimed.is_ok()
    };
    assert!(passes(&["old", SIGNING, KEY], body), "{vendor}");
    assert!(!passes(&["another", "whsec_YW5vdGhlcg=="], body), "{vendor}: another's key");
    assert!(!passes(&[], body), "{vendor}: no key");
    let bound = headers.get("x-gitlab-token").is_none();
    let longer = [body, b" "].concat();
    assert_eq!(passes(&[KEY, SIGNING], &longer), !bound, "{vendor}: another body");
}

#[test]
fn no_vendors_body_is_wanted_before_it_is_proven() {
    let plain = hex::encode(mac(KEY.as_bytes(), &[BODY]));
    let named = format!("sha256={plain}");
    check(Vendor::Github, &[("x-hub-signature-256", &named)], BODY);
    for vendor in [Vendor::Gitea, Vendor::Forgejo, Vendor::Gogs] {
        let header = gitea::headers(vendor).signature;
        check(vendor, &[(header, &plain)], BODY);
        let form = ("content-type", "application/x-www-form-urlencoded");
        check(vendor, &[(header, &plain), form], FORM);
    }
    for vendor in [Vendor::Bitbucket, Vendor::BitbucketServer] {
        check(vendor, &[("x-hub-signature", &named)], BODY);
    }
    check(Vendor::Gitlab, &[("x-gitlab-token", KEY)], BODY);
    let key = STANDARD.decode(SIGNING.strip_prefix("whsec_").unwrap()).unwrap();
    let signed = STANDARD.encode(mac(&key, &[b"msg_1.1614265330.", BODY]));
    let signed = format!("v1,{signed}");
    let id = [("webhook-id", "msg_1"), ("webhook-timestamp", "1614265330")];
    check(Vendor::Gitlab, &[("webhook-signature", &signed), id[0], id[1]], BODY);
}

#[test]
fn without_a_signature_there_is_no_claim() {
    let headers = Headers::from_pairs([("x-gitlab-token", ""), ("x-hub-signature", "sha256=zz")]);
    for vendor in Vendor::ALL {
        assert!(claim(vendor, &headers, false).is_err(), "{vendor}");
    }
}

#[test]
fn a_refused_token_has_the_operators_own_name() {
    for vendor in Vendor::ALL {
        let refused = answer(vendor, 401, &Headers::default(), b"{}", Timestamp::UNIX_EPOCH);
        let own = "`token` of `x:work` in POCKETCI_CONFIG";
        let named = in_words_of(refused.clone(), vendor, own);
        let github::Answer::Refused { why, .. } = named else { panic!("{vendor}: {named:?}") };
        assert!(why.contains(&format!("{own} is not valid")), "{vendor}: {why}");
        let variable = vendor.variable("TOKEN");
        assert_eq!(in_words_of(refused.clone(), vendor, &variable), refused, "{vendor}");
    }
}
