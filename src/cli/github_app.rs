//! `github-app create`: GitHub makes an App of what we want one to be, and we keep what it gives.
//!
//! A page on this machine posts the App's manifest to GitHub by way of the person's browser, which
//! GitHub then sends back here with a code that is good for one exchange.

mod page;

use std::time::Duration;

use clap::{Args, Subcommand};
use http::Request;
use serde::Deserialize;
use tokio::net::TcpListener;
use url::Url;

use super::Failure;
use crate::config::{AppStore, Config, ForgeConfig, KeptApp};
use crate::domain::forge::github::app::{AppKey, EVENTS, PERMISSIONS};
use crate::domain::ids::{ForgeId, Vendor};
use crate::forge_client::ForgeClient;

/// How long the person may take; GitHub's code is good for an hour.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Makes the agent a GitHub App: tokens for each repository, and check runs.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make an App on GitHub and keep its key and secrets in the data folder
    Create(CreateOptions),
}

#[derive(Debug, Args)]
struct CreateOptions {
    /// The organisation that is to own it; else whoever is signed in on GitHub
    #[arg(long, value_name = "ORG")]
    org: Option<String>,
    /// The App's name, of which there is one on all of GitHub; it can be changed in the browser
    #[arg(long, default_value = "pocketci-agent")]
    name: String,
    /// The port of the page on this machine; else any that is free
    #[arg(long, default_value_t = 0)]
    port: u16,
}

/// What GitHub gives for the code.
#[derive(Deserialize)]
struct Made {
    id: u64,
    slug: String,
    html_url: String,
    #[serde(default)]
    webhook_secret: Option<String>,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    client_secret: String,
    pem: String,
}

pub(super) async fn github_app(options: Options) -> Result<(), Failure> {
    let Command::Create(options) = options.command;
    create(options).await
}

async fn create(options: CreateOptions) -> Result<(), Failure> {
    let config = Config::from_env()?;
    let github = config.forge(ForgeId::from(Vendor::Github)).ok_or_else(|| {
        Failure::bad_input("No GitHub is configured").hint("set POCKETCI_GITHUB_URL")
    })?;
    let Some(public_url) = &config.public_url else {
        let text = "POCKETCI_URL is not set: GitHub has to know where to send its webhooks";
        return Err(Failure::bad_input(text).hint("set it to what the world calls the agent"));
    };
    let store = AppStore::new(&config.data_dir);
    if store.path().exists() {
        let text = format!("There is an App already: `{}`", store.path().display());
        return Err(Failure::bad_input(text).hint("move it away to make another"));
    }
    let unreachable = |what: &str, error: std::io::Error| {
        Failure::unreachable(format!("Cannot open the page on this machine: {what}: {error}"))
    };
    let listener = TcpListener::bind(("127.0.0.1", options.port))
        .await
        .map_err(|error| unreachable("listening failed", error))?;
    let port = listener.local_addr().map_err(|error| unreachable("no address", error))?.port();
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random)
        .map_err(|error| Failure::unreachable(format!("No random numbers: {error}")))?;
    let state = hex::encode(random);
    let manifest = manifest(&options.name, public_url, port);
    let action = action(&github.url, options.org.as_deref(), &state)?;
    anstream::println!("Open this in a browser on this machine, and follow GitHub's steps:\n");
    anstream::println!("    http://127.0.0.1:{port}/\n");
    anstream::println!(
        "(From another machine: `ssh -L {port}:127.0.0.1:{port} …` first. Ctrl-C ends it.)"
    );
    let form = page::form(&action, &manifest);
    let wait = page::code(listener, &form, &state);
    let code = tokio::time::timeout(PATIENCE, wait).await;
    let code = code.map_err(|_| Failure::unreachable("Nobody has come back from GitHub"))?;
    let code = code.map_err(|error| unreachable("it ended", error))?;
    let made = exchange(github, &code).await?;
    keep(&store, github, made)
}

/// Exchanges the code for the App's id, key and secret.
async fn exchange(github: &ForgeConfig, code: &str) -> Result<Made, Failure> {
    let failed = |why: String| {
        Failure::unreachable(format!("GitHub did not give the App's key: {why}"))
            .hint("delete the App on GitHub, and create another")
    };
    let code: String = form_urlencoded::byte_serialize(code.as_bytes()).collect();
    let address = format!("{}/app-manifests/{code}/conversions", github.api);
    let request = Request::post(&address).header("accept", "application/vnd.github+json");
    let request = request.body(Vec::new()).map_err(|error| failed(error.to_string()))?;
    // The code is proof enough; no token of ours goes with it.
    let client = ForgeClient::new(github.url.clone(), github.api.clone(), None);
    let answer = client.send(request).await.map_err(|error| failed(error.to_string()))?;
    if answer.status() != http::StatusCode::CREATED {
        return Err(failed(format!("it answered {}", answer.status().as_u16())));
    }
    // The parser's words may quote what it has read.
    serde_json::from_slice(answer.body())
        .map_err(|_| failed("its answer is not as documented".to_owned()))
}

fn keep(store: &AppStore, github: &ForgeConfig, made: Made) -> Result<(), Failure> {
    if let Err(error) = AppKey::parse(&made.pem) {
        return Err(Failure::unreachable(format!("What GitHub gave as a key {error}")));
    }
    let slug = made.slug.clone();
    let install = format!("{}/installations/new", made.html_url);
    let app = KeptApp {
        id: made.id,
        slug: made.slug,
        html_url: made.html_url,
        url: github.url.to_string(),
        webhook_secret: made.webhook_secret.unwrap_or_default(),
        client_id: made.client_id,
        client_secret: made.client_secret,
        key: made.pem,
    };
    store.keep(&app).map_err(|error| {
        let place = store.path();
        Failure::unreachable(format!("Cannot keep the App in `{}`: {error}", place.display()))
            .hint("delete the App on GitHub, and create another when that is mended")
    })?;
    anstream::println!("\nThe App `{slug}` is kept in `{}`. Next:\n", store.path().display());
    anstream::println!("  1. Install it where your repositories are: {install}");
    anstream::println!(
        "  2. Start the agent again: it takes the App up by itself, and people can sign in"
    );
    anstream::println!("  3. `pocketci-agent doctor` says what is missing");
    Ok(())
}

/// Where the form goes.
fn action(github: &Url, org: Option<&str>, state: &str) -> Result<String, Failure> {
    let root = github.as_str().trim_end_matches('/');
    let place = match org {
        None => "settings/apps/new".to_owned(),
        Some(org) if org.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') => {
            format!("organizations/{org}/settings/apps/new")
        }
        Some(org) => {
            return Err(Failure::bad_input(format!("`{org}` is not an organisation's name")));
        }
    };
    Ok(format!("{root}/{place}?state={state}"))
}

/// What the App is to be.
fn manifest(name: &str, public_url: &str, port: u16) -> String {
    let permissions: serde_json::Map<String, serde_json::Value> =
        PERMISSIONS.iter().map(|(name, level)| ((*name).to_owned(), (*level).into())).collect();
    serde_json::json!({
        "name": name,
        "url": public_url,
        "hook_attributes": {"url": format!("{public_url}/webhooks/github"), "active": true},
        "redirect_url": format!("http://127.0.0.1:{port}/created"),
        // Where people come back to who sign in to our pages.
        "callback_urls": [format!("{public_url}/sign-in/github/back")],
        "request_oauth_on_install": false,
        "description": "Runs the functions of a repository's dagger module",
        "public": false,
        "default_permissions": permissions,
        "default_events": EVENTS,
    })
    .to_string()
}

#[cfg(test)]
mod tests;
