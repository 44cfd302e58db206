use super::*;
use crate::domain::event::Disposition;
use crate::domain::forge::github::{event as read, refs};

const ONE: &str = "1111111111111111111111111111111111111111";
const TWO: &str = "2222222222222222222222222222222222222222";

fn shown() -> Shown {
    refs::repository(br#"{"full_name": "franela/pocketci", "default_branch": "main"}"#).unwrap()
}

fn pulls() -> Vec<Pull> {
    let side =
        |repo: &str, sha: &str| json!({"ref": "topic", "sha": sha, "repo": {"full_name": repo}});
    let body = json!([
        {"number": 7, "title": "Words", "user": {"login": "mallory", "id": 9}, "draft": true,
         "created_at": "2026-11-21T08:00:00Z", "updated_at": "2026-11-21T09:00:00Z",
         "head": side("mallory/pocketci", TWO), "base": side("franela/pocketci", ONE)},
        {"number": 8, "head": null},
        "none",
    ]);
    list(body.to_string().as_bytes()).unwrap().0
}

/// What we make is read like what GitHub sends.
#[test]
fn an_event_that_we_make_is_one() {
    let all = pulls();
    let [pull] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((pull.number, pull.sha.as_str()), (7, TWO));
    let made = read("pull_request", &event(&shown(), pull, true, None)).unwrap();
    assert_eq!(made.disposition, Disposition::Planned);
    assert_eq!((&*made.event_type, &*made.filter), ("pull_request", "opened"));
    assert_eq!(made.sender, None);
    let about = made.pull_request.unwrap();
    assert!(about.fork && about.draft);
    assert_eq!((about.number, &*about.title), (7, "Words"));

    let before: Sha = ONE.parse().unwrap();
    let body = event(&shown(), pull, false, Some(&before));
    let made = read("pull_request", &body).unwrap();
    assert_eq!((&*made.filter, made.before), ("synchronize", Some(before)));
    assert_eq!(made.sha.unwrap().as_str(), TWO);
}

#[test]
fn what_is_no_list_is_none() {
    for body in ["", "{}", "null", "<html>"] {
        assert!(list(body.as_bytes()).is_none(), "{body}");
    }
}
