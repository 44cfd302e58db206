use super::super::tests::{World, at, repo, run, sha, shown, status};
use super::super::{OwedReport, ReportState, RunId, StoreError};
use crate::domain::ids::Vendor;
use crate::domain::run::CommitState::{self, Error, Failure, Pending, Success};

impl World {
    async fn owe(&self, context: &str, state: CommitState, text: &str, seconds: i64) {
        let statuses = [status(context, state, text)];
        let (repo, sha) = (repo(), sha());
        let owe = self.store.owe(Vendor::Github.into(), &repo, &sha, None, &statuses, at(seconds));
        owe.await.unwrap();
    }

    async fn claim(&self, seconds: i64) -> Vec<OwedReport> {
        self.store.claim_reports(Vendor::Github.into(), at(seconds), 10).await.unwrap()
    }
}

#[tokio::test]
async fn the_newest_state_alone_is_owed() {
    let world = World::new().await;
    world.owe("ci/a", Pending, "", 1).await;
    world.owe("ci/b", Pending, "", 2).await;
    world.owe("ci/a", Success, "done", 3).await;
    let claimed = world.claim(3).await;
    let owed: Vec<_> = claimed.iter().map(|it| (shown(&it.status), it.seq)).collect();
    assert_eq!(owed, [("ci/b pending ".to_owned(), 1), ("ci/a success done".to_owned(), 2)]);
    assert_eq!((claimed[1].owed_since, claimed[1].tries), (at(3), 0));
}

#[tokio::test]
async fn owing_the_same_again_changes_nothing() {
    let world = World::new().await;
    world.owe("ci", Pending, "", 1).await;
    let first = world.claim(1).await.remove(0);
    world.owe("ci", Pending, "", 2).await;
    assert!(!world.store.report_sent(first.id, first.seq, at(3)).await.unwrap());
    world.owe("ci", Pending, "", 4).await;
    assert!(world.claim(4).await.is_empty());
    // Another run's page is another thing to link to.
    let id = world.run("a", run(&["test"])).await;
    let statuses = [status("ci", Pending, "")];
    let (repo, sha) = (repo(), sha());
    let owe = world.store.owe(Vendor::Github.into(), &repo, &sha, Some(id), &statuses, at(5));
    owe.await.unwrap();
    let claimed = world.claim(5).await;
    assert!(claimed.iter().any(|it| it.id == first.id && it.run == Some(id)));
}

#[tokio::test]
async fn a_context_is_in_one_pair_of_hands() {
    let world = World::new().await;
    world.owe("ci", Pending, "", 1).await;
    let first = world.claim(1).await.remove(0);
    assert!(world.claim(1).await.is_empty());
    // A change while it is being sent: nobody sends it beside the older one, and it is not lost.
    world.owe("ci", Failure, "", 2).await;
    assert!(world.claim(2).await.is_empty());
    assert!(world.store.report_sent(first.id, first.seq, at(3)).await.unwrap());
    let second = world.claim(3).await.remove(0);
    assert_eq!((second.id, second.seq, second.status.state), (first.id, 2, Failure));
    assert!(!world.store.report_sent(second.id, second.seq, at(4)).await.unwrap());
    assert!(world.claim(5).await.is_empty());
}

#[tokio::test]
async fn those_in_other_hands_do_not_hide_the_rest() {
    let world = World::new().await;
    for n in 0..10 {
        world.owe(&format!("ci/{n}"), Pending, "", n).await;
    }
    let mut contexts = Vec::new();
    for _ in 0..6 {
        let claimed = world.store.claim_reports(Vendor::Github.into(), at(20), 2).await.unwrap();
        contexts.extend(claimed.into_iter().map(|it| it.status.context));
    }
    assert_eq!(contexts, (0..10).map(|n| format!("ci/{n}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_failed_one_waits_for_its_time() {
    let world = World::new().await;
    world.owe("ci", Pending, "", 1).await;
    let first = world.claim(1).await.remove(0);
    world.store.report_failed(first.id, first.seq, at(60), "502").await.unwrap();
    assert!(world.claim(59).await.is_empty());
    // Also when it changes meanwhile: the forge asked for the pause, not the state.
    world.owe("ci", Success, "", 10).await;
    assert!(world.claim(59).await.is_empty());
    let second = world.claim(60).await.remove(0);
    assert_eq!((second.seq, second.status.state, second.tries), (2, Success, 0));
    world.store.report_failed(second.id, second.seq, at(90), "502").await.unwrap();
    assert_eq!(world.claim(90).await.remove(0).tries, 1);
}

#[tokio::test]
async fn a_failure_of_an_older_state_is_no_try_of_the_newer() {
    let world = World::new().await;
    world.owe("ci", Pending, "", 1).await;
    let first = world.claim(1).await.remove(0);
    world.owe("ci", Success, "", 2).await;
    world.store.report_failed(first.id, first.seq, at(30), "timed out").await.unwrap();
    let second = world.claim(30).await.remove(0);
    assert_eq!((second.seq, second.tries), (2, 0));
}

#[tokio::test]
async fn a_dropped_one_is_not_tried_again_until_it_changes() {
    let world = World::new().await;
    world.owe("ci", Pending, "", 1).await;
    let first = world.claim(1).await.remove(0);
    world.store.report_dropped(first.id, first.seq, "404").await.unwrap();
    assert!(world.claim(1_000).await.is_empty());
    world.owe("ci", Success, "", 2).await;
    let second = world.claim(2).await.remove(0);
    // What is dropped is the state that was refused, not one that came later.
    world.owe("ci", Error, "", 3).await;
    world.store.report_dropped(second.id, second.seq, "404").await.unwrap();
    assert_eq!(world.claim(3).await.remove(0).status.state, Error);
}

#[tokio::test]
async fn a_start_hands_out_again_what_was_being_sent() {
    let world = World::new().await;
    world.owe("ci", Pending, "", 1).await;
    world.claim(1).await;
    assert_eq!(world.store.recover(at(2)).await.unwrap().reports, 1);
    assert_eq!(world.claim(2).await.len(), 1);
}

#[tokio::test]
async fn a_run_shows_what_the_forge_knows() {
    let world = World::new().await;
    let id = world.run("a", run(&["lint", "test"])).await;
    let claimed = world.claim(2).await;
    let [lint, test] = &claimed[..] else { panic!("{claimed:?}") };
    world.store.report_sent(lint.id, lint.seq, at(3)).await.unwrap();
    world.store.report_failed(test.id, test.seq, at(9), "502").await.unwrap();
    let views = world.store.reports(id).await.unwrap();
    let shown: Vec<_> = views
        .iter()
        .map(|it| (&*it.report.status.context, it.state, it.next_try, it.note.as_deref()))
        .collect();
    let expected = [
        ("pocketci/lint", ReportState::Sent, None, None),
        ("pocketci/test", ReportState::Owed, Some(at(9)), Some("502")),
    ];
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn a_status_of_a_run_that_is_not_there_is_refused() {
    let world = World::new().await;
    let owe =
        world.store.owe(Vendor::Github.into(), &repo(), &sha(), Some(RunId(9)), &[], at(1)).await;
    assert!(matches!(owe, Err(StoreError::Missing(_))));
}
