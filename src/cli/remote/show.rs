//! `runs show`: a run, its calls, and what is not called and why.

use std::io::{self, Write};

use clap::Args;
use jiff::Timestamp;

use super::server::Reach;
use super::words::{look, place, said, short, state_of, took, whole};
use crate::cli::Failure;
use crate::cli::output::{self, DOUBTFUL, FAINT, STRONG, plain};
use crate::domain::report;
use crate::web::shape::Run;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Its number, or a link to its page
    #[arg(value_parser = super::run_number)]
    run: i64,
    #[command(flatten)]
    reach: Reach,
}

pub(super) async fn show(options: Options) -> Result<(), Failure> {
    let server = options.reach.server()?;
    let told: serde_json::Value = server.get(&format!("/runs/{}", options.run)).await?;
    if options.reach.json {
        return Ok(output::json(&told)?);
    }
    let run: Run = serde_json::from_value(told)
        .map_err(|error| Failure::unreachable(format!("Cannot read the answer: {error}")))?;
    let mut out = anstream::stdout().lock();
    head(&mut out, &run)?;
    body(&mut out, &run)?;
    Ok(out.flush()?)
}

/// What happened, and where it is.
pub(super) fn head(out: &mut impl Write, run: &Run) -> io::Result<()> {
    let it = &run.run;
    writeln!(out, "{STRONG}Run {}{STRONG:#} {}", it.id, plain(&place(it)))?;
    let subject = it.subject.as_deref().map(plain).filter(|text| !text.is_empty());
    let subject = subject.map(|text| format!(": {text}")).unwrap_or_default();
    writeln!(out, "  {}{subject}", plain(&it.headline))?;
    let attempt = if it.attempt > 1 { format!(", attempt {}", it.attempt) } else { String::new() };
    let (sha, spec) = (short(&it.sha), plain(&it.spec));
    writeln!(out, "  {FAINT}commit {sha}, {spec}{attempt}{FAINT:#}")?;
    writeln!(out, "  {FAINT}{}{FAINT:#}", plain(&run.url))
}

fn body(out: &mut impl Write, run: &Run) -> io::Result<()> {
    let now = Timestamp::now();
    verdict(out, run, now)?;
    if let Some(why) = &run.run.why {
        writeln!(out, "  {DOUBTFUL}held{DOUBTFUL:#}: {}", plain(why))?;
        let (id, name) = (run.run.id, crate::cli::NAME);
        writeln!(out, "  {FAINT}`{name} runs approve {id}` lets it go{FAINT:#}")?;
    }
    if let Some(waits) = &run.waits {
        writeln!(out, "  {}", plain(waits))?;
    }
    if let Some(reason) = &run.reason {
        writeln!(out, "  {}", plain(&reason.text))?;
    }
    calls(out, run, now)?;
    let others = || run.functions.iter().filter(|function| function.decision != "call");
    let width = others().map(|function| function.name.chars().count()).max().unwrap_or(0);
    if width > 0 {
        writeln!(out, "\n{STRONG}Not called{STRONG:#}")?;
    }
    for function in others() {
        let (name, why) = (plain(&function.name), plain(&function.reason.text));
        let look = if function.decision == "error" { look("errored") } else { look("skipped") };
        let (style, mark) = (look.style, look.mark);
        writeln!(out, "  {style}{mark}{style:#} {name:width$}  {FAINT}{why}{FAINT:#}")?;
    }
    Ok(())
}

/// The calls, a line for each.
pub(super) fn calls(out: &mut impl Write, run: &Run, now: Timestamp) -> io::Result<()> {
    let width = run.call_details.iter().map(|call| call.function.chars().count()).max();
    let numbers = run.call_details.iter().map(|call| call.id.to_string().len()).max();
    let (width, numbers) = (width.unwrap_or(0), numbers.unwrap_or(0));
    for call in &run.call_details {
        let look = look(call.outcome.as_deref().unwrap_or(&call.state));
        let style = look.style;
        let (mark, id, function) = (look.mark, call.id, plain(&call.function));
        let mut text = said(call, now);
        // What the whole run waits for is said above.
        if let Some(waits) =
            call.waits.as_ref().filter(|_| run.waits.is_none() && run.run.why.is_none())
        {
            text = format!("{text}, {}", plain(waits));
        }
        writeln!(
            out,
            "  {style}{mark}{style:#} {FAINT}{id:numbers$}{FAINT:#} \
             {STRONG}{function:width$}{STRONG:#}  {text}"
        )?;
        if let Some(note) = &call.note {
            writeln!(out, "      {FAINT}{}{FAINT:#}", plain(note))?;
        }
    }
    Ok(())
}

/// How a run stands, on a line of its own.
pub(super) fn verdict(out: &mut impl Write, run: &Run, now: Timestamp) -> io::Result<()> {
    let state = state_of(&run.run);
    let look = look(state);
    let (style, mark) = (look.style, look.mark);
    let time = took(run.run.started_at, run.run.finished_at, now);
    let time = match (time, run.run.finished_at) {
        (Some(time), Some(_)) => format!(" in {}", report::duration(time)),
        (Some(time), None) => format!(" for {}", whole(time)),
        (None, _) => String::new(),
    };
    writeln!(out, "\n{style}{mark} {}{style:#}{time}", plain(state))
}
