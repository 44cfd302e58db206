use openssl::rsa::Rsa;
use openssl::sign::Verifier;
use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::*;

const API: &str = "https://api.github.com";

fn granted(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, level)| ((*name).to_owned(), (*level).to_owned())).collect()
}

#[test]
fn the_apps_token_is_signed_and_short_lived() {
    let pair = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let pem = String::from_utf8(pair.private_key_to_pem_pkcs8().unwrap()).unwrap();
    let old = String::from_utf8(pair.rsa().unwrap().private_key_to_pem().unwrap()).unwrap();
    let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
    for pem in [pem.clone(), old, pem.replace('\n', "\\n")] {
        let key = AppKey::parse(&pem).unwrap();
        let token = key.token(&"123".parse().unwrap(), now).unwrap();
        let parts: Vec<&str> = token.expose_secret().split('.').collect();
        let [head, claims, signature] = parts.as_slice() else { panic!("{parts:?}") };
        let mut verifier = Verifier::new(MessageDigest::sha256(), &pair).unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        assert!(
            verifier.verify_oneshot(&signature, format!("{head}.{claims}").as_bytes()).unwrap()
        );
        let claims: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        assert_eq!(claims["iss"], 123);
        assert_eq!(claims["iat"], now.as_second() - 60);
        let ahead = claims["exp"].as_i64().unwrap() - now.as_second();
        assert!((1..=600).contains(&ahead), "{ahead}");
    }
}

#[test]
fn what_is_no_key_is_told_without_being_shown() {
    let short = PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap();
    let short = String::from_utf8(short.private_key_to_pem_pkcs8().unwrap()).unwrap();
    assert_eq!(AppKey::parse(&short).unwrap_err(), BadKey::NotRsa);
    assert_eq!(AppKey::parse("hello").unwrap_err(), BadKey::NotPem);
    let locked = Rsa::generate(2048).unwrap();
    let cipher = openssl::symm::Cipher::aes_128_cbc();
    let locked = locked.private_key_to_pem_passphrase(cipher, b"word").unwrap();
    assert_eq!(AppKey::parse(std::str::from_utf8(&locked).unwrap()).unwrap_err(), BadKey::NotPem);
}

#[test]
fn ids_are_numbers_or_client_ids() {
    for good in ["1", "123456", "Iv1.0123456789abcdef", "Iv23liABCdefGHIjkl01"] {
        assert!(good.parse::<AppId>().is_ok(), "{good}");
    }
    for bad in ["", "0", "-1", "abc", "Iv23li/../x", "Iv1.\u{e9}"] {
        assert!(bad.parse::<AppId>().is_err(), "{bad}");
    }
}

#[track_caller]
fn check_audience(path: &str, wanted: Audience) {
    assert_eq!(audience(API, &format!("{API}{path}")), wanted, "{path}");
}

#[test]
fn each_address_is_asked_with_the_token_for_it() {
    let site = || Audience::Repository("ada/site".parse().unwrap());
    check_audience("/app", Audience::App);
    check_audience("/app/hook/deliveries?per_page=100", Audience::App);
    check_audience("/app/installations/7/access_tokens", Audience::App);
    check_audience("/repos/ada/site/installation", Audience::App);
    check_audience("/repos/ada/site", site());
    check_audience("/repos/ada/site/check-runs/1?x=/app", site());
    check_audience("/repos/ada", Audience::Anyone);
    check_audience("/repos/ada/..", Audience::Anyone);
    check_audience("/app-manifests/code/conversions", Audience::Anyone);
    check_audience("/rate_limit", Audience::Anyone);
    assert_eq!(audience(API, "https://elsewhere.example/app"), Audience::Anyone);
}

#[test]
fn a_token_is_asked_for_one_repository_and_what_is_granted() {
    let permissions = granted(&[
        ("checks", "write"),
        ("contents", "write"),
        ("issues", "read"),
        ("metadata", "read"),
        ("administration", "write"),
    ]);
    let account = "ada".to_owned();
    let installation = Installation { id: 7, permissions, account, suspended: false };
    let request = token_request(API, &installation, &"ada/site".parse().unwrap());
    assert_eq!(request.uri(), "https://api.github.com/app/installations/7/access_tokens");
    insta::assert_snapshot!(String::from_utf8_lossy(request.body()), @r#"{"repositories":["site"],"permissions":{"checks":"write","contents":"read","issues":"read","metadata":"read"}}"#);
    assert_eq!(missing(&installation.permissions), ["issues: write", "pull_requests: write"]);
}

#[test]
fn answers_are_read() {
    let body = br#"{"id":7,"account":{"login":"ada"},"suspended_at":"2026-01-01T00:00:00Z","permissions":{"checks":"write"}}"#;
    let read = installation(body).unwrap();
    assert!(read.suspended && read.id == 7 && read.account == "ada");
    let (token, until) =
        token(br#"{"token":"ghs_x","expires_at":"2026-11-21T11:00:00Z"}"#).unwrap();
    assert_eq!(token.expose_secret(), "ghs_x");
    assert_eq!(until.to_string(), "2026-11-21T11:00:00Z");
    assert!(installation(b"[]").is_none());
}

#[test]
fn installations_change_by_their_events() {
    let body = br#"{"action":"suspend","installation":{"id":7}}"#;
    assert_eq!(changed_installation("installation", body), Some(7));
    assert_eq!(changed_installation("installation_repositories", body), Some(7));
    assert_eq!(changed_installation("push", body), None);
    assert_eq!(changed_installation("installation", b"{}"), None);
}
