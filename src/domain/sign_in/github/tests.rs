use super::*;

fn attempt() -> Attempt {
    Attempt::of("secret")
}

#[test]
fn a_browser_is_sent_to_the_configured_github() {
    let back = "https://ci.example.com/sign-in/github/back";
    for (root, expected) in [
        ("https://github.com", "https://github.com/login/oauth/authorize"),
        ("https://ghe.example.org/", "https://ghe.example.org/login/oauth/authorize"),
        ("https://example.org/ghe/", "https://example.org/ghe/login/oauth/authorize"),
    ] {
        let address = address(&root.parse().unwrap(), "Iv1.abc", &attempt(), back);
        let url: Url = address.parse().unwrap();
        let pairs: Vec<_> = url.query_pairs().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(address.split('?').next().unwrap(), expected);
        assert!(pairs.contains(&format!("redirect_uri={back}")), "{pairs:?}");
        assert!(pairs.contains(&format!("state={}", attempt().state)));
        assert!(pairs.contains(&"code_challenge_method=S256".to_owned()));
        assert!(!address.contains("scope") && !address.contains(&attempt().verifier));
    }
}

#[test]
fn a_code_is_exchanged_with_what_only_we_know() {
    let root = "https://github.com".parse().unwrap();
    let request = token_request(&root, ("id", "s&cret"), &attempt(), "https://ci/back", "c");
    assert_eq!(request.uri(), "https://github.com/login/oauth/access_token");
    let body = String::from_utf8(request.into_body()).unwrap();
    let verifier = attempt().verifier;
    assert_eq!(
        body,
        format!(
            "client_id=id&client_secret=s%26cret&code=c&redirect_uri=https%3A%2F%2Fci%2Fback\
             &code_verifier={verifier}"
        )
    );
}

#[test]
fn answers_are_read() {
    use secrecy::ExposeSecret as _;
    let token_of = |body: &str| token(body.as_bytes()).map(|it| it.expose_secret().to_owned());
    assert_eq!(token_of(r#"{"access_token": "gho_x", "scope": ""}"#), Ok("gho_x".to_owned()));
    let wrong = r#"{"error": "bad_verification_code", "error_description": "The code\u001b[31m"}"#;
    assert_eq!(token_of(wrong), Err("bad_verification_code The code".to_owned()));
    for nothing in ["{}", "", "<html>", r#"{"access_token": 7}"#, r#"{"access_token": ""}"#] {
        assert!(token_of(nothing).is_err(), "{nothing}");
    }
    let octocat = user(br#"{"login": "octocat", "id": 583231, "type": "User"}"#).unwrap();
    assert_eq!((&*octocat.login, &*octocat.id), ("octocat", "583231"));
    for nobody in [r#"{"login": "x"}"#, r#"{"id": 7}"#, r#"{"login": "", "id": 7}"#, "[]"] {
        assert_eq!(user(nobody.as_bytes()), None, "{nobody}");
    }
}
