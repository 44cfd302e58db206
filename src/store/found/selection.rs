//! What a list of runs is narrowed to, as SQL.

use sqlx::{QueryBuilder, Sqlite};

use super::{RunQuery, RunStateQuery};
use crate::domain::ids::{ForgeId, RepoName};

/// The shortest text that the index of three letters finds.
const INDEXED: usize = 3;

impl RunQuery {
    /// Whether an index finds those that it is about, of which there are few.
    fn is_narrow(&self) -> bool {
        self.repository.is_some()
            || self.among.is_some()
            || self.delivery.is_some()
            || self.branch.is_some()
            || self.pull.is_some()
            || self.event.is_some()
            || self.state.is_some()
    }
}

/// Everything of a query but its end, the newest first.
pub(super) fn selection(query: &RunQuery) -> QueryBuilder<Sqlite> {
    let mut sql = QueryBuilder::new(
        "SELECT run.id, run.delivery, run.vendor, run.repository, run.sha, run.spec_path,
                run.spec_name, run.state, run.why, run.verdict, run.attempt, run.headline,
                run.subject, run.event_type, run.branch, run.pull, run.created_at,
                run.started_at, run.finished_at FROM ",
    );
    let (mut id, mut order) = ("run.id", "run.id");
    match query.text.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        Some(text) if text.chars().count() >= INDEXED => {
            // As one phrase: what people type is no query language. One match after the other
            // from the newest on, so that a page of what most runs have is full after a few.
            let phrase = format!("\"{}\"", text.replace('"', "\"\""));
            (id, order) = ("run_text.rowid", "run_text.rowid");
            sql.push("run_text CROSS JOIN run ON run.id = run_text.rowid WHERE run_text MATCH ");
            sql.push_bind(phrase);
        }
        Some(text) => {
            let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            let pattern = format!("%{escaped}%");
            if query.is_narrow() {
                sql.push("run WHERE true");
            } else {
                // Whole blocks without it are passed over.
                order = "run_words.block DESC, run.id";
                sql.push(
                    "run_words CROSS JOIN run ON run.id BETWEEN run_words.block << 5
                         AND (run_words.block << 5) + 31 WHERE run_words.words LIKE ",
                );
                sql.push_bind(pattern.clone()).push(" ESCAPE '\\'");
                if let Some(before) = query.before {
                    sql.push(" AND run_words.block <= ").push_bind(before.0 >> 5);
                }
            }
            sql.push(" AND (run.headline LIKE ").push_bind(pattern.clone()).push(" ESCAPE '\\'");
            sql.push(" OR run.subject LIKE ").push_bind(pattern).push(" ESCAPE '\\')");
        }
        None => drop(sql.push("run WHERE true")),
    }
    if let Some((forge, name)) = &query.repository {
        sql.push(" AND run.vendor = ").push_bind(forge.to_string());
        sql.push(" AND run.repository = ").push_bind(name.as_str().to_owned());
    }
    if let Some(visible) = &query.visible {
        among(&mut sql, "run.vendor, run.repository", visible);
    }
    if let Some(among) = &query.among {
        sql.push(" AND run.id IN (");
        let mut ids = sql.separated(", ");
        for id in among {
            ids.push_bind(id.0);
        }
        sql.push(")");
    }
    if let Some(spec) = &query.spec {
        sql.push(" AND run.spec_name = ").push_bind(spec.clone());
    }
    if let Some(delivery) = query.delivery {
        sql.push(" AND run.delivery = ").push_bind(delivery.0);
    }
    if let Some(branch) = &query.branch {
        sql.push(" AND run.branch = ").push_bind(branch.clone());
    }
    if let Some(pull) = query.pull {
        sql.push(" AND run.pull = ").push_bind(pull as i64);
    }
    if let Some(event) = &query.event {
        sql.push(" AND run.event_type = ").push_bind(event.clone());
    }
    match query.state {
        None => {}
        Some(RunStateQuery::Ended(verdict)) => {
            sql.push(" AND run.verdict = ").push_bind(verdict.as_str());
        }
        Some(RunStateQuery::Finished) => {
            sql.push(" AND run.state = 'finished'");
        }
        // A literal, so that the partial index of what is not finished may be used.
        Some(state) => {
            sql.push(format_args!(" AND run.state = '{}'", state.as_str()));
            sql.push(" AND run.state <> 'finished'");
        }
    }
    if let Some(before) = query.before {
        sql.push(format_args!(" AND {id} < ")).push_bind(before.0);
    }
    sql.push(format_args!(" ORDER BY {order} DESC"));
    sql
}

/// Leaves what is of these repositories, of which there is one at least; by these two columns.
pub(in crate::store) fn among(
    sql: &mut QueryBuilder<Sqlite>,
    columns: &'static str,
    these: &[(ForgeId, RepoName)],
) {
    sql.push(format_args!(" AND ({columns}) IN (VALUES "));
    let mut pairs = sql.separated(", ");
    for (forge, name) in these {
        pairs.push("(").push_bind_unseparated(forge.to_string());
        pairs.push_unseparated(", ").push_bind_unseparated(name.as_str().to_owned());
        pairs.push_unseparated(")");
    }
    sql.push(")");
}
