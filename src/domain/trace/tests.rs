use jiff::Timestamp;
use proptest::prelude::*;

use super::wire::Message;
use super::{Marks, Progress, Span, SpanId, Stream, Trace, TraceId, Tree, export, forward};
use crate::domain::ids::{CallId, DeliveryId};
use crate::domain::redact::Redactor;

fn id(number: u64) -> SpanId {
    SpanId::from_bytes(&number.to_be_bytes()).unwrap()
}

fn at(second: u64) -> Timestamp {
    Timestamp::from_second(second as i64).unwrap()
}

/// A span that took from one second to another.
fn span(number: u64, parent: u64, name: &str, (start, end): (u64, u64)) -> Span {
    Span {
        id: id(number),
        parent: SpanId::from_bytes(&parent.to_be_bytes()),
        name: name.to_owned(),
        detail: String::new(),
        start: at(start),
        end: (end > 0).then(|| at(end)),
        failed: false,
        message: String::new(),
        exit: None,
        marks: Marks::default(),
        resumes: None,
        origin: None,
    }
}

fn failed(span: Span, message: &str) -> Span {
    Span { failed: true, message: message.to_owned(), ..span }
}

fn marked(span: Span, mark: impl FnOnce(&mut Marks)) -> Span {
    let mut marks = span.marks;
    mark(&mut marks);
    Span { marks, ..span }
}

fn tree(spans: Vec<Span>) -> Tree {
    let mut trace = Trace::default();
    spans.into_iter().for_each(|span| trace.add(span));
    trace.tree()
}

/// The tree as one would draw it.
fn drawn(tree: &Tree) -> String {
    let line = |(place, step): (usize, &super::Step)| {
        let sign = match step.progress {
            Progress::Running => '…',
            Progress::Passed => '+',
            Progress::Failed => 'x',
            Progress::Canceled => '-',
        };
        let took = step.took().map_or_else(String::new, |it| format!(" {}s", it.as_secs()));
        let cached = if step.cached { " cached" } else { "" };
        let hidden = if step.hidden { " hidden" } else { "" };
        let here = if tree.failing == Some(place) { " <<<" } else { "" };
        let indent = "  ".repeat(step.depth);
        format!("{indent}{sign} {}{took}{cached}{hidden}{here}\n", step.name)
    };
    tree.steps.iter().enumerate().map(line).collect()
}

/// A function whose container fails, as dagger sends it: described, asked for, run.
fn failing_container() -> Vec<Span> {
    let described = marked(span(4, 3, "Container.withExec", (4, 4)), |it| it.pending = true);
    let resumed = failed(span(6, 5, "resume withExec", (5, 9)), "exit code: 3");
    let resumed = Span { resumes: Some(id(4)), exit: Some(3), ..resumed };
    let asked = failed(span(5, 3, "Container.stdout", (5, 9)), "exit code: 3");
    let function = failed(span(2, 1, "Ci.sh", (3, 9)), "exit code: 3");
    vec![
        Span { origin: Some(id(4)), ..failed(span(1, 99, "call", (1, 10)), "exit code: 3") },
        Span { origin: Some(id(4)), ..function },
        marked(span(3, 2, "POST /query", (3, 9)), |it| it.passthrough = true),
        described,
        Span { origin: Some(id(4)), ..asked },
        marked(resumed, |it| it.passthrough = true),
    ]
}

#[test]
fn work_that_was_put_off_is_shown_where_it_was_asked_for() {
    let tree = tree(failing_container());
    insta::assert_snapshot!(drawn(&tree), @"
    x call 9s
      x Ci.sh 6s
        x Container.withExec 4s <<<
        x Container.stdout 4s
    ");
    let failing = &tree.steps[tree.failing.unwrap()];
    assert_eq!((failing.exit, failing.message.as_str()), (Some(3), "exit code: 3"));
    assert_eq!(tree.steps[0].below, 3);
}

#[test]
fn the_order_of_arrival_does_not_matter() {
    let begun = |span: &Span| Span { end: None, failed: false, ..span.clone() };
    let spans = failing_container();
    let mut all: Vec<Span> = spans.iter().map(begun).chain(spans.clone()).collect();
    all.reverse();
    assert_eq!(tree(all), tree(spans));
}

#[test]
fn what_is_of_no_interest_is_hidden_with_all_below_it() {
    let spans = |broken: bool| {
        let inner = span(5, 4, "inner", (4, 5));
        let end = span(4, 1, "connecting", (4, 5));
        let end = if broken { failed(end, "no route") } else { end };
        let root = span(1, 0, "call", (1, 9));
        vec![
            if broken { failed(root, "") } else { root },
            marked(span(2, 1, "moduleSource", (2, 3)), |it| it.internal = true),
            span(3, 2, "load SDK", (2, 3)),
            marked(end, |it| it.encapsulate = true),
            inner,
            marked(span(6, 1, "telemetry", (6, 7)), |it| it.encapsulated = true),
            marked(span(7, 1, "container", (7, 8)), |it| it.cached = true),
        ]
    };
    let quiet = tree(spans(false));
    insta::assert_snapshot!(drawn(&quiet), @"
    + call 8s
      + moduleSource 1s hidden
        + load SDK 1s hidden
      + connecting 1s
        + inner 1s hidden
      + telemetry 1s hidden
      + container 1s cached
    ");
    assert_eq!((quiet.counts.steps, quiet.counts.hidden, quiet.counts.cached), (3, 4, 1));
    assert_eq!(quiet.steps[0].shown_below, 2);
    insta::assert_snapshot!(drawn(&tree(spans(true))), @"
    x call 8s
      + moduleSource 1s hidden
        + load SDK 1s hidden
      x connecting 1s <<<
        + inner 1s
      + telemetry 1s
      + container 1s cached
    ");
}

#[test]
fn an_internal_step_that_made_everything_fail_is_shown() {
    let spans = vec![
        failed(span(1, 0, "call", (1, 9)), ""),
        marked(failed(span(2, 1, "moduleSource", (2, 3)), "no such file"), |it| it.internal = true),
    ];
    insta::assert_snapshot!(drawn(&tree(spans)), @"
    x call 8s
      x moduleSource 1s <<<
    ");
}

#[test]
fn a_failure_that_its_function_got_over_is_none() {
    let spans = vec![
        span(1, 0, "call", (1, 9)),
        failed(span(2, 1, "try", (2, 3)), "no"),
        span(3, 1, "again", (4, 0)),
    ];
    let tree = tree(spans);
    assert_eq!((tree.failing, tree.counts.failed, tree.counts.running), (None, 1, 1));
}

#[test]
fn spans_that_are_part_of_one_another_are_shown_once() {
    let spans = vec![
        span(1, 3, "one", (1, 2)),
        span(2, 1, "two", (1, 2)),
        span(3, 2, "three", (1, 2)),
        span(4, 4, "its own", (1, 2)),
        marked(span(5, 6, "five", (1, 2)), |it| it.passthrough = true),
        marked(span(6, 5, "six", (1, 2)), |it| it.passthrough = true),
        span(7, 6, "seven", (1, 2)),
    ];
    insta::assert_snapshot!(drawn(&tree(spans)), @"
    + its own 1s
    + seven 1s
    + one 1s
      + two 1s
        + three 1s
    ");
}

#[test]
fn a_chain_of_a_hundred_thousand_needs_no_stack() {
    let chain = |through: bool| {
        let one = |number| {
            let span = span(number, number - 1, "link", (1, 2));
            marked(span, |it| it.passthrough = through && number > 1)
        };
        tree((1..=100_000).map(one).collect())
    };
    assert_eq!(chain(false).steps.last().unwrap().depth, 99_999);
    assert_eq!(chain(true).steps.len(), 1);
}

#[test]
fn children_are_walked_without_what_is_below_them() {
    let tree = tree(failing_container());
    let names = |of| {
        let places = tree.children(of);
        places.map(|at| tree.steps[at].name.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(names(None), ["call"]);
    assert_eq!(names(Some(1)), ["Container.withExec", "Container.stdout"]);
    assert!(tree.holds(1, 3) && tree.holds(1, 1) && !tree.holds(2, 3));
}

#[test]
fn texts_are_masked_before_they_are_cut_and_inert() {
    let secret = "correct-horse-battery";
    let name = format!("{}{secret}\u{1b}[31m red\u{202e}", "x".repeat(390));
    let shown = Span { name, message: format!("a {secret}\nb"), ..span(1, 0, "", (1, 2)) }
        .presentable(&Redactor::new(&[secret]));
    assert_eq!(shown.name, format!("{}*** red\u{fffd}", "x".repeat(390)));
    assert_eq!(shown.message, "a ***\nb");
}

/// An export of one span, as OTLP writes it.
fn sent(trace: TraceId, span: &Span, attributes: &[(&str, &str)]) -> Vec<u8> {
    let mut message = Message::default();
    message.bytes(1, &trace.0);
    message.bytes(2, &span.id.to_bytes());
    message.bytes(5, span.name.as_bytes());
    message.fixed(7, span.start.as_nanosecond() as u64);
    if let Some(end) = span.end {
        message.fixed(8, end.as_nanosecond() as u64);
    }
    for (key, value) in attributes {
        let (mut attribute, mut held) = (Message::default(), Message::default());
        attribute.bytes(1, key.as_bytes());
        held.bytes(1, value.as_bytes());
        attribute.message(2, &held);
        message.message(9, &attribute);
    }
    let wrap = |inner: &Message, field| {
        let mut outer = Message::default();
        outer.message(field, inner);
        outer
    };
    wrap(&wrap(&wrap(&message, 2), 2), 1).into_bytes()
}

fn read(body: &[u8]) -> Vec<Span> {
    let mut spans = Vec::new();
    export::spans(body, |_, span| spans.push(span)).unwrap();
    spans
}

#[test]
fn arguments_are_read_from_the_call_that_dagger_describes() {
    let call = "ChV4eGgzOjgzNDI2OWRiNTczMzFlY2ESDQoJQ29udGFpbmVyGAEaCHdpdGhFeGVjIiEKBGFyZ3MSGUIX\
                CgQ6AnNoCgQ6Ai1jCgk6B2VjaG8gaGk=";
    let span = span(1, 0, "Container.withExec", (1, 2));
    let found = read(&sent(TraceId([7; 16]), &span, &[("dagger.io/dag.call", call)]));
    assert_eq!(found[0].detail, "sh -c 'echo hi'");
    let found = read(&sent(TraceId([7; 16]), &span, &[("dagger.io/dag.call", "?")]));
    assert_eq!(found[0].detail, "");
}

#[test]
fn only_ended_spans_of_the_own_trace_are_passed_on_and_masked() {
    let masks = Redactor::new(&["hunter22"]);
    let own = TraceId([7; 16]);
    let ended = span(1, 0, "run hunter22", (1, 2));
    let attributes = [("team", "hunter22"), ("dagger.io/dag.call", "IghodW50ZXIyMg==")];
    let passed = forward::spans(&sent(own, &ended, &attributes), own, &masks).unwrap().unwrap();
    let passed = String::from_utf8_lossy(&passed).into_owned();
    assert!(passed.contains("run ***") && passed.contains("team"), "{passed}");
    assert!(!passed.contains("hunter22") && !passed.contains("aHVudGVy"), "{passed}");
    assert!(!passed.contains("IghodW50ZXIyMg"), "{passed}");
    let running = span(1, 0, "run", (1, 0));
    assert_eq!(forward::spans(&sent(own, &running, &[]), own, &masks), Ok(None));
    let strange = TraceId([8; 16]);
    assert_eq!(forward::spans(&sent(strange, &ended, &[]), own, &masks), Ok(None));
}

#[test]
fn records_are_read_as_they_are_written() {
    let record = super::Record {
        trace: TraceId([7; 16]),
        span: id(5),
        at: at(3),
        stream: Stream::Stderr,
        text: b"line 1\n",
        last: false,
    };
    let body = forward::records(&[record]);
    let mut found = Vec::new();
    export::records(&body, |record| found.push((record.span, record.at, record.stream))).unwrap();
    assert_eq!(found, [(id(5), at(3), Stream::Stderr)]);
}

#[test]
fn the_agents_own_spans_are_the_same_after_a_restart() {
    let lineage = |agent| super::Lineage::new(agent, DeliveryId(7), "a-b-c");
    let (one, other) = (lineage("https://one"), lineage("https://other"));
    let call = one.call(CallId(3), 1);
    assert_eq!(one, lineage("https://one"));
    assert_ne!(one.trace(), other.trace());
    assert_ne!(call, one.call(CallId(3), 2));
    assert_eq!(one.traceparent(call), format!("00-{}-{call}-01", one.trace()));
    assert_eq!(call.to_string().parse(), Ok(call));
}

proptest! {
    /// Whatever is sent, nothing panics, and what is read is in the tree once at most.
    #[test]
    fn any_bytes_can_be_sent(body in proptest::collection::vec(any::<u8>(), 0..600)) {
        let mut trace = Trace::default();
        let _ = export::spans(&body, |_, span| trace.add(span));
        let _ = export::records(&body, |_| ());
        let _ = forward::spans(&body, TraceId([0; 16]), &Redactor::default());
        trace.tree();
    }

    /// Whatever spans say of one another, each is in the tree once, or passed through.
    #[test]
    fn any_graph_is_a_tree(links in proptest::collection::vec((0_u64..12, 0_u64..12, 0_u8..4), 1..12)) {
        let spans = links.iter().zip(1..).map(|((parent, resumes, marks), number)| {
            let span = span(number, *parent, "s", (number % 3, 5));
            let resumes = SpanId::from_bytes(&resumes.to_be_bytes()).filter(|_| marks & 2 != 0);
            marked(Span { resumes, failed: number % 2 == 0, origin: resumes, ..span }, |it| {
                it.passthrough = marks & 1 != 0;
            })
        });
        let spans: Vec<Span> = spans.collect();
        let through = spans.iter().filter(|span| span.marks.passthrough).count();
        let count = spans.len();
        let tree = tree(spans);
        prop_assert_eq!(tree.steps.len(), count - through);
        for (place, step) in tree.steps.iter().enumerate() {
            prop_assert!(step.parent.is_none_or(|parent| parent < place));
            prop_assert_eq!(step.depth, step.parent.map_or(0, |at| tree.steps[at].depth + 1));
        }
    }
}
