//! What comes of a delivery that somebody has begun by hand: its runs, once it is planned.

use std::io::Write as _;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use super::server::Server;
use super::trouble::Trouble;
use super::watch;
use super::words::{place, short};
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

/// What is read of a delivery.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Delivery {
    outcome: String,
    reason: Option<Reason>,
    note: Option<String>,
    url: String,
}

/// Tells what becomes of the delivery that an act has made, or watches it until it has ended.
pub(super) async fn tell(
    server: &Server,
    mut answer: Value,
    watch: bool,
    json: bool,
) -> Result<(), Failure> {
    let id = answer["delivery"].as_i64().unwrap_or_default();
    let became = planned(server, id).await?;
    let runs = runs(server, id).await?;
    if watch && !runs.is_empty() {
        return watch_all(server, &runs, json).await;
    }
    if json {
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
        show(id, &became, &runs)?;
    }
    match became.outcome.as_str() {
        "skipped" | "faulty" => {
            let why = became.reason.map(|reason| reason.text).unwrap_or_default();
            Err(Failure::bad_input(format!("Nothing is started: {}", plain(&why))))
        }
        _ => Ok(()),
    }
}

fn show(id: i64, became: &Delivery, runs: &[Run]) -> Result<(), Failure> {
    show_runs(runs)?;
    let mut out = anstream::stdout().lock();
    if let [run] = runs
        && run.reason.is_none()
    {
        writeln!(out, "  {FAINT}`{NAME} runs watch {}` shows it{FAINT:#}", run.run.id)?;
    }
    if became.outcome == "waiting" {
        let why = became.note.as_deref().map(|why| format!(": {}", plain(why)));
        let why = why.unwrap_or_default();
        writeln!(out, "{STRONG}Delivery {id}{STRONG:#} waits to be planned{why}")?;
        writeln!(out, "  {FAINT}{}{FAINT:#}", plain(&became.url))?;
        writeln!(out, "  {FAINT}`{NAME} deliveries show {id}` says what comes of it{FAINT:#}")?;
    }
    Ok(())
}

/// Says which runs these are, and where their pages.
pub(super) fn show_runs(runs: &[Run]) -> std::io::Result<()> {
    let mut out = anstream::stdout().lock();
    for Run { run, reason, url, .. } in runs {
        let (number, commit) = (run.id, short(&run.sha));
        let repository = plain(&place(run));
        let branch = run.branch.as_deref().map(|it| format!(" of {}", plain(it)));
        let branch = branch.unwrap_or_default();
        writeln!(out, "{STRONG}Run {number}{STRONG:#} {repository} at {commit}{branch}")?;
        if let Some(reason) = reason {
            writeln!(out, "  nothing is called: {}", plain(&reason.text))?;
        }
        writeln!(out, "  {FAINT}{}{FAINT:#}", plain(url))?;
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
pub(super) async fn runs(server: &Server, id: i64) -> Result<Vec<Run>, Trouble> {
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
