//! What looking costs: lists of 100,000 runs, a log that 500 people follow, a call that prints a
//! gigabyte, and a call of 5,000 steps; of a running agent with all of that in it.
//!
//! ```sh
//! cargo build --release --locked --examples && cargo bench --locked --bench pages
//! ```
//!
//! Needs `git` and 5 GB in the folder for temporary files. Everything is on loopback and ends by
//! itself; those who look are in this process, on the same cores. One part alone: `-- lists`,
//! `-- steps`, `-- viewers`, `-- flood`.

#![expect(clippy::print_stdout, reason = "it prints what it measured")]

#[path = "pages/asker.rs"]
mod asker;
#[path = "pages/fill.rs"]
mod fill;
#[path = "pages/printer.rs"]
mod printer;
#[path = "pages/viewers.rs"]
mod viewers;
#[path = "../tests/it/world/mod.rs"]
mod world;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pocketci::domain::trace::{Marks, Span, SpanId};

use asker::{Asker, p};
use viewers::{Call, Viewers};
use world::World;

/// Runs that lie there, in 20 repositories.
const RUNS: u64 = 100_000;
/// Times that each page is asked for.
const TIMES: usize = 300;
const VIEWERS: usize = 500;
const STEPS: u64 = 5_000;
/// Bytes that a call prints.
const FLOOD: u64 = 1 << 30;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some((what, rest)) = arguments.split_first()
        && printer::is_asked_for(what, rest)
    {
        return;
    }
    let only: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|it| !it.starts_with("--")).collect();
    let wanted = |part: &str| only.is_empty() || only.contains(&part);

    let mut world = World::prepare();
    for (name, value) in [
        ("POCKETCI_HOST_COMMANDS", "allow"),
        ("POCKETCI_KEEP", "3650d"),
        ("POCKETCI_LOG_LIMIT", "8GiB"),
        ("POCKETCI_MIN_FREE", "1MiB"),
    ] {
        world.agent.set(name, value);
    }
    let began = Instant::now();
    fill::fill(&world, RUNS);
    put_steps(&world);
    println!("{RUNS} runs put there in {:.0?}", began.elapsed());
    let began = Instant::now();
    world.agent.start();
    println!("listens after {:.2?}; {:.1} MB resident", began.elapsed(), world.agent.resident());
    if wanted("lists") {
        lists(&world);
    }
    if wanted("steps") {
        steps(&world);
    }
    if wanted("viewers") {
        follow(&world);
    }
    if wanted("flood") {
        flood(&world);
    }
    println!(
        "load of the machine: {}",
        std::fs::read_to_string("/proc/loadavg").unwrap_or_default()
    );
}

fn lists(world: &World) {
    let mut asker = Asker::new(&world.agent.url("/"));
    println!("{:44} {:>8} {:>8} {:>9} {:>8}", "GET", "p50, ms", "p99, ms", "bytes", "gzip");
    let second = asker.json("/api/v1/runs")["next"].as_str().expect("a next page").to_owned();
    for path in [
        "/healthz".to_owned(),
        "/runs".to_owned(),
        format!("/runs?cursor={second}"),
        "/runs?cursor=60".to_owned(),
        "/runs?repository=bench/app-3".to_owned(),
        format!("/runs?repository=bench/app-3&cursor={}", RUNS / 2),
        "/runs?state=failed".to_owned(),
        "/runs?q=needle".to_owned(),
        "/runs?q=Change".to_owned(),
        "/runs?q=Change&repository=bench/app-3".to_owned(),
        "/runs?q=zz".to_owned(),
        "/runs?branch=nobodys".to_owned(),
        "/runs?event=release".to_owned(),
        "/api/v1/runs".to_owned(),
        format!("/runs/{}", RUNS / 2),
        "/healthz".to_owned(),
    ] {
        let plain = asker.get(&path, "identity").length;
        let packed = asker.get(&path, "gzip").length;
        let times = (0..TIMES).map(|_| asker.get(&path, "gzip").took).collect();
        let times = asker::sorted(times);
        let (p50, p99) = (p(&times, 50.0), p(&times, 99.0));
        println!("{path:44} {p50:8.2} {p99:8.2} {plain:9} {packed:8}");
    }
    println!("resident: {:.1} MB, at most {:.1}", world.agent.resident(), peak(world));
}

/// A call of one step with fifty parts of a hundred each, beside the first call that lies there.
fn put_steps(world: &World) {
    let id = |number: u64| SpanId::from_bytes(&number.to_be_bytes()).expect("no zero");
    let mut lines = String::new();
    for number in 1..=STEPS {
        let parent = match number {
            1 => None,
            2..=50 => Some(1),
            _ => Some(2 + number % 49),
        };
        let start = Timestamp::from_millisecond(1_790_000_000_000 + number.cast_signed());
        let start = start.expect("a time");
        let span = Span {
            id: id(number),
            parent: parent.map(id),
            name: format!("Container.withExec step {number}"),
            detail: format!("go test ./internal/package{number}/..."),
            start,
            end: start.checked_add(Duration::from_millis(number)).ok(),
            failed: number == STEPS,
            message: String::new(),
            exit: None,
            marks: Marks { cached: number % 3 == 0, ..Marks::default() },
            resumes: None,
            origin: None,
        };
        let line = serde_json::to_string(&span).expect("JSON");
        writeln!(lines, "{line}").expect("a string takes it");
    }
    let folder = world.agent.data().join("logs/1");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("1-1.spans"), lines).expect("the spans");
    std::fs::write(folder.join("1-1.log"), "2026-11-21T07:34:28.123Z 1 it was so\n")
        .expect("a log");
}

fn steps(world: &World) {
    let mut asker = Asker::new(&world.agent.url("/"));
    println!("{STEPS} steps:");
    for path in ["/runs/1/calls/1", "/runs/1/calls/1/steps", "/api/v1/runs/1/calls/1/spans"] {
        let plain = asker.get(path, "identity").length;
        let packed = asker.get(path, "gzip").length;
        let times = asker::sorted((0..50).map(|_| asker.get(path, "gzip").took).collect());
        let (p50, p99) = (p(&times, 50.0), p(&times, 100.0));
        println!("{path:44} {p50:8.2} {p99:8.2} {plain:9} {packed:8}   (p50, slowest of 50)");
    }
}

fn follow(world: &World) {
    let stop = world.path("stop");
    let call = Call::start(world, "bench/followed", &format!("tick {}", stop.display()));
    for count in [1, VIEWERS] {
        forget_peak(world);
        let (before, busy) = (world.agent.resident(), processor(world));
        let late = Viewers::watch(&world.agent.url(""), &call, count, Duration::from_secs(15));
        println!(
            "{count} viewers: a line is late by p50 {:.0} ms, p99 {:.0} ms, at most {:.0} ms ({} lines seen); \
             {before:.1} MB resident before, at most {:.1}; {:.1} s of a processor",
            p(&late, 50.0),
            p(&late, 99.0),
            p(&late, 100.0),
            late.len(),
            peak(world),
            processor(world) - busy,
        );
    }
    std::fs::write(&stop, "").expect("a file");
    call.expect_success(world);
}

fn flood(world: &World) {
    let megabytes = FLOOD as f64 / 1e6;
    for round in 0..2 {
        let took = printer::to_cat(&world.path(&format!("cat-{round}")), FLOOD);
        println!("into `cat > file`: {:.0} MB/s", megabytes / took.as_secs_f64());
        for watched in [false, true] {
            forget_peak(world);
            let before = processor(world);
            let said = world.path(&format!("took-{round}-{watched}"));
            let shell = format!("flood {FLOOD} {}", said.display());
            let call = Call::start(world, &format!("bench/flood-{round}-{watched}"), &shell);
            let began = Instant::now();
            let seen = watched.then(|| viewers::stream(&world.agent.url(""), &call));
            let streamed = began.elapsed();
            call.expect_success(world);
            let took: f64 = std::fs::read_to_string(&said)
                .expect("how long it took")
                .trim()
                .parse()
                .expect("a number");
            print!("through the agent: {:.0} MB/s", megabytes / took);
            if let Some(bytes) = seen {
                print!(
                    ", with a viewer that got all of it after {:.1} s at {:.0} MB/s ({:.0} MB as events)",
                    streamed.as_secs_f64(),
                    megabytes / streamed.as_secs_f64(),
                    bytes as f64 / 1e6,
                );
            }
            let cost = processor(world) - before;
            println!("; {cost:.1} s of a processor, at most {:.1} MB resident", peak(world));
        }
    }
}

/// Seconds that processors have worked for the agent so far, whoever else had them meanwhile.
fn processor(world: &World) -> f64 {
    let stat = format!("/proc/{}/stat", world.agent.pid());
    let stat = std::fs::read_to_string(stat).expect("its state");
    let (_, rest) = stat.rsplit_once(')').expect("a name");
    let ticks = rest.split(' ').skip(12).take(2);
    ticks.map(|it| it.parse::<f64>().expect("a number")).sum::<f64>() / 100.0
}

/// The most megabytes that the agent had resident since they were forgotten.
fn peak(world: &World) -> f64 {
    let status = format!("/proc/{}/status", world.agent.pid());
    let status = std::fs::read_to_string(status).expect("its status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the figure");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
}

fn forget_peak(world: &World) {
    std::fs::write(format!("/proc/{}/clear_refs", world.agent.pid()), "5").expect("our child");
}
