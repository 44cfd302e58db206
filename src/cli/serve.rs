//! `serve`: the daemon.

use std::io::ErrorKind;

use clap::Args;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::journal::Journal;
use super::{Failure, privacy, signals};
use crate::agent::Agent;
use crate::config::{Config, ForgeConfig, LogFormat, VARIABLES};
use crate::domain::redact::Masks;

/// Configured by the environment, and by the file that `POCKETCI_CONFIG` names.
#[derive(Debug, Default, Args)]
pub(crate) struct Options {}

pub(crate) async fn serve(_options: Options) -> Result<(), Failure> {
    // Before anything secret is looked at, let alone copied.
    privacy::shut()?;
    let config = Config::from_env()?;
    privacy::mask_panics(config.masks.clone());
    if !config.forges.iter().any(ForgeConfig::has_secret) {
        let names: Vec<_> = config.forges.iter().map(|it| it.names.secret.as_str()).collect();
        let names = names.join(", ");
        return Err(Failure::bad_input(format!(
            "{names} is not set: without a secret, anybody could start your functions"
        ))
        .hint("make one with `openssl rand -hex 32`, and give the same to the webhook"));
    }
    log(config.log_format, config.masks.clone());
    if let Some(at) = &config.crash_at {
        crate::crash::arm(at).map_err(Failure::bad_input)?;
    }
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    for forge in &config.forges {
        let (token, secret) = (&forge.names.token, &forge.names.secret);
        if !forge.has_credentials() {
            tracing::warn!(
                "{token} is not set: private repositories cannot be fetched and no status can be \
                 posted"
            );
        }
        if !forge.has_secret() {
            tracing::warn!("{secret} is not set: no webhook of {} is taken", forge.id);
        }
    }
    raise_open_files();
    let listener = TcpListener::bind(config.listen).await.map_err(|error| {
        let hint = match error.kind() {
            ErrorKind::AddrInUse => {
                "another program listens there: set POCKETCI_LISTEN to a free port"
            }
            ErrorKind::PermissionDenied => {
                "ports below 1024 are for privileged users: set POCKETCI_LISTEN to a higher one"
            }
            _ => "set POCKETCI_LISTEN to an address of this machine, like `0.0.0.0:8080`",
        };
        Failure::unreachable(format!("Cannot listen on {}: {error}", config.listen)).hint(hint)
    })?;
    let shutdown = CancellationToken::new();
    // Calls under way are given the drain time-out.
    signals::cancel_on_signals(shutdown.clone())?;
    let masks = config.masks.clone();
    let failed = |error: anyhow::Error| Failure::unreachable(masks.text(&format!("{error:#}")));
    let agent = Agent::start(config, listener, shutdown).await.map_err(&failed)?;
    agent.stopped().await.map_err(failed)?;
    tracing::info!("stopped");
    Ok(())
}

/// Takes as many open files as the system gives: 1,024, which is common, are as many as there may
/// be connections, and the database needs some too.
fn raise_open_files() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    const WANTED: u64 = 16_384;
    const NEEDED: u64 = 2_048;
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return };
    let wanted = soft.max(hard.min(WANTED));
    if let Err(error) = setrlimit(Resource::RLIMIT_NOFILE, wanted, hard) {
        tracing::warn!(%error, soft, "Cannot raise the limit on open files");
    } else if wanted < NEEDED {
        tracing::warn!(
            limit = wanted,
            "The limit on open files is low: many connections could leave none for the database; \
             raise it with `ulimit -n` or `LimitNOFILE=`"
        );
    }
}

/// The agent's own log, on standard error; never a body, never a secret.
fn log(format: LogFormat, masks: Masks) {
    let filter = EnvFilter::new("info,sqlx=warn,hyper=warn,reqwest=warn");
    let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let colours = terminal && matches!(format, LogFormat::Human);
    let journal = Journal { colours, masks };
    let log = tracing_subscriber::fmt().with_writer(journal).with_env_filter(filter);
    match format {
        LogFormat::Json => log.json().flatten_event(true).init(),
        LogFormat::Human => {
            log.with_target(false).with_ansi(colours).init();
        }
    }
}

/// The variables with what they mean, for `--help`.
pub(super) fn variables() -> String {
    let mut text = "Environment:\n".to_owned();
    for (name, meaning) in VARIABLES {
        text.push_str(&format!("  {name}\n          {meaning}\n"));
    }
    text
}
