//! `runs list`: the newest runs.

use anstyle::Style;
use clap::Args;
use form_urlencoded::Serializer;
use jiff::Timestamp;

use super::server::Reach;
use super::table::{Table, cell};
use super::words::{age, line_of, look, place, state_of, took, whole};
use crate::cli::Failure;
use crate::cli::output::{self, FAINT, STRONG};
use crate::domain::report;
use crate::web::shape::{RunSummary, Runs};

/// Runs that the agent gives at once, at most.
const PAGE: usize = 200;
/// What runs can be asked for by; the last are how they ended.
const STATES: [&str; 8] =
    ["held", "queued", "running", "finished", "passed", "failed", "cancelled", "errored"];

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Of this repository alone: `owner/name`, of another forge than GitHub `gitea/owner/name`
    #[arg(long, short, value_name = "OWNER/NAME")]
    repository: Option<String>,
    /// Of this branch alone
    #[arg(long, short)]
    branch: Option<String>,
    /// Of the pull request with this number alone
    #[arg(long, short, value_name = "NUMBER")]
    pull: Option<u64>,
    /// For such events alone: `push`, `pull_request`, …
    #[arg(long, short)]
    event: Option<String>,
    /// In this state alone
    #[arg(long, short, value_parser = STATES)]
    state: Option<String>,
    /// With this in what happened, the commit, the repository or the spec's name
    #[arg(long, short)]
    text: Option<String>,
    /// How many at most
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 20,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    #[command(flatten)]
    reach: Reach,
}

pub(super) async fn list(options: Options) -> Result<(), Failure> {
    let server = options.reach.server()?;
    let limit = options.limit as usize;
    let mut all = Runs { runs: Vec::new(), next: None };
    loop {
        let left = limit - all.runs.len();
        let path = options.path(left.min(PAGE), all.next.as_deref());
        let mut page: Runs = server.get(&path).await?;
        let more = !page.runs.is_empty() && page.runs.len() < left;
        all.runs.append(&mut page.runs);
        all.next = page.next;
        if !more || all.next.is_none() {
            break;
        }
    }
    if options.reach.json {
        return Ok(output::json(&all)?);
    }
    if all.runs.is_empty() {
        return Ok(options.nothing()?);
    }
    Ok(options.table(&all.runs).print()?)
}

impl Options {
    fn path(&self, limit: usize, cursor: Option<&str>) -> String {
        let mut query = Serializer::new(String::from("/runs?"));
        query.append_pair("limit", &limit.to_string());
        let pull = self.pull.map(|number| number.to_string());
        for (name, value) in [
            ("repository", self.repository.as_deref()),
            ("branch", self.branch.as_deref()),
            ("pull", pull.as_deref()),
            ("event", self.event.as_deref()),
            ("state", self.state.as_deref()),
            ("q", self.text.as_deref()),
            ("cursor", cursor),
        ] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        query.finish()
    }

    fn is_narrowed(&self) -> bool {
        self.pull.is_some()
            || [&self.repository, &self.branch, &self.event, &self.state, &self.text]
                .iter()
                .any(|one| one.is_some())
    }

    fn nothing(&self) -> std::io::Result<()> {
        use std::io::Write as _;
        let text = if self.is_narrowed() {
            "No run is like that"
        } else {
            "There are no runs yet: one comes with the first webhook that asks for something"
        };
        writeln!(anstream::stdout().lock(), "{text}")
    }

    fn table(&self, runs: &[RunSummary]) -> Table {
        let titles = ["RUN", "STATE", "REPOSITORY", "WHERE", "WHAT", "CALLS", "TOOK", "AGE"];
        let mut table = Table::new(&titles, "WHAT");
        let now = Timestamp::now();
        for run in runs {
            let state = state_of(run);
            let shown = look(state);
            let marks: String = run.calls.iter().map(mark).collect();
            let took = took(run.started_at, run.finished_at, now);
            let took = took.map(|time| match run.finished_at {
                Some(_) => report::duration(time),
                None => whole(time),
            });
            let what = run.subject.as_deref().filter(|text| !text.is_empty());
            table.row(vec![
                cell(STRONG, &run.id.to_string()),
                cell(shown.style, &format!("{} {state}", shown.mark)),
                cell(Style::new(), &place(run)),
                cell(Style::new(), &line_of(run)),
                cell(Style::new(), what.unwrap_or(&run.headline)),
                marks,
                cell(FAINT, &took.unwrap_or_default()),
                cell(FAINT, &age(run.created_at, now)),
            ]);
        }
        table
    }
}

/// A call as one sign.
fn mark(call: &crate::web::shape::CallMark) -> String {
    let look = look(call.outcome.as_deref().unwrap_or(&call.state));
    cell(look.style, look.mark)
}
