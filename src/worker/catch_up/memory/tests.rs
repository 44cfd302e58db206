use super::*;
use crate::domain::ids::Vendor;

const SHAS: [&str; 4] = ["0", "1", "2", "3"];

/// A push of `main` between two commits, of which 0 is none.
fn push(before: usize, after: usize) -> Event {
    let sha = |n: usize| SHAS[n].repeat(40);
    let body = serde_json::json!({
        "ref": "refs/heads/main", "before": sha(before), "after": sha(after),
        "repository": {"full_name": "acme/app"},
    });
    forge::event(Vendor::Github, "push", body.to_string().as_bytes()).unwrap()
}

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + 60 * minute).unwrap()
}

/// After these pushes, in the order in which they came: where is `main` known to be?
#[track_caller]
fn check(pushes: &[(usize, usize)], known: &[usize], last: Option<usize>) {
    let mut memory = Memory::default();
    for (minute, (before, after)) in (0..).zip(pushes) {
        memory.add(&push(*before, *after), Some(1), at(minute));
    }
    let sha = |n: usize| SHAS[n].repeat(40).parse::<Sha>().unwrap();
    let found: Vec<usize> = (1..4).filter(|n| memory.is_at("refs/heads/main", &sha(*n))).collect();
    assert_eq!(found, known, "{pushes:?}");
    assert_eq!(
        memory.last("refs/heads/main").map(|(sha, _)| sha.clone()),
        last.map(sha),
        "{pushes:?}"
    );
}

#[test]
fn a_branch_is_where_it_was_last_heard_to_go() {
    check(&[], &[], None);
    check(&[(0, 1)], &[1], Some(1));
    check(&[(0, 1), (1, 2)], &[2], Some(2));
}

#[test]
fn deliveries_may_overtake_one_another() {
    check(&[(0, 1), (2, 3), (1, 2)], &[3], Some(3));
}

/// Back at a commit of before, it is there only when the way back was heard too.
#[test]
fn there_and_back_is_heard_or_not() {
    check(&[(0, 1), (1, 2), (2, 1)], &[1], Some(1));
    check(&[(0, 1), (1, 2)], &[2], Some(2));
}

#[test]
fn a_branch_that_is_gone_is_nowhere() {
    check(&[(0, 1), (1, 0)], &[], None);
    check(&[(0, 1), (1, 0), (0, 1)], &[1], Some(1));
}

#[test]
fn the_same_by_another_hook_about_that_time_is_a_twin() {
    let mut memory = Memory::default();
    memory.add(&push(1, 2), Some(1), at(0));
    assert!(memory.has_twin(&push(1, 2), 2, at(9)));
    assert!(!memory.has_twin(&push(1, 2), 2, at(10)));
    assert!(!memory.has_twin(&push(1, 2), 1, at(1)), "the same hook sends each event once");
    assert!(!memory.has_twin(&push(3, 2), 2, at(1)));
}
