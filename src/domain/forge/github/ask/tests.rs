use serde_json::{Value, json};

use super::*;
use crate::domain::ids::{CallId, RunId};

const SHA: &str = "0123456789012345678901234567890123456789";
const CHECK: CheckId = CheckId { run: RunId(3), call: Some(CallId(9)), attempt: 1 };

fn body(about: &str, action: &str, app: Value) -> Value {
    json!({
        "action": action,
        about: {"head_sha": SHA, "external_id": CHECK.to_string(), "app": app},
        "requested_action": {"identifier": "rerun-failed"},
        "repository": {"full_name": "ada/site"},
        "sender": {"login": "ada", "id": 7},
    })
}

#[track_caller]
fn check(own: &str, event: &str, body: &Value, wanted: Option<Wish>) {
    let found = asked(event, body.to_string().as_bytes(), &own.parse().unwrap());
    assert_eq!(found.as_ref().map(|ask| ask.wish), wanted);
    if let Some(ask) = found {
        assert_eq!((ask.by.login.as_str(), ask.by.id.as_str()), ("ada", "7"));
        assert_eq!((ask.repository.as_str(), ask.sha.as_str()), ("ada/site", SHA));
    }
}

#[test]
fn only_the_apps_own_checks_are_asked_about() {
    let own = || json!({"id": 12, "client_id": "Iv1.0123456789abcdef"});
    let again = body("check_run", "rerequested", own());
    check("12", "check_run", &again, Some(Wish::Rerun(CHECK)));
    check("Iv1.0123456789abcdef", "check_run", &again, Some(Wish::Rerun(CHECK)));
    check("13", "check_run", &again, None);
    check("12", "push", &again, None);
    check("12", "check_run", &body("check_run", "created", own()), None);
    let pressed = body("check_run", "requested_action", own());
    check("12", "check_run", &pressed, Some(Wish::Pressed(CHECK, Button::RerunFailed)));
    let suite = body("check_suite", "rerequested", own());
    check("12", "check_suite", &suite, Some(Wish::RerunCommit));
    check("12", "check_suite", &body("check_suite", "requested", own()), None);
    check("12", "check_suite", &body("check_suite", "rerequested", json!(null)), None);
}

#[test]
fn what_is_not_ours_to_read_asks_for_nothing() {
    let own = json!({"id": 12});
    for (field, value) in [
        ("/check_run/external_id", json!("someone-else")),
        ("/check_run/head_sha", json!("main")),
        ("/requested_action/identifier", json!("format-disk")),
        ("/sender", json!(null)),
        ("/repository", json!(null)),
    ] {
        let mut body = body("check_run", "requested_action", own.clone());
        *body.pointer_mut(field).unwrap() = value;
        check("12", "check_run", &body, None);
    }
}
