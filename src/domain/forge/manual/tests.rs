use serde_json::{Value, json};

use super::*;
use crate::domain::event::RefType;
use crate::domain::forge::events;

fn asked(reference: Option<&str>, default_branch: &str) -> Value {
    json!({
        "repository": {
            "full_name": "ada/site", "owner": "ada", "name": "site", "clone_url": "", "url": "",
            "default_branch": default_branch, "private": true,
        },
        "ref": reference, "inputs": {"level": "debug"},
        "sender": {"login": "alice", "id": "7"},
    })
}

fn read(body: &Value) -> Event {
    let [event] = events(Vendor::Gitea, EVENT, body.to_string().as_bytes())
        .unwrap()
        .try_into()
        .unwrap_or_else(|events| panic!("{events:?}"));
    event
}

#[test]
fn a_name_is_a_branch_or_a_tag() {
    for (reference, default, filter, expected) in [
        (Some("v1"), "main", "v1", vec!["refs/heads/v1", "refs/tags/v1"]),
        (Some("refs/tags/v1"), "main", "v1", vec!["refs/tags/v1"]),
        (Some("feature/a"), "", "feature/a", vec!["refs/heads/feature/a", "refs/tags/feature/a"]),
        (None, "main", "main", vec!["refs/heads/main"]),
        (None, "", "", vec![]),
    ] {
        let event = read(&asked(reference, default));
        assert_eq!(
            (meant(&event), event.filter.as_str()),
            (expected.iter().map(ToString::to_string).collect(), filter)
        );
        assert_eq!(event.title().split(' ').next(), Some("manual"));
    }
}

#[test]
fn what_is_found_is_the_repositorys_own() {
    let mut event = read(&asked(Some("v1"), "main"));
    let sha: Sha = "1".repeat(40).parse().unwrap();
    found(&mut event, Some("refs/tags/v1"), sha.clone());
    assert_eq!((event.tag.as_deref(), event.ref_type), (Some("v1"), Some(RefType::Tag)));
    assert_eq!(event.sha, Some(sha));
    assert!(event.names_own_commit());
}

#[test]
fn what_is_no_branch_and_no_tag_is_refused() {
    for reference in ["", "refs/pull/7/head", "a b", "refs/heads/", "-\u{0}", "a..b", "refs/*", "@"]
    {
        assert!(check(reference).is_err(), "{reference:?}");
        let body = asked(Some(reference), "main").to_string();
        assert!(events(Vendor::Github, EVENT, body.as_bytes()).is_err(), "{reference:?}");
    }
    // A forge's body is none of ours.
    assert!(events(Vendor::Github, EVENT, br#"{"ref": "refs/heads/main"}"#).is_err());
}
