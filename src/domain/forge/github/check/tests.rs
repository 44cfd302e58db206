use super::*;
use crate::domain::check::Button;
use crate::domain::spec::Mark;

const API: &str = "https://api.github.com";

fn check() -> Check {
    let mark = Mark {
        path: "pocketci.yaml".to_owned(),
        line: 3,
        column: 5,
        width: 6,
        message: "Unknown key".to_owned(),
    };
    Check {
        name: "pocketci/test-on-push".to_owned(),
        reference: "pocketci:3:9:2".to_owned(),
        standing: Standing::Completed(Conclusion::TimedOut),
        title: "Timed out after 30 min".to_owned(),
        summary: "Words".to_owned(),
        text: Some("More".to_owned()),
        marks: vec![mark; 60],
        buttons: vec![Button::RerunFailed],
        details_url: "http://ci.example/runs/3".to_owned(),
        started_at: Some("2026-11-21T10:00:00.123Z".parse().unwrap()),
        completed_at: Some("2026-11-21T10:30:00Z".parse().unwrap()),
    }
}

#[test]
fn a_check_run_is_made_and_changed() {
    let repo = "ada/site".parse().unwrap();
    let sha = "0123456789012345678901234567890123456789".parse().unwrap();
    let mut check = check();
    let request = create_request(API, &repo, &sha, &check);
    assert_eq!(request.uri(), "https://api.github.com/repos/ada/site/check-runs");
    let mut body: Value = serde_json::from_slice(request.body()).unwrap();
    let marks = body["output"]["annotations"].take();
    assert_eq!(marks.as_array().unwrap().len(), 50);
    insta::assert_snapshot!(marks[0], @r#"{"path":"pocketci.yaml","start_line":3,"end_line":3,"start_column":5,"end_column":10,"annotation_level":"failure","message":"Unknown key"}"#);
    insta::assert_snapshot!(body, @r#"{"name":"pocketci/test-on-push","status":"completed","conclusion":"timed_out","details_url":"http://ci.example/runs/3","external_id":"pocketci:3:9:2","started_at":"2026-11-21T10:00:00Z","completed_at":"2026-11-21T10:30:00Z","output":{"title":"Timed out after 30 min","summary":"Words","text":"More","annotations":null},"actions":[{"label":"Re-run failed","description":"Call again what did not pass","identifier":"rerun-failed"}],"head_sha":"0123456789012345678901234567890123456789"}"#);

    check.standing = Standing::Queued;
    check.completed_at = None;
    let request = update_request(API, &repo, 77, &check, false);
    assert_eq!(request.method(), "PATCH");
    assert_eq!(request.uri(), "https://api.github.com/repos/ada/site/check-runs/77");
    let body: Value = serde_json::from_slice(request.body()).unwrap();
    assert_eq!(body["status"], "queued");
    assert!(body.get("conclusion").is_none() && body["output"].get("annotations").is_none());
}

#[test]
fn what_a_commit_shows_is_read() {
    let own = "12".parse().unwrap();
    let body = br#"{"total_count":3,"check_runs":[
        {"id":5,"name":"pocketci","status":"completed","conclusion":"success","external_id":"pocketci:3:summary:1",
         "details_url":"http://ci.example/runs/3","output":{"title":"1 passed","annotations_count":2},"app":{"id":12}},
        {"id":6,"name":"lint","status":"in_progress","conclusion":null,"app":{"id":12}},
        {"id":7,"name":"else","status":"queued","app":{"id":13}}]}"#;
    let (shown, all) = list(body, &own).unwrap();
    assert_eq!((shown.len(), all), (2, 3));
    assert_eq!(shown[0].reference, "pocketci:3:summary:1");
    assert!(shown[0].completed && shown[0].annotated);
    assert_eq!(shown[0].posted.state, "success");
    assert_eq!((shown[1].posted.state.as_str(), shown[1].completed), ("pending", false));
    assert!(list(b"[]", &own).is_none());
}
