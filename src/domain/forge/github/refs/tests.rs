use super::*;
use crate::domain::event::Disposition;

const ONE: &str = "1111111111111111111111111111111111111111";
const TWO: &str = "2222222222222222222222222222222222222222";

fn shown() -> Shown {
    let body = br#"{"full_name": "franela/pocketci", "private": true, "default_branch": "main",
        "clone_url": "https://github.com/franela/pocketci.git", "id": 12345678901234567890,
        "pushed_at": "2026-11-21T09:00:00Z"}"#;
    repository(body).unwrap()
}

fn made() -> Commit {
    let body = format!(
        r#"{{"sha": "{TWO}", "html_url": "https://github.com/c", "commit": {{"message": "Words",
            "author": {{"name": "Ada", "email": "ada@example.com", "date": "2026-11-20T00:00:00Z"}},
            "committer": {{"name": "GitHub", "date": "2026-11-21T08:00:00Z"}}}}}}"#
    );
    commit(body.as_bytes()).unwrap()
}

/// What we make is read like what GitHub sends.
#[test]
fn a_push_that_we_make_is_a_push() {
    let before: Sha = ONE.parse().unwrap();
    let body = push(&shown(), "refs/heads/feature/x", Some(&before), &made());
    let event = super::super::event("push", &body).unwrap();
    assert_eq!(event.disposition, Disposition::Planned);
    assert_eq!((&*event.event_type, &*event.filter), ("push", "feature/x"));
    assert_eq!(event.reference.as_deref(), Some("refs/heads/feature/x"));
    assert_eq!((event.before, event.created, event.deleted), (Some(before), false, false));
    assert_eq!(event.sha.unwrap().as_str(), TWO);
    let repository = event.repository.unwrap();
    assert_eq!((repository.full_name.as_str(), repository.private), ("franela/pocketci", true));
    let commit = event.commit.unwrap();
    assert_eq!((&*commit.message, &*commit.author.name), ("Words", "Ada"));
    assert_eq!(made().at, "2026-11-21T08:00:00Z".parse().unwrap());
    assert_eq!(event.sender, None);

    let event =
        super::super::event("push", &push(&shown(), "refs/heads/new", None, &made())).unwrap();
    assert_eq!((event.before, event.created), (None, true));
}

#[test]
fn a_tag_that_we_make_is_a_tag() {
    let event = super::super::event("push", &push(&shown(), "refs/tags/v1", None, &made()));
    let event = event.unwrap();
    assert_eq!((&*event.event_type, &*event.filter), ("tag", "v1"));
    assert_eq!(event.sha.unwrap().as_str(), TWO);
}

#[test]
fn a_push_can_be_widened() {
    let (one, two): (Sha, Sha) = (ONE.parse().unwrap(), TWO.parse().unwrap());
    let body = push(&shown(), "refs/heads/main", Some(&two), &made());
    assert_eq!(with_before(&body, Some(&two)), None);
    let wider = with_before(&body, Some(&one)).unwrap();
    let event = super::super::event("push", &wider).unwrap();
    assert_eq!((event.before, event.created), (Some(one), false));
    let widest = with_before(&wider, None).unwrap();
    let event = super::super::event("push", &widest).unwrap();
    assert_eq!((event.before, event.created), (None, true));
    assert_eq!(with_before(b"{}", None), None);
}

#[test]
fn answers_are_read_as_far_as_they_go() {
    let list = format!(
        r#"[{{"name": "main", "commit": {{"sha": "{ONE}"}}}}, {{"name": "x", "commit": null}}]"#
    );
    let (found, more) = branches(list.as_bytes()).unwrap();
    assert_eq!(found, [Branch { name: "main".to_owned(), sha: ONE.parse().unwrap() }]);
    assert!(!more);
    for body in ["", "{}", "null", "<html>", r#"{"full_name": "x"}"#] {
        assert_eq!(branches(body.as_bytes()), None, "{body}");
        assert!(repository(body.as_bytes()).is_none(), "{body}");
        assert_eq!(commit(body.as_bytes()), None, "{body}");
    }
}
