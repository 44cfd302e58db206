//! What a call needs before it starts: its files, its arguments, its environment.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};

use super::Worker;
use super::call_log::CallLog;
use super::module_place;
use super::workspace::{Checkout, Rooms, Workspace};
use crate::dagger::child::Program;
use crate::dagger::{
    self, CallLabels, HostPlaces, call_environment, host_command, host_environment, no_dotenv_above,
};
use crate::domain::event::Event;
use crate::domain::forge;
use crate::domain::plan::{Action, Addresses, Places};
use crate::domain::policy::SecretUse;
use crate::domain::trigger::{self, TriggerExtra};
use crate::git::{Dotenv, GitError, Want};
use crate::store::ClaimedCall;

impl Worker {
    /// Everything that the child needs, and where that is on disk. `steps`: the variables by
    /// which `dagger` knows where its steps go.
    pub(super) async fn prepare(
        &self,
        call: &ClaimedCall,
        workspace: &Workspace,
        rooms: &Rooms,
        steps: &[(String, OsString)],
        log: &CallLog,
    ) -> anyhow::Result<Program> {
        let trigger = self.event_file(call, workspace).await?;
        let reference = forge::label_reference(&call.event);
        let (run, url) =
            (call.run.to_string(), format!("{}/runs/{}", self.settings.public_url, call.run));
        let labels = CallLabels {
            sha: call.sha.as_str(),
            git_ref: &reference,
            event_name: &call.event.event_type,
            event_path: &trigger,
            run_id: &run,
            url: &url,
        };
        let given = self.given(call)?;
        let secrets: Vec<(&str, &str)> = given
            .values
            .iter()
            .map(|(name, value)| (name.as_str(), value.expose_secret()))
            .collect();
        let settings = &self.settings;
        match &call.call.action {
            Action::Dagger { module, .. } => {
                let checkout =
                    workspace.checkout.get_or_try_init(|| self.checkout(call, &workspace.folder));
                let checkout = checkout.await?;
                checkout.notes.iter().for_each(|note| log.note(note));
                // A link out of the tree would let a commit name any folder of this host.
                no_dotenv_above(&rooms.cwd, dagger::DATA_DIR)?;
                module_place::resolve(&checkout.module_tree, module)?;
                let (module_tree, source) = (text(&checkout.module_tree)?, text(&checkout.source)?);
                let places = Places { module_tree, source, event_trigger: text(&trigger)? };
                let env = call_environment(
                    steps,
                    &settings.base_env,
                    &settings.pass_env,
                    &rooms.home,
                    &secrets,
                    &labels,
                );
                Ok(self.dagger.call(
                    call.call.argv_with(places, &given.addresses),
                    env,
                    rooms.cwd.clone(),
                ))
            }
            Action::Shell { run, .. } => {
                // A folder of its own: commands write where they stand.
                let checkout = self.checkout(call, &rooms.folder).await?;
                checkout.notes.iter().for_each(|note| log.note(note));
                let project = format!("pocketci-{}-{}", call.id, call.attempt);
                let places = HostPlaces {
                    source: &checkout.source,
                    compose_project: &project,
                    commit: call.sha.as_str(),
                    short_commit: call.sha.short(),
                };
                // Tools look for their installations in the agent's `HOME`; without one they get
                // an empty folder. What they put into `TMPDIR` goes with the call.
                let own = [("TMPDIR", &rooms.tmp), ("HOME", &rooms.home)];
                let own = own.map(|(name, folder)| (name.to_owned(), folder.clone().into()));
                let agent: Vec<_> =
                    own[..1].iter().chain(&settings.shell_env).chain(&own[1..]).cloned().collect();
                let env = host_environment(&agent, &settings.pass_env, &secrets, &labels, &places);
                Ok(host_command(run, env, checkout.source))
            }
        }
    }

    /// Whether the event's modules see `.env` files: only where the operator allows it for the
    /// repository, and never those of a commit that may be a stranger's.
    pub(super) fn dotenv(&self, event: &Event) -> Dotenv {
        let strange = event.is_fork() || !event.names_own_commit();
        let repository = event.repository.as_ref().filter(|_| !strange);
        let policy = &self.settings.policy;
        match repository.map(|it| policy.dotenv(event.forge(), &it.full_name)) {
            Some(true) => Dotenv::Kept,
            _ => Dotenv::Removed,
        }
    }

    async fn checkout(&self, call: &ClaimedCall, folder: &Path) -> anyhow::Result<Checkout> {
        let repository = call.event.repository.as_ref().context("The event names no repository")?;
        // The mirror has it from planning; after a lost mirror it is fetched once more.
        let reference = forge::head_reference(&call.event).unwrap_or_default();
        let want = Want::commit(&call.sha, &reference);
        self.bring_fork(&call.event, repository).await?;
        let mirror = self.bring(call.event.forge(), repository, &[want], None).await?;
        let (sha, depth) = (call.sha.clone(), call.settings.git_depth);
        let dotenv = self.dotenv(&call.event);
        let (source, module) = (folder.join("src"), folder.join("module"));
        let work = move || {
            let mut notes = mirror.checkout(&sha, &source, depth)?;
            crate::crash::point("checkout.half");
            let hazards = mirror.hazards(&sha, dotenv)?;
            let module_tree = if hazards.is_empty() {
                source.clone()
            } else {
                mirror.module_tree(&sha, &module, dotenv)?;
                module
            };
            notes.extend(hazards.notes());
            Ok::<_, GitError>(Checkout { source, module_tree, notes })
        };
        let done = tokio::task::spawn_blocking(work).await.context("The checkout has panicked")?;
        crate::crash::point("checkout.done");
        Ok(done?)
    }

    /// The event trigger file, one for each attempt of a call: its name and content are part of
    /// what the engine caches by.
    async fn event_file(
        &self,
        call: &ClaimedCall,
        workspace: &Workspace,
    ) -> anyhow::Result<PathBuf> {
        let folder = workspace.folder.join(format!("event-{}-{}", call.id, call.attempt));
        let path = folder.join("event.json");
        let body = self.store.delivery_body(call.delivery).await?;
        let payload = trigger::payload(&body)?;
        let extra = TriggerExtra {
            delivery_id: &call.delivery_forge_id,
            run_id: Some(call.run),
            attempt: call.attempt,
            changes: call.changes.files(),
        };
        std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::write(&path, trigger::json(&call.event, extra, Some(payload))))
            .with_context(|| format!("Cannot write the event file `{}`", path.display()))?;
        crate::crash::point("event-file.written");
        Ok(path)
    }

    /// The secrets that this call declares, as they are now, if it may still have them; what
    /// prints them from now on prints a mask.
    fn given(&self, call: &ClaimedCall) -> anyhow::Result<Given> {
        let mut given = Given::default();
        for name in call.call.secrets() {
            let source = match self.secret_use(&call.event, &call.call.function, name) {
                SecretUse::Value(source) => source,
                SecretUse::Address(address) => {
                    given.addresses.insert(name.to_owned(), address);
                    continue;
                }
                SecretUse::Unset => {
                    anyhow::bail!("The secret `{name}` is not set on the agent any more")
                }
                SecretUse::NotAllowed { hint } => {
                    anyhow::bail!("A secret is not allowed any more: {hint}")
                }
            };
            let value = self.settings.secrets.value(&source);
            let value = value.with_context(|| format!("The secret `{name}` cannot be passed"))?;
            if name != "GITHUB_USERNAME" {
                self.settings.masks.add(value.expose_secret());
            }
            given.values.push((name.to_owned(), value));
        }
        Ok(given)
    }
}

/// The secrets of a call.
#[derive(Default)]
struct Given {
    /// For variables of its child alone.
    values: Vec<(String, SecretString)>,
    /// For `dagger` to resolve.
    addresses: Addresses,
}

/// Paths of ours are text, since the data folder is.
fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().with_context(|| format!("The path `{}` is not UTF-8", path.display()))
}
