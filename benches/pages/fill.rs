//! A store with many runs that have ended.

use std::time::Duration;

use jiff::Timestamp;
use pocketci::domain::forge::event;
use pocketci::domain::ids::Vendor;
use pocketci::domain::plan::{Action, Changes, Decision, Plan, PlannedCall};
use pocketci::domain::spec::{GitDepth, OnInterrupt};
use pocketci::store::{NewDelivery, NewRun, NewRunState, RunSettings, Settlement, Store};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};

use super::world::{Tree, World};

const REPOSITORIES: u64 = 20;
/// Runs that the store itself makes; the others are copies of them.
const MADE: u64 = 1_000;
const CALLS: usize = 4;

pub(super) fn fill(world: &World, runs: u64) {
    let data = world.agent.data();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let store = Store::open(data).await.expect("the folder is new");
        for number in 0..REPOSITORIES {
            settle(&store, world, number).await;
        }
        store.close().await;
        let database = SqliteConnectOptions::new().filename(data.join("pocketci.db"));
        let mut db = database.connect().await.expect("the database");
        for sql in [FINISH, &copies(runs / MADE - 1)] {
            db.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()))).await.expect(sql);
        }
        db.close().await.expect("it closes");
    });
}

/// One call in ten runs has failed; a run lasted two minutes.
const FINISH: &str = "BEGIN;
    UPDATE call SET state = 'finished', started_at = queued_at + 1000000,
        finished_at = queued_at + 121000000,
        outcome = iif(run % 10 = 0 AND position = 3, 'failed', 'passed'),
        exit_status = iif(run % 10 = 0 AND position = 3, 1, NULL);
    UPDATE run SET state = 'finished', started_at = created_at + 1000000,
        finished_at = created_at + 121000000, verdict = iif(id % 10 = 0, 'failed', 'passed');
    COMMIT;";

/// Each with another commit and subject, in one of a thousand a word that the others have not.
fn copies(times: u64) -> String {
    format!(
        "BEGIN;
    CREATE TEMP TABLE n AS WITH RECURSIVE n(k) AS
        (SELECT {MADE} UNION ALL SELECT k + {MADE} FROM n WHERE k < {MADE} * {times}) SELECT k FROM n;
    INSERT INTO run (id, delivery, vendor, repository, sha, spec_path, spec_name, state, verdict,
            attempt, summary, errored, created_at, started_at, finished_at, headline, subject,
            event_type, branch, pull)
        SELECT k + id, delivery, vendor, repository, printf('%08x', k + id) || substr(sha, 9),
            spec_path, spec_name, state, verdict, attempt, summary, errored,
            created_at + (k + id) * 1000000, started_at + (k + id) * 1000000,
            finished_at + (k + id) * 1000000, headline,
            'Change ' || (k + id) || iif(id = 500, ' of the needle', ' of some file'),
            event_type, branch, pull
        FROM n CROSS JOIN run WHERE id <= {MADE};
    INSERT INTO run_text (rowid, words)
        SELECT id, headline || char(10) || subject || char(10) || repository || char(10) || sha
            || char(10) || spec_name FROM run WHERE id > {MADE};
    DELETE FROM run_words;
    INSERT INTO run_words
        SELECT id >> 5, group_concat(headline || char(10) || subject, char(10)) FROM run GROUP BY id >> 5;
    INSERT INTO run_plan (run, event, plan, settings, changes)
        SELECT k + run, event, plan, settings, changes FROM n CROSS JOIN run_plan WHERE run <= {MADE};
    INSERT INTO call (run, position, kebab, context, posts_status, shell, state, held, attempt,
            queued_at, started_at, finished_at, outcome, exit_status, lane)
        SELECT k + run, position, kebab, context, posts_status, shell, state, held, attempt,
            queued_at + (k + run) * 1000000, started_at + (k + run) * 1000000,
            finished_at + (k + run) * 1000000, outcome, exit_status, lane
        FROM n CROSS JOIN call WHERE run <= {MADE};
    COMMIT;"
    )
}

/// Stores a push and settles it with its share of the runs.
async fn settle(store: &Store, world: &World, number: u64) {
    let repo = world.forge.repository(&format!("bench/app-{number}"));
    repo.commit("main", Tree::new().file("number", number.to_string()));
    let body = world.forge.pushed(&repo, "main").to_string().into_bytes();
    let event = event(Vendor::Github, "push", &body).expect("an event");
    // The newest is of now.
    let now = Timestamp::now() - Duration::from_secs(200_000);
    let delivery = NewDelivery {
        forge: Vendor::Github.into(),
        forge_id: format!("delivery-{number}"),
        event_name: "push".to_owned(),
        repository: Some(repo.name().to_owned()),
        title: "push main".to_owned(),
        headers: vec![("x-github-event".to_owned(), "push".to_owned())],
        body,
        received_at: now,
        skip: None,
    };
    store.record(delivery).await.expect("the store takes it");
    let claimed = store.claim_delivery(now).await.expect("the store claims");
    let run = |number: u64| NewRun {
        event: event.clone(),
        sha: event.sha.clone().expect("a push has a commit"),
        spec_path: "pocketci.yaml".to_owned(),
        spec_name: format!("spec-{number}"),
        settings: RunSettings {
            timeout: Duration::from_secs(60),
            on_interrupt: OnInterrupt::Retry,
            run_timeout: None,
            git_depth: GitDepth::Commits(1),
            summary: false,
            max_parallel: None,
            concurrency: None,
            place: None,
        },
        state: NewRunState::Queued,
        statuses: Vec::new(),
        plan: Plan {
            decision: Decision::Call,
            reason: None,
            calls: (0..CALLS).map(|call| planned(number, call)).collect(),
            functions: Vec::new(),
            marks: Vec::new(),
        },
        changes: Changes::Files(Vec::new()),
    };
    let runs = (0..MADE / REPOSITORIES).map(run).collect();
    let id = claimed.expect("a delivery waits").id;
    store
        .settle(id, Settlement::Planned { runs, parts: Vec::new() }, now)
        .await
        .expect("it can be settled");
}

fn planned(run: u64, call: usize) -> PlannedCall {
    let name = ["test", "lint", "build", "deploy"][call % 4];
    PlannedCall {
        function: format!("{name}OnPush"),
        kebab: format!("{name}-on-push"),
        level: 3,
        context: format!("pocketci/{run}/{name}-on-push"),
        posts_status: true,
        action: Action::Shell { run: "true".to_owned(), secrets: Vec::new() },
        notes: Vec::new(),
    }
}
