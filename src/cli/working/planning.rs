//! From an event, its changes and the specs to their plans; asks `dagger` only where it must.

use std::path::PathBuf;
use std::time::Duration;

use super::files::{self, SPEC_FILE, Tree};
use crate::cli::{Failure, progress};
use crate::config::Config;
use crate::dagger::{Dagger, ListError};
use crate::domain::admission;
use crate::domain::event::Event;
use crate::domain::function::{ListingError, Module};
use crate::domain::plan::{self, Changes, Plan, Policy, Reason, SecretAccess};
use crate::domain::spec::{self, Spec, SpecErrors, Target};

/// How long the engine may take to say that it is there.
const PING_LIMIT: Duration = Duration::from_secs(10);
/// How long a listing may take: an engine's first Go module needs more than ten seconds.
const LIST_LIMIT: Duration = Duration::from_secs(300);

/// One spec with what it decides.
pub(crate) struct Planned {
    pub(crate) spec: Spec,
    pub(crate) plan: Plan,
}

/// Plans specs for one event.
pub(crate) struct Planner<'a> {
    pub(crate) event: &'a Event,
    pub(crate) changes: &'a Changes,
    /// The working copy's folder, where there is one.
    pub(crate) root: Option<PathBuf>,
    /// A saved listing in place of `dagger`, for every module.
    pub(crate) listing: Option<Vec<u8>>,
    /// Whether a function may have a secret.
    pub(crate) secret: &'a dyn Fn(&str, &str) -> SecretAccess,
}

/// The specs of a working copy, as they lie on disk, and the files that are none.
pub(crate) fn specs(tree: &Tree) -> Result<(Vec<Spec>, Vec<SpecErrors>), Failure> {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for path in tree.spec_files(&tree.root)? {
        match spec::parse_bytes(&path, &files::read(&tree.root.join(&path))?) {
            Ok(specs) => good.extend(specs),
            Err(errors) => bad.push(errors),
        }
    }
    let module = tree.root.join("ci").is_dir();
    if good.is_empty() && bad.is_empty() && module {
        good.push(spec::default_for_root());
    }
    Ok((good, bad))
}

/// The specs of one saved file, which counts as the root's.
pub(crate) fn specs_of_file(
    path: &std::path::Path,
) -> Result<Result<Vec<Spec>, SpecErrors>, Failure> {
    let name = path.to_string_lossy();
    let parsed = spec::parse_bytes(SPEC_FILE, &files::read(path)?);
    // The diagnostics name the file that was passed.
    Ok(parsed.map_err(|errors| errors.of_file(&name)))
}

impl Planner<'_> {
    /// The plan of a spec, with a reason for every function that is known.
    pub(crate) async fn plan(&self, spec: Spec) -> Result<Planned, Failure> {
        let plan = match &spec.target {
            Target::Commands(commands) => self.decide(&spec, &Module::of_commands(commands)),
            Target::Module(module) => self.plan_module(&spec, module).await?,
        };
        Ok(Planned { spec, plan })
    }

    async fn plan_module(&self, spec: &Spec, module: &str) -> Result<Plan, Failure> {
        let saved = self.listing.as_deref();
        if let Some(listing) = saved {
            return match Module::parse(listing) {
                Ok(module) => Ok(self.decide(spec, &module)),
                Err(error @ ListingError::NotJson(_)) => Err(Failure::bad_input(error.to_string())
                    .hint("--functions takes what `dagger query` answers to the listing query")),
                Err(error) => Ok(unlisted("no_functions", error.to_string())),
            };
        }
        // Without a diff or an event that the spec wants, no engine is asked.
        if let Err(reason) = admission::admits(self.event, spec, self.changes) {
            return Ok(plan::skipped(reason));
        }
        let Some(folder) = self.root.as_ref().map(|root| root.join(module)) else {
            let text = "There is no working copy here whose module could be listed";
            return Err(Failure::bad_input(text).hint("pass a saved listing: --functions FILE"));
        };
        if !folder.is_dir() {
            let shown = if module.is_empty() { "." } else { module };
            return Ok(unlisted("no_module", format!("there is no folder `{shown}`")));
        }
        let what = format!("listing the functions of {module}");
        match progress::during(what.trim_end(), list(&folder)).await? {
            Ok(listing) => match Module::parse(&listing) {
                Ok(module) => Ok(self.decide(spec, &module)),
                Err(error) => Ok(unlisted("no_functions", error.to_string())),
            },
            Err(text) => Ok(unlisted("module_broken", text)),
        }
    }

    fn decide(&self, spec: &Spec, module: &Module) -> Plan {
        let policy = Policy { fork: self.event.is_fork(), secret: self.secret };
        plan::plan(self.event, spec, module, self.changes, &policy)
    }
}

fn unlisted(code: &str, text: String) -> Plan {
    plan::errored(Reason { code: code.to_owned(), text })
}

/// Asks `dagger` for a module's functions; the inner error is the module's own.
async fn list(module: &std::path::Path) -> Result<Result<Vec<u8>, String>, Failure> {
    let config = Config::from_env()?;
    let scratch = tempfile::tempdir().map_err(|error| {
        Failure::unreachable(format!("Failed to make a temporary folder: {error}"))
    })?;
    let dagger = Dagger::new(config.dagger, config.base_env, scratch.path().to_owned());
    let hint = "without an engine, pass a saved listing: --functions FILE";
    let failed =
        |error: crate::dagger::EngineError| Failure::unreachable(error.to_string()).hint(hint);
    dagger.ping(PING_LIMIT).await.map_err(failed)?;
    match dagger.list(module, LIST_LIMIT).await {
        Ok(listing) => Ok(Ok(listing)),
        Err(ListError::Module(text)) => Ok(Err(text)),
        Err(ListError::Engine(error)) => Err(failed(error)),
    }
}
