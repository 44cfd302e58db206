//! Calls on one's own machine: the same command lines and environments as on the server, with the
//! working copy for a checkout.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use secrecy::{ExposeSecret as _, SecretString};
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::show::Lines;
use super::{Done, Job};
use crate::cli::Failure;
use crate::config::Config;
use crate::dagger::child::{self, Ended, Program, Stream};
use crate::dagger::{
    CallLabels, Dagger, HostPlaces, call_environment, engine_trouble, host_command,
    host_environment, no_dotenv_above,
};
use crate::domain::event::Event;
use crate::domain::forge;
use crate::domain::plan::{Action, Changes, Places};
use crate::domain::redact::Redactor;
use crate::domain::run::Outcome;
use crate::domain::trigger::{self, TriggerExtra};
use crate::git;

/// What `POCKETCI_RUN_ID` says where no server counts runs.
const RUN_ID: &str = "local";

/// Lines of standard error that are kept to tell an engine's failure from a function's.
const TAIL: usize = 100;

/// Everything that the calls of one event share.
pub(super) struct Bench {
    config: Config,
    dagger: Dagger,
    /// Event file and empty folders; removed at the end.
    scratch: TempDir,
    /// The working copy.
    source: PathBuf,
    trigger: PathBuf,
    event: Event,
    secrets: Vec<(String, SecretString)>,
    redactor: Redactor,
}

impl Bench {
    pub(super) fn new(
        config: Config,
        dagger: Dagger,
        scratch: TempDir,
        source: PathBuf,
        event: Event,
        changes: &Changes,
        secrets: Vec<(String, SecretString)>,
    ) -> Result<Arc<Self>, Failure> {
        let trigger = scratch.path().join("event.json");
        let extra =
            TriggerExtra { delivery_id: "", run_id: None, attempt: 1, changes: changes.files() };
        std::fs::write(&trigger, trigger::json(&event, extra, None)).map_err(|error| {
            Failure::unreachable(format!("Failed to write `{}`: {error}", trigger.display()))
        })?;
        let masks = config.masks.clone();
        secrets.iter().for_each(|(_, value)| masks.add(value.expose_secret()));
        let redactor = masks.redactor();
        Ok(Arc::new(Self { config, dagger, scratch, source, trigger, event, secrets, redactor }))
    }

    /// Makes the calls, as many at once as there are CPUs; the outcomes in the order of the jobs.
    pub(super) async fn run(
        self: Arc<Self>,
        jobs: &[Job],
        cancel: &CancellationToken,
    ) -> Result<Vec<Done>, Failure> {
        let slots = Arc::new(Semaphore::new(self.config.parallelism));
        let lines = Arc::new(Lines::new(jobs));
        let mut tasks = JoinSet::new();
        for (number, job) in jobs.iter().cloned().enumerate() {
            let (bench, lines, cancel) = (Arc::clone(&self), Arc::clone(&lines), cancel.clone());
            let slots = Arc::clone(&slots);
            tasks.spawn(async move {
                let slot = tokio::select! {
                    slot = slots.acquire_owned() => slot.ok(),
                    () = cancel.cancelled() => None,
                };
                let begin = Instant::now();
                let outcome = match slot {
                    Some(_slot) => bench.call(number, &job, &lines, &cancel).await,
                    None => Outcome::Cancelled("before it began".to_owned()),
                };
                let done = Done { outcome, took: begin.elapsed() };
                lines.ended(number, &done);
                (number, done)
            });
        }
        let mut done = Vec::new();
        while let Some(ended) = tasks.join_next().await {
            let ended = ended.map_err(|error| {
                Failure::unreachable(format!("A call could not be watched to its end: {error}"))
            })?;
            done.push(ended);
        }
        done.sort_by_key(|(number, _)| *number);
        lines.written()?;
        Ok(done.into_iter().map(|(_, done)| done).collect())
    }

    async fn call(
        &self,
        number: usize,
        job: &Job,
        lines: &Lines,
        cancel: &CancellationToken,
    ) -> Outcome {
        let program = match self.prepare(number, job) {
            Ok(program) => program,
            Err(why) => return Outcome::Errored(why),
        };
        lines.begun(number);
        job.call.notes.iter().for_each(|note| lines.note(number, note));
        let dagger = matches!(job.call.action, Action::Dagger { .. });
        let name = program.program.display().to_string();
        let tail = Mutex::new(VecDeque::new());
        let on_line = |stream, line: &[u8]| {
            let text = String::from_utf8_lossy(line);
            lines.line(number, dagger && stream == Stream::Stderr, &text);
            if stream == Stream::Stderr {
                let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
                tail.push_back(text.into_owned());
                if tail.len() > TAIL {
                    tail.pop_front();
                }
            }
        };
        let ended = child::run(program, &self.redactor, job.timeout, cancel, on_line).await;
        let tail = tail.into_inner().unwrap_or_else(PoisonError::into_inner);
        match ended {
            Ended::Exited(0) => Outcome::Passed,
            Ended::Exited(exit) => {
                let said = tail.into_iter().collect::<Vec<String>>().join("\n");
                let trouble = dagger.then(|| engine_trouble(&said)).flatten();
                trouble.map_or(Outcome::Failed { exit }, Outcome::Lost)
            }
            Ended::TimedOut => Outcome::TimedOut,
            Ended::Cancelled => Outcome::Cancelled("interrupted".to_owned()),
            Ended::Signalled(signal) => {
                Outcome::Lost(format!("its process was ended by signal {signal}"))
            }
            Ended::NotStarted(error) => Outcome::Errored(format!("Cannot start `{name}`: {error}")),
        }
    }

    /// The child, with folders of its own; or what keeps it from being started.
    fn prepare(&self, number: usize, job: &Job) -> Result<Program, String> {
        let reference = forge::label_reference(&self.event);
        let sha = self.event.sha.as_ref();
        let labels = CallLabels {
            sha: sha.map_or("", |sha| sha.as_str()),
            git_ref: &reference,
            event_name: &self.event.event_type,
            event_path: &self.trigger,
            run_id: RUN_ID,
            url: self.config.public_url.as_deref().unwrap_or_default(),
        };
        let wanted = job.call.secrets();
        let given = self.secrets.iter().filter(|(name, _)| wanted.contains(&name.as_str()));
        let secrets: Vec<(&str, &str)> =
            given.map(|(name, value)| (name.as_str(), value.expose_secret())).collect();
        let config = &self.config;
        match &job.call.action {
            Action::Dagger { module, .. } => {
                git::resolve_inside(&self.source, module).map_err(|error| error.to_string())?;
                let room = self.scratch.path().join(number.to_string());
                let (cwd, home) = (room.join("cwd"), room.join("home"));
                for folder in [&cwd, &home] {
                    std::fs::create_dir_all(folder).map_err(|error| {
                        format!("Cannot make the folder `{}`: {error}", folder.display())
                    })?;
                }
                no_dotenv_above(&cwd, "TMPDIR").map_err(|error| error.to_string())?;
                let source = text(&self.source)?;
                let event_trigger = text(&self.trigger)?;
                let argv = job.call.argv(Places { module_tree: source, source, event_trigger });
                let env = call_environment(
                    &[],
                    &config.base_env,
                    &config.pass_env,
                    &home,
                    &secrets,
                    &labels,
                );
                Ok(self.dagger.call(argv, env, cwd))
            }
            Action::Shell { run, .. } => {
                let project = format!("pocketci-{RUN_ID}-{}-{number}", std::process::id());
                let places = HostPlaces {
                    source: &self.source,
                    compose_project: &project,
                    commit: sha.map_or("", |sha| sha.as_str()),
                    short_commit: sha.map_or("", |sha| sha.short()),
                };
                let (agent, pass) = (&config.shell_env, &config.pass_env);
                let env = host_environment(agent, pass, &secrets, &labels, &places);
                Ok(host_command(run, env, self.source.clone()))
            }
        }
    }
}

fn text(path: &Path) -> Result<&str, String> {
    path.to_str().ok_or_else(|| format!("`{}` is not UTF-8", path.display()))
}
