mod lasting;

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use sqlx::{Connection, Executor, SqliteConnection};
use tempfile::TempDir;

use super::*;
use crate::domain::event::{Disposition, Event, Repository};
use crate::domain::ids::{DeliveryId, RepoName, Sha, Vendor};
use crate::domain::plan::{Action, Changes, Decision, FunctionDecision, Plan, PlannedCall, Reason};
use crate::domain::run::{CommitState, Status};
use crate::domain::spec::{GitDepth, OnInterrupt};

/// A store in a folder of its own, and verbs to speak of it.
pub(super) struct World {
    pub(super) folder: TempDir,
    pub(super) store: Store,
}

impl World {
    pub(super) async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        Self { folder, store }
    }

    /// Writes behind the store's back.
    pub(super) async fn sql(&self, sql: &str) {
        let mut db = database(self.folder.path()).await;
        db.execute(sqlx::AssertSqlSafe(sql.to_owned())).await.unwrap();
        db.close().await.unwrap();
    }

    pub(super) async fn count(&self, sql: &str) -> i64 {
        let mut db = database(self.folder.path()).await;
        let query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned()));
        query.fetch_one(&mut db).await.unwrap()
    }

    /// What SQLite would do for a statement, in its own words.
    pub(super) async fn query_plan(&self, sql: &str) -> String {
        let mut db = database(self.folder.path()).await;
        let query = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
        let query = sqlx::query(query).bind(0).bind(10);
        // The claim of reports alone is of one forge.
        let query = if sql.contains("$3") { query.bind("github") } else { query };
        let rows = query.fetch_all(&mut db).await.unwrap();
        let lines: Vec<String> = rows.iter().map(|row| sqlx::Row::get(row, "detail")).collect();
        lines.join("\n")
    }

    pub(super) async fn claimed_delivery(&self, forge_id: &str) -> DeliveryId {
        self.store.record(delivery(forge_id)).await.unwrap();
        self.store.claim_delivery(at(1)).await.unwrap().unwrap().id
    }

    /// A settled delivery with one run.
    pub(super) async fn run(&self, forge_id: &str, run: NewRun) -> RunId {
        let id = self.claimed_delivery(forge_id).await;
        let runs = vec![run];
        self.store.settle(id, Settlement::Planned { runs, parts: Vec::new() }, at(2)).await.unwrap()
            [0]
    }

    /// What the forge would be told now, as `context state description`.
    pub(super) async fn owed(&self) -> Vec<String> {
        let reports =
            self.store.claim_reports(Vendor::Github.into(), at(1_000_000), 100).await.unwrap();
        for report in &reports {
            self.store.report_sent(report.id, report.seq, at(1_000_000)).await.unwrap();
        }
        reports.iter().map(|report| shown(&report.status)).collect()
    }
}

pub(super) async fn database(folder: &Path) -> SqliteConnection {
    connection::writer_options(&folder.join(DATABASE)).connect().await.unwrap()
}

pub(super) fn shown(status: &Status) -> String {
    format!("{} {} {}", status.context, status.state.as_str(), status.description)
}

/// So many seconds into the story.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + seconds).unwrap()
}

pub(crate) fn delivery(forge_id: &str) -> NewDelivery {
    NewDelivery {
        forge: Vendor::Github.into(),
        forge_id: forge_id.to_owned(),
        event_name: "push".to_owned(),
        repository: Some("acme/app".to_owned()),
        title: "push main".to_owned(),
        headers: vec![("x-github-event".to_owned(), "push".to_owned())],
        body: format!(r#"{{"id": "{forge_id}"}}"#).into_bytes(),
        received_at: at(0),
        skip: None,
    }
}

pub(super) fn reason() -> Reason {
    Reason { code: "ping".to_owned(), text: "only a ping".to_owned() }
}

pub(crate) fn repo() -> RepoName {
    "acme/app".parse().unwrap()
}

pub(crate) fn sha() -> Sha {
    "1".repeat(40).parse().unwrap()
}

pub(crate) fn event() -> Event {
    Event {
        vendor: Vendor::Github,
        instance: None,
        event_type: "push".to_owned(),
        filter: "main".to_owned(),
        disposition: Disposition::Planned,
        repository: Some(Repository {
            full_name: repo(),
            owner: "acme".to_owned(),
            name: "app".to_owned(),
            clone_url: "https://github.com/acme/app.git".to_owned(),
            url: "https://github.com/acme/app".to_owned(),
            default_branch: "main".to_owned(),
            private: false,
        }),
        reference: Some("refs/heads/main".to_owned()),
        ref_type: None,
        branch: Some("main".to_owned()),
        tag: None,
        sha: Some(sha()),
        before: None,
        lacks: crate::domain::event::Lacks::default(),
        created: false,
        deleted: false,
        forced: false,
        commit: None,
        pull_request: None,
        release: None,
        comment: None,
        sender: None,
        author: None,
        commented_at: None,
    }
}

pub(crate) fn call(name: &str) -> PlannedCall {
    PlannedCall {
        function: name.to_owned(),
        kebab: name.to_owned(),
        level: 4,
        context: format!("pocketci/{name}"),
        posts_status: true,
        action: Action::Dagger {
            module: "ci".to_owned(),
            constructor: Vec::new(),
            args: Vec::new(),
            sync: false,
        },
        notes: Vec::new(),
    }
}

/// A queued run that calls these functions, and owes a pending status for each.
pub(crate) fn run(names: &[&str]) -> NewRun {
    let calls: Vec<PlannedCall> = names.iter().map(|name| call(name)).collect();
    let pending = |call: &PlannedCall| status(&call.context, CommitState::Pending, "queued");
    NewRun {
        event: event(),
        sha: sha(),
        spec_path: "pocketci.yaml".to_owned(),
        spec_name: String::new(),
        settings: RunSettings {
            timeout: Duration::from_secs(60),
            on_interrupt: OnInterrupt::Retry,
            run_timeout: None,
            git_depth: GitDepth::Commits(10),
            summary: true,
            max_parallel: None,
            concurrency: None,
            place: None,
        },
        state: NewRunState::Queued,
        statuses: calls.iter().map(pending).collect(),
        plan: Plan {
            decision: Decision::Call,
            reason: None,
            functions: calls
                .iter()
                .map(|call| FunctionDecision {
                    name: call.function.clone(),
                    decision: Decision::Call,
                    code: "level_4".to_owned(),
                    text: "its name matches".to_owned(),
                    context: None,
                })
                .collect(),
            calls,
            marks: Vec::new(),
        },
        changes: Changes::Files(vec!["main.go".to_owned()]),
    }
}

pub(super) fn status(context: &str, state: CommitState, description: &str) -> Status {
    Status { context: context.to_owned(), state, description: description.to_owned() }
}

#[tokio::test]
async fn the_database_is_safe_and_small() {
    let world = World::new().await;
    let mut tx = world.store.inner.writer.begin().await.unwrap();
    for (pragma, expected) in [
        ("synchronous", "2"),
        ("journal_mode", "wal"),
        ("foreign_keys", "1"),
        ("cache_size", "-512"),
    ] {
        let query =
            sqlx::AssertSqlSafe(format!("SELECT CAST({pragma} AS TEXT) FROM pragma_{pragma}"));
        let value: String = sqlx::query_scalar(query).fetch_one(tx.db()).await.unwrap();
        assert_eq!(value, expected, "{pragma}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_data_folder_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("state/pocketci");
    let store = Store::open(&data).await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for entry in std::fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path()) {
        assert_eq!(mode(&entry) & 0o077, 0, "{}", entry.display());
    }
    store.close().await;
    // One that an earlier agent made is tightened.
    let database = data.join("pocketci.db");
    std::fs::set_permissions(&database, std::fs::Permissions::from_mode(0o644)).unwrap();
    let store = Store::open(&data).await.unwrap();
    assert_eq!(mode(&database), 0o600);
    store.close().await;
}

#[tokio::test]
async fn a_failed_transaction_does_not_spoil_the_next() {
    let world = World::new().await;
    // What SQLite does by itself on a full disk: the transaction is gone before sqlx knows.
    world
        .sql(
            "CREATE TRIGGER refuse BEFORE INSERT ON delivery WHEN new.forge_id = 'bad'
             BEGIN SELECT RAISE(ROLLBACK, 'refused'); END",
        )
        .await;
    assert!(world.store.record(delivery("bad")).await.is_err());
    assert!(matches!(world.store.record(delivery("good")).await, Ok(Recorded::New(_))));
    // A caller that goes away in the middle.
    drop(world.store.inner.writer.begin().await.unwrap());
    assert!(world.store.claim_delivery(at(1)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_full_database_is_full_and_goes_on_when_there_is_room() {
    let world = World::new().await;
    let pages = world.count("SELECT page_count FROM pragma_page_count").await;
    {
        let mut tx = world.store.inner.writer.begin().await.unwrap();
        let limit = format!("PRAGMA max_page_count = {}", pages + 2);
        tx.db().execute(sqlx::AssertSqlSafe(limit)).await.unwrap();
        tx.commit().await.unwrap();
    }
    let mut large = delivery("large");
    // Does not compress.
    let mut seed = 1_u64;
    large.body.extend((0..100_000).map(|_| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 56) as u8
    }));
    assert!(matches!(world.store.record(large.clone()).await, Err(StoreError::Full)));
    // The next transaction has a connection of its own, without the limit: room was made.
    assert!(matches!(world.store.record(large).await, Ok(Recorded::New(_))));
}

#[tokio::test]
async fn a_call_has_a_log_for_each_attempt() {
    let world = World::new().await;
    let path = world.store.log_path(RunId(7), CallId(9), 2);
    assert_eq!(path, world.folder.path().join("logs/7/9-2.log"));
}

#[tokio::test]
async fn what_is_due_next_is_what_waits_for_a_time() {
    let world = World::new().await;
    assert_eq!(world.store.next_delivery_due().await.unwrap(), None);
    let id = world.claimed_delivery("a").await;
    world.store.postpone_delivery(id, at(50), "no network").await.unwrap();
    assert_eq!(world.store.next_delivery_due().await.unwrap(), Some(at(50)));
    let statuses = [status("pocketci", CommitState::Pending, "")];
    world.store.owe(Vendor::Github.into(), &repo(), &sha(), None, &statuses, at(2)).await.unwrap();
    assert_eq!(
        world.store.next_report_due(Vendor::Github.into()).await.unwrap(),
        None,
        "it can be claimed at once"
    );
    let report =
        world.store.claim_reports(Vendor::Github.into(), at(2), 1).await.unwrap().remove(0);
    world.store.report_failed(report.id, report.seq, at(40), "502").await.unwrap();
    assert_eq!(world.store.next_report_due(Vendor::Github.into()).await.unwrap(), Some(at(40)));
    world.store.claim_reports(Vendor::Github.into(), at(40), 1).await.unwrap();
    assert_eq!(
        world.store.next_report_due(Vendor::Github.into()).await.unwrap(),
        None,
        "it is being sent"
    );
}

#[tokio::test]
async fn what_waits_is_found_by_its_index() {
    let world = World::new().await;
    world
        .sql(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
             INSERT INTO delivery (vendor, forge_id, event_name, title, received_at, state)
               SELECT 'github', i, 'push', '', 0, 'received' FROM n;
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
             INSERT INTO report (vendor, repository, sha, context, commit_state, description, seq,
                                 state, owed_since)
               SELECT 'github', 'a/b', '', i, 'pending', '', 1, 'owed', 0 FROM n;
             INSERT INTO run (delivery, vendor, repository, sha, spec_path, spec_name, state,
                              summary, errored, created_at)
               VALUES (1, 'github', 'a/b', '', '', '', 'queued', 0, '[]', 0);
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
             INSERT INTO call (run, position, kebab, context, posts_status, shell, state, held, queued_at)
               SELECT 1, i, '', '', 0, 0, 'queued', 0, 0 FROM n;
             ANALYZE",
        )
        .await;
    let plan = world.query_plan(delivery::CLAIM).await;
    assert!(plan.contains("INDEX delivery_fresh"), "{plan}");
    assert!(plan.contains("INDEX delivery_postponed (retry_at>"), "{plan}");
    let plan = world.query_plan(report::CLAIM).await;
    assert!(plan.contains("INDEX report_fresh_of_forge"), "{plan}");
    assert!(plan.contains("INDEX report_postponed_of_forge (vendor=? AND next_try>"), "{plan}");
    assert!(!plan.contains("SCAN report\n"), "{plan}");
}
