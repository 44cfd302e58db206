//! What happens behind the door: deliveries become runs, calls become outcomes, statuses owed
//! become statuses sent.
//!
//! Three loops that know each other only by the store and a wake-up: [`dispatch`], [`execute`],
//! [`report`]. Each registers for its wake-up before it looks, so that nothing is missed, and
//! looks again after a while anyway. Three more look after the house: [`upkeep`] after space
//! and what is needed from outside, [`limits`] after runs that take too long, [`watchdog`] after work
//! that nobody does.

mod acts;
mod call_log;
pub mod catch_up;
pub mod forges;
mod dispatch;
mod effects;
mod engine;
mod execute;
mod fetch;
mod for_app;
#[cfg(test)]
mod fixture;
mod kept;
mod limits;
mod module_place;
mod permission;
mod prepare;
mod reconcile;
mod report;
pub mod steps;
mod under_way;
mod upkeep;
mod watchdog;
mod workspace;

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::dagger::Dagger;
use crate::domain::ids::{CallId, DeliveryId, RepoName};
use crate::domain::policy::Policy;
use crate::domain::redact::Masks;
use crate::domain::space::{Keep, MinFree};
use crate::git::Mirrors;
use crate::health::{Condition, Health};
use crate::onward::Onward;
use crate::secrets::Values;
use crate::store::Store;

use engine::{Engine, FRESH};
use forges::Forges;
use steps::Steps;
use under_way::UnderWay;
use workspace::Workspaces;

/// What the operator decided, as far as the worker needs it.
pub struct Settings {
    /// The data folder, whose disk is watched.
    pub data: PathBuf,
    /// The folder with one subfolder for each run under way; emptied at start.
    pub work: PathBuf,
    /// Calls at once, over all runs.
    pub parallelism: usize,
    /// Calls at once of one repository; none: no limit but the agent's.
    pub repository_parallelism: Option<u32>,
    /// For specs that do not say.
    pub call_timeout: Duration,
    /// The same for runs; none: no limit.
    pub run_timeout: Option<Duration>,
    /// How long calls under way may go on once the agent was told to stop.
    pub drain_timeout: Duration,
    /// How far back events that did not arrive are looked for at start.
    pub catch_up: Option<Duration>,
    /// How often what the forges show is compared without a reason; none: now and then.
    pub compare_every: Option<Duration>,
    /// Bytes of one call's log.
    pub log_limit: u64,
    /// What is kept of finished work.
    pub keep: Keep,
    /// What is left free of the data folder's disk.
    pub min_free: MinFree,
    /// Whose commits run, and who may have which secrets.
    pub policy: Arc<Policy>,
    /// What secrets come from.
    pub secrets: Values,
    /// Never shown, whether or not a call was given them; what calls are given is added.
    pub masks: Masks,
    /// What every call sees: `PATH`, proxies, CA files, the engine's address.
    pub base_env: Vec<(String, OsString)>,
    /// What a command on the host sees of the agent: `PATH`, `USER`, `LANG`, `TMPDIR`.
    pub shell_env: Vec<(String, OsString)>,
    /// What the operator passes by name.
    pub pass_env: Vec<(String, OsString)>,
    /// What the world calls the agent, without a slash at the end.
    pub public_url: String,
    /// Where calls send their steps; none: nowhere.
    pub steps: Option<Steps>,
    /// Where the operator collects traces.
    pub onward: Option<Onward>,
}

/// Everything that the loops share.
pub struct Worker {
    pub store: Store,
    pub mirrors: Mirrors,
    pub dagger: Dagger,
    pub forges: Forges,
    pub settings: Settings,
    pub health: Arc<Health>,
    /// A delivery was recorded.
    pub deliveries: Arc<Notify>,
    /// Somebody has acted on a run.
    pub acts: Arc<Notify>,
    calls: Notify,
    reports: Notify,
    /// A comment or a reaction is owed.
    effects: Notify,
    permissions: permission::Permissions,
    /// A forge was away and is back: what it shows is to be compared.
    reconcile: Notify,
    engine: Engine,
    limits: limits::Limits,
    /// One listing at a time: a burst of pushes lists a changed module once.
    listing: tokio::sync::Mutex<()>,
    workspaces: Workspaces,
    /// Calls from their claim until their end is written down.
    under_way: UnderWay<CallId>,
    /// Deliveries from their claim until they are settled or postponed.
    planning: UnderWay<DeliveryId>,
}

/// How long a loop waits for a wake-up before it looks anyway: a net for a wake-up lost to a bug,
/// not a way of working.
const NET: Duration = Duration::from_secs(30);

impl Worker {
    /// Nothing runs until [`Worker::run`].
    pub fn new(
        store: Store,
        mirrors: Mirrors,
        dagger: Dagger,
        forges: Forges,
        settings: Settings,
        health: Arc<Health>,
        deliveries: Arc<Notify>,
    ) -> Self {
        let workspaces = Workspaces::new(settings.work.clone());
        let engine = Engine::default();
        let (calls, reports) = (Notify::new(), Notify::new());
        Self {
            store,
            mirrors,
            dagger,
            forges,
            settings,
            health,
            deliveries,
            acts: Arc::default(),
            calls,
            reports,
            effects: Notify::new(),
            permissions: permission::Permissions::default(),
            reconcile: Notify::new(),
            engine,
            limits: limits::Limits::default(),
            listing: tokio::sync::Mutex::default(),
            workspaces,
            under_way: UnderWay::default(),
            planning: UnderWay::default(),
        }
    }

    /// Tells those who look after the agent how something is doing.
    fn tell(&self, name: impl Into<Cow<'static, str>>, ok: bool, detail: &str) {
        self.health.set(name, Condition::new(ok, detail, jiff::Timestamp::now()));
    }

    /// The same of what was seen with repositories, whose names the detail may have in it.
    fn tell_about<'a>(
        &self,
        repositories: impl IntoIterator<Item = &'a RepoName>,
        name: impl Into<Cow<'static, str>>,
        ok: bool,
        detail: &str,
    ) {
        let condition = Condition::new(ok, detail, jiff::Timestamp::now());
        let about = repositories.into_iter().map(ToString::to_string).collect();
        self.health.set(name, Condition { about, ..condition });
    }

    /// Says at start what is missing, before the first delivery finds out.
    async fn look_around(self: Arc<Self>) {
        // What is missing is said where it is found.
        if self.cli_version().await.is_ok() && self.engine_ready(FRESH).await.is_ok() {
            tracing::info!("The dagger engine answers");
        }
    }

    /// Works until told to stop, then lets calls under way finish within the drain time-out and
    /// queues again what remains.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let tasks = TaskTracker::new();
        let (around, end) = (Arc::clone(&self), shutdown.clone());
        // Waited for, because what it asks lies in a folder of its own until it is over.
        tasks.spawn(async move {
            tokio::select! {
                () = around.look_around() => {}
                () = end.cancelled() => {}
            }
        });
        // Statuses go on being sent while calls drain; they stop last.
        let quiet = CancellationToken::new();
        let kept = Arc::clone(&self).keep_going("statuses", quiet.clone(), report::run);
        let reporter = tokio::spawn(kept);
        tasks.spawn(Arc::clone(&self).keep_going("deliveries", shutdown.clone(), dispatch::run));
        tasks.spawn(Arc::clone(&self).keep_going("calls", shutdown.clone(), execute::run));
        tasks.spawn(Arc::clone(&self).keep_going("acts", shutdown.clone(), acts::run));
        tasks.spawn(Arc::clone(&self).keep_going("comments", shutdown.clone(), effects::run));
        tasks.spawn(Arc::clone(&self).keep_going("comparing", shutdown.clone(), reconcile::run));
        tasks.spawn(catch_up::at_start(Arc::clone(&self), shutdown.clone()));
        tasks.spawn(Arc::clone(&self).keep_going("limits", shutdown.clone(), limits::run));
        tasks.spawn(Arc::clone(&self).keep_going("upkeep", shutdown.clone(), upkeep::run));
        tasks.spawn(Arc::clone(&self).keep_going("the watchdog", shutdown.clone(), watchdog::run));
        tasks.close();
        tasks.wait().await;
        quiet.cancel();
        if reporter.await.is_err() {
            tracing::error!("The loop that sends statuses has panicked");
        }
    }
}

/// Empties the folder of runs under way: an earlier agent's runs are checked out anew.
///
/// # Errors
/// When the folder cannot be made.
pub fn clear(work: &std::path::Path) -> anyhow::Result<()> {
    use anyhow::Context as _;
    workspace::remove(work);
    std::fs::create_dir_all(work)
        .with_context(|| format!("Cannot make the folder `{}`", work.display()))
}

/// How long until then; nothing is due for as long as [`NET`].
fn until(due: Option<jiff::Timestamp>) -> Duration {
    due.map_or(NET, |due| {
        let left = due.duration_since(jiff::Timestamp::now());
        if left.is_negative() { Duration::ZERO } else { left.unsigned_abs() }
    })
}
