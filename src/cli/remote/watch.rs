//! `runs watch`: a run as it goes on, until it has ended.

mod live;
mod steps;

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::call_log;
use super::lines::Lines;
use super::server::{Reach, Server};
use super::show;
use super::stream::{self, News};
use super::trouble::Trouble;
use super::words::state_of;
use crate::cli::output::{self, BAD, FAINT, STRONG, plain};
use crate::cli::{Failure, NAME};
use crate::web::shape::{Call, Run};
use live::Live;
use steps::Steps;

/// How often what moves on a terminal moves.
const TURN: Duration = Duration::from_millis(100);

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Options {
    /// Its number, or a link to its page
    #[arg(value_parser = super::run_number)]
    run: i64,
    #[command(flatten)]
    reach: Reach,
}

const AFTER_HELP: &str = "\
Exits with 0 when the run passed, else with 1 and the logs of what failed. An agent that is restarted \
meanwhile is waited for. With --json the run is printed on a line of its own whenever something \
changes.";

/// What is told of a run.
enum Sight {
    Run(Box<Run>),
    Lost(Trouble),
    Back,
}

pub(super) async fn watch(options: &Options) -> Result<(), Failure> {
    run(&options.reach.server()?, options.run, options.reach.json).await
}

/// Shows a run until it has ended, and ends as it did.
pub(super) async fn run(server: &Server, run: i64, json: bool) -> Result<(), Failure> {
    let mut heard = observe(server, run);
    let mut shown = if json {
        Shown::Json
    } else if io::stdout().is_terminal() {
        Shown::Live(Box::new(Live::new()))
    } else {
        Shown::Steps(Steps::default())
    };
    let mut turn = tokio::time::interval(TURN);
    let run = loop {
        let sight = tokio::select! {
            biased;
            sight = heard.recv() => sight,
            _ = turn.tick() => {
                shown.turn();
                continue;
            }
        };
        match sight {
            Some(Ok(Sight::Run(run))) => {
                shown.run(&run)?;
                if run.run.state == "finished" {
                    break run;
                }
            }
            Some(Ok(Sight::Lost(trouble))) => shown.lost(&trouble)?,
            Some(Ok(Sight::Back)) => shown.back()?,
            Some(Err(trouble)) => {
                shown.end();
                return Err(trouble.into());
            }
            None => return Err(Failure::unreachable("The agent tells no more of the run")),
        }
    };
    shown.end();
    if !json {
        conclude(server, &run, matches!(shown, Shown::Live(_))).await?;
    }
    if run.run.verdict.as_deref() == Some("passed") {
        return Ok(());
    }
    Err(Failure::call_failed(format!("Run {} {}", run.run.id, ended(&run))))
}

fn ended(run: &Run) -> String {
    match state_of(&run.run) {
        "failed" => "failed".to_owned(),
        "cancelled" => "was cancelled".to_owned(),
        "errored" => "could not do everything it was to do".to_owned(),
        other => format!("ended as {}", plain(other)),
    }
}

/// Tells the newest state of a run whenever it has changed, and first of all.
fn observe(server: &Server, run: i64) -> mpsc::Receiver<Result<Sight, Trouble>> {
    let (tell, told) = mpsc::channel(1);
    let server = server.clone();
    tokio::spawn(async move {
        let mut heard = stream::follow(&server, format!("/events?run={run}"));
        let path = format!("/runs/{run}");
        // Noticed by the stream or by a question, it is told once.
        let mut away = false;
        while let Some(news) = heard.recv().await {
            let sights = match news {
                // At each beginning of the stream there is a `reload`.
                Ok(News::Event(event)) if ["run", "reload"].contains(&event.name.as_str()) => {
                    let mut seen = server.get(&path).await;
                    if let Err(trouble) = &seen
                        && trouble.passes()
                    {
                        if !away && tell.send(Ok(Sight::Lost(trouble.clone()))).await.is_err() {
                            return;
                        }
                        away = true;
                        seen = server.insist(&path).await;
                    }
                    let back = away && seen.is_ok();
                    away &= !back;
                    let run = seen.map(Sight::Run);
                    if back { vec![Ok(Sight::Back), run] } else { vec![run] }
                }
                Ok(News::Lost(trouble)) if !away => {
                    away = true;
                    vec![Ok(Sight::Lost(trouble))]
                }
                // A stream that is there again begins with `reload`.
                Ok(News::Event(_) | News::Lost(_) | News::Back) => continue,
                Err(trouble) => vec![Err(trouble)],
            };
            for sight in sights {
                if tell.send(sight).await.is_err() {
                    return;
                }
            }
        }
    });
    told
}

/// How a run is shown while it goes on.
enum Shown {
    Json,
    Live(Box<Live>),
    Steps(Steps),
}

impl Shown {
    fn run(&mut self, run: &Run) -> io::Result<()> {
        match self {
            Self::Json => {
                let text = serde_json::to_string(run).map_err(io::Error::from)?;
                let mut out = anstream::stdout().lock();
                writeln!(out, "{}", output::escaped(&text))?;
                out.flush()
            }
            Self::Live(live) => live.run(run),
            Self::Steps(steps) => steps.run(run),
        }
    }

    fn lost(&mut self, trouble: &Trouble) -> io::Result<()> {
        match self {
            Self::Json => Ok(()),
            Self::Live(live) => {
                live.lost(trouble);
                Ok(())
            }
            Self::Steps(_) => {
                writeln!(
                    anstream::stderr().lock(),
                    "{}; it is asked again",
                    plain(&trouble.to_string())
                )
            }
        }
    }

    fn back(&mut self) -> io::Result<()> {
        match self {
            Self::Json => Ok(()),
            Self::Live(live) => {
                live.back();
                Ok(())
            }
            Self::Steps(_) => writeln!(anstream::stderr().lock(), "The agent is there again"),
        }
    }

    fn turn(&mut self) {
        if let Self::Live(live) = self {
            live.turn();
        }
    }

    /// Takes away what moves.
    fn end(&self) {
        if let Self::Live(live) = self {
            live.end();
        }
    }
}

/// What stays on the terminal: how it ended, and why.
async fn conclude(server: &Server, run: &Run, live: bool) -> Result<(), Failure> {
    {
        let mut out = anstream::stdout().lock();
        show::verdict(&mut out, run, Timestamp::now())?;
        if live {
            show::calls(&mut out, run, Timestamp::now())?;
        }
        if let Some(reason) = &run.reason {
            writeln!(out, "  {}", plain(&reason.text))?;
        }
        let errors = run.functions.iter().filter(|function| function.decision == "error");
        for function in errors {
            let (name, why) = (plain(&function.name), plain(&function.reason.text));
            writeln!(out, "  {BAD}!{BAD:#} {STRONG}{name}{STRONG:#}  {why}")?;
        }
        out.flush()?;
    }
    let failed = |call: &&Call| !matches!(call.outcome.as_deref(), Some("passed" | "cancelled"));
    for call in run.call_details.iter().filter(failed) {
        log_of(server, run.run.id, call).await?;
    }
    Ok(())
}

async fn log_of(server: &Server, run: i64, call: &Call) -> Result<(), Failure> {
    let (tail, cut) = call_log::tail(server, call).await?;
    {
        let (function, id) = (plain(&call.function), call.id);
        let mut out = anstream::stdout().lock();
        writeln!(out, "\n{BAD}──{BAD:#} {STRONG}{function}{STRONG:#}")?;
        if cut {
            writeln!(out, "{FAINT}… the lines before: `{NAME} runs logs {run} {id}`{FAINT:#}")?;
        }
        if tail.is_empty() {
            writeln!(out, "{FAINT}(it printed nothing){FAINT:#}")?;
        }
    }
    let lines = Lines::new(&[call], false, false);
    for line in &tail {
        lines.print(call.id, line)?;
    }
    Ok(())
}
