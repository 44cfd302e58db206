use super::*;
use crate::domain::forge::bitbucket;

const HEAD: &str = "d3022fc0ca3d1111111111111111111111111111";
const BASE: &str = "ce5965ddd2892222222222222222222222222222";
const OTHER: &str = "d3022fc0ca3e3333333333333333333333333333";

fn sha(text: &str) -> Sha {
    text.parse().unwrap()
}

fn updated() -> Event {
    let side = |branch: &str, commit: &str| {
        serde_json::json!({
            "branch": {"name": branch}, "commit": {"hash": commit},
            "repository": {"full_name": "team/repo"},
        })
    };
    let body = serde_json::json!({
        "repository": {"full_name": "team/repo"},
        "pullrequest": {
            "id": 7, "title": "Mend it", "source": side("feature", "d3022fc0ca3d"),
            "destination": side("main", "ce5965ddd289"),
        },
    });
    let body = body.to_string();
    bitbucket::events("pullrequest:updated", body.as_bytes()).unwrap().remove(0)
}

#[test]
fn commits_are_made_whole() {
    let mut event = updated();
    assert_eq!((&event.sha, event.nameless_base()), (&None, None));
    assert!(!event.complete_head(&sha(OTHER)) && !event.complete_base(&sha(HEAD)));
    assert!(event.complete_head(&sha(HEAD)) && event.complete_base(&sha(BASE)));
    assert_eq!(event.sha, Some(sha(HEAD)));
    let pull = event.pull_request.as_ref().unwrap();
    assert_eq!((&pull.head.sha, &pull.base.sha), (&Some(sha(HEAD)), &Some(sha(BASE))));
    // There is nothing left to complete.
    assert!(!event.complete_head(&sha(HEAD)));
    assert!(!event.lacks.is_nothing());
    event.tell_apart(None);
    assert!(event.lacks.is_nothing());
}

#[track_caller]
fn check(remembered: Option<&str>, complete: bool, action: &str, before: Option<&str>) {
    let mut event = updated();
    assert!(!complete || event.complete_head(&sha(HEAD)));
    event.tell_apart(remembered.map(sha).as_ref());
    let pull = event.pull_request.unwrap();
    assert_eq!((event.filter.as_str(), pull.action.as_str()), (action, action));
    assert_eq!(event.before, before.map(sha));
    assert!(!event.lacks.action);
}

#[test]
fn new_commits_are_told_from_new_words() {
    for complete in [false, true] {
        check(Some(HEAD), complete, "edited", None);
        check(Some(OTHER), complete, "synchronize", Some(OTHER));
        check(None, complete, "synchronize", None);
    }
}

#[test]
fn an_event_that_lacks_nothing_stays_as_it_is() {
    let mut event = Event { lacks: Lacks::default(), ..updated() };
    let same = event.clone();
    event.tell_apart(Some(&sha(HEAD)));
    assert_eq!(event, same);
}

#[test]
fn a_base_without_a_commit_is_looked_up_by_its_branch() {
    let mut event = updated();
    event.lacks.base = None;
    assert_eq!(event.nameless_base().as_deref(), Some("refs/heads/main"));
    event.set_base(&sha(BASE));
    assert_eq!(event.nameless_base(), None);
}
