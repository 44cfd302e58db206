//! The stand-in's traces are held to those of the real one: the same tree for people, the same
//! output at the same steps.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use pocketci::domain::trace::{Span, Stream, export};

use super::{World, program, recorded};
use crate::traces;
use crate::world::collector::Collector;

/// Whether the stand-in has such a step: it does not pretend what the real engine uploads for
/// arguments, nor how a container is put together.
fn is_pretended(line: &str) -> bool {
    let name = line.trim_start();
    let real: [&str; 7] = [
        "Query.address",
        "Address.",
        "load extra module",
        "Directory.",
        "creating client",
        "Container.withRootfs",
        "Container.withEnvVariable",
    ];
    !real.iter().any(|begin| name.starts_with(begin))
}

/// What each step printed, by its name.
fn printed(traces: &[Vec<u8>], logs: &[Vec<u8>]) -> BTreeSet<(String, String)> {
    let spans: Vec<Span> =
        traces::spans(traces.iter().map(Vec::as_slice)).into_iter().map(|it| it.1).collect();
    let mut printed = BTreeSet::new();
    for body in logs {
        export::records(body, |record| {
            let span = spans.iter().find(|span| span.id == record.span);
            let name = span.map_or("?", |span| &span.name);
            let text = String::from_utf8_lossy(record.text);
            for line in text.lines() {
                // That the stream of a step is there says more than where the CLI repeats it.
                if name == "Container.withExec" {
                    let error = record.stream == Stream::Stderr;
                    printed.insert((name.to_owned(), format!("{error} {line}")));
                }
            }
        })
        .unwrap();
    }
    printed
}

/// The bodies of one kind of a recording, in their order.
pub(crate) fn bodies(folder: &std::path::Path, kind: &str) -> Vec<Vec<u8>> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    files.retain(|path| path.to_str().unwrap().ends_with(&format!("-v1-{kind}.bin")));
    files.sort();
    assert!(!files.is_empty(), "{}", folder.display());
    files.iter().map(|path| fs::read(path).unwrap()).collect()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "this is what starts the program under test")]
fn its_traces_agree_with_the_recordings() {
    let Some(recorded) = recorded() else { return };
    for (name, script) in [
        ("exec-fails", "for i in 1 2 3; do echo line $i; echo err $i >&2; sleep 1; done; exit 3"),
        ("exec-passes", "echo hello; echo err >&2"),
    ] {
        let folder = recorded.join("otlp").join(name);
        let (traces, logs) = (bodies(&folder, "traces"), bodies(&folder, "logs"));
        let world = World::new();
        let collector = Collector::start();
        let asked = fs::read_to_string(folder.join("cmd.txt")).unwrap();
        let bust = asked.trim().rsplit("--bust=").next().unwrap().to_owned();
        let rootfs = world.root.path().join("rootfs");
        let mut command = Command::new(program());
        command.args(["call", "--progress=plain", "-m", "./ci"]);
        command.arg(format!("--rootfs={}", rootfs.display()));
        command.args(["sh", "--script", script]).arg(format!("--bust={bust}"));
        command.current_dir(world.root.path().join("demo")).env("NO_COLOR", "1");
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address());
        command.env("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", format!("{}/v1/logs", collector.address()));
        command.env("OTEL_EXPORTER_OTLP_HEADERS", "X-Pocketci-Token=abc123");
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let output = command.env("TRACEPARENT", parent).output().unwrap();
        let rc = fs::read_to_string(folder.join("rc")).unwrap();
        assert_eq!(output.status.code(), rc.trim().parse().ok(), "{output:?}");

        let taken = collector.taken();
        assert!(taken.iter().all(|it| it.headers.contains(&"x-pocketci-token: abc123".to_owned())));
        let of = |path: &str| -> Vec<Vec<u8>> {
            taken.iter().filter(|it| it.path == path).map(|it| it.body.clone()).collect()
        };
        let (own_traces, own_logs) = (of("/v1/traces"), of("/v1/logs"));
        let drawn = |bodies: &[Vec<u8>]| -> Vec<String> {
            let lines = traces::drawn(bodies.iter().map(Vec::as_slice));
            lines.into_iter().filter(|line| is_pretended(line)).collect()
        };
        let (real, own) = (drawn(&traces), drawn(&own_traces));
        assert_eq!(own, real, "{name}\nstand-in:\n{}\nreal:\n{}", own.join("\n"), real.join("\n"));
        assert_eq!(printed(&own_traces, &own_logs), printed(&traces, &logs), "{name}");
        let above: BTreeSet<String> = [&traces, &own_traces]
            .map(|bodies| {
                let (trace, root) = traces::spans(bodies.iter().map(Vec::as_slice))
                    .into_iter()
                    .find(|(_, span)| span.name.starts_with("sh --script"))
                    .unwrap();
                format!("{trace} {:?}", root.parent)
            })
            .into();
        assert_eq!(above.len(), 1, "TRACEPARENT is taken alike: {above:?}");
    }
}
