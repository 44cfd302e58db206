use serde_json::json;

use super::*;

const ISSUER: &str = "https://login.example.org/realms/main";

fn published() -> Value {
    json!({
        "issuer": ISSUER,
        "authorization_endpoint": format!("{ISSUER}/auth?kc_idp=x"),
        "token_endpoint": format!("{ISSUER}/token"),
        "jwks_uri": format!("{ISSUER}/certs"),
        "userinfo_endpoint": format!("{ISSUER}/userinfo"),
    })
}

fn provider(issuer: &str, published: &Value) -> Result<Provider, String> {
    Provider::parse(issuer, published.to_string().as_bytes())
}

#[test]
fn a_provider_says_what_it_is() {
    let found = provider(ISSUER, &published()).unwrap();
    assert!(found.basic);
    let attempt = Attempt::of("secret");
    let address = found.address("ci", &attempt, "https://ci/back");
    assert!(address.starts_with(&format!("{ISSUER}/auth?kc_idp=x&response_type=code&")));
    assert!(address.contains("scope=openid+profile+email&") && !address.contains("groups"));
    assert!(address.contains(&attempt.nonce) && !address.contains(&attempt.verifier));
    let mut with = published();
    with["scopes_supported"] = json!(["openid", "groups"]);
    with["token_endpoint_auth_methods_supported"] = json!(["client_secret_post"]);
    let other = provider(&format!("{ISSUER}/"), &with).unwrap();
    assert!(!other.basic && other.address("ci", &attempt, "x").contains("email+groups"));
    let form = |provider: &Provider| {
        let request = provider.token_request(("ci", "s"), &attempt, "x", "code");
        String::from_utf8(request.into_body()).unwrap()
    };
    assert!(!form(&found).contains("client_secret") && form(&other).contains("client_secret=s"));
}

#[test]
fn a_provider_speaks_for_itself_and_over_tls() {
    assert!(
        provider("https://other.example.org", &published()).unwrap_err().contains("calls itself")
    );
    for name in ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"] {
        for elsewhere in ["http://login.example.org/x", "javascript:alert(1)", "/x", ""] {
            let mut published = published();
            published[name] = json!(elsewhere);
            assert!(provider(ISSUER, &published).unwrap_err().contains("not https"), "{name}");
        }
    }
    for name in ["issuer", "token_endpoint", "jwks_uri"] {
        let mut published = published();
        published[name] = json!(null);
        assert!(provider(ISSUER, &published).is_err(), "{name}");
    }
    // Large ones have several hosts.
    let mut spread = published();
    spread["token_endpoint"] = json!("https://oauth.example.com/token");
    assert!(provider(ISSUER, &spread).is_ok());
    let local = published().to_string().replace("https:", "http:");
    assert!(Provider::parse(&ISSUER.replace("https", "http"), local.as_bytes()).is_ok());
    let spread = local.replacen("http://login.example.org/realms/main/token", "http://x/token", 1);
    assert!(Provider::parse(&ISSUER.replace("https", "http"), spread.as_bytes()).is_err());
}

#[test]
fn a_token_is_for_us_now_and_for_this_attempt() {
    let now = Timestamp::from_second(1_000_000).unwrap();
    let good = json!({"iss": ISSUER, "aud": "ci", "sub": "7", "nonce": "n", "exp": 1_000_300,
                      "iat": 999_990});
    let check = |claims: &Value| check(claims.as_object().unwrap(), ISSUER, "ci", "n", now);
    assert_eq!(check(&good), Ok(()));
    for (name, value, right) in [
        ("iss", json!("https://other"), false),
        ("iss", json!(format!("{ISSUER}/")), false),
        ("aud", json!(["ci"]), true),
        ("aud", json!("other"), false),
        ("aud", json!(["ci", "other"]), false),
        ("aud", json!([]), false),
        ("aud", json!(null), false),
        ("azp", json!("ci"), true),
        ("azp", json!("other"), false),
        ("exp", json!(999_950), true),
        ("exp", json!(999_900), false),
        ("exp", json!("1000300"), false),
        ("exp", json!(null), false),
        ("iat", json!(1_000_030), true),
        ("iat", json!(1_000_090), false),
        ("nbf", json!(1_000_090), false),
        ("nonce", json!("m"), false),
        ("nonce", json!(null), false),
        ("sub", json!(""), false),
        ("sub", json!("a\nb"), false),
        ("sub", json!(7), false),
        ("sub", json!("x".repeat(256)), false),
    ] {
        let mut claims = good.clone();
        claims[name] = value;
        assert_eq!(check(&claims).is_ok(), right, "{claims}");
    }
    let mut both = good;
    both["aud"] = json!(["ci", "other"]);
    both["azp"] = json!("ci");
    assert_eq!(check(&both), Ok(()));
}

#[test]
fn more_is_known_of_the_same_person_alone() {
    let mut claims = json!({"sub": "7", "email": "a@example.org"}).as_object().unwrap().clone();
    let more = json!({"sub": "8", "groups": ["root"]});
    add(&mut claims, more.to_string().as_bytes());
    assert_eq!(claims.len(), 2);
    let more = json!({"sub": "7", "groups": ["staff"], "email_verified": true, "email": "b@x"});
    add(&mut claims, more.to_string().as_bytes());
    assert_eq!(claims["groups"], json!(["staff"]));
    // Of another address nothing is proven about the one that was signed.
    assert_eq!(
        (claims["email"].as_str(), claims.get("email_verified")),
        (Some("a@example.org"), None)
    );
}

#[test]
fn people_are_called_something() {
    for (claims, expected) in [
        (json!({"sub": "7", "preferred_username": "alice", "email": "a@x"}), "alice"),
        (json!({"sub": "7", "preferred_username": " ", "email": "a@x"}), "a@x"),
        (json!({"sub": "7"}), "7"),
        (json!({"sub": "7", "name": "A\u{202e}\u{1b}[31mda"}), "A\u{fffd}da"),
    ] {
        assert_eq!(login(claims.as_object().unwrap()), expected);
    }
}

#[test]
fn what_a_code_is_exchanged_for_is_read() {
    let good = tokens(br#"{"id_token": "a.b.c", "access_token": "x"}"#).unwrap();
    assert_eq!((&*good.id, good.access.is_some()), ("a.b.c", true));
    let refused = tokens(br#"{"error": "invalid_grant"}"#);
    assert_eq!(refused.err().as_deref(), Some("invalid_grant"));
    assert!(tokens(b"{}").is_err() && tokens(b"<").is_err());
}
