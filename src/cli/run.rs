//! `run`: what `plan` says, done: in the working copy, uncommitted changes included.

mod call;
mod show;

use std::path::Path;
use std::time::Duration;

use clap::Args;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::working::planning::{self, Planned, Planner};
use super::working::{EventChoice, Place};
use super::{Failure, plan, progress, signals};
use crate::config::{self, Config};
use crate::dagger::Dagger;
use crate::domain::ids::Vendor;
use crate::domain::plan::{Action, Decision, PlannedCall, SecretAccess};
use crate::domain::run::Outcome;
use crate::domain::spec::Target;
use call::Bench;

/// How long the engine may take to say that it is there.
const PING_LIMIT: Duration = Duration::from_secs(10);

/// Calls the functions that an event asks for, here and now. The event is the last commit's push,
/// or the one named, with uncommitted changes. Secrets are taken from your own environment, by the
/// names that `from-env` gives. Commands run in the working copy itself.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) event: EventChoice,
    /// The forge that the event is taken to come from
    #[arg(long, value_name = "FORGE", default_value_t = Vendor::Github)]
    vendor: Vendor,
}

/// One call to make.
#[derive(Debug, Clone)]
struct Job {
    /// What its lines begin with.
    label: String,
    call: PlannedCall,
    timeout: Duration,
}

/// How a call ended, and after how long.
#[derive(Debug, Clone)]
struct Done {
    outcome: Outcome,
    took: Duration,
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let config = Config::from_env()?;
    let place = Place::here()?;
    let Some(tree) = place.tree() else {
        let text = "There is no working copy here to run anything in";
        return Err(Failure::bad_input(text).hint("start in a git repository"));
    };
    let event = options.event.event(options.vendor, &place)?;
    let changes = place.changes(&event, true)?;
    let (specs, broken) = planning::specs(&tree)?;
    if !broken.is_empty() {
        plan::print::broken(&broken)?;
        return Err(Failure::bad_input_shown());
    }
    if specs.is_empty() {
        let text = "The repository has neither a pocketci.yaml nor a module in ./ci";
        return Err(Failure::bad_input(text));
    }
    let secret = |_: &str, name: &str| match config::own_secret(name) {
        Some(_) => SecretAccess::Available,
        None => SecretAccess::Unset,
    };
    let root = Some(tree.root.clone());
    let planner =
        Planner { event: &event, changes: &changes, root, listing: None, secret: &secret };
    let mut planned = Vec::new();
    for spec in specs {
        planned.push(planner.plan(spec).await?);
    }
    show::plan(&event, &changes, &planned)?;
    for one in planned.iter().filter(|one| !one.plan.calls.is_empty()) {
        dotenv(&tree.root, &one.spec.target)?;
    }

    let jobs = jobs(&planned, config.call_timeout);
    let unplanned = unplanned(&planned);
    if jobs.is_empty() {
        return ended(&[], &[], &unplanned);
    }
    let scratch = tempfile::Builder::new().prefix("pocketci-run-").tempdir().map_err(|error| {
        Failure::unreachable(format!("Failed to make a temporary folder: {error}"))
    })?;
    let dagger =
        Dagger::new(config.dagger.clone(), config.base_env.clone(), scratch.path().to_owned());
    if jobs.iter().any(|job| matches!(job.call.action, Action::Dagger { .. })) {
        ready(&dagger).await?;
    }
    let interrupted = CancellationToken::new();
    signals::cancel_on_signals(interrupted.clone())?;
    let secrets = secrets(&jobs);
    let bench = Bench::new(config, dagger, scratch, tree.root, event, &changes, secrets)?;
    let done = bench.run(&jobs, &interrupted).await?;
    show::results(&jobs, &done)?;
    ended(&jobs, &done, &unplanned)
}

/// Says what the server would have left out: on it, a module is loaded without any `.env`.
fn dotenv(root: &Path, target: &Target) -> Result<(), Failure> {
    let Target::Module(module) = target else { return Ok(()) };
    let file = Path::new(module).join(".env");
    if root.join(&file).is_file() {
        let text = "is read by dagger, and can run programs on this machine";
        show::warning(&format!("`{}` {text}", file.display()))?;
    }
    Ok(())
}

/// The calls of all plans, each with a name that no other has.
fn jobs(planned: &[Planned], default_timeout: Duration) -> Vec<Job> {
    let mut jobs = Vec::new();
    for Planned { spec, plan } in planned {
        for call in &plan.calls {
            let context = call.context.as_str();
            jobs.push(Job {
                label: context.strip_prefix("pocketci/").unwrap_or(context).to_owned(),
                call: call.clone(),
                timeout: spec.timeout.unwrap_or(default_timeout),
            });
        }
    }
    jobs
}

/// What should have been called and could not be planned.
fn unplanned(planned: &[Planned]) -> Vec<String> {
    let mut names = Vec::new();
    for Planned { spec, plan } in planned {
        names.extend(plan.errors().map(|function| function.name.clone()));
        if plan.decision == Decision::Error && plan.functions.is_empty() {
            names.push(spec.path.clone());
        }
    }
    names
}

/// The user's values of what the calls may see.
fn secrets(jobs: &[Job]) -> Vec<(String, SecretString)> {
    let mut names: Vec<&str> = jobs.iter().flat_map(|job| job.call.secrets()).collect();
    names.sort_unstable();
    names.dedup();
    let value = |name: &str| Some((name.to_owned(), config::own_secret(name)?));
    names.into_iter().filter_map(value).collect()
}

/// Whether a CLI is there whose exit status can be believed, and an engine that answers: without
/// one, a call would hang for ten minutes.
async fn ready(dagger: &Dagger) -> Result<(), Failure> {
    let missing = |error: crate::dagger::EngineError| Failure::unreachable(error.to_string());
    let version = dagger.version().await.map_err(missing)?;
    version.supported().map_err(|error| Failure::unreachable(error.to_string()))?;
    progress::during("asking the dagger engine", dagger.ping(PING_LIMIT)).await.map_err(missing)
}

/// The end of it all: a failure, if anything was.
fn ended(jobs: &[Job], done: &[Done], unplanned: &[String]) -> Result<(), Failure> {
    let not_passed = jobs.iter().zip(done).filter(|(_, done)| done.outcome != Outcome::Passed);
    let failed: Vec<&str> = not_passed.map(|(job, _)| job.label.as_str()).collect();
    let mut texts = Vec::new();
    if !failed.is_empty() {
        texts.push(format!("{} of {} failed: {}", failed.len(), jobs.len(), failed.join(", ")));
    }
    if !unplanned.is_empty() {
        texts.push(format!("could not be called: {}", unplanned.join(", ")));
    }
    match texts.is_empty() {
        true => Ok(()),
        false => Err(Failure::call_failed(texts.join("; "))),
    }
}
