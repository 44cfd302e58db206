//! How long it takes to tell a forge that takes 100 ms for an answer what became of 64 calls.
//!
//! `cargo bench --bench statuses` owes the final status of 64 calls at once, as a burst of
//! results does, and prints the time until the forge has taken the last of them, with how many
//! requests it saw at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use jiff::Timestamp;
use pocketci::dagger::Dagger;
use pocketci::domain::ids::{RepoName, Sha, Vendor};
use pocketci::domain::redact::Masks;
use pocketci::domain::run::{CommitState, Status};
use pocketci::domain::space::{Keep, MinFree};
use pocketci::forge_client::ForgeClient;
use pocketci::git::Mirrors;
use pocketci::secrets::Values;
use pocketci::store::Store;
use pocketci::worker::forges::{self, Forges};
use pocketci::worker::{Settings, Worker};
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use url::Url;

const CALLS: usize = 64;
const ANSWER: Duration = Duration::from_millis(100);
const ROUNDS: usize = 5;
/// What the agent is to keep to.
const GOAL: Duration = Duration::from_secs(2);

/// A forge that takes its time.
#[derive(Default)]
struct Forge {
    taken: AtomicUsize,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
    changed: Notify,
}

async fn take(State(forge): State<Arc<Forge>>) -> (axum::http::StatusCode, &'static str) {
    let at_once = forge.at_once.fetch_add(1, Ordering::SeqCst) + 1;
    forge.most_at_once.fetch_max(at_once, Ordering::SeqCst);
    tokio::time::sleep(ANSWER).await;
    forge.at_once.fetch_sub(1, Ordering::SeqCst);
    forge.taken.fetch_add(1, Ordering::SeqCst);
    forge.changed.notify_one();
    (axum::http::StatusCode::CREATED, r#"{"id": 1}"#)
}

#[tokio::main]
async fn main() {
    let mut times = Vec::new();
    let mut most = 0;
    for _ in 0..ROUNDS {
        let (took, at_once) = round().await;
        times.push(took);
        most = most.max(at_once);
    }
    times.sort();
    let (median, slowest) = (times[ROUNDS / 2], times[ROUNDS - 1]);
    println!(
        "{CALLS} statuses to a forge that takes {ANSWER:?}: median {median:.2?}, slowest \
         {slowest:.2?} of {ROUNDS}, at most {most} at once; goal {GOAL:?}: {}",
        if slowest <= GOAL { "kept" } else { "missed" }
    );
}

async fn round() -> (Duration, usize) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let forge = Arc::new(Forge::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let root = format!("http://{}", listener.local_addr().expect("it listens"));
    let router = Router::new().fallback(take).with_state(Arc::clone(&forge));
    let server = tokio::spawn(async move { axum::serve(listener, router).await });

    let store = Store::open(folder.path()).await.expect("the folder is new");
    let repo: RepoName = "acme/app".parse().expect("a name");
    let sha: Sha = "1".repeat(40).parse().expect("a commit");
    let statuses: Vec<Status> = (0..CALLS)
        .map(|n| Status {
            context: format!("pocketci/test-{n}-on-push"),
            state: CommitState::Success,
            description: "Passed in 3 s".to_owned(),
        })
        .collect();
    let owe = store.owe(Vendor::Github.into(), &repo, &sha, None, &statuses, Timestamp::now());
    owe.await.expect("the store takes them");

    let shutdown = CancellationToken::new();
    let worker = worker(folder.path(), &root, store.clone());
    let start = Instant::now();
    let running = tokio::spawn(Arc::new(worker).run(shutdown.clone()));
    while forge.taken.load(Ordering::SeqCst) < CALLS {
        forge.changed.notified().await;
    }
    let took = start.elapsed();
    shutdown.cancel();
    running.await.expect("the worker ends well");
    store.close().await;
    server.abort();
    (took, forge.most_at_once.load(Ordering::SeqCst))
}

fn worker(folder: &std::path::Path, root: &str, store: Store) -> Worker {
    let url: Url = root.parse().expect("a URL");
    let settings = Settings {
        data: folder.to_owned(),
        work: folder.join("work"),
        parallelism: 1,
        repository_parallelism: None,
        call_timeout: Duration::from_secs(60),
        run_timeout: None,
        drain_timeout: Duration::ZERO,
        catch_up: None,
        compare_every: None,
        log_limit: 1 << 20,
        keep: Keep::default(),
        min_free: MinFree::Bytes(0),
        policy: Arc::default(),
        secrets: Values::default(),
        masks: Masks::default(),
        base_env: Vec::new(),
        shell_env: Vec::new(),
        pass_env: Vec::new(),
        public_url: "http://ci.example".to_owned(),
        steps: None,
        onward: None,
    };
    // Nothing is called, so that there need not be an engine.
    let dagger = Dagger::new("/nonexistent/dagger".into(), Vec::new(), folder.join("work"));
    let mirrors = Mirrors::new(folder.join("mirrors"), Vec::new());
    let token = Some(SecretString::from("token"));
    let client = ForgeClient::new(url.clone(), root.to_owned(), token);
    let name = "GITHUB_TOKEN".to_owned();
    let forge = forges::Forge::new(Vendor::Github.into(), client, root.to_owned(), url, name);
    let forges = Forges::new(vec![forge]);
    Worker::new(store, mirrors, dagger, forges, settings, Arc::default(), Arc::default())
}
