//! How long a start needs to take up 10,000 unfinished calls, and how long a call waits for its
//! start with nothing and with 100,000 queued calls beside it.
//!
//! ```sh
//! cargo build --release --locked --examples && cargo bench --locked --bench queue
//! ```
//!
//! Needs `git`. Everything is on loopback and in the folder for temporary files, whose disk is
//! part of what is measured: a call is started when that has been synced. Ends by itself.

#[path = "../tests/it/world/mod.rs"]
mod world;
#[path = "queue/moments.rs"]
mod moments;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pocketci::dagger::Dagger;
use pocketci::domain::event::Event;
use pocketci::domain::forge::event;
use pocketci::domain::ids::Vendor;
use pocketci::domain::plan::{Action, Changes, Decision, Plan, PlannedCall};
use pocketci::domain::policy::{Defaults, Policy};
use pocketci::domain::redact::Masks;
use pocketci::domain::run::{CommitState, Outcome, Status};
use pocketci::domain::space::{Keep, MinFree};
use pocketci::domain::spec::{GitDepth, OnInterrupt};
use pocketci::forge_client::ForgeClient;
use pocketci::git::{HostCredential, Mirrors};
use pocketci::secrets::Values;
use pocketci::store::{
    NewDelivery, NewRun, NewRunState, RunSettings, Settlement, Startable, Store,
};
use pocketci::worker::forges::{Forge, Forges};
use pocketci::worker::{Settings, Worker};
use secrecy::SecretString;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use url::Url;

use moments::Moments;
use world::module::Tree;
use world::{World, forge};

const REPOSITORIES: usize = 20;
/// Calls of one run.
const CALLS: usize = 50;
const UNFINISHED: usize = 10_000;
const STARTS: usize = 3;
const QUEUED: usize = 100_000;
const ROUNDS: usize = 200;

const TAKE_UP_GOAL: Duration = Duration::from_secs(5);
/// For the median and for the 99th of 100.
const START_GOALS: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(20));

fn main() {
    let runtime = Runtime::new().expect("a runtime");
    // `-- starts`: the last part alone, without a backlog.
    if std::env::args().any(|it| it == "starts") {
        return starting(&runtime, &Moments::watch(), 0);
    }
    for (what, running) in [("queued", false), ("running", true)] {
        taking_up(&runtime, what, running);
    }
    for queued in [0, QUEUED] {
        claiming(&runtime, queued);
    }
    let moments = Moments::watch();
    for queued in [0, QUEUED] {
        starting(&runtime, &moments, queued);
    }
}

/// From the start of the agent until it has taken up what was left, and until a call of that
/// starts.
fn taking_up(runtime: &Runtime, what: &str, running: bool) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (mut taken_up, mut started) = (Vec::new(), Vec::new());
    for round in 0..STARTS {
        let mut world = World::prepare();
        world.agent.set("POCKETCI_HOST_COMMANDS", "allow");
        // The same content everywhere is the same commit everywhere.
        let pushes: Vec<Push> = (0..REPOSITORIES).map(|n| Push::new(&world, n, "true")).collect();
        if round == 0 {
            runtime.block_on(fill(folder.path(), &pushes, running));
        }
        let (from, to) = (folder.path(), world.agent.data());
        std::fs::create_dir_all(to).expect("a data folder");
        std::fs::copy(from.join("pocketci.db"), to.join("pocketci.db")).expect("the database");
        let began = Instant::now();
        world.agent.start();
        // It listens as soon as it has taken up everything.
        taken_up.push(began.elapsed());
        world.agent.expect_log("Call started");
        started.push(began.elapsed());
        let told = world.agent.expect_log("Took up what was left");
        let wanted = format!("calls={}", if running { UNFINISHED } else { 0 });
        assert!(told.contains(&wanted), "not what was to be taken up: {told}");
        world.agent.kill();
    }
    taken_up.sort();
    started.sort();
    let (median, slowest) = (percentile(&taken_up, 50), percentile(&taken_up, 100));
    println!(
        "{UNFINISHED} {what} calls, from start to taken up: median {median:.2?}, slowest \
         {slowest:.2?} of {STARTS}; goal {TAKE_UP_GOAL:?}: {}",
        verdict(slowest <= TAKE_UP_GOAL)
    );
    println!("  until a call starts: median {:.2?}", percentile(&started, 50));
}

async fn fill(folder: &Path, pushes: &[Push], running: bool) {
    let store = Store::open(folder).await.expect("the folder is new");
    for n in 0..UNFINISHED / CALLS {
        settle(&store, &pushes[n % pushes.len()], n, CALLS, None, true).await;
    }
    loop {
        let now = Timestamp::now();
        let claimed = if running { store.claim_call(Startable::Any, now).await } else { Ok(None) };
        let Some(call) = claimed.expect("the store claims") else { break };
        // No process has this number: there is nothing to end.
        store.call_started(call.id, i32::MAX - 1, Some(1)).await.expect("the store takes it");
    }
    store.close().await;
}

/// The queue alone: from the commit with the call to the commit that makes it a running one, with
/// calls beside it that could start as well.
fn claiming(runtime: &Runtime, queued: usize) {
    let world = World::prepare();
    let pushes: Vec<Push> = (0..REPOSITORIES).map(|n| Push::new(&world, n, "true")).collect();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let times = runtime.block_on(async {
        let store = Store::open(folder.path()).await.expect("the folder is new");
        backlog(&store, &pushes, queued, None).await;
        let mut times = Vec::new();
        for n in 0..ROUNDS {
            settle(&store, &pushes[n % pushes.len()], queued + n, 1, None, false).await;
            let queued = Instant::now();
            let call = store.claim_call(Startable::Any, Timestamp::now()).await;
            times.push(queued.elapsed());
            let call = call.expect("the store claims").expect("a call waits");
            let end = store.finish_call(call.id, &Outcome::Passed, Timestamp::now()).await;
            end.expect("the call is running");
        }
        store.close().await;
        times
    });
    print_times(&format!("queued to claimed, the store alone, {queued} queued beside it"), times);
}

/// The whole way through a worker with room, from the commit with the call. The calls beside it
/// cannot start: their specs have as many under way as they want.
fn starting(runtime: &Runtime, moments: &Moments, queued: usize) {
    let world = World::prepare();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let pushes: Vec<Push> = (0..REPOSITORIES).map(|n| Push::new(&world, n, "true")).collect();
    let repo = world.forge.repository("bench/measured");
    let shell = format!("echo > {}", moments.pipe.display());
    let spec = format!("commands:\n  onPush: {{run: \"{shell}\"}}\n");
    repo.commit("main", Tree::new().file("pocketci.yaml", spec));

    let (mut claimed, mut prepared, mut runs) = (Vec::new(), Vec::new(), Vec::new());
    let shutdown = CancellationToken::new();
    let wake = Arc::new(Notify::new());
    let _inside = runtime.enter();
    let store = runtime.block_on(Store::open(folder.path())).expect("the folder is new");
    runtime.block_on(backlog(&store, &pushes, queued, Some(0)));
    let worker = worker(folder.path(), &world, store.clone(), Arc::clone(&wake));
    let running = runtime.spawn(Arc::new(worker).run(shutdown.clone()));
    for n in 0..=ROUNDS {
        repo.commit("main", Tree::new().file("round", n.to_string()));
        let body = world.forge.pushed(&repo, "main").to_string().into_bytes();
        let record = store.record(delivery(&format!("round-{n}"), repo.name(), body));
        runtime.block_on(record).expect("the store takes it");
        wake.notify_one();
        let times = moments.of_a_call();
        // The first one finds neither a mirror nor a connection.
        if n > 0 {
            claimed.push(times[1] - times[0]);
            prepared.push(times[2] - times[0]);
            runs.push(times[3] - times[0]);
        }
    }
    shutdown.cancel();
    runtime.block_on(running).expect("the worker ends well");
    runtime.block_on(store.close());
    println!("through a worker, {queued} queued beside it:");
    print_times("  queued to claimed", claimed);
    print_plainly("  queued to checked out", prepared);
    print_plainly("  queued to the command's first step", runs);
}

/// A push of a commit whose spec runs one command, as the forge tells it.
struct Push {
    repository: String,
    body: Vec<u8>,
    event: Event,
}

impl Push {
    fn new(world: &World, number: usize, shell: &str) -> Self {
        let repo = world.forge.repository(&format!("bench/app-{number}"));
        let spec = format!("commands:\n  onPush: {{run: \"{shell}\"}}\n");
        repo.commit("main", Tree::new().file("pocketci.yaml", spec));
        let body = world.forge.pushed(&repo, "main").to_string().into_bytes();
        let event = event(Vendor::Github, "push", &body).expect("an event");
        Self { repository: repo.name().to_owned(), body, event }
    }
}

/// So many calls, of which not one is to start when `max_parallel` is 0.
async fn backlog(store: &Store, pushes: &[Push], calls: usize, max_parallel: Option<u32>) {
    for n in 0..calls / CALLS {
        settle(store, &pushes[n % pushes.len()], n, CALLS, max_parallel, false).await;
    }
}

/// Stores a delivery and settles it with one run of so many calls.
async fn settle(
    store: &Store,
    push: &Push,
    number: usize,
    calls: usize,
    max_parallel: Option<u32>,
    told: bool,
) {
    let record = delivery(&format!("delivery-{number}"), &push.repository, push.body.clone());
    store.record(record).await.expect("the store takes it");
    let claimed = store.claim_delivery(Timestamp::now()).await.expect("the store claims");
    let calls: Vec<PlannedCall> = (0..calls)
        .map(|n| PlannedCall {
            function: format!("test{n}OnPush"),
            kebab: format!("test-{n}-on-push"),
            level: 3,
            context: format!("pocketci/{number}/test-{n}-on-push"),
            posts_status: true,
            action: Action::Shell { run: "true".to_owned(), secrets: Vec::new() },
            notes: Vec::new(),
        })
        .collect();
    let pending = |call: &PlannedCall| Status {
        context: call.context.clone(),
        state: CommitState::Pending,
        description: "Queued".to_owned(),
    };
    let run = NewRun {
        event: push.event.clone(),
        sha: push.event.sha.clone().expect("a push has a commit"),
        spec_path: "pocketci.yaml".to_owned(),
        spec_name: String::new(),
        settings: RunSettings {
            timeout: Duration::from_secs(60),
            on_interrupt: OnInterrupt::Retry,
            run_timeout: None,
            git_depth: GitDepth::Commits(1),
            summary: false,
            max_parallel,
            concurrency: None,
            place: None,
        },
        state: NewRunState::Queued,
        statuses: calls.iter().filter(|_| told).map(pending).collect(),
        plan: Plan {
            decision: Decision::Call,
            reason: None,
            calls,
            functions: Vec::new(),
            marks: Vec::new(),
        },
        changes: Changes::Files(Vec::new()),
    };
    let settlement = Settlement::Planned { runs: vec![run], parts: Vec::new() };
    let id = claimed.expect("a delivery waits").id;
    store.settle(id, settlement, Timestamp::now()).await.expect("it can be settled");
}

fn delivery(id: &str, repository: &str, body: Vec<u8>) -> NewDelivery {
    NewDelivery {
        forge: Vendor::Github.into(),
        forge_id: id.to_owned(),
        event_name: "push".to_owned(),
        repository: Some(repository.to_owned()),
        title: "push main".to_owned(),
        headers: vec![("x-github-event".to_owned(), "push".to_owned())],
        body,
        received_at: Timestamp::now(),
        skip: None,
    }
}

fn worker(folder: &Path, world: &World, store: Store, wake: Arc<Notify>) -> Worker {
    let root = world.forge.url();
    let url: Url = root.parse().expect("a URL");
    let token = || SecretString::from(forge::TOKEN);
    let settings = Settings {
        data: folder.to_owned(),
        work: folder.join("work"),
        parallelism: 2,
        repository_parallelism: None,
        call_timeout: Duration::from_secs(60),
        run_timeout: None,
        drain_timeout: Duration::from_secs(10),
        catch_up: None,
        compare_every: None,
        log_limit: 1 << 20,
        keep: Keep::default(),
        min_free: MinFree::Bytes(0),
        policy: Arc::new(Policy::new(
            Defaults { host_commands: true, ..Defaults::default() },
            Vec::new(),
            Default::default(),
        )),
        secrets: Values::default(),
        masks: Masks::default(),
        base_env: Vec::new(),
        shell_env: vec![("PATH".to_owned(), world::process::PATH.into())],
        pass_env: Vec::new(),
        public_url: "http://ci.example".to_owned(),
        steps: None,
        onward: None,
    };
    // Commands alone are called, so that there need not be an engine.
    pocketci::worker::clear(&settings.work).expect("a folder for the runs");
    let dagger = Dagger::new("/nonexistent/dagger".into(), Vec::new(), folder.join("work"));
    let username = forge::USERNAME.to_owned();
    let credential = HostCredential { origin: url.clone(), username, token: token() };
    let mirrors = Mirrors::new(folder.join("mirrors"), vec![credential]);
    let api = format!("{root}/api/v3");
    let client = ForgeClient::new(url.clone(), api.clone(), Some(token()));
    let name = "GITHUB_TOKEN".to_owned();
    let forge = Forge::new(Vendor::Github.into(), client, api, url, name);
    let forges = Forges::new(vec![forge]);
    Worker::new(store, mirrors, dagger, forges, settings, Arc::default(), wake)
}

fn print_times(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let (median, slow) = (percentile(&times, 50), percentile(&times, 99));
    let (goal, slow_goal) = START_GOALS;
    println!(
        "{what}: p50 {median:.2?}, goal {goal:?}: {}; p99 {slow:.2?}, goal {slow_goal:?}: {}",
        verdict(median <= goal),
        verdict(slow <= slow_goal)
    );
}

fn print_plainly(what: &str, mut times: Vec<Duration>) {
    times.sort();
    println!("{what}: p50 {:.2?}, p99 {:.2?}", percentile(&times, 50), percentile(&times, 99));
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent).div_ceil(100) - 1]
}

fn verdict(kept: bool) -> &'static str {
    if kept { "kept" } else { "missed" }
}
