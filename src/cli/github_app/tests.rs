use super::*;

#[test]
fn only_what_comes_from_the_form_brings_a_code() {
    let answer = |target: &str| {
        let head = format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n");
        let (status, _, code) = page::answer(&head, "form", "abc");
        (status.split(' ').next().unwrap().to_owned(), code)
    };
    assert_eq!(answer("/"), ("200".to_owned(), None));
    assert_eq!(answer("/created?code=x&state=abc"), ("200".to_owned(), Some("x".to_owned())));
    assert_eq!(answer("/created?code=x&state=abd"), ("400".to_owned(), None));
    assert_eq!(answer("/created?code=x"), ("400".to_owned(), None));
    assert_eq!(answer("/created?code=&state=abc"), ("400".to_owned(), None));
    assert_eq!(answer("/favicon.ico"), ("404".to_owned(), None));
    assert_eq!(page::answer("POST / HTTP/1.1", "form", "abc").0, "400 Bad Request");
}

#[test]
fn the_form_goes_to_the_configured_github() {
    let github: Url = "https://ghe.example.org".parse().unwrap();
    let own = action(&github, None, "abc").unwrap();
    assert_eq!(own, "https://ghe.example.org/settings/apps/new?state=abc");
    let org = action(&github, Some("acme-ci"), "abc").unwrap();
    assert_eq!(org, "https://ghe.example.org/organizations/acme-ci/settings/apps/new?state=abc");
    assert!(action(&github, Some("../x"), "abc").is_err());
    let page = page::form(&own, &manifest("a \"b\"", "https://ci.example", 5));
    assert!(!page.contains("\"b\\\"") && page.contains("&quot;default_permissions&quot;"));
}
