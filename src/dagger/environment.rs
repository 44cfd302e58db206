//! The environments of children: each starts empty and says what is in it.

use std::ffi::{OsStr, OsString};
use std::path::Path;

/// Keeps the CLI from colours, advertisement, telemetry and update checks.
const QUIET: [(&str, &str); 4] = [
    ("NO_COLOR", "1"),
    ("DAGGER_NO_NAG", "1"),
    ("DO_NOT_TRACK", "1"),
    ("DAGGER_NO_UPDATE_CHECK", "1"),
];

/// The agent's variables that a command on the host sees, beside what the operator passes.
const HOST: [&str; 5] = ["PATH", "HOME", "USER", "LANG", "TMPDIR"];

/// What a call is told about itself, in the variables that the CLI and CI programs read.
#[derive(Debug, Clone, Copy)]
pub struct CallLabels<'a> {
    pub sha: &'a str,
    /// `refs/pull/N/merge` for a pull request.
    pub git_ref: &'a str,
    /// The forge's name of the event.
    pub event_name: &'a str,
    /// The file with the event trigger.
    pub event_path: &'a Path,
    pub run_id: &'a str,
    /// Where the run is shown.
    pub url: &'a str,
}

/// Where a command on the host finds its things.
#[derive(Debug, Clone, Copy)]
pub struct HostPlaces<'a> {
    /// The checkout.
    pub source: &'a Path,
    /// Unique among the commands that run at the same time: lower-case letters, digits, dashes.
    pub compose_project: &'a str,
    pub commit: &'a str,
    pub short_commit: &'a str,
}

/// An environment in the making: the first value that a name is given stays.
#[derive(Default)]
struct Environment(Vec<(String, OsString)>);

impl Environment {
    fn set(&mut self, name: &str, value: impl AsRef<OsStr>) {
        if !self.0.iter().any(|(taken, _)| taken == name) {
            self.0.push((name.to_owned(), value.as_ref().to_owned()));
        }
    }

    fn labels(&mut self, labels: &CallLabels<'_>) {
        self.set("CI", "pocketci");
        self.set("GITHUB_ACTIONS", "true");
        self.set("GITHUB_SHA", labels.sha);
        self.set("GITHUB_REF", labels.git_ref);
        self.set("GITHUB_EVENT_NAME", labels.event_name);
        self.set("GITHUB_EVENT_PATH", labels.event_path);
        self.set("POCKETCI_RUN_ID", labels.run_id);
        self.set("POCKETCI_URL", labels.url);
        self.set("NO_COLOR", "1");
    }

    fn all<'a>(&mut self, pairs: impl IntoIterator<Item = &'a (String, OsString)>) {
        for (name, value) in pairs {
            self.set(name, value);
        }
    }
}

/// The environment of a question to the CLI, with an empty home.
pub(super) fn question_environment(
    base: &[(String, OsString)],
    home: &Path,
) -> Vec<(String, OsString)> {
    let mut env = Environment::default();
    env.set("HOME", home);
    for (name, value) in QUIET {
        env.set(name, value);
    }
    env.all(base);
    env.0
}

/// The environment of a `dagger call`.
///
/// `steps` says where its traces go; `base` is what every call sees (`PATH`, the engine's address, proxies, `DAGGER_CLOUD_TOKEN`),
/// `pass` what the operator passes by name, `home` an empty folder of the call's own, `secrets`
/// the names and values that this call declares. Where a name comes twice, labels and `steps`
/// win over `base`, `base` over secrets, and secrets over what is passed.
pub fn call_environment(
    steps: &[(String, OsString)],
    base: &[(String, OsString)],
    pass: &[(String, OsString)],
    home: &Path,
    secrets: &[(&str, &str)],
    labels: &CallLabels<'_>,
) -> Vec<(String, OsString)> {
    let mut env = Environment::default();
    env.set("HOME", home);
    env.labels(labels);
    env.all(steps);
    for (name, value) in QUIET {
        env.set(name, value);
    }
    env.all(base);
    for (name, value) in secrets {
        env.set(name, value);
    }
    env.all(pass);
    env.0
}

/// The environment of a command on the host.
///
/// Of `agent` it sees only `PATH`, `HOME`, `USER`, `LANG` and `TMPDIR`: no token, whatever the
/// slice holds. `pass` is what the operator passes by name, `secrets` the spec's secrets under
/// their variables' names. Precedence is as in [`call_environment`].
pub fn host_environment(
    agent: &[(String, OsString)],
    pass: &[(String, OsString)],
    secrets: &[(&str, &str)],
    labels: &CallLabels<'_>,
    places: &HostPlaces<'_>,
) -> Vec<(String, OsString)> {
    let mut env = Environment::default();
    env.labels(labels);
    env.set("POCKETCI_EVENT_TRIGGER", labels.event_path);
    env.set("POCKETCI_SRC", places.source);
    env.set("COMPOSE_PROJECT_NAME", places.compose_project);
    env.set("commit", places.commit);
    env.set("short_commit", places.short_commit);
    env.all(agent.iter().filter(|(name, _)| HOST.contains(&name.as_str())));
    for (name, value) in secrets {
        env.set(name, value);
    }
    env.all(pass);
    env.0
}
