//! The agent as a whole: wires its parts and decides nothing.

use std::fs::{File, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use jiff::Timestamp;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, ForgeConfig, OidcRightsConfig};
use crate::dagger::child::Started;
use crate::dagger::{self, Dagger, leftover};
use crate::domain;
use crate::domain::forge::{git_username, token_scheme};
use crate::domain::ids::Vendor;
use crate::domain::redact::Masks;
use crate::domain::rights::Readers;
use crate::domain::sign_in::Way;
use crate::forge_client::{self, ForgeClient};
use crate::git::{HostCredential, Mirrors};
use crate::health::{Condition, DATABASE, Health};
use crate::onward::Onward;
use crate::sign_in::{Github, Oidc, OidcRights};
use crate::store::Store;
use crate::web::otlp::{self, Receiver};
use crate::web::{self, App, Door, LocalSocket};
use crate::worker::forges::{Forge, Forges};
use crate::worker::steps::Steps;
use crate::worker::{Settings, Worker};

/// A running agent.
pub struct Agent {
    /// The same store, for those who start an agent to look at it.
    pub store: Store,
    worker: tokio::task::JoinHandle<()>,
    web: tokio::task::JoinHandle<anyhow::Result<()>>,
    /// What calls and their ends send to, and the word that they have all ended.
    steps: (Vec<tokio::task::JoinHandle<()>>, CancellationToken),
    /// Held for as long as the agent lives: one agent, one data folder.
    _lock: Flock<File>,
}

impl Agent {
    /// Opens the data folder, takes up what an earlier agent left, and listens.
    ///
    /// # Errors
    /// When the data folder cannot be used, or another agent uses it.
    pub async fn start(
        config: Config,
        listener: TcpListener,
        shutdown: CancellationToken,
    ) -> anyhow::Result<Self> {
        let data = config.data_dir.clone();
        private(&data).map_err(|error| unusable(&data, &error))?;
        let lock = lock(&data)?;
        crate::crash::point("start.locked");
        let work = data.join("work");
        dagger::no_dotenv_above(&work, dagger::DATA_DIR)?;
        let mirrors = Mirrors::new(data.join("mirrors"), credentials(&config));
        mirrors.clean()?;
        let spool = data.join("spool");
        let store = take_up(&data, &work, &spool).await?;

        let tls = match &config.tls {
            Some(files) => Some(Arc::new(web::Tls::load(&files.certificate, &files.key)?)),
            None => None,
        };
        let scheme = if tls.is_some() { "https" } else { "http" };
        let address = listener.local_addr().context("Cannot tell the address to listen on")?;
        let public_url =
            config.public_url.clone().unwrap_or_else(|| format!("{scheme}://{address}"));
        let here = address.ip().is_loopback();
        let named = config.public_url.as_deref().is_some_and(|url| !is_of_this_machine(url));
        let readers = config.public_runs.unwrap_or(Readers::unsaid(here, named));
        let local = local_socket(&data);
        let health = Arc::new(Health::default());
        let open = Condition::new(true, "open", Timestamp::now());
        health.set(DATABASE, open);
        let deliveries = Arc::new(Notify::new());
        let ended = CancellationToken::new();
        let mut tasks = Vec::new();
        let onward = config.collector.clone().map(|collector| {
            let (onward, task) = Onward::start(collector, ended.clone());
            tasks.push(task);
            onward
        });
        let mut settings = settings(&config, work.clone(), public_url.clone());
        settings.onward = onward.clone();
        if let Some((steps, serving)) = receive_steps(&store, &onward, &ended).await {
            settings.steps = Some(steps);
            tasks.push(serving);
        }
        let worker = Arc::new(Worker::new(
            store.clone(),
            mirrors,
            Dagger::new(config.dagger.clone(), config.base_env.clone(), work.clone()),
            forges(&config),
            settings,
            Arc::clone(&health),
            Arc::clone(&deliveries),
        ));
        let app = App {
            store: store.clone(),
            doors: doors(&config),
            allow_sha1: config.allow_sha1,
            wake: deliveries,
            wake_calls: Arc::clone(&worker.acts),
            health,
            readers,
            forges: Arc::clone(&worker) as Arc<dyn domain::rights::Forges>,
            ways: ways(&config),
            admins: Arc::new(config.sign_in.admins.clone()),
            public_url,
            spool,
            proxies: Arc::new(config.proxies.clone()),
            tls,
            onward,
        };
        let worker = tokio::spawn(worker.run(shutdown.clone()));
        let web = tokio::spawn(web::serve(listener, local, app, shutdown));
        tracing::info!("listening on {scheme}://{address}");
        Ok(Self { store, worker, web, steps: (tasks, ended), _lock: lock })
    }

    /// Waits until the agent, told to stop, has put everything away.
    ///
    /// # Errors
    /// When a part of it ended in an error or a panic.
    pub async fn stopped(self) -> anyhow::Result<()> {
        let web = self.web.await.context("The web server has panicked")?;
        self.worker.await.context("The worker has panicked")?;
        // Calls that were let finish have sent their steps until now.
        let (tasks, ended) = self.steps;
        ended.cancel();
        for task in tasks {
            task.await.context("What takes the steps of calls has panicked")?;
        }
        crate::crash::point("stop.before-close");
        self.store.close().await;
        web
    }
}

/// Opens the database, and takes up what an earlier agent has left: its processes are ended, its
/// folders emptied, its work is to be done again.
async fn take_up(data: &Path, work: &Path, spool: &Path) -> anyhow::Result<Store> {
    let store = Store::open(data)
        .await
        .with_context(|| format!("Cannot open the database in `{}`", data.display()))?;
    let processes = end_leftovers(&store, work).await?;
    crate::crash::point("start.leftovers-ended");
    crate::worker::clear(work)?;
    crate::worker::clear(spool)?;
    crate::crash::point("start.cleared");
    let taken_up = store.recover(Timestamp::now()).await.context("Cannot take up earlier work")?;
    crate::crash::point("start.recovered");
    tracing::info!(
        deliveries = taken_up.deliveries,
        calls = taken_up.calls,
        ended = taken_up.ended,
        processes,
        reports = taken_up.reports,
        "Took up what was left"
    );
    for (name, count) in [
        ("taken_up:deliveries", taken_up.deliveries),
        ("taken_up:calls", taken_up.calls),
        ("taken_up:reports", taken_up.reports),
    ] {
        store.tally(name, count as u64).await.context("Cannot count what was taken up")?;
    }
    Ok(store)
}

/// Listens for this machine's command line.
fn local_socket(data: &Path) -> Option<LocalSocket> {
    let bound = LocalSocket::bind(data);
    bound
        .inspect_err(|error| {
            tracing::warn!(
                %error,
                "Cannot listen on `{}`: the command line needs a token here too",
                data.join(web::SOCKET).display()
            );
        })
        .ok()
}

/// Listens for what calls tell of their steps, and says where they find that.
async fn receive_steps(
    store: &Store,
    onward: &Option<Onward>,
    ended: &CancellationToken,
) -> Option<(Steps, tokio::task::JoinHandle<()>)> {
    let receiver = Receiver::bind().await.inspect_err(|error| {
        tracing::warn!(%error, "Cannot listen for the steps of calls: they have logs alone");
    });
    let receiver = receiver.ok()?;
    let endpoint = format!("http://{}", receiver.address());
    let serving = receiver.serve(store.clone(), onward.clone(), ended.clone());
    Some((Steps { endpoint, token_header: otlp::TOKEN }, tokio::spawn(serving)))
}

/// Ends what an earlier agent's calls have left running: nobody waits for it any more, and its
/// files are about to go. Returns how many processes that were.
async fn end_leftovers(store: &Store, work: &Path) -> anyhow::Result<usize> {
    let leftovers = store.leftovers().await.context("Cannot tell what was left running")?;
    let children: Vec<Started> =
        leftovers.iter().map(|it| Started { pid: it.pid, start_time: it.start_time }).collect();
    let work = work.to_owned();
    let end = move || leftover::end(&children, &work);
    tokio::task::spawn_blocking(end).await.context("Ending what was left running has panicked")
}

/// Makes the data folder this user's alone, also where it was there: it holds private code,
/// events and logs, and the modes of what is checked out in it are the commits'.
fn private(data: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data)?;
    let mode = std::fs::metadata(data)?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let made = std::fs::set_permissions(data, Permissions::from_mode(0o700));
    made.or_else(|error| {
        let folder = data.display();
        // Another user's folder that we may write to: the operator's choice, but a doubtful one.
        tracing::warn!(%error, "Others may read the data folder `{folder}`: make it yours alone with `chmod 700`");
        Ok(())
    })
}

/// Takes the data folder for this process alone; held as long as the value lives.
///
/// # Errors
/// When another process has it.
pub fn lock(data: &Path) -> anyhow::Result<Flock<File>> {
    let path = data.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(|error| unusable(data, &error))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| match errno {
        Errno::EWOULDBLOCK => anyhow::anyhow!(
            "Another pocketci-agent uses the data folder `{}`: stop that one, or set \
             `POCKETCI_DATA_DIR` to another folder",
            data.display()
        ),
        errno => unusable(data, &errno.into()),
    })
}

fn unusable(data: &Path, error: &std::io::Error) -> anyhow::Error {
    anyhow::anyhow!(
        "Cannot use the data folder `{}`: {error}; set `POCKETCI_DATA_DIR` to a folder that this \
         user may write to",
        data.display()
    )
}

/// Whether an address leads to whoever asks it, wherever they are.
fn is_of_this_machine(url: &str) -> bool {
    match url::Url::parse(url).ok().as_ref().and_then(url::Url::host) {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn doors(config: &Config) -> Arc<[Door]> {
    let door = |forge: &ForgeConfig| Door {
        forge: forge.id,
        secrets: forge.webhook_secrets.clone(),
        secret_name: forge.names.secret.clone(),
        app: forge.app.as_ref().map(|app| app.id.clone()),
    };
    config.forges.iter().map(door).collect()
}

fn forges(config: &Config) -> Forges {
    let forge = |forge: &ForgeConfig| {
        Forge::new(
            forge.id,
            client(forge, &config.masks),
            forge.api.clone(),
            forge.clone_root.clone(),
            forge.names.token.clone(),
        )
    };
    Forges::new(config.forges.iter().map(forge).collect())
}

/// A client of a forge, with its token.
pub fn client(forge: &ForgeConfig, masks: &Masks) -> ForgeClient {
    if let Some(app) = &forge.app {
        let api = forge.api.clone();
        let masks = masks.clone();
        let watcher = Arc::new(move |token: &SecretString| masks.add(token.expose_secret()));
        let app = forge_client::App::new(app.id.clone(), app.key.clone(), api.clone(), watcher);
        return ForgeClient::of_app(forge.url.clone(), api, Arc::new(app));
    }
    ForgeClient::new(forge.url.clone(), forge.api.clone(), forge.token.clone())
        .with_scheme(token_scheme(forge.id.vendor()))
}

/// What people sign in through.
fn ways(config: &Config) -> Arc<[Arc<dyn Way>]> {
    let mut ways: Vec<Arc<dyn Way>> = Vec::new();
    let github = config.forge(Vendor::Github.into()).zip(config.sign_in.github.clone());
    if let Some((forge, app)) = github {
        ways.push(Arc::new(Github::new(forge.url.clone(), forge.api.clone(), app)));
    }
    if let Some(oidc) = &config.sign_in.oidc {
        let rights = match oidc.rights.clone() {
            OidcRightsConfig::Given { grants, text } => OidcRights::Given { grants, text },
            OidcRightsConfig::Forge(forge) => OidcRights::Forge(forge),
        };
        ways.push(Arc::new(Oidc::new(oidc.client.clone(), rights)));
    }
    ways.into()
}

fn credentials(config: &Config) -> Vec<HostCredential> {
    let credential = |forge: &ForgeConfig| {
        let username = forge.username.clone();
        Some(HostCredential {
            origin: forge.clone_root.clone(),
            username: username.unwrap_or_else(|| git_username(forge.id.vendor()).to_owned()),
            token: forge.token.clone()?,
        })
    };
    config.forges.iter().filter_map(credential).collect()
}

fn settings(config: &Config, work: std::path::PathBuf, public_url: String) -> Settings {
    Settings {
        data: config.data_dir.clone(),
        work,
        parallelism: config.parallelism,
        repository_parallelism: config.repository_parallelism,
        call_timeout: config.call_timeout,
        run_timeout: config.run_timeout,
        drain_timeout: config.drain_timeout,
        catch_up: config.catch_up,
        compare_every: config.compare_every,
        log_limit: config.log_limit,
        keep: config.keep,
        min_free: config.min_free,
        policy: Arc::new(config.policy.clone()),
        secrets: config.secrets.clone(),
        masks: config.masks.clone(),
        base_env: config.base_env.clone(),
        shell_env: config.shell_env.clone(),
        pass_env: config.pass_env.clone(),
        public_url,
        steps: None,
        onward: None,
    }
}
