//! `runs logs`: what the calls of a run print.

use std::io::Write as _;

use clap::Args;
use tokio::sync::mpsc;

use super::call_log::{self, Told};
use super::lines::Lines;
use super::server::{Reach, Server};
use super::words::look;
use crate::cli::Failure;
use crate::cli::output::{DOUBTFUL, FAINT, count, plain};
use crate::web::shape::{Call, Run};

/// Lines of several calls that wait to be printed.
const AHEAD: usize = 1024;

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Options {
    /// The run's number, or a link to its page
    #[arg(value_parser = super::run_number)]
    run: i64,
    /// One call alone: its function or its number
    call: Option<String>,
    /// Go on until the calls have ended; exits with 1 when one of them did not pass
    #[arg(long, short)]
    follow: bool,
    /// An earlier attempt, counted from 1
    #[arg(long, value_name = "NUMBER", conflicts_with = "follow", requires = "call")]
    attempt: Option<u32>,
    /// With the time in front of each line
    #[arg(long, short)]
    times: bool,
    #[command(flatten)]
    reach: Reach,
}

const AFTER_HELP: &str = "\
Of several calls each line has its function in front, behind `│` what it printed on standard output \
and behind `┆` on standard error. Colours of the calls' own are left out. With --json each line is an \
object with `call`, `at`, `stream` (stdout, stderr, agent) and `text`.";

pub(super) async fn logs(options: Options) -> Result<(), Failure> {
    let server = options.reach.server()?;
    let run: Run = server.get(&format!("/runs/{}", options.run)).await?;
    let calls = match &options.call {
        Some(text) => vec![find(&run, text)?],
        None => run.call_details.iter().collect(),
    };
    let lines = Lines::new(&calls, options.times, options.reach.json);
    if options.follow {
        return follow(&server, &calls, &lines).await;
    }
    for call in &calls {
        let mut empty = true;
        call_log::read(&server, call, options.attempt, |line| {
            empty = false;
            lines.print(call.id, &line).map_err(Failure::from)
        })
        .await?;
        if empty {
            lines.note(call.id, FAINT, &format!("(nothing: {})", nothing(call)))?;
        }
    }
    Ok(std::io::stdout().flush()?)
}

fn nothing(call: &Call) -> String {
    match call.state.as_str() {
        "queued" => "it has not begun".to_owned(),
        state => call.outcome.as_deref().unwrap_or(state).replace('_', " "),
    }
}

/// A call of a run, by its function or its number.
pub(super) fn find<'a>(run: &'a Run, text: &str) -> Result<&'a Call, Failure> {
    let wanted = text.trim().trim_start_matches('#');
    let calls = &run.call_details;
    let call = calls.iter().find(|call| call.id.to_string() == wanted || call.function == wanted);
    call.ok_or_else(|| {
        let names: Vec<_> = calls.iter().map(|call| plain(&call.function)).collect();
        let hint = match names.is_empty() {
            true => "it calls nothing: `runs show` says why".to_owned(),
            false => format!("its calls are {}", names.join(", ")),
        };
        let text = format!("Run {} has no call `{}`", run.run.id, plain(wanted));
        Failure::bad_input(text).hint(hint)
    })
}

/// Prints what all these calls print until they have ended.
async fn follow(server: &Server, calls: &[&Call], lines: &Lines) -> Result<(), Failure> {
    let (tell, mut heard) = mpsc::channel(AHEAD);
    for call in calls {
        let (server, call, tell) = (server.clone(), (*call).clone(), tell.clone());
        tokio::spawn(async move {
            if let Err(trouble) = call_log::follow(&server, &call, &tell).await {
                // Nobody hears it where everything is over.
                let _ = tell.send((call.id, Err(trouble))).await;
            }
        });
    }
    drop(tell);
    let mut failed = 0;
    // All calls lose the agent at once: it is said once.
    let mut away = false;
    while let Some((call, told)) = heard.recv().await {
        match told? {
            Told::Line(line) => lines.print(call, &line)?,
            Told::Attempt(number) => lines.note(call, DOUBTFUL, &format!("attempt {number}"))?,
            Told::Lost(trouble) if !away => {
                away = true;
                lines.note(0, DOUBTFUL, &format!("{trouble}; it is asked again"))?;
            }
            Told::Back if away => {
                away = false;
                lines.note(0, FAINT, "The agent is there again")?;
            }
            Told::Lost(_) | Told::Back => {}
            Told::End(outcome) => {
                failed += usize::from(outcome != "passed");
                let look = look(&outcome);
                let text = format!("{} {}", look.mark, outcome.replace('_', " "));
                lines.note(call, look.style, &text)?;
            }
        }
    }
    if failed > 0 {
        return Err(Failure::call_failed(format!("{} did not pass", count(failed, "call"))));
    }
    Ok(())
}
