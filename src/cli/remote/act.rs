//! Acting: rerun, cancel, approve.

use std::io::Write as _;

use clap::Args;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::server::{Reach, Server};
use super::words::short;
use super::{logs, watch};
use crate::cli::output::{self, STRONG, count, plain};
use crate::cli::{Failure, NAME};
use crate::web::shape::Run;

#[derive(Debug, Args)]
pub(super) struct Rerun {
    /// Its number, or a link to its page
    #[arg(value_parser = super::run_number)]
    run: i64,
    /// Only the calls that did not pass
    #[arg(long)]
    failed: bool,
    /// Only this call: its function or its number
    #[arg(long, value_name = "CALL", conflicts_with = "failed")]
    call: Option<String>,
    /// Watch it until it has ended, and exit as it did
    #[arg(long, short)]
    watch: bool,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Args)]
pub(super) struct Cancel {
    /// Its number, or a link to its page
    #[arg(value_parser = super::run_number)]
    run: i64,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Args)]
#[command(
    after_help = "All runs of that commit that wait for the same word are let go. An approval is \
                        of one commit: what is pushed later waits again."
)]
pub(super) struct Approve {
    /// Its number, or a link to its page
    #[arg(value_parser = super::run_number)]
    run: i64,
    /// The commit that was looked at, its first digits at least; another one is not approved
    #[arg(long)]
    sha: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

/// What is read of the answers, besides showing them as JSON.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Done {
    attempt: Option<u32>,
    calls: Vec<i64>,
    released: Vec<i64>,
}

/// Shows what the agent says to an act: as it is, or in these words.
fn tell(json: bool, answer: &Value, words: impl FnOnce(Done) -> String) -> Result<(), Failure> {
    if json {
        return Ok(output::json(answer)?);
    }
    let done = serde_json::from_value(answer.clone()).unwrap_or_default();
    Ok(writeln!(anstream::stdout().lock(), "{}", words(done))?)
}

async fn post(server: &Server, path: &str, what: Option<Value>) -> Result<Value, Failure> {
    Ok(server.act(Method::POST, path, what).await?)
}

pub(super) async fn rerun(options: Rerun) -> Result<(), Failure> {
    let server = options.reach.server()?;
    let id = options.run;
    let which = match &options.call {
        Some(text) => {
            let run: Run = server.get(&format!("/runs/{id}")).await?;
            logs::find(&run, text)?.id.to_string()
        }
        None if options.failed => "failed".to_owned(),
        None => "all".to_owned(),
    };
    let path = format!("/runs/{id}/rerun");
    let answer = post(&server, &path, Some(json!({ "which": which }))).await?;
    if options.watch {
        return watch::run(&server, id, options.reach.json).await;
    }
    tell(options.reach.json, &answer, |done| {
        let calls = match done.calls.len() {
            0 => String::new(),
            number => format!(": {} again", count(number, "call")),
        };
        let attempt = done.attempt.map(|it| format!(" as attempt {it}")).unwrap_or_default();
        format!(
            "{STRONG}Run {id}{STRONG:#} is queued{attempt}{calls}; `{NAME} runs watch {id}` shows it"
        )
    })
}

pub(super) async fn cancel(options: Cancel) -> Result<(), Failure> {
    let server = options.reach.server()?;
    let id = options.run;
    let answer = post(&server, &format!("/runs/{id}/cancel"), None).await?;
    let answer = if answer.is_null() { json!({ "run": id }) } else { answer };
    tell(options.reach.json, &answer, |_| format!("{STRONG}Run {id}{STRONG:#} is being ended"))
}

pub(super) async fn approve(options: Approve) -> Result<(), Failure> {
    let server = options.reach.server()?;
    let id = options.run;
    let run: Run = server.get(&format!("/runs/{id}")).await?;
    let sha = run.run.sha;
    if let Some(seen) = &options.sha {
        let seen = seen.trim().to_lowercase();
        if seen.len() < 4 || !sha.starts_with(&seen) {
            let text =
                format!("Run {id} is of the commit {}, not of `{}`", plain(&sha), plain(&seen));
            return Err(Failure::bad_input(text).hint("look at that one before it is approved"));
        }
    }
    let path = format!("/runs/{id}/approve");
    let answer = post(&server, &path, Some(json!({ "sha": sha }))).await?;
    tell(options.reach.json, &answer, |done| {
        let others: Vec<_> = done.released.iter().filter(|other| **other != id).collect();
        let others = match others.as_slice() {
            [] => String::new(),
            some => {
                let some: Vec<_> = some.iter().map(ToString::to_string).collect();
                format!(", and with it {}", some.join(", "))
            }
        };
        let what = match done.released.contains(&id) {
            true => format!("{STRONG}Run {id}{STRONG:#} is let go"),
            // It was ended while it waited.
            false => format!("{STRONG}Run {id}{STRONG:#} may begin again (`runs rerun {id}`)"),
        };
        format!("{what} at {}{others}", short(&sha))
    })
}
