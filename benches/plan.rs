//! How long a plan takes: a module of 200 functions and 3,000 changed files.
//!
//! `cargo bench --bench plan` prints the median and the slowest of many plans, once for a module
//! whose functions share one list of globs and once for one in which every list is another.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use pocketci::domain::event::Event;
use pocketci::domain::function::{Argument, ArgumentKind, Function, Module};
use pocketci::domain::plan::{Changes, Policy, SecretAccess, plan};
use pocketci::domain::spec::{GitDepth, OnInterrupt, Spec, Target};

const FUNCTIONS: usize = 200;
const FILES: usize = 3000;
const ROUNDS: usize = 200;

fn main() {
    let event: Event = serde_json::from_value(serde_json::json!({
        "vendor": "github", "event_type": "push", "filter": "main", "disposition": "planned",
        "created": false, "deleted": false, "forced": false,
    }))
    .expect("the event is written above");
    let files = (0..FILES).map(|n| format!("services/part{}/src/module{n}.rs", n % 50));
    let changes = Changes::Files(files.collect());
    let policy = Policy { fork: false, secret: &|_, _| SecretAccess::Available };
    let spec = spec();
    // The worst case: nobody's globs match, so that every file is compared with every list.
    let shared = module(|_| "**/*.go,go.*,docs/**".to_owned());
    let different = module(|n| format!("**/*.go{n},go{n}.*,docs{n}/**"));
    for (name, module) in [("one list of globs", shared), ("200 lists of globs", different)] {
        let mut times: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let start = Instant::now();
                black_box(plan(&event, &spec, black_box(&module), &changes, &policy));
                start.elapsed().as_secs_f64() * 1000.0
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!(
            "plan, {FUNCTIONS} functions, {FILES} changed files, {name}: median {:.2} ms, \
             slowest {:.2} ms of {ROUNDS}",
            times[ROUNDS / 2],
            times[ROUNDS - 1],
        );
    }
}

fn module(globs: impl Fn(usize) -> String) -> Module {
    let arg = |name: &str, kind: ArgumentKind, default: Option<String>| Argument {
        name: name.to_owned(),
        kind,
        optional: default.is_some(),
        default: default.map(Into::into),
    };
    let functions = (0..FUNCTIONS).map(|n| Function {
        name: format!("test{n}OnPush"),
        description: String::new(),
        args: vec![
            arg("src", ArgumentKind::Directory, None),
            arg("eventTrigger", ArgumentKind::File, None),
            arg("onChanges", ArgumentKind::String, Some(globs(n))),
        ],
        sync: false,
    });
    Module { name: "ci".to_owned(), constructor: Vec::new(), functions: functions.collect() }
}

fn spec() -> Spec {
    Spec {
        path: "pocketci.yaml".to_owned(),
        folder: String::new(),
        name: String::new(),
        target: Target::Module("ci".to_owned()),
        events: None,
        paths: None,
        secrets: Vec::new(),
        ignore: None,
        timeout: None,
        run_timeout: None,
        cancel_superseded: None,
        max_parallel: None,
        concurrency: None,
        on_interrupt: OnInterrupt::Retry,
        summary: true,
        git_depth: GitDepth::default(),
        functions: BTreeMap::new(),
    }
}
