//! The environment to a [`Config`]; the only reader of it.
//!
//! All that is wrong is reported at once, by variable and value, never with a secret's value.
//! An empty variable counts as unset.

mod client;
mod environment;
pub mod file;
mod forges;
mod github_app;
mod sign_in;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use crate::domain::network::Proxies;
use crate::domain::policy::{Policy, is_the_agents};
use crate::domain::redact::Masks;
use crate::domain::rights::Readers;
use crate::domain::space::{Keep, MinFree};
pub use crate::domain::trust::Forks;
use crate::onward::Collector;
use crate::secrets::Values;
pub use client::ClientConfig;
pub use forges::{ForgeConfig, SettingNames};
pub use github_app::{GithubApp, Kept as KeptApp, Store as AppStore};
pub use sign_in::{OidcConfig, OidcRightsConfig, SignInConfig};

/// Every variable with its meaning, for `serve --help`.
pub const VARIABLES: [(&str, &str); 48] = [
    ("X_HUB_SIGNATURE", "The webhook secret; several, one a line, while one is being rotated"),
    ("GITHUB_USERNAME", "Credentials for git and the API, sent to the configured GitHub only"),
    ("GITHUB_TOKEN", "The token that belongs to it"),
    (
        "POCKETCI_GITHUB_APP_ID",
        "The id of a GitHub App, which then takes the place of GITHUB_TOKEN [default: the App that \
         `github-app create` made]",
    ),
    ("POCKETCI_GITHUB_APP_KEY", "Its private key: the text of the PEM file"),
    ("POCKETCI_GITHUB_APP_KEY_FILE", "The same as a path"),
    ("DAGGER_CLOUD_TOKEN", "Passed to `dagger`"),
    ("POCKETCI_LISTEN", "Where to listen [default: 0.0.0.0:8080]"),
    ("POCKETCI_URL", "What the world calls this agent, for links in statuses"),
    ("POCKETCI_TLS_CERT", "A certificate with its chain, in PEM form: serve HTTPS with it"),
    ("POCKETCI_TLS_KEY", "Its key, in PEM form; both files are read again when they change"),
    (
        "POCKETCI_PUBLIC_RUNS",
        "Whose runs can be read without signing in: none [default], public (of public \
         repositories), all; where only this machine can connect, and POCKETCI_URL does not name \
         another, all is the default",
    ),
    (
        "POCKETCI_GITHUB_OAUTH_ID",
        "The client id of an OAuth App, or of the GitHub App: people sign in with GitHub",
    ),
    ("POCKETCI_GITHUB_OAUTH_SECRET", "Its client secret"),
    ("POCKETCI_OIDC_ISSUER", "An OpenID provider that people sign in with"),
    ("POCKETCI_OIDC_CLIENT_ID", "What the agent is called there"),
    ("POCKETCI_OIDC_CLIENT_SECRET", "The secret that belongs to it"),
    (
        "POCKETCI_OIDC_RIGHTS",
        "What its people may do: `groups:ci=operate, email:*@example.org=read`; may be left out \
         where the provider is a forge of ours",
    ),
    (
        "POCKETCI_ADMINS",
        "Who, signed in through a forge, may do everything: `github:alice`, `github:id:583231`",
    ),
    (
        "POCKETCI_TRUSTED_PROXIES",
        "Addresses or networks of proxies in front, whose X-Forwarded-For says who sent a request",
    ),
    (
        "POCKETCI_DATA_DIR",
        "Database, mirrors, logs, checkouts [default: $XDG_STATE_HOME/pocketci, \
         ~/.local/state/pocketci, or /var/lib/pocketci as root]",
    ),
    ("POCKETCI_DATABASE_URL", "`sqlite:`, in the data folder [default]"),
    ("POCKETCI_SECRETS", "Names that `from-env` may use, beside GITHUB_USERNAME and GITHUB_TOKEN"),
    ("POCKETCI_FORKS", "Pull requests from forks: approve [default], run, never"),
    ("POCKETCI_PASS_ENV", "Names of variables that `dagger` and `commands:` may see"),
    ("POCKETCI_HOST_COMMANDS", "`allow` lets `commands:` run on this host, with its rights"),
    ("POCKETCI_PARALLELISM", "Calls at once [default: number of CPUs]"),
    ("POCKETCI_REPOSITORY_PARALLELISM", "Calls at once of one repository [default: no limit]"),
    ("POCKETCI_CALL_TIMEOUT", "How long a call may take [default: 60m]"),
    (
        "POCKETCI_RUN_TIMEOUT",
        "How long a run may take from the start of its first call on [default: no limit]",
    ),
    (
        "POCKETCI_DRAIN_TIMEOUT",
        "How long calls under way may go on after SIGTERM, before they are queued again \
         [default: 30s]",
    ),
    (
        "POCKETCI_CATCH_UP",
        "How far back to look at start for events that did not arrive, like 24h [default: not]",
    ),
    (
        "POCKETCI_KEEP",
        "How long finished work is kept with its logs: days, a number of runs, or both; what is \
         beyond either goes [default: 90d,10000]",
    ),
    (
        "POCKETCI_MIN_FREE",
        "Free space of the data folder's disk below which old logs and mirrors go and deliveries \
         are refused: `5%` [default], `2GiB`",
    ),
    (
        "POCKETCI_LOG_LIMIT",
        "The longest log of a call; of a longer one its head and tail are kept [default: 100MiB]",
    ),
    ("POCKETCI_DAGGER", "The `dagger` executable [default: dagger]"),
    ("POCKETCI_GITHUB_URL", "https://github.com [default], or the root of an Enterprise Server"),
    ("GITEA_URL", "The root of a Gitea; nothing that belongs to it goes to another host"),
    ("GITEA_TOKEN", "Its token, for git and the API; GITEA_USERNAME, where git needs one"),
    ("GITEA_WEBHOOK_SECRET", "Its webhook secret; several, one a line"),
    ("FORGEJO_…, GOGS_…", "The same four for a Forgejo and for a Gogs"),
    ("GITLAB_…, BITBUCKET_…", "For GitLab and Bitbucket Cloud; the root may be left out"),
    ("BITBUCKET_SERVER_…", "For a Bitbucket Data Center"),
    ("POCKETCI_ALLOW_SHA1", "`true` accepts a lone `X-Hub-Signature: sha1=…`"),
    ("POCKETCI_LOG_FORMAT", "The agent's own log: human [default], json"),
    (
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "Where traces are collected, over http/protobuf: calls' steps are passed on to it, below \
         spans of the agent",
    ),
    ("OTEL_EXPORTER_OTLP_HEADERS", "Headers for it, like `authorization=Bearer%20…`"),
    (
        "POCKETCI_CONFIG",
        "A file for what does not fit a variable: several forges of one kind, which repositories \
         may use which secrets",
    ),
];

/// Everything the operator decides.
#[derive(Clone)]
pub struct Config {
    /// `POCKETCI_LISTEN`.
    pub listen: SocketAddr,
    /// `POCKETCI_URL`, without a slash at the end: what the world calls this agent.
    pub public_url: Option<String>,
    /// `POCKETCI_TLS_CERT` and `POCKETCI_TLS_KEY`; none for plain HTTP.
    pub tls: Option<TlsFiles>,
    /// `POCKETCI_PUBLIC_RUNS`; none where it is not set.
    pub public_runs: Option<Readers>,
    /// How people sign in, and who of them may do everything.
    pub sign_in: SignInConfig,
    /// `POCKETCI_TRUSTED_PROXIES`.
    pub proxies: Proxies,
    /// `POCKETCI_DATA_DIR`, absolute.
    pub data_dir: PathBuf,
    /// Those of the variables, GitHub's first, then by vendor; behind them those of the file.
    /// GitHub is left out only where others are set up and it is not.
    pub forges: Vec<ForgeConfig>,
    /// `POCKETCI_ALLOW_SHA1`.
    pub allow_sha1: bool,
    /// What `from-env` may name: `GITHUB_USERNAME`, `GITHUB_TOKEN` and `POCKETCI_SECRETS`.
    pub secret_names: Vec<String>,
    /// The values of all variables that `from-env` may lead to.
    pub secrets: Values,
    /// What nothing may show: the tokens, the webhook secrets, and every value that `from-env`
    /// may lead to. A user name is no secret, though it may be named like one.
    pub masks: Masks,
    /// What each repository may do, by the variables and by the file.
    pub policy: Policy,
    /// `POCKETCI_FORKS`, for repositories of which the file says nothing else: see `policy`.
    pub forks: Forks,
    /// `POCKETCI_PASS_ENV`, those that are set: for `dagger` and for `commands:`.
    pub pass_env: Vec<(String, OsString)>,
    /// `POCKETCI_HOST_COMMANDS`: whether `commands:` may run on this host; see `policy`.
    pub host_commands: bool,
    /// What every `dagger` needs: the search path, proxies, CA certificates, the engine's
    /// address, `DAGGER_CLOUD_TOKEN`.
    pub base_env: Vec<(String, OsString)>,
    /// What a shell needs: the search path, `HOME`, `USER`, `LANG`, `TMPDIR`.
    pub shell_env: Vec<(String, OsString)>,
    /// `POCKETCI_PARALLELISM`: calls at once, over all runs.
    pub parallelism: usize,
    /// `POCKETCI_REPOSITORY_PARALLELISM`: calls at once of one repository.
    pub repository_parallelism: Option<u32>,
    /// `POCKETCI_CALL_TIMEOUT`.
    pub call_timeout: Duration,
    /// `POCKETCI_RUN_TIMEOUT`; none: no limit.
    pub run_timeout: Option<Duration>,
    /// `POCKETCI_DRAIN_TIMEOUT`: how long calls under way may go on once the agent is told to stop.
    pub drain_timeout: Duration,
    /// `POCKETCI_CATCH_UP`: how far back events that did not arrive are looked for at start.
    pub catch_up: Option<Duration>,
    /// `POCKETCI_KEEP`.
    pub keep: Keep,
    /// `POCKETCI_MIN_FREE`.
    pub min_free: MinFree,
    /// `POCKETCI_LOG_LIMIT`: bytes of one call's log.
    pub log_limit: u64,
    /// `POCKETCI_DAGGER`: a path, or a name to be searched for.
    pub dagger: PathBuf,
    /// `OTEL_EXPORTER_OTLP_ENDPOINT` and `OTEL_EXPORTER_OTLP_HEADERS`.
    pub collector: Option<Collector>,
    /// `POCKETCI_LOG_FORMAT`.
    pub log_format: LogFormat,
    /// `POCKETCI_TEST_CRASH_AT`: where a build for tests kills itself.
    pub crash_at: Option<String>,
    /// `POCKETCI_TEST_COMPARE_EVERY`: how often a build for tests compares what forges show.
    pub compare_every: Option<Duration>,
    /// What was understood and probably not meant, a sentence each.
    pub warnings: Vec<String>,
}

/// What TLS is served with; both in PEM form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// With its chain.
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// How the agent's own log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    #[default]
    Human,
    Json,
}

impl Config {
    /// The value of a variable that `from-env` may name; none where it may not, or is unset.
    pub fn secret_value(&self, name: &str) -> Option<&SecretString> {
        self.secrets.variable(name)
    }

    /// Reads this process's environment.
    #[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
    pub fn from_env() -> Result<Self, ConfigError> {
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect();
        environment::read(|name| std::env::var_os(name), names, environment::Host::here())
    }

    /// A server of one's own on this machine, set up by these variables; of this process's
    /// environment it sees only what `dagger` and a shell need.
    #[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
    pub fn local(variables: &[(&str, OsString)]) -> Result<Self, ConfigError> {
        let lookup = |name: &str| {
            let own = variables.iter().find(|(own, _)| *own == name);
            let machine = || environment::is_of_the_machine(name).then(|| std::env::var_os(name));
            own.map(|(_, value)| value.clone()).or_else(|| machine().flatten())
        };
        environment::read(lookup, BTreeSet::new(), environment::Host::here())
    }
}

/// A variable of whoever runs a spec on their own machine, for its `from-env`; the agent's own
/// variables are nobody's secrets.
#[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
pub fn own_secret(name: &str) -> Option<SecretString> {
    let value = if is_the_agents(name) { None } else { std::env::var(name).ok() };
    value.filter(|value| !value.is_empty()).map(SecretString::from)
}

impl environment::Host {
    fn here() -> Self {
        Self {
            root: nix::unistd::geteuid().is_root(),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

impl fmt::Debug for Config {
    /// Leaves out what may hold a secret, and shows names for it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |env: &[(String, OsString)]| -> Vec<String> {
            env.iter().map(|(name, _)| name.clone()).collect()
        };
        f.debug_struct("Config")
            .field("listen", &self.listen)
            .field("public_url", &self.public_url)
            .field("tls", &self.tls)
            .field("public_runs", &self.public_runs)
            .field("proxies", &self.proxies)
            .field("data_dir", &self.data_dir)
            .field("forges", &self.forges)
            .field("allow_sha1", &self.allow_sha1)
            .field("secret_names", &self.secret_names)
            .field("forks", &self.forks)
            .field("pass_env", &names(&self.pass_env))
            .field("host_commands", &self.host_commands)
            .field("base_env", &names(&self.base_env))
            .field("parallelism", &self.parallelism)
            .field("repository_parallelism", &self.repository_parallelism)
            .field("call_timeout", &self.call_timeout)
            .field("run_timeout", &self.run_timeout)
            .field("keep", &self.keep)
            .field("min_free", &self.min_free)
            .field("log_limit", &self.log_limit)
            .field("dagger", &self.dagger)
            .field("log_format", &self.log_format)
            .finish_non_exhaustive()
    }
}

/// Everything that is wrong with the environment; one sentence a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigError(pub Vec<String>);
