use jiff::Timestamp;

use super::{read, records};
use crate::domain::ids::{CallId, RunId};
use crate::domain::redact::Masks;
use crate::domain::trace::wire::Message;
use crate::domain::trace::{Record, SpanId, Stream, TraceId, forward};
use crate::store::Store;

const TRACE: TraceId = TraceId([7; 16]);
const CALL: (RunId, CallId, u32) = (RunId(1), CallId(2), 1);

fn id(number: u64) -> SpanId {
    SpanId::from_bytes(&number.to_be_bytes()).unwrap()
}

fn printed(span: u64, stream: Stream, text: &str) -> Vec<u8> {
    let at = Timestamp::from_second(9).unwrap();
    let text = text.as_bytes();
    forward::records(&[Record { trace: TRACE, span: id(span), at, stream, text, last: false }])
}

/// An export of a span that has ended.
fn span(number: u64, name: &str) -> Vec<u8> {
    let own = forward::OwnSpan {
        trace: TRACE,
        id: id(number),
        parent: None,
        name: name.to_owned(),
        start: Timestamp::from_second(1).unwrap(),
        end: Timestamp::from_second(2).unwrap(),
        failure: None,
        attributes: Vec::new(),
    };
    forward::own(&[own], &crate::domain::redact::Redactor::default())
}

async fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    (folder, store)
}

fn lines(store: &Store, span: u64) -> Vec<String> {
    let (mut lines, path) = (Vec::new(), store.trace_path(CALL.0, CALL.1, CALL.2));
    records(&path, id(span), |line| {
        lines.push(format!("{} {}", line.stream.mark(), String::from_utf8(line.text).unwrap()));
        true
    })
    .unwrap();
    lines
}

#[tokio::test]
async fn a_token_leads_to_its_call_while_that_runs() {
    let (_folder, store) = store().await;
    let open = |call| store.open_trace((RunId(1), CallId(call), 1), TRACE, Masks::default(), 1000);
    let (one, two) = (open(1).unwrap(), open(2).unwrap());
    assert_ne!(one.token(), two.token());
    store.trace_of(two.token()).unwrap().spans(&span(5, "two's")).unwrap();
    assert_eq!(read(&store.trace_path(RunId(1), CallId(1), 1)).unwrap(), None);
    let kept = read(&store.trace_path(RunId(1), CallId(2), 1)).unwrap().unwrap();
    assert_eq!(kept.tree().steps[0].name, "two's");
    let (late, token) = (store.trace_of(one.token()).unwrap(), one.token().to_owned());
    drop(one);
    assert!(store.trace_of(&token).is_none() && store.trace_of("").is_none());
    // Whoever held it before the end writes nothing any more.
    late.close();
    late.spans(&span(6, "late")).unwrap();
    assert_eq!(read(&store.trace_path(RunId(1), CallId(1), 1)).unwrap(), None);
}

#[tokio::test]
async fn lines_are_put_together_from_pieces() {
    let (_folder, store) = store().await;
    let open = store.open_trace(CALL, TRACE, Masks::default(), 10_000).unwrap();
    let writer = store.trace_of(open.token()).unwrap();
    for (number, stream, text) in [
        (1, Stream::Stdout, "one\ntw"),
        (1, Stream::Stderr, "oh"),
        (2, Stream::Stdout, "another's\n"),
        (1, Stream::Stdout, "o\nthree"),
        (1, Stream::Stderr, " no\n"),
    ] {
        writer.records(&printed(number, stream, text)).unwrap();
    }
    assert_eq!(lines(&store, 1), ["1 one", "1 two", "2 oh no", "1 three"]);
    assert_eq!(lines(&store, 2), ["1 another's"]);
    assert_eq!(lines(&store, 3), [""; 0]);
}

#[tokio::test]
async fn a_secret_in_two_pieces_is_masked() {
    let (_folder, store) = store().await;
    let masks = Masks::new(["correct-horse"]);
    let open = store.open_trace(CALL, TRACE, masks, 10_000).unwrap();
    let writer = store.trace_of(open.token()).unwrap();
    writer.spans(&span(1, "say correct-horse")).unwrap();
    writer.records(&printed(1, Stream::Stdout, "the correct-")).unwrap();
    writer.records(&printed(1, Stream::Stdout, "horse, and corr")).unwrap();
    writer.close();
    assert_eq!(lines(&store, 1), ["1 the ***, and corr"]);
    let folder = store.log_path(CALL.0, CALL.1, CALL.2);
    for file in std::fs::read_dir(folder.parent().unwrap()).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(!text.contains("horse"), "{text}");
    }
}

#[tokio::test]
async fn output_beyond_the_limit_is_not_kept_and_that_is_known() {
    let (_folder, store) = store().await;
    let open = store.open_trace(CALL, TRACE, Masks::default(), 1000).unwrap();
    let writer = store.trace_of(open.token()).unwrap();
    writer.spans(&span(1, "loud")).unwrap();
    for _ in 0..100 {
        writer.records(&printed(1, Stream::Stdout, "a line of thirty characters...\n")).unwrap();
    }
    let kept = lines(&store, 1).len();
    assert!((5..30).contains(&kept), "{kept}");
    let path = store.trace_path(CALL.0, CALL.1, CALL.2);
    let trace = read(&path).unwrap().unwrap();
    assert!(trace.cut && trace.tree().steps[0].logged);
}

#[tokio::test]
async fn what_an_interrupted_attempt_has_left_stays_readable() {
    let (_folder, store) = store().await;
    let path = store.trace_path(CALL.0, CALL.1, CALL.2);
    let open = store.open_trace(CALL, TRACE, Masks::default(), 1000).unwrap();
    store.trace_of(open.token()).unwrap().spans(&span(1, "before")).unwrap();
    drop(open);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, [&whole[..], br#"{"id":"00000000000"#].concat()).unwrap();
    let open = store.open_trace(CALL, TRACE, Masks::default(), 1000).unwrap();
    store.trace_of(open.token()).unwrap().spans(&span(2, "after")).unwrap();
    let tree = read(&path).unwrap().unwrap().tree();
    let names: Vec<_> = tree.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["before", "after"]);
}

#[tokio::test]
async fn what_is_no_export_is_refused() {
    let (_folder, store) = store().await;
    let open = store.open_trace(CALL, TRACE, Masks::default(), 1000).unwrap();
    let writer = store.trace_of(open.token()).unwrap();
    assert!(writer.spans(b"{\"resourceSpans\":[]}").is_err());
    assert!(writer.spans(&Message::default().into_bytes()).is_ok());
    assert!(!store.trace_path(CALL.0, CALL.1, CALL.2).exists());
}
