use super::super::Store;
use super::super::tests::{at, database};
use super::*;
use crate::domain::ids::CallId;
use crate::domain::run::Outcome;
use tempfile::TempDir;

/// What an agent of the first version left: a run with a finished call, one that ran and one that
/// waited, a held run, and deliveries and statuses in each of their states.
const LEFT: &str = r#"
INSERT INTO delivery (id, vendor, forge_id, event_name, repository, title, received_at, state,
                      tries, settled_at, settlement, reason_code, reason_text)
VALUES (1, 'github', 'a', 'push', 'acme/app', 'push main', 1, 'settled', 1, 2, 'planned', NULL, NULL),
       (2, 'github', 'b', 'ping', NULL, 'ping', 1, 'settled', 0, 2, 'skipped', 'ping', 'a ping'),
       (3, 'github', 'c', 'push', 'acme/app', 'push main', 3, 'claimed', 1, NULL, NULL, NULL, NULL),
       (4, 'github', 'd', 'push', 'acme/site', 'push main', 4, 'received', 0, NULL, NULL, NULL, NULL);
INSERT INTO run (id, delivery, vendor, repository, sha, spec_path, spec_name, state, why, summary,
                 errored, created_at, started_at)
VALUES (1, 1, 'github', 'acme/app', '1111111111111111111111111111111111111111', 'pocketci.yaml',
        'pocketci', 'running', NULL, 1, '[]', 2, 3),
       (2, 1, 'github', 'acme/site', '2222222222222222222222222222222222222222', 'pocketci.yaml',
        'pocketci', 'held', 'a fork', 1, '[]', 2, NULL);
INSERT INTO call (id, run, position, kebab, context, posts_status, shell, state, held, queued_at,
                  started_at, finished_at, outcome)
VALUES (1, 1, 0, 'lint', 'pocketci/lint', 1, 0, 'finished', 0, 2, 3, 4, 'passed'),
       (2, 1, 1, 'test', 'pocketci/test', 1, 0, 'running', 0, 2, 3, NULL, NULL),
       (3, 1, 2, 'docs', 'pocketci/docs', 1, 0, 'queued', 0, 2, NULL, NULL, NULL),
       (4, 2, 0, 'lint', 'pocketci/lint', 1, 0, 'queued', 1, 2, NULL, NULL, NULL);
INSERT INTO report (vendor, repository, sha, context, run, delivery, commit_state, description,
                    seq, state, owed_since, sent_at)
VALUES ('github', 'acme/app', '1111111111111111111111111111111111111111', 'pocketci/lint', 1, 1,
        'success', '', 2, 'sent', 4, 5),
       ('github', 'acme/app', '1111111111111111111111111111111111111111', 'pocketci/test', 1, 1,
        'pending', '', 1, 'owed', 2, NULL);
"#;

/// A data folder with the database of an earlier version.
async fn of_version(version: usize, rows: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    let mut db = database(folder.path()).await;
    let table = "CREATE TABLE schema_version (
                   version INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT";
    db.execute(table).await.unwrap();
    for (number, text) in (1_i64..).zip(&MIGRATIONS[..version]) {
        sqlx::raw_sql(*text).execute(&mut db).await.unwrap();
        let insert = "INSERT INTO schema_version VALUES ($1, 0)";
        sqlx::query(insert).bind(number).execute(&mut db).await.unwrap();
        if number == 1 {
            sqlx::raw_sql(sqlx::AssertSqlSafe(rows.to_owned())).execute(&mut db).await.unwrap();
        }
    }
    sqlx::Connection::close(db).await.unwrap();
    folder
}

async fn scalar(folder: &TempDir, sql: &'static str) -> i64 {
    let mut db = database(folder.path()).await;
    sqlx::query_scalar(sql).fetch_one(&mut db).await.unwrap()
}

#[tokio::test]
async fn what_every_earlier_version_left_is_counted_and_goes_on() {
    for version in 1..MIGRATIONS.len() {
        let folder = of_version(version, LEFT).await;
        let store = Store::open(folder.path()).await.unwrap();
        let newest = scalar(&folder, "SELECT max(version) FROM schema_version").await;
        assert_eq!(newest, MIGRATIONS.len() as i64);
        assert_eq!(scalar(&folder, "SELECT count(*) FROM call WHERE lane IS NULL").await, 0);

        let figures = store.figures().await.unwrap();
        let all = |what| figures.all(what).collect::<Vec<_>>();
        assert_eq!(all("delivery"), [("claimed", 1), ("received", 1), ("settled", 2)]);
        assert_eq!(all("delivery_total"), [("planned", 1), ("skipped", 1)]);
        assert_eq!(all("call"), [("finished", 1), ("held", 1), ("queued", 1), ("running", 1)]);
        assert_eq!(all("call_total"), [("passed", 1)]);
        assert_eq!(all("report"), [("owed", 1), ("sent", 1)]);

        let recovered = store.recover(at(0)).await.unwrap();
        assert_eq!((recovered.deliveries, recovered.calls), (1, 1));
        for _ in 0..2 {
            // Their plans are not of this story: they are cancelled, as people can.
            let sql = "SELECT min(id) FROM call WHERE state = 'queued' AND held = 0";
            let call = CallId(scalar(&folder, sql).await);
            let why = Outcome::Cancelled("by hand".to_owned());
            store.finish_call(call, &why, at(1)).await.unwrap();
        }
        let verdict = "SELECT verdict = 'cancelled' FROM run WHERE id = 1";
        assert_eq!(scalar(&folder, verdict).await, 1);
        store.close().await;
    }
}

#[tokio::test]
async fn a_database_of_before_learns_to_shrink() {
    let folder = of_version(3, LEFT).await;
    let mut db = database(folder.path()).await;
    sqlx::raw_sql("PRAGMA auto_vacuum = 0; VACUUM").execute(&mut db).await.unwrap();
    sqlx::Connection::close(db).await.unwrap();
    assert_eq!(scalar(&folder, "PRAGMA auto_vacuum").await, 0);
    for _ in 0..2 {
        Store::open(folder.path()).await.unwrap().close().await;
        assert_eq!(scalar(&folder, "PRAGMA auto_vacuum").await, 2);
    }
    assert_eq!(scalar(&folder, "SELECT count(*) FROM run").await, 2);
}
