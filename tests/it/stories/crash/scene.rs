//! A repository with two functions, pushed to again and again while the agent dies, and what must
//! be true once it was left alone.

use std::collections::BTreeSet;

use crate::world::{Delivery, Ledger, Module, Repo, Tree, World, eventually, process};

const CONTEXTS: [&str; 3] = ["pocketci", "pocketci/quick-on-push", "pocketci/slow-on-push"];
const FUNCTIONS: [&str; 2] = ["quick", "slow"];

pub(super) struct Scene {
    pub world: World,
    repo: Repo,
    pushes: Vec<Push>,
    /// How often each function began before the last push.
    began: [usize; 2],
    /// Settled deliveries that were checked already.
    checked: usize,
}

struct Push {
    sha: String,
    delivery: Delivery,
}

/// How often a function may have begun for one push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begins {
    Once,
    /// Once more for the one interruption that there was.
    Again,
}

impl Scene {
    /// Nothing runs yet.
    pub(super) fn prepare(environment: &[(&str, &str)]) -> Self {
        let mut world = World::prepare();
        for (name, value) in environment {
            world.agent.set(name, value);
        }
        let repo = world.forge.repository("ada/site");
        let (quick, slow, go) = (world.path("quick"), world.path("slow"), world.path("go"));
        let module = Module::new("ci")
            .function("quickOnPush", |f| f.src().touches(quick))
            .function("slowOnPush", |f| {
                f.touches(slow).step(serde_json::json!({"sleep-ms": 100})).waits_for(go)
            })
            .file(".env", "SALT=1\n");
        repo.commit("main", module);
        world.touch("go");
        Self { world, repo, pushes: Vec::new(), began: [0, 0], checked: 0 }
    }

    /// The slow function does not end before [`Scene::go`].
    pub(super) fn hold(&self) {
        std::fs::remove_file(self.world.path("go")).unwrap();
    }

    pub(super) fn go(&self) {
        self.world.touch("go");
    }

    /// Waits until the slow function of the last push has begun.
    #[track_caller]
    pub(super) fn expect_slow(&self) {
        eventually("the slow function", || (self.begun()[1] > self.began[1]).then_some(()));
    }

    /// Pushes a commit, with a module that was not listed yet if asked for; the agent may die
    /// meanwhile.
    pub(super) fn push(&mut self, new_module: bool) {
        self.began = self.begun();
        let number = self.pushes.len().to_string();
        let folder = if new_module { "ci" } else { "docs" };
        let sha = self
            .repo
            .commit("main", Tree::new().file(&format!("{folder}/number"), format!("{number}\n")));
        let body = self.world.forge.pushed(&self.repo, "main");
        let delivery = self.world.forge.deliver("push", &body);
        self.pushes.push(Push { sha, delivery });
    }

    /// Whether the forge shows the end of the last push.
    pub(super) fn is_shown(&self) -> bool {
        let Some(push) = self.pushes.last() else { return true };
        self.world.forge.shows(&push.sha, &CONTEXTS, "success")
    }

    /// The agent runs and nothing hinders it: redelivers what was not answered, and waits until
    /// everything is done and told. Gives how many were redelivered.
    #[track_caller]
    pub(super) fn come_to_rest(&mut self) -> u64 {
        let mut redelivered = 0;
        for push in self.pushes.iter_mut().filter(|push| push.delivery.status == 0) {
            let again = self.world.forge.redeliver(&push.delivery.id);
            assert!([200, 202].contains(&again.status), "redelivered: {again:?}");
            push.delivery = again;
            redelivered += 1;
        }
        eventually("the forge to show the end", || self.is_shown().then_some(()));
        eventually("everything to be told", || {
            let ledger = Ledger::read(self.world.agent.data());
            (ledger.owed.is_empty() && ledger.unfinished_runs == 0).then_some(())
        });
        eventually("the working folder to be empty", || {
            self.world.agent.work().is_empty().then_some(())
        });
        redelivered
    }

    /// What must be true now, of the last push and of all before it. Gives how many functions
    /// began a second time.
    #[track_caller]
    pub(super) fn check(&mut self, begins: Begins) -> u64 {
        let ledger = Ledger::read(self.world.agent.data());
        let sent: BTreeSet<&str> =
            self.pushes.iter().map(|push| push.delivery.id.as_str()).collect();
        let kept: Vec<&str> = ledger.deliveries.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(kept.len(), sent.len(), "deliveries are doubled or lost: {kept:?}");
        assert_eq!(kept.iter().copied().collect::<BTreeSet<_>>(), sent);
        for one in &ledger.deliveries[self.checked..] {
            assert!(one.whole, "half of it is there: {one:?}");
            assert_eq!((one.state.as_str(), one.runs), ("settled", 1), "{one:?}");
            assert_eq!(one.settlement.as_deref(), Some("planned"), "{one:?}");
            let mut calls: Vec<_> =
                ledger.calls.iter().filter(|call| call.delivery == one.id).collect();
            calls.sort_by(|a, b| a.function.cmp(&b.function));
            let functions: Vec<&str> = calls.iter().map(|call| call.function.as_str()).collect();
            assert_eq!(functions, ["quick-on-push", "slow-on-push"], "{calls:?}");
            for call in calls {
                assert_eq!(call.state, "finished", "{call:?}");
                assert_eq!(call.outcome.as_deref(), Some("passed"), "{call:?}");
            }
        }
        self.checked = ledger.deliveries.len();
        let begun = self.begun();
        let most = if begins == Begins::Once { 1 } else { 2 };
        let mut again = 0;
        for ((name, now), before) in FUNCTIONS.iter().zip(begun).zip(self.began) {
            let times = now - before;
            assert!((1..=most).contains(&times), "{name} began {times} times, {begins:?} is right");
            again += times as u64 - 1;
        }
        let push = self.pushes.last().unwrap();
        assert_eq!(self.world.forge.contexts(&push.sha), CONTEXTS);
        assert!(self.is_shown(), "{:?}", self.world.forge.statuses(&push.sha));
        again
    }

    /// Ends it without a word, and looks at what is left.
    #[track_caller]
    pub(super) fn kill(&mut self) {
        self.world.agent.kill();
        // A question to the engine may be under way; it ends by itself.
        eventually("what it had started to end", || {
            process::carrying(self.world.agent.data()).is_empty().then_some(())
        });
    }

    /// Starts the dead agent again; what it had left running is gone by the time it listens.
    #[track_caller]
    pub(super) fn start_again(&mut self) {
        let orphans = process::carrying(self.world.agent.data());
        self.world.agent.start();
        let left: Vec<_> = orphans.iter().filter(|one| process::is_alive(one.pid)).collect();
        assert!(left.is_empty(), "left running by the dead agent: {left:?}");
    }

    fn begun(&self) -> [usize; 2] {
        FUNCTIONS.map(|name| {
            let text = std::fs::read_to_string(self.world.path(name)).unwrap_or_default();
            text.lines().count()
        })
    }
}
