//! OTLP's export requests, read span by span and record by record.

use jiff::Timestamp;

use super::arguments::arguments;
use super::wire::{Malformed, Value, fields};
use super::{Marks, Record, Span, SpanId, Stream, TraceId};

/// Attributes of one span that are looked at.
const ATTRIBUTES: usize = 256;

/// Gives each span of an `ExportTraceServiceRequest` to `each`, with the trace that it says it is
/// part of. Spans without a proper name are left out.
///
/// # Errors
/// When the body is none; what was read before has been given.
pub fn spans(body: &[u8], mut each: impl FnMut(TraceId, Span)) -> Result<(), Malformed> {
    nested(body, [1, 2, 2], &mut |span| {
        if let Some((trace, span)) = read_span(span)? {
            each(trace, span);
        }
        Ok(())
    })
}

/// Gives each piece of output in an `ExportLogsServiceRequest` to `each`. What belongs to no span
/// is left out, and so are results of functions, which dagger logs for its own debugging.
///
/// # Errors
/// As [`spans`].
pub fn records<'a>(body: &'a [u8], mut each: impl FnMut(Record<'a>)) -> Result<(), Malformed> {
    nested(body, [1, 2, 2], &mut |record| {
        if let Some(record) = read_record(record)? {
            each(record);
        }
        Ok(())
    })
}

/// The messages that lie at a path of fields.
fn nested<'a, const N: usize>(
    message: &'a [u8],
    path: [u64; N],
    each: &mut dyn FnMut(&'a [u8]) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    descend(message, &path, each)
}

fn descend<'a>(
    message: &'a [u8],
    path: &[u64],
    each: &mut dyn FnMut(&'a [u8]) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let Some((first, rest)) = path.split_first() else { return each(message) };
    for field in fields(message) {
        let (number, value) = field?;
        if number == *first
            && let Value::Bytes(inner) = value
        {
            descend(inner, rest, each)?;
        }
    }
    Ok(())
}

fn moment(nanoseconds: u64) -> Option<Timestamp> {
    Timestamp::from_nanosecond(nanoseconds.into()).ok()
}

fn read_span(message: &[u8]) -> Result<Option<(TraceId, Span)>, Malformed> {
    let (mut trace, mut id, mut parent, mut name) = (None, None, None, String::new());
    let (mut start, mut end, mut attributes) = (0, 0, 0);
    let mut span = Span {
        id: SpanId::from_bytes(&[0, 0, 0, 0, 0, 0, 0, 1]).unwrap_or_else(|| unreachable!("not 0")),
        parent: None,
        name: String::new(),
        detail: String::new(),
        start: Timestamp::UNIX_EPOCH,
        end: None,
        failed: false,
        message: String::new(),
        exit: None,
        marks: Marks::default(),
        resumes: None,
        origin: None,
    };
    for field in fields(message) {
        match field? {
            (1, value) => trace = TraceId::from_bytes(value.bytes()),
            (2, value) => id = SpanId::from_bytes(value.bytes()),
            (4, value) => parent = SpanId::from_bytes(value.bytes()),
            (5, value) => name = value.text(),
            (7, value) => start = value.number(),
            (8, value) => end = value.number(),
            (9, value) if attributes < ATTRIBUTES => {
                attributes += 1;
                let (key, value) = attribute(value.bytes())?;
                mark(&mut span, key, value)?;
            }
            (11, value) => span.exit = exit_status(value.bytes())?.or(span.exit),
            (13, value) => link(&mut span, value.bytes())?,
            (15, value) => {
                for field in fields(value.bytes()) {
                    match field? {
                        (2, value) => span.message = value.text(),
                        (3, value) => span.failed = value.number() == 2,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    let (Some(trace), Some(id), Some(start)) = (trace, id, moment(start)) else { return Ok(None) };
    // A span that has not ended is sent with no end, or with one before its start.
    let end = moment(end).filter(|end| *end >= start);
    Ok(Some((trace, Span { id, parent, name, start, end, ..span })))
}

/// Key and value of an attribute.
fn attribute(message: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let (mut key, mut found) = (&[][..], &[][..]);
    for field in fields(message) {
        match field? {
            (1, value) => key = value.bytes(),
            (2, value) => found = value.bytes(),
            _ => {}
        }
    }
    Ok((key, found))
}

/// What an attribute's value holds; none where it is empty.
fn held(value: &[u8]) -> Result<Option<(u64, Value<'_>)>, Malformed> {
    fields(value).next().transpose()
}

fn is_true(value: &[u8]) -> Result<bool, Malformed> {
    Ok(matches!(held(value)?, Some((2, Value::Number(1)))))
}

fn mark(span: &mut Span, key: &[u8], value: &[u8]) -> Result<(), Malformed> {
    let marks = &mut span.marks;
    let mark = match key {
        b"dagger.io/dag.cached" => &mut marks.cached,
        b"dagger.io/dag.pending" => &mut marks.pending,
        b"dagger.io/dag.canceled" | b"dagger.io/ui.canceled" => &mut marks.canceled,
        b"dagger.io/ui.internal" => &mut marks.internal,
        b"dagger.io/ui.encapsulate" => &mut marks.encapsulate,
        b"dagger.io/ui.encapsulated" => &mut marks.encapsulated,
        b"dagger.io/ui.passthrough" => &mut marks.passthrough,
        b"dagger.io/dag.call" => {
            if let Some((1, Value::Bytes(call))) = held(value)? {
                span.detail = std::str::from_utf8(call).map(arguments).unwrap_or_default();
            }
            return Ok(());
        }
        _ => return Ok(()),
    };
    *mark = is_true(value)?;
    Ok(())
}

/// The attribute `exit.code` of an event.
fn exit_status(event: &[u8]) -> Result<Option<i64>, Malformed> {
    for field in fields(event) {
        if let (3, value) = field?
            && let (b"exit.code", value) = attribute(value.bytes())?
            && let Some((3, value)) = held(value)?
        {
            return Ok(Some(value.number() as i64));
        }
    }
    Ok(None)
}

fn link(span: &mut Span, message: &[u8]) -> Result<(), Malformed> {
    let (mut to, mut purpose) = (None, None);
    for field in fields(message) {
        match field? {
            (2, value) => to = SpanId::from_bytes(value.bytes()),
            (4, value) => {
                if let (b"dagger.io/link.purpose", value) = attribute(value.bytes())? {
                    purpose = held(value)?.map(|(_, value)| value.bytes());
                }
            }
            _ => {}
        }
    }
    match purpose {
        Some(b"error_origin") => span.origin = to.or(span.origin),
        None | Some(b"cause") => span.resumes = to.or(span.resumes),
        Some(_) => {}
    }
    Ok(())
}

fn read_record(message: &[u8]) -> Result<Option<Record<'_>>, Malformed> {
    let (mut at, mut seen, mut text, mut span, mut trace) = (0, 0, &[][..], None, None);
    let (mut stream, mut last, mut verbose) = (Stream::Note, false, false);
    for field in fields(message) {
        match field? {
            (1, value) => at = value.number(),
            (11, value) => seen = value.number(),
            (5, value) => {
                if let Some((1 | 7, Value::Bytes(body))) = held(value.bytes())? {
                    text = body;
                }
            }
            (6, value) => match attribute(value.bytes())? {
                (b"stdio.stream", value) => {
                    stream = match held(value)? {
                        Some((3, Value::Number(1))) => Stream::Stdout,
                        Some((3, Value::Number(2))) => Stream::Stderr,
                        _ => Stream::Note,
                    };
                }
                (b"stdio.eof", value) => last = is_true(value)?,
                (b"dagger.io/logs.verbose", value) => verbose = is_true(value)?,
                _ => {}
            },
            (9, value) => trace = TraceId::from_bytes(value.bytes()),
            (10, value) => span = SpanId::from_bytes(value.bytes()),
            _ => {}
        }
    }
    let at = moment(if at == 0 { seen } else { at });
    let (Some(trace), Some(span), Some(at)) = (trace, span, at) else { return Ok(None) };
    Ok((!verbose).then_some(Record { trace, span, at, stream, text, last }))
}
