use serde_json::{Value, json};

use super::*;

const API: &str = "https://git.example/api/v1";

fn repository() -> RepoName {
    "ada/site".parse().unwrap()
}

fn body(request: &http::Request<Vec<u8>>) -> Value {
    serde_json::from_slice(request.body()).unwrap()
}

#[test]
fn a_webhook_is_made_in_each_forges_words() {
    let wanted = Wanted { url: "https://ci/webhooks/x", secret: "s3cret" };
    let made = |vendor| webhook_request(vendor, API, &repository(), wanted).unwrap();
    for vendor in [Vendor::Github, Vendor::Gitea, Vendor::Forgejo, Vendor::Gogs] {
        let request = made(vendor);
        assert_eq!(request.uri().to_string(), format!("{API}/repos/ada/site/hooks"));
        let body = body(&request);
        assert_eq!(body["active"], json!(true), "{vendor}");
        assert_eq!(body["config"]["url"], json!("https://ci/webhooks/x"), "{vendor}");
        assert_eq!(body["config"]["content_type"], json!("json"), "{vendor}");
        assert_eq!(body["config"]["secret"], json!("s3cret"), "{vendor}");
        assert_eq!(body["events"], json!(webhook_events(vendor)), "{vendor}");
        assert!(has_webhooks(vendor));
    }
    assert_eq!(body(&made(Vendor::Forgejo))["type"], json!("forgejo"));
    assert_eq!(body(&made(Vendor::Github))["name"], json!("web"));
    assert!(!has_webhooks(Vendor::Gitlab));
}

#[test]
fn only_githubs_secret_can_be_changed() {
    let wanted = Wanted { url: "https://ci/", secret: "s3cret" };
    let change = |vendor| webhook_change_request(vendor, API, &repository(), 7, wanted);
    let request = change(Vendor::Github).unwrap();
    assert_eq!(request.method(), http::Method::PATCH);
    assert_eq!(request.uri().to_string(), format!("{API}/repos/ada/site/hooks/7"));
    assert_eq!(body(&request)["config"]["secret"], json!("s3cret"));
    assert!(change(Vendor::Gitea).is_none());
}

#[test]
fn ours_are_known_by_their_address() {
    #[track_caller]
    fn check(url: &str, expected: bool) {
        let (events, content_type) = (Vec::new(), "json".to_owned());
        let hook = Webhook { id: 1, url: url.to_owned(), active: true, events, content_type };
        assert_eq!(is_ours(&hook, "https://ci.example/"), expected, "{url}");
    }
    check("https://ci.example", true);
    check("https://ci.example/", true);
    check("https://ci.example/webhooks/gitea:work", true);
    check("https://ci.example/other", false);
    check("https://ci.example.org/", false);
    check("http://ci.example/", false);
}

#[test]
fn a_list_is_read() {
    let list = br#"[{"id": 3, "type": "gitea", "active": true, "events": ["push"],
        "config": {"url": "https://ci/", "content_type": "json"}}, {"id": null}]"#;
    let [hook] = webhooks(list).unwrap().try_into().unwrap();
    assert_eq!((hook.id, hook.url.as_str(), hook.active), (3, "https://ci/", true));
    assert_eq!((hook.events, hook.content_type.as_str()), (vec!["push".to_owned()], "json"));
    assert_eq!(webhooks(b"{}"), None);
}
