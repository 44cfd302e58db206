//! Pull requests and their reviews: actions, forks, and what is required of them.

use super::*;

#[test]
fn every_action_of_a_pull_request_is_planned() {
    let actions = [
        "opened",
        "synchronize",
        "reopened",
        "ready_for_review",
        "closed",
        "labeled",
        "edited",
        "enqueued",
    ];
    for action in actions {
        let expected = format!("plan: pull_request {action} at refs/heads/feature 1");
        check("pull_request", pull(json!({"action": action})), &expected);
    }
    let event = read("pull_request", &pull(json!({})));
    assert!(!event.is_fork());
    let pull = event.pull_request.unwrap();
    assert_eq!((pull.number, pull.title.as_str(), pull.author.as_str()), (7, "Mend it", "alice"));
    assert_eq!((pull.action.as_str(), pull.draft, pull.merged), ("opened", false, false));
    assert_eq!(pull.labels, ["bug", "ci"]);
    assert_eq!((pull.head.reference.as_str(), pull.base.reference.as_str()), ("feature", "main"));
    assert_eq!(pull.base.sha.unwrap().as_str(), BASE);
}

#[test]
fn new_commits_follow_on_what_was_there() {
    let body = pull(json!({"action": "synchronize", "before": BASE, "after": HEAD}));
    assert_eq!(read("pull_request", &body).before.unwrap().as_str(), BASE);
    assert_eq!(read("pull_request", &pull(json!({}))).before, None);
}

#[test]
fn drafts_and_merges_are_told() {
    let state = |fields| {
        let pull = read("pull_request", &pull(json!({"pull_request": fields}))).pull_request;
        pull.map(|pull| (pull.draft, pull.merged)).unwrap()
    };
    assert_eq!(state(json!({"draft": true})), (true, false));
    assert_eq!(state(json!({"merged": true})), (false, true));
    assert_eq!(state(json!({"merged": null, "merged_at": "2024-05-01T10:00:00Z"})), (false, true));
    assert_eq!(state(json!({"draft": null, "merged_at": null})), (false, false));
}

#[test]
fn a_head_from_elsewhere_is_a_fork() {
    #[track_caller]
    fn check(fields: Value, fork: bool, head: Option<&str>, base: &str) {
        for name in ["pull_request", "pull_request_review", "pull_request_review_comment"] {
            let mut body = pull(json!({"pull_request": fields.clone()}));
            merge(&mut body, json!({"pull_request": {"number": 7}}));
            let event = read(name, &body);
            assert_eq!(event.is_fork(), fork, "{name}");
            let pull = event.pull_request.unwrap();
            assert_eq!(pull.head.repository.as_deref(), head);
            assert_eq!(pull.base.repository.as_deref(), Some(base));
        }
    }
    let (us, alice) = ("franela/pocketci", "alice/pocketci");
    check(json!({}), false, Some(us), us);
    check(json!({"head": {"repo": {"full_name": alice}}}), true, Some(alice), us);
    // A fork that was deleted, an abridged body, and whatever else we cannot read.
    check(json!({"head": {"repo": null}}), true, None, us);
    check(json!({"head": {"repo": {"full_name": null}}}), true, None, us);
    check(json!({"head": {"repo": 7}}), true, None, us);
    check(json!({"base": {"repo": null}}), false, Some(us), us);
    check(json!({"base": {"repo": null}, "head": {"repo": null}}), true, None, us);
}

#[test]
fn a_pull_request_names_what_it_lacks() {
    #[track_caller]
    fn lacks(fields: Value, field: &str) {
        let expected = format!("The webhook's body lacks the field `{field}`");
        refused("pull_request", pull(fields), &expected);
    }
    lacks(json!({"action": null}), "action");
    lacks(json!({"number": null}), "number");
    lacks(json!({"pull_request": {"head": {"ref": null}}}), "pull_request.head.ref");
    lacks(json!({"pull_request": {"head": {"sha": null}}}), "pull_request.head.sha");
    lacks(json!({"pull_request": {"base": {"ref": null}}}), "pull_request.base.ref");
    lacks(json!({"pull_request": {"base": {"sha": null}}}), "pull_request.base.sha");
    lacks(json!({"pull_request": null}), "pull_request.head.ref");
    lacks(json!({"pull_request": {"base": null}}), "pull_request.base.ref");
    lacks(json!({"repository": {"full_name": null}}), "repository.full_name");
    let expected = "The field `number` of the webhook's body should be a number";
    refused("pull_request", pull(json!({"number": "7"})), expected);
    let expected =
        "The field `pull_request.head.sha` of the webhook's body should be a full commit id";
    refused("pull_request", pull(json!({"pull_request": {"head": {"sha": NONE}}})), expected);
}

#[test]
fn a_review_is_at_the_head_of_its_pull_request() {
    let review = json!({
        "action": "submitted", "number": null, "pull_request": {"number": 7},
        "review": {"id": 9, "body": "Good", "user": {"login": "bob"}, "html_url": "https://x"},
    });
    check(
        "pull_request_review",
        pull(review.clone()),
        "plan: pull_request_review submitted at refs/heads/feature 1",
    );
    let event = read("pull_request_review", &pull(review));
    let comment = event.comment.unwrap();
    assert_eq!((comment.id.as_str(), comment.author.as_str()), ("9", "bob"));
    assert_eq!(event.pull_request.unwrap().number, 7);
    // Without a number there is nothing to fetch the head by.
    let body = pull(json!({"number": null, "action": "created"}));
    check("pull_request_review_comment", body, "plan: pull_request_review_comment created at - -");
}
