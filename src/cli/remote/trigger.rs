//! `trigger`: a repository is planned without a webhook, and what comes of it is told.

use std::io::Write as _;
use std::time::{Duration, Instant};

use clap::Args;
use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::server::{Reach, Server};
use super::trouble::Trouble;
use super::watch;
use super::words::short;
use crate::cli::output::{self, FAINT, STRONG, plain};
use crate::cli::{Failure, NAME};
use crate::web::shape::{Reason, Run, Runs};

/// The first wait for it to be planned; it doubles up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// How long it is waited for: the agent may fetch a large repository.
const PATIENCE: Duration = Duration::from_secs(60);
/// Runs of one commit that are told of, one for each `pocketci.yaml`.
const RUNS: usize = 200;

/// What is begun without a webhook.
#[derive(Debug, Args)]
pub(in crate::cli) struct Trigger {
    /// The repository: `owner/name`, of another forge than GitHub `gitea/owner/name`
    #[arg(value_name = "OWNER/NAME")]
    repository: String,
    /// The branch or tag [default: the default branch]
    #[arg(long = "ref", value_name = "REF")]
    reference: Option<String>,
    /// An input for the functions, which find it as `payload.inputs` in their event trigger
    #[arg(long, short, value_name = "NAME=VALUE", value_parser = input)]
    input: Vec<(String, String)>,
    /// Watch what it starts until it has ended, and exit as it did
    #[arg(long, short)]
    watch: bool,
    #[command(flatten)]
    reach: Reach,
}

fn input(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.trim().is_empty());
    let (name, value) = pair.ok_or("an input is written as `name=value`")?;
    Ok((name.trim().to_owned(), value.to_owned()))
}

/// What is read of the delivery, besides showing it as JSON.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Delivery {
    delivery: i64,
    outcome: String,
    reason: Option<Reason>,
    note: Option<String>,
    url: String,
}

pub(in crate::cli) async fn trigger(options: Trigger) -> Result<(), Failure> {
    let server = options.reach.server()?;
    let inputs: Map<String, Value> =
        options.input.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
    let wish = json!({
        "repository": options.repository, "ref": options.reference, "inputs": inputs,
    });
    let mut answer = server.act(Method::POST, "/trigger", Some(wish)).await?;
    let begun: Delivery = serde_json::from_value(answer.clone()).unwrap_or_default();
    let id = begun.delivery;
    let became = planned(&server, id).await?;
    let runs = runs(&server, id).await?;
    if options.watch && !runs.is_empty() {
        return watch_all(&server, &runs, options.reach.json).await;
    }
    if options.reach.json {
        let shown = |run: &Run| {
            let mut value = serde_json::to_value(&run.run)?;
            value["url"] = json!(run.url);
            value["reason"] = serde_json::to_value(&run.reason)?;
            Ok::<_, serde_json::Error>(value)
        };
        answer["outcome"] = json!(became.outcome);
        answer["reason"] = serde_json::to_value(&became.reason).unwrap_or_default();
        answer["runs"] = runs.iter().map(shown).collect::<Result<_, _>>().unwrap_or_default();
        output::json(&answer)?;
    } else {
        show(&options.repository, id, &begun.url, &became, &runs)?;
    }
    match became.outcome.as_str() {
        "skipped" | "faulty" => {
            let why = became.reason.map(|reason| reason.text).unwrap_or_default();
            Err(Failure::bad_input(format!("Nothing is started: {}", plain(&why))))
        }
        _ => Ok(()),
    }
}

fn show(
    repository: &str,
    id: i64,
    url: &str,
    became: &Delivery,
    runs: &[Run],
) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    let repository = plain(repository);
    for run in runs {
        let (number, commit) = (run.run.id, short(&run.run.sha));
        let branch = run.run.branch.as_deref().map(|it| format!(" of {}", plain(it)));
        let branch = branch.unwrap_or_default();
        writeln!(out, "{STRONG}Run {number}{STRONG:#} {repository} at {commit}{branch}")?;
        if let Some(reason) = &run.reason {
            writeln!(out, "  nothing is called: {}", plain(&reason.text))?;
        }
        writeln!(out, "  {FAINT}{}{FAINT:#}", plain(&run.url))?;
    }
    if let [run] = runs
        && run.reason.is_none()
    {
        writeln!(out, "  {FAINT}`{NAME} runs watch {}` shows it{FAINT:#}", run.run.id)?;
    }
    if became.outcome == "waiting" {
        let why = became.note.as_deref().map(|why| format!(": {}", plain(why)));
        let why = why.unwrap_or_default();
        writeln!(out, "{STRONG}{repository}{STRONG:#} waits to be planned{why}")?;
        writeln!(out, "  {FAINT}{}{FAINT:#}", plain(url))?;
        writeln!(out, "  {FAINT}`{NAME} deliveries show {id}` says what comes of it{FAINT:#}")?;
    }
    Ok(())
}

/// The delivery once it is planned, or as it is when that takes too long.
async fn planned(server: &Server, id: i64) -> Result<Delivery, Trouble> {
    let (since, mut wait) = (Instant::now(), FIRST_WAIT);
    loop {
        let delivery: Delivery = server.insist(&format!("/deliveries/{id}")).await?;
        if delivery.outcome != "waiting" || since.elapsed() > PATIENCE {
            return Ok(delivery);
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// The runs that came of it, the first first.
async fn runs(server: &Server, id: i64) -> Result<Vec<Run>, Trouble> {
    let list: Runs = server.insist(&format!("/runs?delivery={id}&limit={RUNS}")).await?;
    let mut runs = Vec::new();
    for run in list.runs.iter().rev() {
        runs.push(server.insist(&format!("/runs/{}", run.id)).await?);
    }
    Ok(runs)
}

/// Watches one after the other; it ends badly when one of them does.
async fn watch_all(server: &Server, runs: &[Run], json: bool) -> Result<(), Failure> {
    let mut ended = Ok(());
    for run in runs {
        let one = watch::run(server, run.run.id, json).await;
        if let (Err(before), Err(_)) = (&mut ended, &one) {
            Failure::say(before);
        }
        if one.is_err() {
            ended = one;
        }
    }
    ended
}
