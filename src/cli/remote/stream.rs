//! The agent's streams of events: read whatever way they are cut into pieces, and taken up again
//! where they were when the connection or the agent itself went away.

use tokio::sync::mpsc;

use super::server::{Body, Server, Waits};
use super::trouble::Trouble;

/// Bytes that an event may have.
const LIMIT: usize = 64 * 1024 * 1024;
/// News that wait for whoever prints them.
const AHEAD: usize = 64;

/// An event of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) data: String,
    pub(super) id: Option<String>,
}

/// What is heard of a stream that is taken up again.
#[derive(Debug)]
pub(super) enum News {
    Event(Event),
    /// The agent went away, and is asked again.
    Lost(Trouble),
    /// It is there again.
    Back,
}

/// Takes the bytes of a `text/event-stream` apart.
#[derive(Debug, Default)]
pub(super) struct Parser {
    line: Vec<u8>,
    event: Event,
}

impl Parser {
    /// The events that are complete with these bytes. One whose end was not seen never happened:
    /// whoever asks again is told it again.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Result<Vec<Event>, Trouble> {
        let mut events = Vec::new();
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.line.extend_from_slice(&bytes[..end]);
            bytes = &bytes[end + 1..];
            let line = std::mem::take(&mut self.line);
            events.extend(self.complete(&line));
        }
        self.line.extend_from_slice(bytes);
        if self.line.len() + self.event.data.len() > LIMIT {
            return Err(Trouble::unreachable("The agent sends an event that has no end"));
        }
        Ok(events)
    }

    fn complete(&mut self, line: &[u8]) -> Option<Event> {
        let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line));
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return (!event.name.is_empty() || !event.data.is_empty()).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "id" => self.event.id = Some(value.to_owned()),
            "data" => {
                if !self.event.data.is_empty() {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            // A comment keeps the connection alive.
            _ => {}
        }
        None
    }
}

/// Listens to the stream at a path until nobody hears it any more; the last thing told is what
/// cannot be got over.
pub(super) fn follow(server: &Server, path: String) -> mpsc::Receiver<Result<News, Trouble>> {
    let (tell, heard) = mpsc::channel(AHEAD);
    let server = server.clone();
    tokio::spawn(async move {
        if let Err(trouble) = listen(&server, &path, &tell).await {
            // Whoever does not hear it any more has gone.
            let _ = tell.send(Err(trouble)).await;
        }
    });
    heard
}

async fn listen(
    server: &Server,
    path: &str,
    tell: &mpsc::Sender<Result<News, Trouble>>,
) -> Result<(), Trouble> {
    let mut last: Option<String> = None;
    // Some while it is away: how long it has been asked for.
    let mut away: Option<Waits> = None;
    let mut begun = false;
    while !tell.is_closed() {
        let more: Vec<(&str, &str)> =
            last.iter().map(|id| ("last-event-id", id.as_str())).collect();
        let trouble = match server.open(path, "text/event-stream", &more).await {
            Ok(mut body) => {
                begun = true;
                match pass_on(&mut body, &mut last, &mut away, tell).await {
                    None => return Ok(()),
                    Some(trouble) => trouble,
                }
            }
            // An agent that never was there is not waited for.
            Err(trouble) if !begun || !trouble.passes() => return Err(trouble),
            Err(trouble) => trouble,
        };
        if away.is_none() && tell.send(Ok(News::Lost(trouble.clone()))).await.is_err() {
            return Ok(());
        }
        away.get_or_insert_default().wait(trouble).await?;
    }
    Ok(())
}

/// Tells what comes, until it ends (why) or nobody listens.
async fn pass_on(
    body: &mut Body<'_>,
    last: &mut Option<String>,
    away: &mut Option<Waits>,
    tell: &mpsc::Sender<Result<News, Trouble>>,
) -> Option<Trouble> {
    let mut parser = Parser::default();
    loop {
        let bytes = match body.chunk().await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Some(Trouble::passing("The agent has ended the stream")),
            Err(trouble) => return Some(trouble),
        };
        // It works again, so that the next loss is a new one.
        if away.take().is_some() && tell.send(Ok(News::Back)).await.is_err() {
            return None;
        }
        let events = match parser.push(&bytes) {
            Ok(events) => events,
            Err(trouble) => {
                let _ = tell.send(Err(trouble)).await;
                return None;
            }
        };
        for event in events {
            let id = event.id.clone();
            if tell.send(Ok(News::Event(event))).await.is_err() {
                return None;
            }
            *last = id.or(last.take());
        }
    }
}

#[cfg(test)]
mod tests;
