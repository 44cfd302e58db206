//! `deliveries`: what the forge has sent, and what it could not.
//!
//! Catching up works on the data folder of an agent that does not run: what it records is planned
//! when the agent starts. The rest asks a running one.

use std::io::Write as _;
use std::time::Duration;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::json;

use super::output::{self, BAD, FAINT, STRONG, count, plain};
use super::{Failure, remote};
use crate::agent;
use crate::config::Config;
use crate::domain::duration;
use crate::store::Store;
use crate::worker::catch_up::{CatchUp, Caught, Found, How, is_known};

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The newest deliveries, and what became of them
    List(remote::ListDeliveries),
    /// A delivery with its headers, or its body
    Show(remote::ShowDelivery),
    /// Plan a delivery once more
    Replay(remote::Replay),
    /// Ask the forge for what it could not deliver, and for branches, tags and pull requests that
    /// moved meanwhile
    #[command(after_help = AFTER_HELP)]
    CatchUp(CatchUpOptions),
}

const AFTER_HELP: &str = "\
The agent must not run: it has its data folder for itself. Let a running agent catch up by starting \
it with POCKETCI_CATCH_UP=24h. What is found is recorded and planned when the agent starts: at most \
one event for each branch, tag and open pull request, and nothing older than the window. A pull \
request from a fork waits for an approval then: who pushed to it is not known.

GITHUB_TOKEN must be allowed to read the webhooks (`admin:repo_hook`, or `Webhooks: read`) and the \
contents of the repositories. POCKETCI_URL tells which webhooks are the agent's before the first \
delivery of one has come.";

#[derive(Debug, Args)]
struct CatchUpOptions {
    /// How far back to look
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = duration::parse)]
    since: Duration,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn deliveries(options: Options) -> Result<(), Failure> {
    match options.what {
        What::List(options) => remote::list_deliveries(options).await,
        What::Show(options) => remote::show_delivery(options).await,
        What::Replay(options) => remote::replay(options).await,
        What::CatchUp(options) => catch_up(options).await,
    }
}

async fn catch_up(options: CatchUpOptions) -> Result<(), Failure> {
    let config = Config::from_env()?;
    let known: Vec<_> = config.forges.iter().filter(|forge| is_known(forge.id)).collect();
    if let Some(forge) = known.iter().find(|forge| !forge.has_credentials()) {
        let text = format!("{} is not set: the forge tells nobody else", forge.names.token);
        let hint = "make one that may read webhooks and contents";
        return Err(Failure::bad_input(text).hint(hint));
    }
    if known.is_empty() {
        let text = "No GitHub is configured, and no other forge tells what it could not deliver";
        return Err(Failure::bad_input(text).hint("set GITHUB_TOKEN and X_HUB_SIGNATURE"));
    }
    let failed = |error: anyhow::Error| Failure::unreachable(format!("{error:#}"));
    if !config.data_dir.join("lock").exists() {
        let text = format!("No agent has worked in `{}` yet", config.data_dir.display());
        return Err(Failure::bad_input(text).hint("set POCKETCI_DATA_DIR as the agent has it"));
    }
    let _lock = agent::lock(&config.data_dir).map_err(|error| {
        failed(error).hint(
            "stop the agent for this, or start it with POCKETCI_CATCH_UP=24h to let it catch up by \
             itself",
        )
    })?;
    let store = Store::open(&config.data_dir).await.map_err(|error| failed(error.into()))?;
    let (mut caught, since) = (Caught::default(), Timestamp::now() - options.since);
    for forge in known {
        let client = agent::client(forge, &config.masks);
        let look = CatchUp {
            store: &store,
            id: forge.id,
            forge: &client,
            api: &forge.api,
            public_url: config.public_url.as_deref(),
            since,
            dry_run: options.dry_run,
        };
        caught.add(look.look().await.map_err(failed)?);
    }
    store.close().await;
    if options.json {
        output::json(&as_json(&caught))?
    } else {
        print(&caught, options.dry_run)?
    }
    if caught.incomplete {
        let text = "The forge did not answer everything, so that something may still be missing";
        return Err(Failure::unreachable(text).hint("do it again later: nothing is done twice"));
    }
    Ok(())
}

fn print(caught: &Caught, dry_run: bool) -> std::io::Result<()> {
    let mut out = anstream::stdout().lock();
    for one in &caught.found {
        let Found { repository, title, sha, .. } = one;
        let sha = sha.as_deref().map(|sha| format!(" at {}", &sha[..7])).unwrap_or_default();
        let how = match &one.how {
            How::Undelivered(guid) => format!("delivery {} did not arrive", plain(guid)),
            How::Moved => "no delivery told of it".to_owned(),
        };
        let title = plain(title);
        writeln!(out, "{STRONG}{repository}{STRONG:#} {title}{sha} {FAINT}({how}){FAINT:#}")?;
    }
    for why in &caught.troubles {
        writeln!(out, "{BAD}!{BAD:#} {}", plain(why))?;
    }
    let events = count(caught.found.len(), "event");
    match (caught.found.len(), dry_run) {
        (0, _) => writeln!(out, "Nothing is missing"),
        (_, true) => writeln!(out, "{events} would be recorded"),
        (_, false) => writeln!(out, "{events} recorded: start the agent to have them planned"),
    }
}

fn as_json(caught: &Caught) -> serde_json::Value {
    let found = caught.found.iter().map(|one| {
        let undelivered = match &one.how {
            How::Undelivered(guid) => Some(guid),
            How::Moved => None,
        };
        json!({
            "repository": one.repository,
            "event": one.title,
            "sha": one.sha,
            "undelivered": undelivered,
            "delivery": one.delivery,
        })
    });
    json!({
        "found": found.collect::<Vec<_>>(),
        "troubles": caught.troubles,
        "incomplete": caught.incomplete,
    })
}
