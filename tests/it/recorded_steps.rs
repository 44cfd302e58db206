//! What the real `dagger` sent while its calls were recorded, taken and kept as the agent does: the
//! tree says what `dagger` said in a terminal at the same time.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use pocketci::domain::ids::{CallId, RunId};
use pocketci::domain::redact::Masks;
use pocketci::domain::trace::{Progress, Step, Tree};
use pocketci::store::{Store, trace};

use crate::stand_in::otlp::bodies;
use crate::stand_in::recorded;
use crate::traces;

/// A step as the terminal shows its end: `┆ Container.withExec ERROR [3.1s]`.
#[derive(Debug)]
struct Shown {
    name: String,
    state: &'static str,
    seconds: f64,
    /// What it printed.
    lines: Vec<String>,
}

const STATES: [&str; 3] = ["CACHED", "DONE", "ERROR"];

/// The steps of a terminal, by its numbers for them.
fn shown(stderr: &str) -> BTreeMap<u32, Shown> {
    let (mut steps, mut printed) = (BTreeMap::new(), BTreeMap::<u32, Vec<String>>::new());
    for line in stderr.lines() {
        let Some((number, rest)) = line.split_once(" : ") else { continue };
        let Ok(number) = number.trim().parse::<u32>() else { continue };
        let rest = rest.trim_start_matches(['┆', ' ']);
        // The address of a trace elsewhere is the terminal's own, and nobody's output.
        if let Some((_, text)) = rest.strip_prefix('[').and_then(|it| it.split_once("] | "))
            && !text.starts_with("cloud url=")
        {
            printed.entry(number).or_default().push(text.to_owned());
        }
        let Some((words, took)) = rest.strip_suffix("s]").and_then(|it| it.rsplit_once(" ["))
        else {
            continue;
        };
        let ended = STATES.iter().find_map(|state| Some((words.strip_suffix(state)?, *state)));
        if let Some((name, state)) = ended
            && let Ok(seconds) = took.parse()
        {
            let name = name.trim().to_owned();
            steps.insert(number, Shown { name, state, seconds, lines: Vec::new() });
        }
    }
    for (number, lines) in printed {
        steps.get_mut(&number).expect("what prints ends").lines = lines;
    }
    steps
}

fn is(step: &Step, shown: &Shown) -> bool {
    let state = match step.progress {
        _ if step.cached => "CACHED",
        Progress::Passed => "DONE",
        Progress::Failed => "ERROR",
        Progress::Running | Progress::Canceled => "",
    };
    let took = step.took().map_or(f64::NAN, |took| took.as_secs_f64());
    // A terminal leaves out where a field of the whole begins.
    let name = step.name.strip_prefix("Query.").unwrap_or(&step.name);
    name == shown.name && state == shown.state && (took - shown.seconds).abs() < 0.15
}

/// Takes and keeps a recording's exports; where they lie then.
async fn keep(store: &Store, folder: &Path, run: RunId) -> std::path::PathBuf {
    let (spans, records) = (bodies(folder, "traces"), bodies(folder, "logs"));
    let (of, _) = traces::spans(spans.iter().map(Vec::as_slice)).remove(0);
    let attempt = (run, CallId(1), 1);
    let open = store.open_trace(attempt, of, Masks::default(), 1 << 20).expect("random numbers");
    let writer = store.trace_of(open.token()).expect("it is open");
    spans.iter().for_each(|body| writer.spans(body).expect("spans are kept"));
    records.iter().for_each(|body| drop(writer.records(body).expect("records are kept")));
    store.trace_path(run, CallId(1), 1)
}

fn check(name: &str, tree: &Tree, path: &Path, folder: &Path) {
    let read = |file: &str| fs::read_to_string(folder.join(file)).unwrap();
    let exit: i64 = read("rc").trim().parse().unwrap();
    let root = tree.steps.iter().find(|step| step.parent.is_none() && !step.hidden).unwrap();
    let failing = tree.failing.map(|place| &tree.steps[place]);
    assert_eq!(root.progress == Progress::Failed, exit != 0, "{name}: {root:?}");
    assert_eq!(failing.and_then(|step| step.exit), Some(exit).filter(|it| *it != 0));
    let terminal = shown(&read("stderr"));
    assert!(terminal.len() > 5, "{name}: {terminal:?}");
    for shown in terminal.values() {
        let found: Vec<_> = tree.steps.iter().filter(|step| is(step, shown)).collect();
        assert!(!found.is_empty(), "{name}: no step {shown:?} in {:#?}", tree.steps);
        let mut missing = shown.lines.clone();
        for step in found {
            let taken = trace::records(path, step.id, |line| {
                let text = String::from_utf8_lossy(&line.text).into_owned();
                missing.retain(|line| *line != text);
                true
            });
            taken.unwrap();
        }
        assert!(missing.is_empty(), "{name}: {} has not printed {missing:?}", shown.name);
    }
}

#[tokio::test]
async fn the_steps_of_recorded_calls_are_what_the_terminal_showed() {
    let Some(recorded) = recorded() else { return };
    let data = tempfile::tempdir().unwrap();
    let store = Store::open(data.path()).await.unwrap();
    let mut folders: Vec<_> =
        fs::read_dir(recorded.join("otlp")).unwrap().map(|it| it.unwrap().path()).collect();
    folders.sort();
    assert!(folders.len() >= 3, "{folders:?}");
    for (folder, run) in folders.iter().zip(1..) {
        let name = folder.file_name().unwrap().display().to_string();
        let path = keep(&store, folder, RunId(run)).await;
        let kept = trace::read(&path).unwrap().unwrap();
        assert!(!kept.cut, "{name}");
        check(&name, &kept.tree(), &path, folder);
    }
}
