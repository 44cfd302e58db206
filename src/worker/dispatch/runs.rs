//! A spec becomes a run: its plan, how it begins, and what the forge is told at once.

use super::{Later, specs, trust};
use crate::domain::event::Event;
use crate::domain::ids::Sha;
use crate::domain::plan::{self, Changes, Decision, Plan, Policy, ReasonCode, SecretAccess};
use crate::domain::policy::SecretUse;
use crate::domain::run::{Status, Verdict};
use crate::domain::spec::{Spec, Target};
use crate::domain::trust::Forks;
use crate::domain::{admission, report, succession};
use crate::git::Mirror;
use crate::store::{NewRun, NewRunState, RunSettings};
use crate::worker::Worker;

impl Worker {
    /// One run, whatever its plan says.
    pub(super) async fn plan_spec(
        &self,
        event: &Event,
        sha: &Sha,
        mirror: &Mirror,
        spec: Spec,
        changes: &Changes,
        outside: bool,
    ) -> Result<NewRun, Later> {
        let plan = self.decide(event, sha, mirror, &spec, changes, outside).await?;
        let asks = |repository| self.forks(event, repository) == Forks::Approve;
        let held =
            (outside && event.repository.as_ref().is_none_or(asks) && !plan.calls.is_empty())
                .then(|| trust::waits(event, sha));
        let statuses = match &held {
            Some(why) => report::held(&spec.name, event, &plan, spec.summary, why),
            None => report::planned(&spec.name, event, &plan, spec.summary),
        };
        let state = match (held, plan.calls.is_empty(), plan.decision == Decision::Error) {
            (Some(why), ..) => NewRunState::Held(why),
            (None, false, _) => NewRunState::Queued,
            (None, true, true) => NewRunState::Finished(Verdict::Errored),
            (None, true, false) => NewRunState::Finished(Verdict::Passed),
        };
        let settings = RunSettings {
            timeout: spec.timeout.unwrap_or(self.settings.call_timeout),
            run_timeout: spec.run_timeout.or(self.settings.run_timeout),
            on_interrupt: spec.on_interrupt,
            git_depth: spec.git_depth,
            summary: spec.summary,
            max_parallel: spec.max_parallel,
            concurrency: spec.concurrency,
            place: succession::place(event, spec.cancel_superseded),
        };
        Ok(new_run(event, sha, (spec.path, spec.name), plan, settings, state, statuses, changes))
    }

    /// The plan, whatever it takes to make it; only what is outside can put it off.
    async fn decide(
        &self,
        event: &Event,
        sha: &Sha,
        mirror: &Mirror,
        spec: &Spec,
        changes: &Changes,
        outside: bool,
    ) -> Result<Plan, Later> {
        if let Err(reason) = admission::admits(event, spec, changes) {
            return Ok(plan::skipped(reason));
        }
        let module = match &spec.target {
            Target::Commands(_) if !self.may_command(event) => {
                let text = "commands without a module are not allowed on this agent: its operator \
                            can set `POCKETCI_HOST_COMMANDS=allow`, or allow them for this repository \
                            in POCKETCI_CONFIG";
                return Ok(plan::errored(ReasonCode::CommandsNotAllowed.because(text)));
            }
            Target::Commands(commands) => crate::domain::function::Module::of_commands(commands),
            Target::Module(folder) => {
                match self.module(mirror, sha, folder, self.dotenv(event)).await? {
                    Ok(module) => module,
                    Err(reason) => return Ok(plan::errored(reason)),
                }
            }
        };
        let access = |function: &str, name: &str| self.secret_access(event, function, name);
        let policy = Policy { fork: outside, secret: &access };
        Ok(plan::plan(event, spec, &module, changes, &policy))
    }

    fn secret_access(&self, event: &Event, function: &str, name: &str) -> SecretAccess {
        match self.secret_use(event, function, name) {
            SecretUse::Value(_) => SecretAccess::Available,
            SecretUse::Address(_) => SecretAccess::Address,
            SecretUse::Unset => SecretAccess::Unset,
            SecretUse::NotAllowed { hint } => SecretAccess::NotAllowed(hint),
        }
    }

    /// Whether a function may have a secret when it is called for this event, and from where.
    pub(in crate::worker) fn secret_use(
        &self,
        event: &Event,
        function: &str,
        name: &str,
    ) -> SecretUse {
        let Some(repository) = &event.repository else {
            let hint = format!("`{name}` is for a repository, and the event names none");
            return SecretUse::NotAllowed { hint };
        };
        let repository = &repository.full_name;
        self.settings.policy.secret(event.forge(), repository, event, function, name)
    }

    fn may_command(&self, event: &Event) -> bool {
        let repository = event.repository.as_ref();
        repository.is_some_and(|repository| {
            self.settings.policy.host_commands(event.forge(), &repository.full_name)
        })
    }

    /// The run of a `pocketci.yaml` that does not say what to do: it tells that, and ends.
    pub(super) fn broken_spec(
        &self,
        event: &Event,
        sha: &Sha,
        broken: &specs::Broken,
        changes: &Changes,
    ) -> NewRun {
        let settings = RunSettings {
            timeout: self.settings.call_timeout,
            run_timeout: None,
            on_interrupt: Default::default(),
            git_depth: Default::default(),
            summary: true,
            max_parallel: None,
            concurrency: None,
            place: None,
        };
        let statuses = vec![report::spec_error(&broken.name, &broken.headline)];
        let plan = plan::errored(ReasonCode::SpecError.because(broken.text.clone()));
        let plan = Plan { marks: broken.marks.clone(), ..plan };
        let state = NewRunState::Finished(Verdict::Errored);
        let spec = (broken.path.clone(), broken.name.clone());
        new_run(event, sha, spec, plan, settings, state, statuses, changes)
    }
}

#[expect(clippy::too_many_arguments, reason = "one caller each for a good and a broken spec")]
fn new_run(
    event: &Event,
    sha: &Sha,
    (spec_path, spec_name): (String, String),
    plan: Plan,
    settings: RunSettings,
    state: NewRunState,
    statuses: Vec<Status>,
    changes: &Changes,
) -> NewRun {
    NewRun {
        event: event.clone(),
        sha: sha.clone(),
        spec_path,
        spec_name,
        plan,
        settings,
        state,
        statuses,
        changes: changes.clone(),
    }
}
