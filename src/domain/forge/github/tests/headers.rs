//! What GitHub's headers say: who signed, and which delivery it is.

use super::*;

const SHA256: &str = "sha256=f417af3a21bd70379b5796d5f013915e7029f62c580fb0f500f59a35a6f04c89";
const SHA1: &str = "sha1=b17e04cbb22afa8ffbff8796fc1894ed27badd9e";

#[track_caller]
fn check(headers: &[(&str, &str)], allow_sha1: bool, expected: Result<(), BadSignature>) {
    let headers = Headers::from_pairs(headers.iter().copied());
    let secrets = [WebhookSecret::new("other"), WebhookSecret::new("secret")];
    let found = authenticate(&secrets, &headers, allow_sha1, b"{\"a\": \"z\"}");
    assert_eq!(found.map(|_| ()), expected);
}

#[test]
fn sha256_is_what_counts() {
    check(&[("x-hub-signature-256", SHA256)], false, Ok(()));
    check(&[("X-Hub-Signature-256", SHA256), ("X-Hub-Signature", "sha1=00")], true, Ok(()));
    check(&[], true, Err(BadSignature::Absent));
}

#[test]
fn sha1_counts_alone_and_with_leave() {
    check(&[("X-Hub-Signature", SHA1)], true, Ok(()));
    check(&[("X-Hub-Signature", SHA1)], false, Err(BadSignature::OnlySha1));
    for beside in ["", "sha256=", "sha256=00", "yo", SHA1] {
        let headers = [("X-Hub-Signature", SHA1), ("X-Hub-Signature-256", beside)];
        let headers = Headers::from_pairs(headers);
        let secrets = [WebhookSecret::new("secret")];
        assert!(authenticate(&secrets, &headers, true, b"{\"a\": \"z\"}").is_err(), "{beside}");
    }
}

#[test]
fn each_digest_has_its_own_header() {
    let bare = SHA256.trim_start_matches("sha256=");
    check(&[("X-Hub-Signature-256", bare)], true, Err(BadSignature::Malformed));
    check(&[("X-Hub-Signature", SHA256)], true, Err(BadSignature::Malformed));
    check(&[("X-Hub-Signature-256", SHA1)], true, Err(BadSignature::Malformed));
    check(&[("X-Hub-Signature-256", "SHA256=00")], true, Err(BadSignature::Malformed));
    check(&[("X-Hub-Signature-256", "sha256=")], true, Err(BadSignature::Malformed));
}

#[test]
fn a_delivery_is_known_by_its_id_or_its_body() {
    #[track_caller]
    fn check(id: Option<&str>, expected: &str) {
        let headers = Headers::from_pairs(id.map(|id| ("x-github-delivery", id)));
        assert_eq!(delivery_id(&headers, b""), expected);
    }
    let hash = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    check(Some("72d3162e-cc78-11e3-81ab-4c9367dc0958"), "72d3162e-cc78-11e3-81ab-4c9367dc0958");
    check(None, hash);
    check(Some(""), hash);
    check(Some("a b"), hash);
    check(Some(&"x".repeat(129)), hash);
}
