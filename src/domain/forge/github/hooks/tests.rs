use super::*;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + 60 * minute).unwrap()
}

/// Attempts as `guid status`, a minute apart; what is unheard as `guid/number of the attempt`.
#[track_caller]
fn check(attempts: &[&str], expected: &[&str]) {
    let attempts: Vec<Attempt> = (1..)
        .zip(attempts)
        .map(|(minute, text)| {
            let (guid, status) = text.split_once(' ').unwrap();
            Attempt {
                id: minute as u64,
                guid: guid.to_owned(),
                at: at(minute),
                status: status.parse().unwrap(),
                event: "push".to_owned(),
            }
        })
        .collect();
    let found = unheard(&attempts, at(2));
    let found: Vec<String> = found.iter().map(|one| format!("{}/{}", one.guid, one.id)).collect();
    assert_eq!(found, expected, "{attempts:?}");
}

#[test]
fn what_nobody_took_is_unheard() {
    check(
        &["old 0", "a 0", "b 200", "c 502", "d 503", "e 429", "f 408"],
        &["a/2", "c/4", "d/5", "e/6", "f/7"],
    );
    // A later attempt of it got through, or failed too.
    check(&["x 200", "a 0", "b 0", "a 202", "b 500"], &["b/5"]);
    // It was first sent before the window.
    check(&["a 0", "x 200", "a 0"], &[]);
}

#[test]
fn what_was_refused_on_purpose_is_not_taken_by_another_door() {
    check(&["x 200", "a 401", "b 400", "c 413", "d 415", "e 404", "f 204"], &[]);
    check(&["x 200", "a 0", "a 401"], &[]);
}

#[test]
fn requests_name_their_owner() {
    let api = "https://api.github.com";
    let repo = Owner::Repository("franela/pocketci".parse().unwrap());
    let org = Owner::Organisation("franela".to_owned());
    let uri = |request: Request<Vec<u8>>| request.uri().to_string().replace(api, "");
    assert_eq!(
        uri(list_request(api, &repo, 1)),
        "/repos/franela/pocketci/hooks?per_page=100&page=1"
    );
    let attempts = attempts_request(api, &org, 7, Some("v1_&x"));
    assert_eq!(uri(attempts), "/orgs/franela/hooks/7/deliveries?per_page=100&cursor=v1_%26x");
    assert_eq!(uri(sent_request(api, &org, 7, 9)), "/orgs/franela/hooks/7/deliveries/9");
}

#[test]
fn answers_are_read_as_far_as_they_go() {
    let hooks = br#"[{"id": 7, "active": true, "config": {"url": "https://ci/"}}, {"id": 8}, {}]"#;
    let hooks = list(hooks).unwrap();
    assert_eq!(hooks[0], Hook { id: 7, url: "https://ci/".to_owned(), active: true });
    assert_eq!((hooks.len(), hooks[1].active), (2, false));
    let link =
        "<https://api.github.com/x?per_page=100&cursor=v1_5>; rel=\"next\", <y>; rel=\"first\"";
    let body = br#"[{"id": 1, "guid": "g", "delivered_at": "2026-11-21T09:00:00Z",
        "status_code": 502, "event": "push"}, {"id": 2}]"#;
    let (found, next) = attempts(&Headers::from_pairs([("link", link)]), body).unwrap();
    assert_eq!((found.len(), found[0].status, next.as_deref()), (1, 502, Some("v1_5")));
    assert_eq!(attempts(&Headers::default(), b"[]"), Some((Vec::new(), None)));
    for body in ["", "{}", "null", "<html>"] {
        assert_eq!(list(body.as_bytes()), None, "{body}");
        assert_eq!(attempts(&Headers::default(), body.as_bytes()), None, "{body}");
    }
}

/// Numbers too large for a float and the order of keys come through as they were sent.
#[test]
fn a_body_is_kept_as_it_was_sent() {
    let body =
        br#"{"id": 1, "request": {"headers": {"X-GitHub-Event": "push", "X-N": 5, "x": null},
        "payload": {"z": 12345678901234567890123, "a": 1.10}}, "response": {}}"#;
    let sent = sent(body).unwrap();
    assert_eq!(sent.payload.unwrap(), br#"{"z": 12345678901234567890123, "a": 1.10}"#);
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(sent.headers, [header("x-github-event", "push"), header("x-n", "5")]);
    for body in [r#"{"request": {"payload": null}}"#, r#"{"request": {"payload": ""}}"#] {
        assert!(super::sent(body.as_bytes()).unwrap().payload.is_none(), "{body}");
    }
    assert!(super::sent(b"{}").is_none());
}
