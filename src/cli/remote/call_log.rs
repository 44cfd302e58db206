//! The log of a call: as it is, its end, and as it goes on, attempt after attempt.

use serde::Deserialize;
use tokio::sync::mpsc::Sender;

use super::server::Server;
use super::stream::{self, News};
use super::trouble::Trouble;
use crate::store::log::{LogStream, lines};
use crate::web::shape::{Call, LogLine};

/// Bytes of the end of a log that are shown where nobody asked for all of it.
const TAIL: u64 = 128 * 1024;

/// What is told of a log that is followed.
#[derive(Debug)]
pub(super) enum Told {
    Line(LogLine),
    /// The lines of another attempt follow.
    Attempt(u32),
    /// The agent went away (why); what follows goes on without a gap.
    Lost(Trouble),
    Back,
    /// Nothing follows: how the call ended, in the API's words.
    End(String),
}

/// The data of a log stream's last event.
#[derive(Deserialize)]
struct End {
    outcome: String,
}

fn path(run: i64, call: i64) -> String {
    format!("/runs/{run}/calls/{call}")
}

/// Reads the log as far as it is there.
pub(super) async fn read<E: From<Trouble>>(
    server: &Server,
    call: &Call,
    attempt: Option<u32>,
    mut line: impl FnMut(LogLine) -> Result<(), E>,
) -> Result<(), E> {
    let attempt = attempt.unwrap_or(call.attempt);
    let path = format!("{}/log?attempt={attempt}", path(call.run, call.id));
    let mut body = server.open(&path, "application/jsonl", &[]).await?;
    let mut rest = Vec::new();
    while let Some(bytes) = body.chunk().await? {
        rest.extend_from_slice(&bytes);
        let Some(end) = rest.iter().rposition(|byte| *byte == b'\n') else { continue };
        let more = rest.split_off(end + 1);
        for json in rest.split(|byte| *byte == b'\n').filter(|json| !json.is_empty()) {
            line(understood(serde_json::from_slice(json))?)?;
        }
        rest = more;
    }
    Ok(())
}

fn understood<T>(read: serde_json::Result<T>) -> Result<T, Trouble> {
    read.map_err(|error| Trouble::unreachable(format!("Cannot read what the agent says: {error}")))
}

/// The last lines of a log, and whether there are others before them.
pub(super) async fn tail(server: &Server, call: &Call) -> Result<(Vec<LogLine>, bool), Trouble> {
    let path = format!("{}/log?attempt={}", path(call.run, call.id), call.attempt);
    let range = format!("bytes=-{TAIL}");
    let mut body = match server.open(&path, "text/plain", &[("range", &range)]).await {
        // A call that never began has no log, and an empty one has no last bytes.
        Err(trouble) if trouble.is_bad() => return Ok((Vec::new(), false)),
        body => body?,
    };
    let from = body.answer.headers().get("content-range").and_then(|range| range.to_str().ok());
    let from = from.and_then(|range| range.strip_prefix("bytes "));
    let cut = from.is_some_and(|range| !range.starts_with("0-"));
    let mut bytes = Vec::new();
    while let Some(chunk) = body.chunk().await? {
        bytes.extend_from_slice(&chunk);
    }
    let all = lines(&bytes).skip(usize::from(cut)).map(|line| LogLine {
        end: 0,
        at: line.at,
        stream: match line.stream {
            LogStream::Stdout => "stdout",
            LogStream::Stderr => "stderr",
            LogStream::Agent => "agent",
        }
        .to_owned(),
        text: line.text().into_owned(),
    });
    Ok((all.collect(), cut))
}

/// Tells everything that a call prints until it has ended, each line once.
///
/// # Errors
/// What cannot be got over.
pub(super) async fn follow(
    server: &Server,
    call: &Call,
    tell: &Sender<(i64, Result<Told, Trouble>)>,
) -> Result<(), Trouble> {
    let mut attempt = call.attempt;
    loop {
        // A stream is of one attempt, whatever happens meanwhile: places in it stay what they are.
        let path = path(call.run, call.id);
        let mut heard = stream::follow(server, format!("{path}/log?attempt={attempt}"));
        let outcome = loop {
            let Some(news) = heard.recv().await else { return Ok(()) };
            let told = match news? {
                News::Lost(trouble) => Told::Lost(trouble),
                News::Back => Told::Back,
                News::Event(event) if event.name == "lines" => {
                    let lines: Vec<LogLine> = understood(serde_json::from_str(&event.data))?;
                    for line in lines {
                        if tell.send((call.id, Ok(Told::Line(line)))).await.is_err() {
                            return Ok(());
                        }
                    }
                    continue;
                }
                News::Event(event) if event.name == "end" => {
                    let end: End = understood(serde_json::from_str(&event.data))?;
                    break end.outcome;
                }
                News::Event(_) => continue,
            };
            if tell.send((call.id, Ok(told))).await.is_err() {
                return Ok(());
            }
        };
        let told = if outcome == "again" {
            let newest: Call = server.insist(&path).await?;
            attempt = newest.attempt.max(attempt + 1);
            Told::Attempt(attempt)
        } else {
            Told::End(outcome)
        };
        let over = matches!(told, Told::End(_));
        if tell.send((call.id, Ok(told))).await.is_err() || over {
            return Ok(());
        }
    }
}
