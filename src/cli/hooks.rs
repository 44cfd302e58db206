//! `hooks`: a repository's webhook, made and looked after through the forge's API.
//!
//! The agent's own webhooks are those that are sent to its address; others are left alone.

mod place;

use std::io::Write as _;

use clap::{Args, Subcommand};
use serde_json::json;

use super::Failure;
use super::output::{self, BAD, FAINT, GOOD, STRONG, plain};
use crate::config::{Config, ForgeConfig};
use crate::domain::forge::webhooks::{self, Wanted, Webhook};
use crate::domain::ids::{ForgeId, RepoName};

pub(super) use place::{Heard, Place};

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make the webhook, or put it right, and have it tested; done twice, it is there once
    #[command(after_help = AFTER_HELP)]
    Install(Which),
    /// The webhooks that are sent to the agent
    List(Which),
    /// Have the webhook send something, and wait until that was answered
    Test(Which),
    /// Remove the webhook
    Remove(Which),
}

const AFTER_HELP: &str = "\
It is sent to POCKETCI_URL, signed with the forge's webhook secret (the first of several), as JSON, \
with the events that functions can ask for. The forge's token must be allowed to change webhooks: \
`admin:repo_hook` or `Webhooks: write` on GitHub, the scope `api` and the role Maintainer on \
GitLab, `write:repository` of somebody who administers the repository on Gitea and Forgejo, the \
scopes `webhook` and `repository:admin` on Bitbucket Cloud, administration of the repository on a \
Gogs and a Bitbucket Data Center. Where a forge changes no secrets (Gitea, Forgejo, Gogs), a new \
webhook takes the place of the one that is there.";

#[derive(Debug, Args)]
struct Which {
    /// The repository
    #[arg(value_name = "OWNER/REPO")]
    repository: RepoName,
    /// The forge, where several are set up: `gitea`, `gitea:work`
    #[arg(long)]
    forge: Option<ForgeId>,
    /// The agent's address, in place of POCKETCI_URL
    #[arg(long, value_name = "URL")]
    url: Option<url::Url>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn hooks(options: Options) -> Result<(), Failure> {
    let (What::Install(which) | What::List(which) | What::Test(which) | What::Remove(which)) =
        &options.what;
    let config = Config::from_env()?;
    let given = which.url.as_ref().map(ToString::to_string).or(config.public_url.clone());
    let Some(address) = given else {
        let text = "POCKETCI_URL is not set: nobody knows where webhooks are to be sent";
        return Err(Failure::bad_input(text).hint("set it as the agent has it, or give --url"));
    };
    let forge = chosen(&config, which.forge)?;
    let place = Place::new(forge, &config.masks, &which.repository, &address)?;
    match &options.what {
        What::Install(_) => install(&place, forge, which.json).await,
        What::List(_) => list(&place, which.json).await,
        What::Test(_) => test(&place, which.json).await,
        What::Remove(_) => remove(&place, which.json).await,
    }
}

/// The forge that was named, or the only one there is something to do at.
fn chosen(config: &Config, named: Option<ForgeId>) -> Result<&ForgeConfig, Failure> {
    if let Some(id) = named {
        let hint = "set its variables, or put it into POCKETCI_CONFIG";
        let missing = || Failure::bad_input(format!("The forge `{id}` is not set up")).hint(hint);
        return config.forge(id).ok_or_else(missing);
    }
    let known = |forge: &&ForgeConfig| forge.token.is_some() || forge.app.is_some();
    let mut known = config.forges.iter().filter(known);
    match (known.next(), known.next()) {
        (Some(only), None) => Ok(only),
        (Some(first), Some(second)) => {
            let text = format!("Several forges are set up: {}, {}", first.id, second.id);
            Err(Failure::bad_input(text).hint("say which with --forge"))
        }
        (None, _) => {
            let text = "No forge is set up with a token whose webhooks could be made";
            Err(Failure::bad_input(text).hint("set GITHUB_TOKEN, or GITEA_URL and GITEA_TOKEN"))
        }
    }
}

async fn install(place: &Place<'_>, forge: &ForgeConfig, json: bool) -> Result<(), Failure> {
    let Some(secret) = forge.webhook_secrets.first() else {
        let text =
            format!("{} is not set: nothing that is not signed is taken", forge.names.secret);
        return Err(Failure::bad_input(text).hint("make one with `openssl rand -hex 32`"));
    };
    let url = webhooks::webhook_address(place.address, forge.id);
    let wanted = Wanted { url: &url, secret: secret.expose() };
    let there = place.own().await?;
    let changed = match there.first() {
        None => None,
        Some(first) => place.change(&first.id, wanted).await?,
    };
    let (id, word) = match changed {
        Some(made) => (made.id, "put right"),
        None => {
            let made = place.make(wanted).await?;
            if !made.proven {
                place.remove(&made.id).await?;
                return Err(cannot_sign(forge));
            }
            (made.id, if there.is_empty() { "made" } else { "made anew" })
        }
    };
    for old in there.iter().filter(|old| old.id != id) {
        place.remove(&old.id).await?;
    }
    if !json {
        let mut out = anstream::stdout().lock();
        let repository = place.repository;
        writeln!(out, "Webhook {id} of {STRONG}{repository}{STRONG:#} {word}: {}", plain(&url))?;
    }
    let hook = Webhook {
        id,
        url: url.clone(),
        active: true,
        events: Vec::new(),
        content_type: "json".to_owned(),
    };
    // A new webhook of GitHub's pings by itself; a second ping does no harm.
    let heard = place.test(&hook).await?;
    told(place, &hook.id, word, &heard, json)
}

/// A webhook that sends what nobody can prove is none.
fn cannot_sign(forge: &ForgeConfig) -> Failure {
    let (name, secret) = (forge.id, &forge.names.secret);
    let text =
        format!("{name} does not sign what its webhooks send, and so cannot use a `whsec_…`");
    Failure::bad_input(text).hint(format!(
        "GitLab signs from 19.0 on; put another secret in the first line of {secret}"
    ))
}

async fn list(place: &Place<'_>, json: bool) -> Result<(), Failure> {
    let own = place.own().await?;
    if json {
        return Ok(output::json(&own.iter().map(as_json).collect::<Vec<_>>())?);
    }
    let mut out = anstream::stdout().lock();
    if own.is_empty() {
        writeln!(out, "No webhook of {} is sent to {}", place.repository, plain(place.address))?;
    }
    for hook in &own {
        let (url, events) = (plain(&hook.url), plain(&hook.events.join(", ")));
        let state = if hook.active { "active" } else { "not active" };
        let kind = plain(&hook.content_type);
        writeln!(
            out,
            "{STRONG}{}{STRONG:#} {url} {FAINT}{state}, {kind}, {events}{FAINT:#}",
            hook.id
        )?;
    }
    Ok(())
}

async fn test(place: &Place<'_>, json: bool) -> Result<(), Failure> {
    let own = place.own().await?;
    let Some(hook) = own.first() else { return Err(place.none()) };
    let heard = place.test(hook).await?;
    told(place, &hook.id, "tested", &heard, json)
}

async fn remove(place: &Place<'_>, json: bool) -> Result<(), Failure> {
    let own = place.own().await?;
    for hook in &own {
        place.remove(&hook.id).await?;
    }
    if json {
        return Ok(output::json(
            &json!({"removed": own.iter().map(|hook| &hook.id).collect::<Vec<_>>()}),
        )?);
    }
    let mut out = anstream::stdout().lock();
    match own.len() {
        0 => writeln!(out, "There is none of {} to remove", place.repository)?,
        n => writeln!(out, "{} of {} removed", output::count(n, "webhook"), place.repository)?,
    }
    Ok(())
}

/// Says what came of a test; one that was refused is a failure.
fn told(place: &Place<'_>, id: &str, word: &str, heard: &Heard, json: bool) -> Result<(), Failure> {
    if json {
        let status = match heard {
            Heard::Answered(status) => Some(*status),
            Heard::Arrived | Heard::Nothing | Heard::NotTold(_) => None,
        };
        let arrived = matches!(heard, Heard::Arrived) || status.is_some_and(is_good);
        output::json(&json!({"id": id, "done": word, "answered": status, "taken": arrived}))?;
    } else {
        let mut out = anstream::stdout().lock();
        match heard {
            Heard::Answered(status) if is_good(*status) => {
                writeln!(out, "{GOOD}✓{GOOD:#} the agent has answered its test with {status}")?;
            }
            Heard::Answered(status) => {
                writeln!(out, "{BAD}✗{BAD:#} its test was answered with {status}")?;
            }
            Heard::Arrived => writeln!(out, "{GOOD}✓{GOOD:#} the agent has taken its test")?,
            Heard::Nothing => writeln!(out, "{BAD}✗{BAD:#} no test has been sent so far")?,
            Heard::NotTold(why) => writeln!(out, "{FAINT}{}{FAINT:#}", plain(why))?,
        }
    }
    match heard {
        Heard::Answered(status) if !is_good(*status) => {
            let text = format!("The webhook's test was answered with {status}");
            let hint = match status {
                0 => "the forge cannot reach POCKETCI_URL",
                401 | 403 => "the agent has another secret than this command",
                _ => "`pocketci-agent doctor` and the agent's log say more",
            };
            Err(Failure::unreachable(text).hint(hint))
        }
        Heard::Nothing => {
            let text = "The forge has sent no test in time";
            Err(Failure::unreachable(text)
                .hint(format!("see the settings of {}", place.repository)))
        }
        Heard::Answered(_) | Heard::Arrived | Heard::NotTold(_) => Ok(()),
    }
}

fn is_good(status: u16) -> bool {
    (200..300).contains(&status)
}

fn as_json(hook: &Webhook) -> serde_json::Value {
    json!({
        "id": hook.id,
        "url": hook.url,
        "active": hook.active,
        "events": hook.events,
        "content_type": hook.content_type,
    })
}
