use super::*;
use crate::domain::event::tests::{pull_request, push, sha, tag};

#[track_caller]
fn check(event: &Event, place: &str, step: Step) {
    assert_eq!(of(event), Some(Succession { place: place.to_owned(), step }), "{}", event.title());
}

#[test]
fn commits_follow_one_another() {
    check(&push("main", 'a', 'b'), "push main", Step::Commit(sha('b')));
    for action in ["opened", "synchronize", "reopened", "ready_for_review"] {
        check(&pull_request(action, 'b'), "pull_request 7", Step::Commit(sha('b')));
    }
    check(&pull_request("closed", 'b'), "pull_request 7", Step::Closed);
    for action in ["labeled", "edited", "assigned"] {
        assert_eq!(of(&pull_request(action, 'b')), None, "{action}");
    }
    assert_eq!(of(&tag("v1", 'b')), None);
}

#[test]
fn pull_requests_are_superseded_unless_the_spec_says_no_and_branches_if_it_says_yes() {
    let of_pull = Some("pull_request 7".to_owned());
    let of_branch = Some("push main".to_owned());
    for (event, wanted, expected) in [
        (pull_request("opened", 'b'), None, of_pull.clone()),
        (pull_request("synchronize", 'b'), Some(true), of_pull),
        (pull_request("synchronize", 'b'), Some(false), None),
        (pull_request("closed", 'b'), Some(true), None),
        (pull_request("labeled", 'b'), Some(true), None),
        (push("main", 'a', 'b'), None, None),
        (push("main", 'a', 'b'), Some(false), None),
        (push("main", 'a', 'b'), Some(true), of_branch),
        (tag("v1", 'b'), Some(true), None),
    ] {
        assert_eq!(place(&event, wanted), expected, "{} {wanted:?}", event.title());
    }
}

#[test]
fn reasons_are_words_for_a_status() {
    assert_eq!(Step::Commit(sha('b')).reason(), "superseded by bbbbbbb");
    assert_eq!(Step::Closed.reason(), "the pull request was closed");
}
