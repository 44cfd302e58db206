use std::collections::HashMap;

use proptest::prelude::*;

use super::super::super::tests::{World, at, repo, sha, status};
use super::*;
use crate::domain::ids::Vendor;
use crate::domain::run::CommitState::{self, Failure, Pending, Success};

async fn owe(world: &World, context: &str, state: CommitState, text: &str, seconds: i64) {
    let statuses = [status(context, state, text)];
    let (repo, sha) = (repo(), sha());
    let owe = world.store.owe(Vendor::Github.into(), &repo, &sha, None, &statuses, at(seconds));
    owe.await.unwrap();
}

/// Sends everything that is owed, under these numbers.
async fn send(world: &World, first: i64, seconds: i64) {
    let claimed = world.store.claim_reports(Vendor::Github.into(), at(seconds), 100).await.unwrap();
    for (post, one) in (first..).zip(claimed) {
        let taken = world.store.report_taken(one.id, one.seq, Some(post), at(seconds));
        taken.await.unwrap();
    }
}

#[tokio::test]
async fn what_was_sent_lately_is_known_with_its_numbers() {
    let world = World::new().await;
    owe(&world, "ci/a", Success, "old", 1).await;
    send(&world, 1, 1).await;
    owe(&world, "ci/b", Pending, "", 10).await;
    owe(&world, "ci/c", Pending, "", 11).await;
    send(&world, 2, 12).await;
    owe(&world, "ci/c", Success, "", 13).await;
    let commits = world.store.sent_commits(at(5), at(20), 10).await.unwrap();
    let [commit] = &commits[..] else { panic!("{commits:?}") };
    let contexts = commit.contexts.iter();
    let found: Vec<_> = contexts.map(|it| (&*it.report.status.context, it.post)).collect();
    // All of the commit's, but for what is owed: that is sent anyway.
    assert_eq!(found, [("ci/a", Some(1)), ("ci/b", Some(2))]);
    assert!(world.store.sent_commits(at(13), at(20), 10).await.unwrap().is_empty());
    let fresh = world.store.sent_commits(at(5), at(11), 10).await.unwrap();
    assert_eq!(fresh[0].contexts.len(), 1);
}

#[tokio::test]
async fn a_state_is_owed_again_only_as_it_was_and_not_for_ever() {
    let world = World::new().await;
    owe(&world, "ci", Success, "", 1).await;
    send(&world, 1, 1).await;
    let sent = |world: &World| {
        let store = world.store.clone();
        async move { store.sent_commits(at(0), at(99), 1).await.unwrap()[0].contexts[0].clone() }
    };
    let first = sent(&world).await.report;
    for _ in 0..MENDS {
        let now = sent(&world).await.report;
        assert!(world.store.owe_again(now.id, now.seq, at(2)).await.unwrap());
        // It is in the way to the forge, or has changed: not again.
        assert!(!world.store.owe_again(now.id, now.seq, at(2)).await.unwrap());
        send(&world, 2, 2).await;
        assert!(!world.store.owe_again(first.id, first.seq, at(2)).await.unwrap());
    }
    let now = sent(&world).await.report;
    assert!(!world.store.owe_again(now.id, now.seq, at(3)).await.unwrap());
    // A new state is a new matter.
    owe(&world, "ci", Failure, "", 4).await;
    send(&world, 9, 5).await;
    let now = sent(&world).await.report;
    assert!(world.store.owe_again(now.id, now.seq, at(6)).await.unwrap());
}

#[tokio::test]
async fn what_nobody_takes_for_a_day_is_given_up_but_for_what_is_on_its_way() {
    let world = World::new().await;
    owe(&world, "ci/a", Success, "", 1).await;
    let claimed =
        world.store.claim_reports(Vendor::Github.into(), at(1), 1).await.unwrap().remove(0);
    owe(&world, "ci/b", Success, "", 2).await;
    owe(&world, "ci/c", Success, "", 50).await;
    assert_eq!(
        world.store.drop_reports(Vendor::Github.into(), at(50), "no token").await.unwrap(),
        1
    );
    world.store.report_failed(claimed.id, claimed.seq, at(90), "401").await.unwrap();
    let left = world.store.claim_reports(Vendor::Github.into(), at(99), 9).await.unwrap();
    let left: Vec<&str> = left.iter().map(|it| &*it.status.context).collect();
    assert_eq!(left, ["ci/a", "ci/c"]);
}

#[tokio::test]
async fn what_was_postponed_can_be_hastened() {
    let world = World::new().await;
    owe(&world, "ci", Success, "", 1).await;
    let one = world.store.claim_reports(Vendor::Github.into(), at(1), 1).await.unwrap().remove(0);
    world.store.report_failed(one.id, one.seq, at(1000), "502").await.unwrap();
    assert!(world.store.claim_reports(Vendor::Github.into(), at(2), 1).await.unwrap().is_empty());
    world.store.hasten_reports(Vendor::Github.into()).await.unwrap();
    assert_eq!(world.store.claim_reports(Vendor::Github.into(), at(2), 1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_recent_and_the_repositories_are_read_by_their_indices() {
    let world = World::new().await;
    let plan = world.query_plan(RECENT).await;
    assert!(plan.contains("USING INDEX report_sent (sent_at>?)"), "{plan}");
    let plan = world.query_plan(crate::store::kept::REPOSITORIES).await;
    assert!(plan.contains("USING COVERING INDEX delivery_of_repository"), "{plan}");
}

/// One thing that happens to what is owed.
#[derive(Debug, Clone)]
enum Step {
    Owe {
        context: usize,
        state: usize,
    },
    Claim {
        limit: usize,
    },
    /// The forge answers one of those that are on their way.
    Taken {
        which: usize,
    },
    Failed {
        which: usize,
    },
    Mend {
        context: usize,
    },
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_usize, 0..3_usize).prop_map(|(context, state)| Step::Owe { context, state }),
        3 => (1..4_usize).prop_map(|limit| Step::Claim { limit }),
        3 => (0..8_usize).prop_map(|which| Step::Taken { which }),
        2 => (0..8_usize).prop_map(|which| Step::Failed { which }),
        1 => (0..3_usize).prop_map(|context| Step::Mend { context }),
        1 => Just(Step::Restart),
    ]
}

/// What the forge has taken and what it should have, of each context.
#[derive(Default)]
struct Model {
    now: i64,
    on_the_way: Vec<OwedReport>,
    taken: HashMap<String, Vec<(i64, String)>>,
    newest: HashMap<String, String>,
}

impl Model {
    async fn play(&mut self, world: &World, step: &Step) {
        self.now += 1;
        let now = at(self.now);
        match step {
            Step::Owe { context, state } => {
                let context = format!("ci/{context}");
                let text = state.to_string();
                owe(world, &context, [Pending, Success, Failure][*state], &text, self.now).await;
                self.newest.insert(context, text);
            }
            Step::Claim { limit } => {
                let claimed =
                    world.store.claim_reports(Vendor::Github.into(), now, *limit).await.unwrap();
                for one in &claimed {
                    assert!(
                        self.on_the_way.iter().all(|other| other.id != one.id),
                        "{one:?} twice"
                    );
                }
                self.on_the_way.extend(claimed);
            }
            Step::Taken { which } if *which < self.on_the_way.len() => {
                let one = self.on_the_way.remove(*which);
                self.take(world, one).await;
            }
            Step::Failed { which } if *which < self.on_the_way.len() => {
                let one = self.on_the_way.remove(*which);
                let next = at(self.now + 3);
                world.store.report_failed(one.id, one.seq, next, "502").await.unwrap();
            }
            Step::Taken { .. } | Step::Failed { .. } => {}
            Step::Mend { context } => {
                let sent = world.store.sent_commits(at(0), now, 1).await.unwrap();
                let sent = sent.iter().flat_map(|commit| &commit.contexts);
                for one in sent.filter(|it| it.report.status.context == format!("ci/{context}")) {
                    world.store.owe_again(one.report.id, one.report.seq, now).await.unwrap();
                }
            }
            // What was on its way is forgotten with the process.
            Step::Restart => {
                self.on_the_way.clear();
                world.store.recover(now).await.unwrap();
            }
        }
    }

    async fn take(&mut self, world: &World, one: OwedReport) {
        let taken = (one.seq, one.status.description);
        self.taken.entry(one.status.context).or_default().push(taken);
        world.store.report_sent(one.id, one.seq, at(self.now)).await.unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever comes between what, the newest state is taken last, and no older one after a
    /// newer one.
    #[test]
    fn contexts_converge(steps in proptest::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let model = runtime.block_on(async {
            let world = World::new().await;
            let mut model = Model::default();
            for step in &steps {
                model.play(&world, step).await;
            }
            // The forge is well from now on.
            for _ in 0..20 {
                model.now += 10;
                for one in std::mem::take(&mut model.on_the_way) {
                    model.take(&world, one).await;
                }
                model.on_the_way = world.store.claim_reports(Vendor::Github.into(), at(model.now), 10).await.unwrap();
            }
            assert!(model.on_the_way.is_empty());
            model
        });
        for (context, newest) in &model.newest {
            let taken = &model.taken[context];
            prop_assert_eq!(&taken.last().unwrap().1, newest, "{}: {:?}", context, taken);
            prop_assert!(taken.is_sorted_by_key(|(seq, _)| *seq), "{}: {:?}", context, taken);
        }
    }
}
