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
    let made = |vendor| webhook_request(vendor, API, &repository(), wanted);
    for vendor in [Vendor::Github, Vendor::Gitea, Vendor::Forgejo, Vendor::Gogs] {
        let request = made(vendor);
        assert_eq!(request.uri().to_string(), format!("{API}/repos/ada/site/hooks"));
        let body = body(&request);
        assert_eq!(body["active"], json!(true), "{vendor}");
        assert_eq!(body["config"]["url"], json!("https://ci/webhooks/x"), "{vendor}");
        assert_eq!(body["config"]["content_type"], json!("json"), "{vendor}");
        assert_eq!(body["config"]["secret"], json!("s3cret"), "{vendor}");
        assert_eq!(body["events"], json!(webhook_events(vendor)), "{vendor}");
    }
    assert_eq!(body(&made(Vendor::Forgejo))["type"], json!("forgejo"));
    assert_eq!(body(&made(Vendor::Github))["name"], json!("web"));

    let gitlab = made(Vendor::Gitlab);
    assert_eq!(gitlab.uri().to_string(), format!("{API}/projects/ada%2Fsite/hooks"));
    assert_eq!(body(&gitlab)["token"], json!("s3cret"));
    for event in webhook_events(Vendor::Gitlab) {
        assert_eq!(body(&gitlab)[event], json!(true), "{event}");
    }
    let signing = Wanted { secret: "whsec_MTIz", ..wanted };
    let signing = body(&webhook_request(Vendor::Gitlab, API, &repository(), signing));
    assert_eq!(
        (&signing["signing_token"], &signing["token"]),
        (&json!("whsec_MTIz"), &json!(null))
    );

    let cloud = made(Vendor::Bitbucket);
    assert_eq!(cloud.uri().to_string(), format!("{API}/repositories/ada/site/hooks"));
    assert_eq!(body(&cloud)["secret"], json!("s3cret"));
    let server = made(Vendor::BitbucketServer);
    let place = "api/latest/projects/ada/repos/site/webhooks";
    assert_eq!(server.uri().to_string(), format!("{API}/{place}"));
    assert_eq!(body(&server)["configuration"]["secret"], json!("s3cret"));
    for request in [cloud, server] {
        assert_eq!(body(&request)["active"], json!(true));
        assert!(body(&request)["events"].as_array().unwrap().len() > 5);
    }
}

#[test]
fn only_giteas_secret_cannot_be_changed() {
    let wanted = Wanted { url: "https://ci/", secret: "s3cret" };
    let change = |vendor| webhook_change_request(vendor, API, &repository(), "7", wanted);
    let request = change(Vendor::Github).unwrap();
    assert_eq!(request.method(), http::Method::PATCH);
    assert_eq!(request.uri().to_string(), format!("{API}/repos/ada/site/hooks/7"));
    assert_eq!(body(&request)["config"]["secret"], json!("s3cret"));
    assert!(change(Vendor::Gitea).is_none());
    for vendor in [Vendor::Gitlab, Vendor::Bitbucket, Vendor::BitbucketServer] {
        assert_eq!(change(vendor).unwrap().method(), http::Method::PUT, "{vendor}");
    }
}

#[test]
fn ours_are_known_by_their_address() {
    #[track_caller]
    fn check(url: &str, expected: bool) {
        let (events, content_type) = (Vec::new(), "json".to_owned());
        let hook =
            Webhook { id: "1".to_owned(), url: url.to_owned(), active: true, events, content_type };
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
    let [hook] = webhooks(Vendor::Gitea, list).unwrap().try_into().unwrap();
    assert_eq!((hook.id.as_str(), hook.url.as_str(), hook.active), ("3", "https://ci/", true));
    assert_eq!((hook.events, hook.content_type.as_str()), (vec!["push".to_owned()], "json"));
    assert_eq!(webhooks(Vendor::Gitea, b"{}"), None);

    let list = br#"[{"id": 5, "url": "https://ci/", "push_events": true, "note_events": false,
        "alert_status": "disabled"}]"#;
    let [hook] = webhooks(Vendor::Gitlab, list).unwrap().try_into().unwrap();
    assert_eq!((hook.id.as_str(), hook.active), ("5", false));
    assert_eq!(hook.events, ["push_events"]);

    let list = br#"{"values": [{"uuid": "{a-b}", "url": "https://ci/", "active": true,
        "events": ["repo:push"]}]}"#;
    let [hook] = webhooks(Vendor::Bitbucket, list).unwrap().try_into().unwrap();
    assert_eq!((hook.id.as_str(), hook.active), ("{a-b}", true));
    let removal = webhook_removal_request(Vendor::Bitbucket, API, &repository(), &hook.id);
    assert!(removal.uri().path().ends_with("/hooks/%7Ba-b%7D"), "{removal:?}");
    assert_eq!(webhook_id(Vendor::Bitbucket, br#"{"uuid": "{c}"}"#).as_deref(), Some("{c}"));

    let list = br#"{"values": [{"id": 8, "url": "https://ci/", "active": true,
        "events": ["pr:opened"]}], "isLastPage": true}"#;
    let [hook] = webhooks(Vendor::BitbucketServer, list).unwrap().try_into().unwrap();
    assert_eq!((hook.id.as_str(), hook.events[0].as_str()), ("8", "pr:opened"));
    assert_eq!(webhook_id(Vendor::BitbucketServer, br#"{"id": 9}"#).as_deref(), Some("9"));
    assert_eq!(webhooks(Vendor::BitbucketServer, b"[]"), None);
}

#[test]
fn a_test_says_what_came_of_it_where_the_forge_does() {
    #[track_caller]
    fn check(vendor: Vendor, status: u16, body: &[u8], expected: Option<Tested>) {
        assert_eq!(tested(vendor, status, body), expected, "{vendor} {status}");
    }
    check(Vendor::Github, 204, b"", Some(Tested::Sent));
    check(Vendor::Github, 404, b"", None);
    check(Vendor::Gitea, 409, b"", Some(Tested::NothingToTell));
    check(Vendor::Gitlab, 201, b"{}", Some(Tested::Newest));
    check(Vendor::Gitlab, 422, br#"{"message": "401"}"#, Some(Tested::Newest));
    let empty = br#"{"message": "Ensure the project has at least one commit."}"#;
    check(Vendor::Gitlab, 422, empty, Some(Tested::NothingToTell));
    check(Vendor::Gitlab, 401, b"{}", None);
    let server = Vendor::BitbucketServer;
    check(server, 200, br#"{"response": {"statusCode": 204}}"#, Some(Tested::Answered(204)));
    check(server, 200, br#"{"statusCode": 500}"#, Some(Tested::Answered(500)));
    check(server, 200, br#"{"response": {"statusCode": 401}}"#, Some(Tested::NotSigned));
    check(server, 200, b"[]", Some(Tested::Newest));
    check(server, 401, b"{}", None);
}

#[test]
fn what_was_sent_is_read_where_the_forge_tells() {
    let none = Headers::default();
    let sent = br#"[{"trigger": "push_hooks", "response_status": "401", "request_data": {}},
        {"trigger": "note_hooks", "response_status": "internal error"}]"#;
    let [first, second] =
        webhook_attempts(Vendor::Gitlab, &none, sent).unwrap().try_into().unwrap();
    assert_eq!((first.event.as_str(), first.status, first.at), ("push_hooks", 401, None));
    assert_eq!(second.status, 0);
    let request = webhook_attempts_request(Vendor::Gitlab, API, &repository(), "7").unwrap();
    assert!(request.uri().to_string().ends_with("/hooks/7/events?per_page=20"), "{request:?}");

    let server = Vendor::BitbucketServer;
    let sent = br#"{"event": "repo:refs_changed", "start": 1513106011000,
        "result": {"description": "503", "outcome": "FAILURE"}}"#;
    let [only] = webhook_attempts(server, &none, sent).unwrap().try_into().unwrap();
    assert_eq!((only.status, only.at.unwrap().as_second()), (503, 1_513_106_011));
    let sent = br#"{"event": "pr:opened", "result": {"description": "OK", "outcome": "SUCCESS"}}"#;
    assert_eq!(webhook_attempts(server, &none, sent).unwrap()[0].status, 200);
    assert_eq!(webhook_attempts(server, &none, b"").unwrap(), []);
    assert_eq!(webhook_attempts(server, &none, b"no"), None);
    for vendor in [Vendor::Gitea, Vendor::Forgejo, Vendor::Gogs, Vendor::Bitbucket] {
        assert!(webhook_attempts_request(vendor, API, &repository(), "7").is_none(), "{vendor}");
    }
}

#[test]
fn gitlab_says_whether_it_signs() {
    let signing = br#"{"id": 5, "signing_token_present": true}"#;
    assert!(took_secret(Vendor::Gitlab, "whsec_MTIz", signing));
    assert!(!took_secret(Vendor::Gitlab, "whsec_MTIz", br#"{"id": 5}"#), "before 19.0");
    assert!(took_secret(Vendor::Gitlab, "s3cret", br#"{"id": 5}"#));
    assert!(keeps_another(Vendor::Gitlab, "s3cret", signing));
    assert!(!keeps_another(Vendor::Gitlab, "whsec_MTIz", signing));
    assert!(took_secret(Vendor::Github, "whsec_MTIz", b"{}"), "any text is a secret there");
}
