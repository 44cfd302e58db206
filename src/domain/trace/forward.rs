//! Exports for somebody else: what may be passed on of dagger's, and the agent's own spans.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::wire::{Malformed, Message, Value, fields};
use super::{Record, SpanId, Stream, TraceId};
use crate::domain::redact::Redactor;

/// Values in values that are passed on.
const DEPTH: u8 = 8;

/// The kinds of OTLP's messages that hold texts, or others that do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Request,
    Resource,
    ResourceSpans,
    ScopeSpans,
    Scope,
    Span,
    Event,
    Link,
    Status,
    KeyValue,
    AnyValue,
    Values,
    KeyValues,
}

/// What becomes of a field.
enum Fate {
    Inner(Kind),
    Text,
    AsIs,
    Dropped,
}

impl Kind {
    fn fate(self, field: u64) -> Fate {
        use Fate::{AsIs, Dropped, Inner, Text};
        match (self, field) {
            (Self::Request, 1) => Inner(Self::ResourceSpans),
            (Self::ResourceSpans, 1) => Inner(Self::Resource),
            (Self::ResourceSpans, 2) => Inner(Self::ScopeSpans),
            (Self::ScopeSpans, 1) => Inner(Self::Scope),
            (Self::ScopeSpans, 2) => Inner(Self::Span),
            (Self::Resource, 1) | (Self::Scope, 3) | (Self::Span, 9) => Inner(Self::KeyValue),
            (Self::Event, 3) | (Self::Link, 4) | (Self::KeyValues, 1) => Inner(Self::KeyValue),
            (Self::Span, 11) => Inner(Self::Event),
            (Self::Span, 13) => Inner(Self::Link),
            (Self::Span, 15) => Inner(Self::Status),
            (Self::KeyValue, 2) | (Self::Values, 1) => Inner(Self::AnyValue),
            (Self::AnyValue, 5) => Inner(Self::Values),
            (Self::AnyValue, 6) => Inner(Self::KeyValues),
            (Self::Scope | Self::Event | Self::Status, 2) | (Self::Scope, 1) => Text,
            (Self::Span, 3 | 5) | (Self::Link, 3) | (Self::KeyValue, 1) => Text,
            (Self::AnyValue, 1 | 7) | (Self::ResourceSpans | Self::ScopeSpans, 3) => Text,
            (Self::Span, 1 | 2 | 4 | 6 | 7 | 8 | 10 | 12 | 14 | 16) => AsIs,
            (Self::Event, 1 | 4) | (Self::Link, 1 | 2 | 5 | 6) | (Self::Status, 3) => AsIs,
            (Self::AnyValue, 2..=4) | (Self::Resource, 2) | (Self::Scope, 4) => AsIs,
            // What is not known may hold anything.
            _ => Dropped,
        }
    }
}

/// What of an `ExportTraceServiceRequest` may be passed on: the spans of this trace that have
/// ended, with every text masked. None where that is nothing.
///
/// # Errors
/// When it is no such request.
pub fn spans(body: &[u8], trace: TraceId, masks: &Redactor) -> Result<Option<Vec<u8>>, Malformed> {
    let mut passed = Passed { trace, masks, spans: 0 };
    let message = passed.message(Kind::Request, body, DEPTH)?;
    Ok((passed.spans > 0).then(|| message.into_bytes()))
}

struct Passed<'a> {
    trace: TraceId,
    masks: &'a Redactor,
    spans: usize,
}

impl Passed<'_> {
    fn message(&mut self, kind: Kind, bytes: &[u8], depth: u8) -> Result<Message, Malformed> {
        let mut message = Message::default();
        if kind == Kind::KeyValue && self.hides(bytes)? {
            return Ok(message);
        }
        for field in fields(bytes) {
            let (number, value) = field?;
            match (kind.fate(number), value) {
                (Fate::AsIs, value) => message.value(number, value),
                (Fate::Text, Value::Bytes(text)) => {
                    message.bytes(number, &self.masks.bytes(text));
                }
                (Fate::Inner(Kind::Span), Value::Bytes(span)) => {
                    if self.is_of_use(span)? {
                        self.spans += 1;
                        message.message(number, &self.message(Kind::Span, span, depth)?);
                    }
                }
                (Fate::Inner(inner), Value::Bytes(bytes)) => {
                    // Only values can hold their own kind.
                    let nests = matches!(kind, Kind::AnyValue);
                    let Some(depth) = depth.checked_sub(u8::from(nests)) else { continue };
                    message.message(number, &self.message(inner, bytes, depth)?);
                }
                (Fate::Text | Fate::Inner(_) | Fate::Dropped, _) => {}
            }
        }
        Ok(message)
    }

    /// An end is what others know a span by; and a stranger's trace is not to be written into.
    fn is_of_use(&self, span: &[u8]) -> Result<bool, Malformed> {
        let (mut own, mut ended) = (false, false);
        for field in fields(span) {
            match field? {
                (1, value) => own = value.bytes() == self.trace.0,
                (8, value) => ended = value.number() != 0,
                _ => {}
            }
        }
        Ok(own && ended)
    }

    /// Whether an attribute holds a secret in a form that masks do not see: a call, which is
    /// protobuf in base64.
    fn hides(&self, attribute: &[u8]) -> Result<bool, Malformed> {
        for field in fields(attribute) {
            let (2, value) = field? else { continue };
            for held in fields(value.bytes()) {
                if let (1, Value::Bytes(text)) = held?
                    && let Ok(decoded) = STANDARD.decode(text)
                    && *self.masks.bytes(&decoded) != *decoded
                {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

/// Records, which are masked already, as an `ExportLogsServiceRequest`.
pub fn records(records: &[Record<'_>]) -> Vec<u8> {
    let mut scope = Message::default();
    for record in records {
        let mut sent = Message::default();
        sent.fixed(1, nanoseconds(record.at));
        sent.message(5, &text(record.text));
        let stream = match record.stream {
            Stream::Stdout => 1,
            Stream::Stderr => 2,
            Stream::Note => 0,
        };
        if stream > 0 {
            let mut number = Message::default();
            number.number(3, stream);
            sent.message(6, &attribute("stdio.stream", &number));
        }
        sent.bytes(9, &record.trace.0);
        sent.bytes(10, &record.span.to_bytes());
        scope.message(2, &sent);
    }
    request("dagger-cli", &scope)
}

/// A span of the agent's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnSpan {
    pub trace: TraceId,
    pub id: SpanId,
    pub parent: Option<SpanId>,
    pub name: String,
    pub start: Timestamp,
    pub end: Timestamp,
    /// What went wrong, where it failed.
    pub failure: Option<String>,
    pub attributes: Vec<(&'static str, String)>,
}

/// The agent's spans as an `ExportTraceServiceRequest`.
pub fn own(spans: &[OwnSpan], masks: &Redactor) -> Vec<u8> {
    let masked = |text: &str| masks.text(text).into_bytes();
    let mut scope = Message::default();
    for span in spans {
        let mut sent = Message::default();
        sent.bytes(1, &span.trace.0);
        sent.bytes(2, &span.id.to_bytes());
        if let Some(parent) = span.parent {
            sent.bytes(4, &parent.to_bytes());
        }
        sent.bytes(5, &masked(&span.name));
        sent.number(6, 1);
        sent.fixed(7, nanoseconds(span.start));
        sent.fixed(8, nanoseconds(span.end.max(span.start)));
        for (key, value) in &span.attributes {
            sent.message(9, &attribute(key, &text(&masked(value))));
        }
        let mut status = Message::default();
        if let Some(failure) = &span.failure {
            status.bytes(2, &masked(failure));
        }
        status.number(3, if span.failure.is_some() { 2 } else { 1 });
        sent.message(15, &status);
        scope.message(2, &sent);
    }
    request("pocketci-agent", &scope)
}

fn request(service: &str, scope: &Message) -> Vec<u8> {
    let mut resource = Message::default();
    resource.message(1, &attribute("service.name", &text(service.as_bytes())));
    let mut of = Message::default();
    of.message(1, &resource);
    of.message(2, scope);
    let mut request = Message::default();
    request.message(1, &of);
    request.into_bytes()
}

fn text(bytes: &[u8]) -> Message {
    let mut value = Message::default();
    // A text of protobuf is UTF-8.
    value.bytes(1, String::from_utf8_lossy(bytes).as_bytes());
    value
}

fn attribute(key: &str, value: &Message) -> Message {
    let mut attribute = Message::default();
    attribute.bytes(1, key.as_bytes());
    attribute.message(2, value);
    attribute
}

fn nanoseconds(at: Timestamp) -> u64 {
    at.as_nanosecond().try_into().unwrap_or_default()
}
