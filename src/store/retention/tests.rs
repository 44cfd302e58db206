use super::super::tests::{World, at, delivery, reason, run as new_run};
use super::*;
use crate::domain::run::{Outcome, Verdict};
use crate::store::log::{LogStream, LogWriter};
use crate::store::{NewRunState, Startable};

const DAY: i64 = 24 * 60 * 60;

/// A world with a run of each kind, each with its log.
struct Kept {
    world: World,
    runs: Vec<(&'static str, RunId)>,
}

impl Kept {
    async fn new() -> Self {
        Self { world: World::new().await, runs: Vec::new() }
    }

    /// A run that finished on a day, and whose statuses the forge has.
    async fn finished(&mut self, name: &'static str, day: i64) -> RunId {
        let run = self.with_owed(name, day).await;
        self.world.owed().await;
        run
    }

    async fn with_owed(&mut self, name: &'static str, day: i64) -> RunId {
        let run = self.queued(name).await;
        let now = at(day * DAY);
        let call = self.world.store.claim_call(Startable::Any, now).await.unwrap().unwrap();
        assert_eq!(call.run, run);
        self.world.store.finish_call(call.id, &Outcome::Passed, now).await.unwrap();
        run
    }

    async fn queued(&mut self, name: &'static str) -> RunId {
        let mut new = new_run(&["one"]);
        // Statuses of one commit and context are one row: these are to be the run's own.
        new.sha = format!("{:040}", self.runs.len() + 1).parse().unwrap();
        let run = self.world.run(name, new).await;
        let path = self.world.store.log_path(run, crate::domain::ids::CallId(1), 1);
        let mut log = LogWriter::create(&path, 1 << 20).unwrap();
        log.line(at(0), LogStream::Stdout, b"words").unwrap();
        self.runs.push((name, run));
        run
    }

    async fn prune(&self, keep: &str, day: i64) -> Pruned {
        self.world.store.prune(Keep::parse(keep).unwrap(), at(day * DAY)).await.unwrap()
    }

    /// The runs that are there; each has its log, and no other has one.
    async fn left(&self) -> Vec<&'static str> {
        let mut left = Vec::new();
        for (name, run) in &self.runs {
            let there = self.world.store.run(*run).await.unwrap().is_some();
            let log = self.world.store.log_path(*run, crate::domain::ids::CallId(1), 1).exists();
            assert_eq!(there, log, "{name}");
            left.extend(there.then_some(*name));
        }
        left
    }
}

#[tokio::test]
async fn what_is_older_than_the_days_goes_with_all_that_is_its_own() {
    let mut kept = Kept::new().await;
    kept.finished("old", 1).await;
    kept.finished("new", 60).await;
    kept.world
        .sql(
            "INSERT INTO place SELECT vendor, repository, 'branch ' || id, id, NULL FROM delivery;
             INSERT INTO meaning SELECT id, 'push', '7', received_at, id FROM delivery;",
        )
        .await;
    assert_eq!(kept.prune("90d", 91).await, Pruned::default());
    let pruned = kept.prune("90d", 92).await;
    assert_eq!((pruned, kept.left().await), (Pruned { runs: 1, deliveries: 1 }, vec!["new"]));
    for table in
        ["run", "run_plan", "call", "delivery", "delivery_body", "place", "meaning", "report"]
    {
        let count = kept.world.count(&format!("SELECT count(*) FROM {table}")).await;
        // A status for the call, and the summary.
        let expected = if table == "report" { 2 } else { 1 };
        assert_eq!(count, expected, "{table}");
    }
    let figures = kept.world.store.figures().await.unwrap();
    assert_eq!(figures.count("call", "finished"), 1);
    assert_eq!(figures.count("call_total", "passed"), 2, "what happened stays counted");
}

#[tokio::test]
async fn what_is_beyond_the_number_goes_and_its_deliveries_wait_for_replays() {
    let mut kept = Kept::new().await;
    for (day, name) in (1..).zip(["a", "b", "c", "d"]) {
        kept.finished(name, day).await;
    }
    let pruned = kept.prune("2", 5).await;
    assert_eq!(pruned, Pruned { runs: 2, deliveries: 0 });
    assert_eq!(kept.left().await, ["c", "d"]);
    assert_eq!(kept.prune("2", 5).await, Pruned::default());
}

#[tokio::test]
async fn what_is_unfinished_or_owed_stays_however_old_it_is() {
    let mut kept = Kept::new().await;
    kept.with_owed("owed", 1).await;
    kept.queued("queued").await;
    let mut held = new_run(&["one"]);
    held.state = NewRunState::Held("a fork".to_owned());
    kept.world.run("held", held).await;
    kept.world.store.record(delivery("received")).await.unwrap();
    assert_eq!(kept.prune("1d,1", 1000).await, Pruned::default());
    assert_eq!(kept.left().await, ["owed", "queued"]);

    kept.world.owed().await;
    assert_eq!(kept.prune("1d,1", 1000).await, Pruned { runs: 1, deliveries: 1 });
    assert_eq!(kept.left().await, ["queued"]);
}

#[tokio::test]
async fn deliveries_that_started_nothing_go_with_the_days() {
    let kept = Kept::new().await;
    let mut ping = delivery("ping");
    ping.skip = Some(reason());
    kept.world.store.record(ping).await.unwrap();
    let mut empty = new_run(&[]);
    empty.state = NewRunState::Finished(Verdict::Passed);
    kept.world.run("empty", empty).await;
    kept.world.owed().await;
    assert_eq!(kept.prune("1d", 6).await, Pruned { runs: 1, deliveries: 0 });
    assert_eq!(kept.prune("1d", 8).await, Pruned { runs: 0, deliveries: 2 });
}

#[tokio::test]
async fn many_go_in_several_steps() {
    let mut kept = Kept::new().await;
    for _ in 0..40 {
        let name = Box::leak(format!("run {}", kept.runs.len()).into_boxed_str());
        kept.finished(name, 1).await;
    }
    assert_eq!(kept.prune("30d", 60).await, Pruned { runs: 40, deliveries: 40 });
}

#[tokio::test]
async fn logs_without_a_run_are_swept() {
    let mut kept = Kept::new().await;
    kept.finished("known", 1).await;
    let stray = kept.world.store.log_path(RunId(99), crate::domain::ids::CallId(1), 1);
    LogWriter::create(&stray, 1 << 20).unwrap();
    assert_eq!(kept.world.store.sweep_logs().await.unwrap(), 1);
    assert!(!stray.exists());
    assert_eq!(kept.left().await, ["known"]);
    assert_eq!(kept.world.store.log_bytes().await.unwrap(), 33);
}

#[tokio::test]
async fn logs_of_old_finished_runs_are_found_the_oldest_first() {
    let mut kept = Kept::new().await;
    let one = kept.finished("one", 1).await;
    let two = kept.finished("two", 2).await;
    kept.queued("waits").await;
    kept.finished_later().await;
    assert_eq!(kept.world.store.runs_with_logs(100).await.unwrap(), []);
    assert_eq!(kept.world.store.runs_with_logs(1).await.unwrap(), [one, two]);
    assert_eq!(kept.world.store.runs_with_logs(3).await.unwrap(), [one]);
    kept.world.store.remove_logs(vec![one]).await.unwrap();
    assert_eq!(kept.world.store.runs_with_logs(1).await.unwrap(), [two]);
}

impl Kept {
    /// A run behind the others; it is queued, and so is the one before it.
    async fn finished_later(&mut self) {
        self.queued("last").await;
    }
}

#[tokio::test]
async fn free_pages_go_back_to_the_disk() {
    let world = World::new().await;
    let mut large = delivery("large");
    // Nothing that could be compressed.
    let mut seed = 1_u64;
    large.body = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 56) as u8
    })
    .take(24 << 20)
    .collect();
    large.skip = Some(reason());
    world.store.record(large).await.unwrap();
    let pruned = world.store.prune(Keep::parse("1d").unwrap(), at(30 * DAY)).await.unwrap();
    assert_eq!(pruned.deliveries, 1);
    let pages = "SELECT * FROM pragma_page_count()";
    let before = world.count(pages).await;
    while world.store.give_back().await.unwrap() {}
    let after = world.count(pages).await;
    assert!(after < before && after < PAGES_KEPT + 200, "{before} {after}");
    assert!(!world.store.give_back().await.unwrap());
}

#[tokio::test]
async fn nothing_is_looked_for_where_nothing_is() {
    let world = World::new().await;
    for (sql, index) in [(BY_AGE, "run_by_end"), (DELIVERIES, "delivery_by_end")] {
        let plan = world.query_plan(sql).await;
        assert!(plan.lines().next().unwrap().contains(index), "{plan}");
        assert!(!plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{plan}");
    }
    let plan = world.query_plan(BY_NUMBER).await;
    assert!(plan.lines().next().unwrap().contains("INTEGER PRIMARY KEY (rowid<?)"), "{plan}");
}

#[tokio::test]
async fn a_report_of_no_run_and_no_delivery_goes_with_its_time() {
    let kept = Kept::new().await;
    let store = &kept.world.store;
    let forge = crate::domain::ids::Vendor::Github.into();
    let status = |context: &str| crate::domain::run::Status {
        context: context.to_owned(),
        state: crate::domain::run::CommitState::Success,
        description: "Passed".to_owned(),
    };
    let (repository, sha) = (crate::store::tests::repo(), crate::store::tests::sha());
    store.owe(forge, &repository, &sha, None, &[status("told")], at(0)).await.unwrap();
    kept.world.owed().await;
    store.owe(forge, &repository, &sha, None, &[status("owed")], at(0)).await.unwrap();

    kept.prune("30d", 20).await;
    assert_eq!(kept.world.count("SELECT count(*) FROM report").await, 2);
    kept.prune("30d", 50).await;
    let sql = "SELECT count(*) FROM report WHERE state = 'owed'";
    assert_eq!(kept.world.count(sql).await, 1);
    assert_eq!(kept.world.count("SELECT count(*) FROM report").await, 1);
}

#[tokio::test]
async fn what_people_did_goes_with_the_last_run_that_it_was_about() {
    let mut kept = Kept::new().await;
    kept.finished("a", 1).await;
    let sha = format!("{:040}", 1);
    let (day_1, day_80) = (at(DAY).as_microsecond(), at(80 * DAY).as_microsecond());
    kept.world
        .sql(&format!(
            "UPDATE run SET head_of = 7;
             INSERT INTO approval VALUES
               ('github', 'acme/app', 'pull_request 7', '{sha}', 'local', {day_1}),
               ('github', 'acme/app', 'pull_request 8', 'gone', 'local', {day_1}),
               ('github', 'acme/app', 'pull_request 9', 'none yet', 'local', {day_80});
             INSERT INTO effect (vendor, repository, kind, target, content, mark, state,
                                 owed_since, sent_at)
             VALUES ('github', 'acme/app', 'explain', '7', '', '', 'sent', {day_1}, {day_1}),
                    ('github', 'acme/app', 'answer', '8', '', '', 'dropped', {day_1}, NULL),
                    ('github', 'acme/app', 'reaction', '1', '', '', 'sent', {day_1}, {day_1}),
                    ('github', 'acme/app', 'reaction', '2', '', '', 'owed', {day_1}, NULL),
                    ('github', 'acme/app', 'reaction', '3', '', '', 'sent', {day_1}, {day_80});
             INSERT INTO act (run, at, actor, what) SELECT id, {day_1}, 'local', 'rerun' FROM run;
             INSERT INTO token (id, hash, name, scope, created_at, created_by)
             VALUES (1, x'00', 'ci', 'read', {day_1}, 'local');
             INSERT INTO session VALUES (x'01', 1, {day_1}, {day_1}), (x'02', 1, {day_1}, {day_80});
             INSERT INTO person_session
             SELECT hash, 'github', x'00', 'github', '7', 'alice', NULL, created_at, expires_at
             FROM session;",
        ))
        .await;
    let left = async |kept: &Kept| {
        let mut left = Vec::new();
        for table in ["approval", "effect", "act", "session", "person_session"] {
            left.push(kept.world.count(&format!("SELECT count(*) FROM {table}")).await);
        }
        left
    };
    // Its delivery's time is kept as long as the run is.
    assert_eq!(kept.prune("90d", 70).await, Pruned::default());
    assert_eq!(left(&kept).await, [3, 5, 1, 1, 1]);
    kept.prune("90d", 79).await;
    assert_eq!(left(&kept).await, [3, 5, 1, 1, 1]);
    assert_eq!(kept.prune("90d", 92).await.runs, 1);
    // What is owed stays, and what is younger.
    assert_eq!(left(&kept).await, [1, 2, 0, 0, 0]);
}

#[tokio::test]
async fn a_revoked_token_is_seen_for_as_long_as_runs_are() {
    let kept = Kept::new().await;
    let token = |id: i64, name: &str, made: i64, revoked: Option<i64>| {
        let day = |day: i64| at(day * DAY).as_microsecond();
        let revoked = revoked.map_or("NULL".to_owned(), |at| day(at).to_string());
        format!(
            "INSERT INTO token (id, hash, name, scope, created_at, created_by, revoked_at)
             VALUES ({id}, x'0{id}', '{name}', 'read', {}, 'local', {revoked});",
            day(made)
        )
    };
    let (used, old, new) =
        (token(1, "in use", 1, None), token(2, "old", 1, Some(5)), token(3, "new", 1, Some(60)));
    kept.world.sql(&format!("{used}{old}{new}")).await;
    let names = async || -> Vec<String> {
        kept.world.store.tokens().await.unwrap().into_iter().map(|it| it.name).collect()
    };
    kept.prune("90d", 94).await;
    assert_eq!(names().await, ["new", "old", "in use"]);
    kept.prune("90d", 96).await;
    assert_eq!(names().await, ["new", "in use"]);
    kept.prune("90d", 1000).await;
    assert_eq!(names().await, ["in use"]);
}
