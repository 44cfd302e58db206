use tempfile::TempDir;

use super::super::fixture;
use super::*;
use crate::domain::forge::Refused;
use crate::domain::ids::Vendor;

#[track_caller]
fn check(tries: u32, from: u64, to: u64) {
    assert_eq!(pause(tries, 0), Duration::from_millis(from), "after {tries}");
    assert_eq!(pause(tries, u64::MAX), Duration::from_millis(to), "after {tries}");
}

#[test]
fn pauses_double_and_are_spread() {
    check(0, 500, 1500);
    check(1, 1000, 3000);
    check(5, 16_000, 48_000);
    check(9, 150_000, 450_000);
    check(u32::MAX, 150_000, 450_000);
}

#[test]
fn no_two_throws_are_alike() {
    let mut thrown: Vec<u64> = (0..100).map(|_| dice()).collect();
    thrown.sort_unstable();
    thrown.dedup();
    assert_eq!(thrown.len(), 100);
    // Spread over the whole range, not over a corner of it.
    assert!(thrown[10] < u64::MAX / 2 && thrown[90] > u64::MAX / 2);
}

#[tokio::test]
async fn what_holds_statuses_up_is_told_rather_than_that_the_forge_answers() {
    let folder = TempDir::new().unwrap();
    let worker = fixture::worker(&folder, |_| {}).await;
    let forge = worker.forges.of(Vendor::Github.into()).unwrap();
    let told = || worker.health.condition(FORGE).map(|it| (it.ok, it.detail)).unwrap();
    let repository: RepoName = "acme/app".parse().unwrap();

    worker.tell_forge(forge, Some("no connection"));
    assert_eq!(told(), (false, "no connection".to_owned()));
    worker.tell_forge(forge, None);
    assert_eq!(told(), (true, no_token(forge)));

    for whom in [Refused::Repository, Refused::Everything] {
        let why = format!("refused: {whom:?}");
        let answer = Answer::Refused { whom, why: why.clone() };
        worker.heard(forge, &repository, &answer).await;
        let refused = told();
        assert!(!refused.0 && refused.1.ends_with(&why), "{refused:?}");
        for other in [None, Some("502")] {
            worker.tell_forge(forge, other);
            assert_eq!(told(), refused);
        }
    }

    let pass = forge.gate.pass(Timestamp::now() + LONGEST);
    let done = Answer::Done { post: None };
    let news = forge.gate.learn(&repository, &done, pass, Timestamp::now(), 0);
    worker.spread_the_word(forge, Some(&repository), &done, news).await;
    assert_eq!(told(), (true, "takes statuses".to_owned()));
    worker.tell_forge(forge, None);
    assert_eq!(told(), (true, "takes statuses".to_owned()), "what was said stays said");
    worker.tell_forge(forge, Some("502"));
    assert_eq!(told(), (false, "502".to_owned()));
}
