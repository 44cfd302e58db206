//! The demo's stage: a sample repository, a forge of its own, and the real server between them.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::Level;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use url::Url;

use super::follow::Watch;
use super::hook::{Hook, Sender};
use super::{forge, hook, sample, show};
use crate::agent::Agent;
use crate::cli::journal::Journal;
use crate::cli::progress;
use crate::config::Config;
use crate::dagger::{Dagger, Version};
use crate::domain::event::Repository;
use crate::domain::ids::{RepoName, Vendor};
use crate::domain::redact::Masks;
use crate::git::{Mirrors, Sample};

/// How long the engine may take to answer before the demo goes without it.
const PING_LIMIT: Duration = Duration::from_secs(5);

/// Everything in its place, and nothing sent yet.
pub(super) struct Stage {
    pub(super) agent: Agent,
    pub(super) watch: Watch,
    pub(super) hooks: [Hook; 2],
    /// Where the agent is.
    pub(super) url: String,
    pub(super) sender: Sender,
    /// Removed with everything in it when dropped.
    pub(super) folder: TempDir,
}

impl Stage {
    pub(super) async fn set(shutdown: CancellationToken) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("pocketci-demo-")
            .tempdir()
            .context("Cannot make a temporary folder")?;
        let forge = listener().await?;
        let forge_url = format!("http://{}", forge.local_addr()?);
        let (secret, token) = (hook::random()?, hook::random()?);
        let mut config = config(folder.path(), &forge_url, &secret, &token)?;

        let dagger =
            Dagger::new(config.dagger.clone(), config.base_env.clone(), folder.path().to_owned());
        let version = match progress::during("asking dagger", usable(&dagger)).await {
            Ok(version) => {
                let text = format!("{version} answers: the sample has a module, in dang");
                show::fact("dagger", &text)?;
                Some(version)
            }
            Err(why) => {
                show::fact("dagger", &format!("{why}: the sample has commands, without a module"))?;
                // Nobody is to ask it again.
                config.dagger = folder.path().join("no-dagger");
                None
            }
        };
        log(version.is_none(), config.masks.clone());

        let root = folder.path().join("repositories");
        let repository = root.join(format!("{}.git", sample::NAME));
        let commits = sample::fill(&Sample::create(&repository)?, version)?;
        let root = Url::from_directory_path(&root)
            .map_err(|()| anyhow::anyhow!("`{}` has no address", root.display()))?;
        if let Some(github) = config.forge_mut(Vendor::Github.into()) {
            github.clone_root = root.clone();
        }
        let described = described(&root)?;
        show::fact("sample", &described.clone_url)?;

        let listener = listener().await?;
        let url = format!("http://{}", listener.local_addr()?);
        show::fact("forge", &format!("{forge_url}, a GitHub for statuses and nothing else"))?;
        let posted = forge::serve(forge);
        let mirrors = Mirrors::new(config.data_dir.join("mirrors"), Vec::new());
        let agent = Agent::start(config, listener, shutdown).await?;
        show::fact("agent", &url)?;
        let store = agent.store.clone();
        let stderr = version.is_none();
        let watch = Watch { store, mirrors, repository: described, stderr, posted };
        let hooks = [hook::push(&commits), hook::pull_request(&commits)];
        let sender = Sender::new(url.clone(), secret)?;
        Ok(Self { agent, watch, hooks, url, sender, folder })
    }
}

async fn listener() -> anyhow::Result<TcpListener> {
    TcpListener::bind("127.0.0.1:0").await.context("Cannot listen on the loopback address")
}

/// The server's configuration: as somebody would set it up, but for the places.
fn config(folder: &Path, forge: &str, secret: &str, token: &str) -> anyhow::Result<Config> {
    let text = |text: &str| OsString::from(text);
    let variables = [
        ("POCKETCI_DATA_DIR", folder.join("data").into_os_string()),
        ("POCKETCI_GITHUB_URL", text(forge)),
        ("X_HUB_SIGNATURE", text(secret)),
        ("GITHUB_USERNAME", text("demo")),
        ("GITHUB_TOKEN", text(token)),
        ("POCKETCI_HOST_COMMANDS", text("allow")),
        ("POCKETCI_CALL_TIMEOUT", text("5m")),
        ("POCKETCI_DRAIN_TIMEOUT", text("1s")),
    ];
    let mut config = Config::local(&variables)?;
    // Two functions at once is what there is to see.
    config.parallelism = config.parallelism.max(2);
    Ok(config)
}

/// The sample repository, as the agent knows it.
fn described(root: &Url) -> anyhow::Result<Repository> {
    let full_name: RepoName = sample::NAME.parse()?;
    let clone_url = crate::domain::forge::clone_url(Vendor::Github, root, &full_name);
    Ok(Repository {
        owner: full_name.owner().to_owned(),
        name: full_name.name().to_owned(),
        full_name,
        url: clone_url.clone(),
        clone_url,
        default_branch: "main".to_owned(),
        private: false,
    })
}

/// The version of a dagger that can be used, or in a few words why there is none.
async fn usable(dagger: &Dagger) -> Result<Version, String> {
    let version = dagger.version().await.map_err(|error| match error {
        crate::dagger::EngineError::NotInstalled { .. } => "is not installed".to_owned(),
        _ => "does not say its version".to_owned(),
    })?;
    if version.supported().is_err() {
        return Err(format!("is version {version}, and {} is the first to use", Version::MINIMUM));
    }
    match dagger.ping(PING_LIMIT).await {
        Ok(()) => Ok(version),
        Err(_) => Err(format!("is version {version}, but no engine answers")),
    }
}

/// The agent's own log: warnings and errors, on standard error. Without dagger it need not be
/// said twice that there is none.
fn log(without_dagger: bool, masks: Masks) {
    let about_dagger = ["pocketci::worker", "pocketci::worker::engine"];
    let wanted = filter_fn(move |about| {
        let known = without_dagger && about_dagger.contains(&about.target());
        *about.level() <= Level::WARN && !(known && *about.level() == Level::WARN)
    });
    let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let log = tracing_subscriber::fmt::layer()
        .with_writer(Journal { colours: terminal, masks })
        .with_target(false);
    tracing_subscriber::registry().with(log.with_ansi(terminal).with_filter(wanted)).init();
}
