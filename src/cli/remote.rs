//! Commands that speak to a running agent by its API: `runs`, `deliveries`, `trigger`, `tokens`.
//!
//! They know nothing but what the API says, so that they do the same from any machine.

mod server;
mod trouble;
mod stream;
mod table;
mod words;
mod lines;
mod call_log;
mod list;
mod show;
mod logs;
mod watch;
mod act;
mod trigger;
mod became;
mod ids;
mod deliveries;
mod arrivals;
mod tokens;

use clap::{Args, Subcommand};

use super::Failure;
pub(super) use arrivals::Arrivals;
pub(super) use deliveries::{ListDeliveries, Replay, ShowDelivery};
pub(super) use ids::{Ids, ids};
pub(super) use tokens::Options as Tokens;
pub(super) use trigger::Trigger;

#[derive(Debug, Args)]
pub(super) struct Runs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The newest runs
    List(list::Options),
    /// A run: what happened, its calls, and why other functions are not called
    Show(show::Options),
    /// What the calls of a run print
    Logs(logs::Options),
    /// A run as it goes on; exits as it ended
    Watch(watch::Options),
    /// Call again: everything, what failed, or one call
    Rerun(act::Rerun),
    /// End a run
    Cancel(act::Cancel),
    /// Let a run go that waits for a maintainer's word
    Approve(act::Approve),
}

pub(super) async fn runs(runs: Runs) -> Result<(), Failure> {
    match runs.what {
        What::List(options) => list::list(options).await,
        What::Show(options) => show::show(options).await,
        What::Logs(options) => logs::logs(options).await,
        What::Watch(options) => watch::watch(&options).await,
        What::Rerun(options) => act::rerun(options).await,
        What::Cancel(options) => act::cancel(options).await,
        What::Approve(options) => act::approve(options).await,
    }
}

pub(super) use deliveries::{list as list_deliveries, replay, show as show_delivery};
pub(super) use tokens::tokens;
pub(super) use trigger::trigger;

/// The number of a run, as `7`, `#7` or a link to its page.
fn run_number(text: &str) -> Result<i64, String> {
    let path = text.split(['?', '#']).find(|part| !part.is_empty()).unwrap_or_default();
    let number = match path.split_once("/runs/") {
        Some((_, rest)) => rest.split('/').next().unwrap_or_default(),
        None => path,
    };
    let wrong = || "a run is named by its number (`7`) or by a link to its page".to_owned();
    number.parse().ok().filter(|number| *number > 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests;
